#include "proto/codec.hpp"

#include <gtest/gtest.h>

#include "proto/words.hpp"

namespace gantry {
namespace {

TEST(ProtoCodec, SettingsRoundTrip) {
  Settings settings;
  settings.source.image = *ImageRef::parse("registry.example.com:5000/team/app:v3");
  settings.deploy.start_command = {"/bin/app", "--name", "a \"quoted\" ' word", ""};
  settings.deploy.healthcheck_path = "/health?x=1";
  settings.deploy.restart_policy = RestartPolicy::never;
  settings.deploy.replicas = 7;
  settings.deploy.memory_bytes = 1LL << 40;
  settings.deploy.port = 0;
  settings.deploy.pre_deploy_command = {"a", "b && c"};
  settings.build.builder = "DOCKERFILE";
  settings.build.build_command = "make \"all\"";
  settings.build.dockerfile_path = "docker/Dockerfile";
  settings.build.watch_patterns = {"src/**", "!*.md"};
  settings.build.root_directory = "apps/api";
  settings.build.config_file = "apps/api/railway.json";
  settings.build.nixpacks_plan = R"({"phases":{}})";
  const auto back = merge_settings({}, settings_json(settings));
  ASSERT_TRUE(back.ok()) << back.error().detail;
  EXPECT_EQ(*back, settings);
  EXPECT_EQ(*merge_settings(settings, settings_json({})), Settings{});
}

TEST(ProtoCodec, WritesEveryKeyInOrder) {
  EXPECT_EQ(
      settings_json({}),
      R"({"source":{"image":null,"archive":null,"repository":null,"branch":null,"commit":null,"template":null},)"
      R"("build":{"builder":"RAILPACK","build_command":null,)"
      R"("dockerfile_path":null,"watch_patterns":[],"root_directory":null,"config_file":null,)"
      R"("nixpacks_config_path":null,"nixpacks_plan":null},)"
      R"("deploy":{"start_command":[],"healthcheck_path":null,"healthcheck_command":[],)"
      R"("healthcheck_timeout_seconds":300,"healthcheck_interval_seconds":10,"restart_policy":"ON_FAILURE",)"
      R"("restart_max_retries":10,"replicas":1,"cpu_millicores":1000,"memory_bytes":536870912,)"
      R"("pids_limit":1024,"port":null,"exposed":true,"overlap_seconds":0,"draining_seconds":10,)"
      R"("pre_deploy_command":[],"rollout":{"strategy":"ROLLING","max_surge_percent":100,)"
      R"("max_unavailable_percent":0,"observe_seconds":5,"automatic":true,"judge":true,)"
      R"("steps":[10,50,100],"interval_seconds":900,"min_requests":100,"keep_seconds":3600},)"
      R"("traffic":{"balance":"ROUND_ROBIN","sticky":false,"max_connections":0,)"
      R"("queue_seconds":30,"drain_seconds":30,"stream_drain_seconds":60},)"
      R"("scaling":{"min_replicas":1,"max_replicas":0,"cpu_percent":0,"memory_percent":0,)"
      R"("requests_per_second":0,"concurrency":0,"up_seconds":15,"down_seconds":300},)"
      R"("sleep":{"enabled":false,"idle_seconds":600},)"
      R"("cron":{"schedule":null,"zone":"UTC","overlap":"SKIP","missed":"SKIP","limit_seconds":0}}})");
}

TEST(ProtoCodec, MergeKeepsWhatIsAbsentAndNullGivesTheDefault) {
  Settings base;
  base.source.image = *ImageRef::parse("nginx:1");
  base.deploy.replicas = 4;
  base.deploy.port = 80;
  base.deploy.healthcheck_path = "/x";
  const auto merged = merge_settings(base, R"({"deploy":{"port":null,"restart_policy":"always"}})");
  ASSERT_TRUE(merged.ok());
  EXPECT_EQ(merged->deploy.port, std::nullopt);
  EXPECT_EQ(merged->deploy.replicas, 4);
  EXPECT_EQ(merged->deploy.restart_policy, RestartPolicy::always);
  EXPECT_EQ(merged->deploy.healthcheck_path, "/x");
  EXPECT_EQ(merged->source.image->str(), "nginx:1");
  EXPECT_EQ(merge_settings(base, R"({"deploy":null})")->deploy, DeploySettings{});
  EXPECT_EQ(merge_settings(base, R"({"deploy":{"replicas":null}})")->deploy.replicas, 1);
  EXPECT_EQ(*merge_settings(base, "{}"), base);
}

struct Refused {
  const char* json;
  const char* pointer;
  const char* code;
};

const std::vector<Refused> kRefused{
    {"[]", "/base", "wrong_type"},
    {"{", "/base", "malformed_json"},
    {"{\"deploy\":{\"healthcheck_path\":\"/\xff\"}}", "/base", "malformed_json"},
    {R"({"deploi":{}})", "/base/deploi", "unknown_key"},
    {R"({"build":{"bilder":1}})", "/base/build/bilder", "unknown_key"},
    {R"({"build":{"builder":"HEROKU"}})", "/base/build/builder", "invalid_value"},
    {R"({"build":{"root_directory":"a/../.."}})", "/base/build/root_directory", "invalid_path"},
    {R"({"build":{"watch_patterns":["a",1]}})", "/base/build/watch_patterns/1", "wrong_type"},
    {R"({"build":{"nixpacks_plan":"{}"}})", "/base/build/nixpacks_plan", "wrong_type"},
    {R"({"deploy":{"pre_deploy_command":["a 'b"]}})", "/base/deploy/pre_deploy_command/0",
     "invalid_command"},
    {R"({"source":{"archive":"sha256:12"}})", "/base/source/archive", "invalid_digest"},
    {R"({"a/b~c":{}})", "/base/a~1b~0c", "unknown_key"},
    {R"({"deploy":3})", "/base/deploy", "wrong_type"},
    {R"({"deploy":{"replicas":-1}})", "/base/deploy/replicas", "out_of_range"},
    {R"({"deploy":{"replicas":201}})", "/base/deploy/replicas", "out_of_range"},
    {R"({"deploy":{"replicas":1.5}})", "/base/deploy/replicas", "wrong_type"},
    {R"({"deploy":{"replicas":"1"}})", "/base/deploy/replicas", "wrong_type"},
    {R"({"deploy":{"replicas":true}})", "/base/deploy/replicas", "wrong_type"},
    {R"({"deploy":{"replicas":18446744073709551615}})", "/base/deploy/replicas", "out_of_range"},
    {R"({"deploy":{"memory_bytes":18446744073709551615}})", "/base/deploy/memory_bytes",
     "out_of_range"},
    {R"({"deploy":{"memory_bytes":6291455}})", "/base/deploy/memory_bytes", "out_of_range"},
    {R"({"deploy":{"cpu_millicores":9}})", "/base/deploy/cpu_millicores", "out_of_range"},
    {R"({"deploy":{"pids_limit":-1}})", "/base/deploy/pids_limit", "out_of_range"},
    {R"({"deploy":{"pids_limit":4294967297}})", "/base/deploy/pids_limit", "out_of_range"},
    {R"({"deploy":{"port":65536}})", "/base/deploy/port", "out_of_range"},
    {R"({"deploy":{"overlap_seconds":3601}})", "/base/deploy/overlap_seconds", "out_of_range"},
    {R"({"deploy":{"healthcheck_timeout_seconds":0}})", "/base/deploy/healthcheck_timeout_seconds",
     "out_of_range"},
    {R"({"deploy":{"healthcheck_path":"x"}})", "/base/deploy/healthcheck_path", "invalid_path"},
    {R"({"deploy":{"healthcheck_path":"/a b"}})", "/base/deploy/healthcheck_path", "invalid_path"},
    {R"({"deploy":{"healthcheck_path":"/a\r\nHost: x"}})", "/base/deploy/healthcheck_path",
     "invalid_path"},
    {R"({"deploy":{"restart_policy":"SOMETIMES"}})", "/base/deploy/restart_policy",
     "invalid_value"},
    {R"({"deploy":{"start_command":["a",1]}})", "/base/deploy/start_command/1", "wrong_type"},
    {R"({"deploy":{"start_command":"a 'b"}})", "/base/deploy/start_command", "unbalanced_quote"},
    {R"({"deploy":{"start_command":["a\u0000b"]}})", "/base/deploy/start_command",
     "invalid_command"},
    {R"({"source":{"image":"-v"}})", "/base/source/image", "invalid_image"},
};

TEST(ProtoCodec, RefusesWithAPointerEach) {
  for (const Refused& c : kRefused) {
    const auto merged = merge_settings({}, c.json, "/base");
    ASSERT_FALSE(merged.ok()) << c.json;
    EXPECT_EQ(merged.error().code, Code::invalid);
    ASSERT_EQ(merged.error().fields.size(), 1u) << c.json;
    EXPECT_EQ(merged.error().fields[0].pointer, c.pointer) << c.json;
    EXPECT_EQ(merged.error().fields[0].code, c.code) << c.json;
  }
}

TEST(ProtoCodec, TakesTheEdgesOfRanges) {
  for (
      const char* json :
      {R"({"deploy":{"replicas":0,"memory_bytes":0,"cpu_millicores":0,"pids_limit":0,"port":0}})",
       R"({"deploy":{"replicas":200,"memory_bytes":6291456,"cpu_millicores":10,"pids_limit":1,"port":65535}})",
       R"({"deploy":{"cpu_millicores":1000000,"overlap_seconds":3600,"draining_seconds":0}})",
       R"({"deploy":{"restart_max_retries":0,"healthcheck_interval_seconds":3600}})"})
    EXPECT_TRUE(merge_settings({}, json).ok()) << json;
}

TEST(ProtoCodec, CollectsAllErrorsAndSuggestsKeys) {
  const auto merged = merge_settings(
      {}, R"({"deploy":{"replica":2,"port":-1,"zzzzzzzzzzz":1},"source":{"image":7}})");
  ASSERT_FALSE(merged.ok());
  EXPECT_EQ(merged.error().fields.size(), 4u);
  bool suggested = false;
  for (const auto& field : merged.error().fields)
    if (field.pointer == "/deploy/replica")
      suggested = field.detail.find("\"replicas\"") != std::string::npos;
  EXPECT_TRUE(suggested);
}

TEST(ProtoCodec, SplitsWordsWithoutAShell) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(*split_words("a  b\tc\n", ""), (Words{"a", "b", "c"}));
  EXPECT_EQ(*split_words(R"(sh -c 'echo "$HOME" \n')", ""),
            (Words{"sh", "-c", R"(echo "$HOME" \n)"}));
  EXPECT_EQ(*split_words(R"(a "b \"c\" \\ \n $x" d\ e)", ""),
            (Words{"a", R"(b "c" \ \n $x)", "d e"}));
  EXPECT_EQ(*split_words(R"(--x='a b'"c" '' "")", ""), (Words{"--x=a bc", "", ""}));
  EXPECT_EQ(*split_words("   ", ""), Words{});
  for (const char* text : {"'", "\"", "a 'b", "a\\", "\"a\\\""})
    EXPECT_FALSE(split_words(text, "").ok()) << text;
}

TEST(ProtoCodec, VariablesRoundTrip) {
  const ResolvedVariables variables{{"A", "line\nnext \"q\" \\ $x \xf0\x9f\x98\x80"}, {"B", ""}};
  EXPECT_EQ(*parse_variables_json(variables_json(variables)), variables);
  EXPECT_TRUE(parse_variables_json("{}")->empty());
  for (const char* text : {"", "[]", R"({"A":1})", "null"})
    EXPECT_FALSE(parse_variables_json(text).ok()) << text;
}

}  // namespace
}  // namespace gantry
