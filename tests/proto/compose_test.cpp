// docker-compose.yml files as people write them: what becomes of them, and what is said of the
// rest.
#include "proto/compose.hpp"

#include <fstream>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

namespace gantry {
namespace {

using Strings = std::vector<std::string>;

std::string file(const std::string& name) {
  std::ifstream in(GANTRY_SOURCE_DIR "/tests/proto/compose/" + name);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

ComposeSurroundings around(const std::map<std::string, std::string>& variables,
                           const std::map<std::string, std::string>& files = {}) {
  const auto look_up = [](const std::map<std::string, std::string>& in,
                          std::string_view name) -> std::optional<std::string> {
    const auto found = in.find(std::string(name));
    return found == in.end() ? std::nullopt : std::optional(found->second);
  };
  return {.variable = [=](std::string_view name) { return look_up(variables, name); },
          .read = [=](const std::string& path) { return look_up(files, path); }};
}

ComposeFile parsed(const std::string& text, const ComposeSurroundings& surroundings = around({})) {
  auto out = parse_compose(text, "compose.yml", surroundings);
  if (!out) throw std::runtime_error(out.error().detail);
  return *std::move(out);
}

const ComposeService& service(const ComposeFile& from, const std::string& name) {
  for (const ComposeService& each : from.services)
    if (each.name == name) return each;
  throw std::logic_error("no service " + name);
}

std::string value(const ComposeService& from, const std::string& name) {
  for (const auto& [key, text] : from.variables)
    if (key == name) return text;
  return "?";
}

// The advice on a key; empty: there is none.
std::string advice(const ComposeFile& from, const std::string& key) {
  std::string found;
  for (const ComposeNote& note : from.notes)
    if (note.key == key) found += note.advice + "\n";
  return found;
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

ComposeFile shop() {
  return parsed(file("shop.yml"),
                around({{"DB_PASSWORD", "s3cret"}, {"TAG", "7"}, {"HOME_OF_SHELL", "x"}},
                       {{".env.app", "LOG=info\nDEBUG=true\n"}}));
}

TEST(ProtoCompose, AShopBecomesServices) {
  const ComposeFile out = shop();
  ASSERT_EQ(out.services.size(), 5U);
  const ComposeService& web = service(out, "web");
  EXPECT_EQ(web.folder, ".");
  EXPECT_FALSE(web.settings.source.image);
  EXPECT_EQ(web.settings.build.dockerfile_path, "docker/web.Dockerfile");
  const DeploySettings& deploy = web.settings.deploy;
  EXPECT_EQ(deploy.port, 3000);
  EXPECT_TRUE(deploy.exposed);
  EXPECT_EQ(deploy.start_command, (Strings{"npm", "run", "start"}));
  EXPECT_EQ(deploy.healthcheck_command, (Strings{"wget", "-qO-", "http://localhost:3000/health"}));
  EXPECT_EQ(deploy.healthcheck_interval_seconds, 30);
  EXPECT_EQ(deploy.restart_policy, RestartPolicy::always);
  EXPECT_EQ(deploy.cpu_millicores, 500);
  EXPECT_EQ(deploy.memory_bytes, 256LL << 20);
  EXPECT_EQ(deploy.replicas, 1);  // it has a volume
  EXPECT_EQ(value(web, "DATABASE_URL"), "postgres://shop:s3cret@db:5432/shop");
  EXPECT_EQ(value(web, "PRICE"), "5$");
  EXPECT_EQ(value(web, "DEBUG"), "false");  // over the env_file
  EXPECT_EQ(value(web, "FEATURE"), "true");
  EXPECT_EQ(value(web, "LOG"), "info");
  EXPECT_EQ(value(web, "NODE_ENV"), "production");
  ASSERT_EQ(web.volumes.size(), 1U);
  EXPECT_EQ(web.volumes[0].name, "node-modules");

  const ComposeService& worker = service(out, "my-worker");
  EXPECT_EQ(worker.settings.source.image->str(), "shop/worker:7");
  EXPECT_EQ(worker.settings.deploy.start_command,
            (Strings{"node", "worker.js", "--queue", "mail"}));
  EXPECT_EQ(worker.settings.deploy.draining_seconds, 90);
  EXPECT_FALSE(worker.settings.deploy.exposed);
  EXPECT_EQ(value(worker, "QUEUE"), "mail");
  EXPECT_EQ(value(worker, "HOME_OF_SHELL"), "x");
  EXPECT_EQ(value(worker, "NOT_SET_ANYWHERE"), "?");
  EXPECT_EQ(service(out, "migrate").settings.deploy.restart_policy, RestartPolicy::never);
}

TEST(ProtoCompose, DatabasesKeepTheirEntryPointAndStayInside) {
  const ComposeFile out = shop();
  const ComposeService& db = service(out, "db");
  EXPECT_EQ(db.settings.deploy.start_command,
            (Strings{"docker-entrypoint.sh", "-c", "max_connections=200"}));
  EXPECT_EQ(db.settings.deploy.port, 5432);
  EXPECT_FALSE(db.settings.deploy.exposed);
  EXPECT_EQ(db.settings.deploy.healthcheck_command, (Strings{"pg_isready", "-U", "shop"}));
  EXPECT_EQ(db.settings.deploy.memory_bytes, 1LL << 30);
  ASSERT_EQ(db.volumes.size(), 1U);
  EXPECT_EQ(db.volumes[0].name, "db-data");
  EXPECT_EQ(db.volumes[0].mount_path, "/var/lib/postgresql/data");
  const ComposeService& cache = service(out, "cache");
  EXPECT_EQ(cache.settings.deploy.port, 6379);
  EXPECT_FALSE(cache.settings.deploy.exposed);
  ASSERT_EQ(cache.volumes.size(), 1U);
  EXPECT_EQ(cache.volumes[0].name, "cache-data");
}

TEST(ProtoCompose, WhatHasNoCounterpartIsSaid) {
  const ComposeFile out = shop();
  EXPECT_TRUE(has(advice(out, "services.web.volumes[0]"), "./uploads"));
  EXPECT_TRUE(has(advice(out, "services.db.volumes[1]"), "build the files into the image"));
  EXPECT_TRUE(has(advice(out, "services.web.ports[1]"), "web:9229"));
  EXPECT_TRUE(has(advice(out, "services.db.ports[0]"), "db:5432"));
  EXPECT_TRUE(has(advice(out, "services.web.build.target"), "last stage"));
  EXPECT_TRUE(has(advice(out, "services.web.build.args"), "became variables"));
  EXPECT_TRUE(has(advice(out, "services.web.depends_on.migrate"), "pre_deploy_command"));
  EXPECT_TRUE(has(advice(out, "services.web.deploy.resources.reservations"), "limits"));
  EXPECT_TRUE(has(advice(out, "services.web.deploy.replicas"), "once, not 2 times"));
  EXPECT_TRUE(has(advice(out, "services.my_worker"), "my-worker"));
  EXPECT_TRUE(has(advice(out, "services.my_worker.environment[2]"), "NOT_SET_ANYWHERE"));
  EXPECT_TRUE(has(advice(out, "services.my_worker.logging"), "logs"));
  EXPECT_TRUE(has(advice(out, "services.db.shm_size"), "64 MiB"));
  EXPECT_TRUE(has(advice(out, "services.adminer"), "profiles"));
  EXPECT_TRUE(has(advice(out, "volumes.node_modules.external"), "empty"));
  EXPECT_TRUE(has(advice(out, "networks"), "one network"));
  for (const char* nothing : {"services.db.container_name", "version", "name", "x-common",
                              "services.db.image", "services.web.healthcheck.timeout"})
    EXPECT_EQ(advice(out, nothing), "") << nothing;
  for (std::size_t i = 1; i < out.notes.size(); ++i)
    EXPECT_TRUE(out.notes[i].line == 0 || out.notes[i - 1].line <= out.notes[i].line);
}

TEST(ProtoCompose, LongFormsAndPowers) {
  const ComposeFile out = parsed(file("monitoring.yml"));
  const ComposeService& grafana = service(out, "grafana");
  EXPECT_EQ(grafana.settings.deploy.port, 3000);
  EXPECT_TRUE(grafana.settings.deploy.exposed);
  ASSERT_EQ(grafana.volumes.size(), 1U);
  EXPECT_EQ(grafana.volumes[0].mount_path, "/var/lib/grafana");
  EXPECT_EQ(grafana.settings.deploy.replicas, 1);
  EXPECT_EQ(grafana.settings.deploy.restart_policy, RestartPolicy::on_failure);
  for (const char* key :
       {"services.grafana.user", "services.grafana.secrets", "services.grafana.volumes[1]",
        "services.grafana.volumes[2]", "services.grafana.deploy.update_config",
        "services.grafana.deploy.placement", "services.node-exporter.pid",
        "services.node-exporter.network_mode", "services.node-exporter.privileged",
        "services.node-exporter.cap_add", "services.node-exporter.volumes[0]",
        "services.statsd.ports[0]", "services.statsd.ports[2]", "services.statsd.frobnicate",
        "secrets", "services.share.volumes"})
    EXPECT_NE(advice(out, key), "") << key;
  EXPECT_EQ(service(out, "statsd").settings.deploy.port, 8126);
  EXPECT_EQ(service(out, "statsd").settings.deploy.pids_limit, 0);
  EXPECT_TRUE(service(out, "share").volumes.empty());
  EXPECT_TRUE(service(out, "share").settings.deploy.healthcheck_command.empty());
  EXPECT_EQ(service(out, "share").settings.deploy.start_command,
            (Strings{"/docker-entrypoint.sh", "nginx", "-g", "daemon off;"}));
}

TEST(ProtoCompose, WhatCannotBeReadIsRefusedWithItsLine) {
  struct Case {
    const char* text;
    const char* detail;
  };
  const Case cases[] = {
      {"services: [", "compose.yml:1: yaml: "},
      {"version: '3'\n", "compose.yml:1: services: the file has no services"},
      {"services:\n  web: {}\n",
       "compose.yml:2: services.web: it has neither an image nor a build"},
      {"services:\n  web: 3\n", "compose.yml:2: services.web: expected keys and values"},
      {"services:\n  a b: {image: x}\n",
       "compose.yml:2: services.a b: \"a b\" cannot be a service's"},
      {"services:\n  a: {image: '-x'}\n", "compose.yml:2: services.a.image: "},
      {"services:\n  a:\n    image: x\n    restart: often\n",
       "compose.yml:4: services.a.restart: "},
      {"services:\n  a:\n    image: x\n    mem_limit: 2k\n",
       "compose.yml:4: services.a.mem_limit: "},
      {"services:\n  a:\n    image: x\n    cpus: many\n", "compose.yml:4: services.a.cpus: "},
      {"services:\n  a:\n    image: x:${TAG:?say which}\n",
       "compose.yml:3: services.a.image: TAG is not set: say which"},
      {"services:\n  a:\n    image: ${}\n", "compose.yml:3: services.a.image: cannot read "},
      {"services:\n  a:\n    image: x\n    command: \"it's\"\n",
       "compose.yml:4: services.a.command: "},
      {"services:\n  a_b: {image: x}\n  a-b: {image: y}\n",
       "compose.yml:0: services.a-b: two services would have the name a-b"},
  };
  for (const Case& each : cases) {
    const auto out = parse_compose(each.text, "compose.yml", around({}));
    ASSERT_FALSE(out) << each.text;
    EXPECT_EQ(out.error().detail.substr(0, std::string(each.detail).size()), each.detail);
  }
}

TEST(ProtoCompose, VariablesAreFilledIn) {
  const auto surroundings = around({{"A", "1"}, {"EMPTY", ""}});
  const auto filled = [&](const char* text) {
    Strings unset;
    const auto out = interpolate(text, surroundings, unset);
    std::string said = out ? *out : out.error().reason;
    for (const std::string& name : unset) said += " !" + name;
    return said;
  };
  EXPECT_EQ(filled("x$A-${A}y"), "x1-1y");
  EXPECT_EQ(filled("$$A $${A}"), "$A ${A}");
  EXPECT_EQ(filled("${B}"), " !B");
  EXPECT_EQ(filled("${B:-two}|${EMPTY:-e}|${EMPTY-e}|${B-${A}}"), "two|e||1");
  EXPECT_EQ(filled("${A:+set}|${B:+set}|${EMPTY+set}|${EMPTY:+set}"), "set||set|");
  EXPECT_EQ(filled("${A:?no}${A?no}"), "11");
  EXPECT_EQ(filled("${B:?no}"), "variable_missing");
  EXPECT_EQ(filled("${EMPTY?no}"), "");
  EXPECT_EQ(filled("${A"), "invalid_interpolation");
  EXPECT_EQ(filled("${1}"), "invalid_interpolation");
  EXPECT_EQ(filled("${A:}"), "invalid_interpolation");
  EXPECT_EQ(filled("${A~x}"), "invalid_interpolation");
  EXPECT_EQ(filled("100$"), "invalid_interpolation");
}

TEST(ProtoCompose, AReferenceOfOursStaysText) {
  const auto out = parsed("services:\n  a:\n    image: x\n    environment: {X: '$${{y.Z}}'}\n");
  EXPECT_EQ(value(out.services[0], "X"), "$${{y.Z}}");
}

}  // namespace
}  // namespace gantry
