// The pure parts of the command line.
#include <gtest/gtest.h>

#include "cli/build_logs.hpp"
#include "cli/command.hpp"
#include "cli/config_file.hpp"
#include "cli/failure.hpp"
#include "cli/help.hpp"
#include "cli/json.hpp"
#include "cli/nearest.hpp"
#include "cli/output.hpp"
#include "cli/pairs.hpp"
#include "cli/selectors.hpp"
#include "cli/setting_words.hpp"
#include "cli/sse.hpp"
#include "cli/up_place.hpp"
#include "proto/duration.hpp"

namespace gantry::cli {
namespace {

template <class F>
int failure_code(F f) {
  try {
    f();
  } catch (const Failure& failure) {
    return failure.exit_code;
  }
  return 0;
}

TEST(CliPairs, SplitAtTheFirstEquals) {
  EXPECT_EQ(parse_pair("A=b=c d"), (std::pair<std::string, std::string>("A", "b=c d")));
  EXPECT_EQ(parse_pair("A="), (std::pair<std::string, std::string>("A", "")));
  EXPECT_EQ(failure_code([] { parse_pair("A"); }), kUnreadable);
  EXPECT_EQ(failure_code([] { parse_pair("=b"); }), kUnreadable);
}

TEST(CliPairs, ValuesThatTheShellEmptied) {
  for (const char* value :
       {"https://.up.railway.app", "https://", "//.up.railway.app", "postgres://:@db/x",
        "postgres://u:p@/x", "postgres://u:p@:5432/x", "https://api..example.com/x", "http:///path",
        "://x", "https://u@.example.com"})
    EXPECT_TRUE(emptied(value)) << value;
  for (const char* value :
       {"", "plain", "https://api.up.railway.app", "https://${RAILWAY_SERVICE_NAME}.up.railway.app",
        "file:///etc/x", "unix:///run/x.sock", "sqlite:///x.db", "postgres://u:p@db:5432/x",
        "redis://:secret@db:6379", "https://x/a/../b", "//comment", "a=b://c", "https://[::1]:80/"})
    EXPECT_FALSE(emptied(value)) << value << ": " << emptied(value).value_or("");
}

TEST(CliPairs, EveryFormOfScale) {
  EXPECT_EQ(parse_scale({}, std::nullopt), std::nullopt);
  EXPECT_EQ(parse_scale({"replicas"}, std::nullopt), std::nullopt);
  EXPECT_EQ(parse_scale({"replicas", "3"}, std::nullopt), 3);
  EXPECT_EQ(parse_scale({"replicas=3"}, std::nullopt), 3);
  EXPECT_EQ(parse_scale({}, "3"), 3);
  EXPECT_EQ(parse_scale({"0"}, std::nullopt), 0);
  for (const std::vector<std::string>& words : {std::vector<std::string>{"x"},
                                                {"-1"},
                                                {"3x"},
                                                {"replicas=x"},
                                                {"us-west=2"},
                                                {"1", "2"},
                                                {"replicas", "1", "2"},
                                                {"99999999999"}})
    EXPECT_EQ(failure_code([&] { parse_scale(words, std::nullopt); }), kUnreadable) << words[0];
  EXPECT_EQ(failure_code([] { parse_scale({"1"}, "2"); }), kUnreadable);
}

const Link kLink{.url = "http://x",
                 .project_id = "prj_1",
                 .project = "shop",
                 .environment_id = "env_1",
                 .environment = "production",
                 .service_id = "svc_1",
                 .service = "api"};

TEST(CliSelectors, WrittenThenEnvironThenLink) {
  EXPECT_EQ(choose({}, {}, nullptr), (Selectors{}));
  EXPECT_EQ(choose({}, {}, &kLink), (Selectors{"prj_1", "env_1", "svc_1"}));
  EXPECT_EQ(choose({"", "staging", ""}, {}, &kLink), (Selectors{"prj_1", "staging", "svc_1"}));
  EXPECT_EQ(choose({"", "", "Web"}, {"", "env_2", "svc_2"}, &kLink),
            (Selectors{"prj_1", "env_2", "web"}));
  EXPECT_EQ(choose({"other", "", ""}, {}, &kLink), (Selectors{"other", "", ""}));
  EXPECT_EQ(choose({"Shop", "", ""}, {}, &kLink), (Selectors{"prj_1", "env_1", "svc_1"}));
  EXPECT_EQ(choose({}, {"other", "", ""}, &kLink), (Selectors{"other", "", ""}));
}

TEST(CliSelectors, VariablesAndTheirTwins) {
  const Environ environ = [](const char* name) -> const char* {
    const std::string wanted = name;
    if (wanted == "GANTRY_PROJECT_ID") return "";
    if (wanted == "RAILWAY_PROJECT_ID") return "p";
    if (wanted == "GANTRY_SERVICE_ID") return "s";
    if (wanted == "RAILWAY_SERVICE_ID") return "t";
    return nullptr;
  };
  EXPECT_EQ(selectors_of(environ), (Selectors{"p", "", "s"}));
}

TEST(CliConfigFile, ReadsBackWhatItWrites) {
  ConfigFile config;
  config.url = "http://x";
  config.tokens["http://\"x\""] = "gty_1";
  config.links["/a \"b\"\\"] = kLink;
  EXPECT_EQ(parse_config_file(config_json(config)), config);
  EXPECT_EQ(failure_code([] { parse_config_file("{"); }), kFailed);
}

TEST(CliConfigFile, TheNearestLinkedParentCounts) {
  ConfigFile config;
  config.links["/srv"] = kLink;
  config.links["/srv/app"] = kLink;
  EXPECT_EQ(find_link(config, "/srv/app/src/deep")->first, "/srv/app");
  EXPECT_EQ(find_link(config, "/srv/app")->first, "/srv/app");
  EXPECT_EQ(find_link(config, "/srv/apple")->first, "/srv");
  EXPECT_EQ(find_link(config, "/other"), nullptr);
  config.links["/"] = kLink;
  EXPECT_EQ(find_link(config, "/other")->first, "/");
}

TEST(CliTable, AlignsByCharacters) {
  EXPECT_EQ(render_table({"A", "LONG"}, {{"xyz", "1"}, {"\xC3\xA9", ""}}),
            "A    LONG\nxyz  1\n\xC3\xA9\n");
  EXPECT_EQ(render_table({"A", "B"}, {{"\x1b[31mred\x1b[0m", "1"}, {"four", "2"}}),
            "A     B\n\x1b[31mred\x1b[0m   1\nfour  2\n");
}

TEST(CliTimes, AgesAndSince) {
  const TimePoint now = *parse_time("2026-11-22T18:00:00Z");
  EXPECT_EQ(age("2026-11-22T17:59:30Z", now), "30s");
  EXPECT_EQ(age("2026-11-22T17:30:00Z", now), "30m");
  EXPECT_EQ(age("2026-11-22T03:00:00Z", now), "15h");
  EXPECT_EQ(age("2026-11-01T18:00:00Z", now), "21d");
  EXPECT_EQ(age("", now), "");
  EXPECT_EQ(since_time("15m", now), "2026-11-22T17:45:00.000000Z");
  EXPECT_EQ(since_time("2026-11-22T18:00:00Z", now), "2026-11-22T18:00:00Z");
  for (const char* text : {"", "m", "5", "5x", "-5m", "yesterday"})
    EXPECT_EQ(failure_code([&] { since_time(text, now); }), kUnreadable) << text;
}

TEST(CliStream, ReadsEventsOutOfAnyPieces) {
  const std::string text =
      ": hello\nid: 7\nevent: log\ndata: a\ndata:b\n\nevent: x\n\ndata: c\r\n\r\n";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    std::string seen;
    StreamReader reader([&](const StreamEvent& event) {
      seen += event.id + "|" + event.type + "|" + event.data + ";";
    });
    for (std::size_t at = 0; at < text.size(); at += piece) reader.feed(text.substr(at, piece));
    EXPECT_EQ(seen, "7|log|a\nb;7|message|c;") << piece;
  }
}

TEST(CliJson, WhatIsAbsentIsNull) {
  const auto json = Json::parse(R"({"a":{"b":[1,"x",true,null]},"n":3})");
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["a"]["b"].items()[1].text(), "x");
  EXPECT_EQ((*json)["n"].number(), 3);
  EXPECT_TRUE((*json)["a"]["z"]["y"].is_null());
  EXPECT_EQ((*json)["a"].dump(), R"({"b":[1,"x",true,null]})");
  EXPECT_FALSE(Json::parse("{"));
  EXPECT_EQ(json_map({{"a\"b", "1"}}), R"({"a\"b":1})");
}

TEST(CliSelectors, AProjectTokenIsItsPlace) {
  const TokenScope scope{.project_id = "prj_1",
                         .project = "shop",
                         .environment_id = "env_1",
                         .environment = "production"};
  const Selectors place{.project = "prj_1", .environment = "env_1", .service = "svc_1"};
  EXPECT_EQ(within(scope, {}, {}, &kLink).chosen, place);
  EXPECT_EQ(
      within(scope, {.project = "SHOP", .environment = "production", .service = ""}, {}, &kLink)
          .wrong,
      "");
  // What other variables say of the place does not count; of the service it does.
  const Selectors environ{.project = "prj_9", .environment = "env_9", .service = "API"};
  EXPECT_EQ(within(scope, {}, environ, &kLink).wrong, "");
  EXPECT_EQ(within(scope, {}, environ, &kLink).chosen.service, "api");
  EXPECT_EQ(within(scope, {}, environ, &kLink).chosen.environment, "env_1");
  Link elsewhere = kLink;
  elsewhere.environment_id = "env_2";
  EXPECT_EQ(within(scope, {}, {}, &elsewhere).chosen.service, "");
  EXPECT_EQ(
      within(scope, {.project = "", .environment = "staging", .service = ""}, {}, nullptr).wrong,
      "--environment staging");
  EXPECT_EQ(
      within(scope, {.project = "other", .environment = "staging", .service = ""}, {}, nullptr)
          .wrong,
      "--project other");
}

TEST(CliDuration, Reads) {
  EXPECT_EQ(duration_seconds("90s"), 90);
  EXPECT_EQ(duration_seconds("12h"), 43200);
  EXPECT_EQ(duration_seconds("30d"), 2592000);
  EXPECT_EQ(duration_seconds("2w"), 1209600);
  for (const char* text : {"", "d", "30", "0d", "-1d", "30dd", "1y", "999999999999999w",
                           "99999999999999999999d", " 1d"})
    EXPECT_EQ(duration_seconds(text), std::nullopt) << text;
}

// A stream that begins again at the last line's time brings the lines of that time once more.
TEST(CliBuildLogs, NoLineTwiceAndNoneLost) {
  const std::vector<std::pair<std::string, std::string>> lines{
      {"t0", "a"}, {"t1", "b"}, {"t1", "b"}, {"t1", "c"}, {"t2", "d"}, {"t2", "e"}};
  for (std::size_t first = 0; first <= lines.size(); ++first)
    for (std::size_t second = 0; second <= lines.size(); ++second) {
      SeenLines seen;
      std::string got;
      for (const std::size_t count : {first, second, lines.size()}) {
        const std::string from = seen.last_at();
        seen.begin();
        for (std::size_t i = 0; i < count; ++i)
          if (lines[i].first >= from && seen.is_new(lines[i].first)) got += lines[i].second;
      }
      EXPECT_EQ(got, "abbcde") << first << " " << second;
    }
}

TEST(CliUp, NamesOfDirectories) {
  EXPECT_EQ(name_of_directory("/srv/My App_2", "x"), "my-app-2");
  EXPECT_EQ(name_of_directory("/srv/.hidden", "x"), "hidden");
  EXPECT_EQ(name_of_directory("/", "app"), "app");
  EXPECT_EQ(name_of_directory("/srv/" + std::string(29, 'a') + "-b", "x"), std::string(29, 'a'));
}

TEST(CliNearest, OnlyWhatIsNear) {
  EXPECT_EQ(nearest("stats", {"status", "scale"}), "status");
  EXPECT_EQ(nearest("xyz", {"status", "scale"}), "");
}

TEST(CliParser, ReadsCommandsOptionsAndWords) {
  const Call call = parse_arguments({"vars", "set", "A=1", "-s", "api", "B=-2", "--json"});
  EXPECT_EQ(call.command->path, "variables set");
  EXPECT_EQ(call.words, (std::vector<std::string>{"A=1", "B=-2"}));
  EXPECT_EQ(call.value("--service"), "api");
  EXPECT_TRUE(call.has("--json"));
  EXPECT_EQ(parse_arguments({"--json", "ls"}).command->path, "list");
  EXPECT_EQ(parse_arguments({"service", "create", "logs"}).command->path, "service create");
  EXPECT_EQ(parse_arguments({"variables", "get", "list"}).words[0], "list");
  EXPECT_EQ(parse_arguments({"variables", "--set", "A=1", "--set=B=2"}).values("--set"),
            (std::vector<std::string>{"A=1", "B=2"}));
  EXPECT_TRUE(parse_arguments({"logs", "-f"}).has("--filter"));
  EXPECT_EQ(parse_arguments({"logs", "-f", "x"}).value("--filter"), "x");
  EXPECT_TRUE(parse_arguments({"logs", "-f", "--json"}).has("--json"));
  EXPECT_EQ(parse_arguments({"logs", "-n", "5"}).value("--lines"), "5");
  EXPECT_EQ(parse_arguments({"logs", "--tail", "5"}).value("--lines"), "5");
  for (const Command& command : commands())
    for (const Option& option : command.all_options())
      EXPECT_EQ(option.key().find(','), std::string::npos) << command.path << option.names;
  for (const char* spelling : {"-d", "--detach", "--no-wait"})
    EXPECT_TRUE(parse_arguments({"up", spelling}).has("--detach")) << spelling;
  EXPECT_EQ(parse_arguments({"up", "services/api", "-m", "fix"}).value("--message"), "fix");
  EXPECT_EQ(parse_arguments({"up", "--service=svc_1", "--ci"}).value("--service"), "svc_1");
  EXPECT_EQ(parse_arguments({"run", "pg_dump", "-Fc", "--x"}).command->path, "run");
}

TEST(CliParser, RefusesTheRest) {
  const std::vector<std::string> lines[] = {{"nothing"},
                                            {"ps", "--nope"},
                                            {"ps", "word"},
                                            {"project"},
                                            {"token"},
                                            {"up", "a", "b"},
                                            {"scale", "--replicas"},
                                            {"link", "-p"},
                                            {"service", "link", "a", "b"},
                                            {"--nope"}};
  for (const auto& line : lines)
    EXPECT_EQ(failure_code([&] { parse_arguments(line); }), kUnreadable) << line[0];
}

TEST(CliWords, EveryGroupTellsItsVerbs) {
  for (const std::string& group : command_groups()) {
    for (const char* flag : {"--help", "-h"}) {
      const Call call = parse_arguments({group, flag});
      EXPECT_TRUE(call.has("--help")) << group;
      EXPECT_EQ(call.words, std::vector<std::string>{group});
    }
    EXPECT_NE(help_text(group).find("Commands:"), std::string::npos) << group;
  }
  EXPECT_EQ(failure_code([] { parse_arguments({"config"}); }), kUnreadable);
}

TEST(CliWords, SettingsBecomeOnePatch) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"deploy.port=3000"}, R"({"deploy":{"port":3000}})"},
      {{"deploy.healthcheck_path=/health", "source.image=nginx:1.27", "deploy.port=null"},
       R"({"deploy":{"healthcheck_path":"/health","port":null},"source":{"image":"nginx:1.27"}})"},
      {{"deploy.cron.schedule=0 3 * * *", "deploy.cron.zone=UTC"},
       R"({"deploy":{"cron":{"schedule":"0 3 * * *","zone":"UTC"}}})"},
      {{"deploy.start_command=node app.js --x=\"y\""},
       R"({"deploy":{"start_command":"node app.js --x=\"y\""}})"},
      {{R"(build.watch_patterns=["a","b"])", "deploy.exposed=false", R"(source.branch="2024")"},
       R"({"build":{"watch_patterns":["a","b"]},"deploy":{"exposed":false},"source":{"branch":"2024"}})"},
  };
  for (const auto& [words, expected] : cases) EXPECT_EQ(settings_patch(words), expected);
  const std::vector<std::vector<std::string>> rejects = {
      {},
      {"port=1"},
      {"deploy=1"},
      {"deploy."},
      {"deploy..a=1"},
      {"deploy.port"},
      {"x.y=1"},
      {"deploy.a.=1"},
      {"deploy.port=1", "deploy.port=2"},
      {"deploy.cron={}", "deploy.cron.zone=UTC"}};
  for (const auto& words : rejects)
    EXPECT_EQ(failure_code([&] { settings_patch(words); }), kUnreadable);
}

// One table says which verbs keep their change, and each of them is there.
TEST(CliCommands, WhatChangesAnEnvironmentCanBeStaged) {
  int staging = 0;
  for (const Command& command : commands())
    for (const Option& option : command.options) staging += option.key() == "--stage" ? 1 : 0;
  EXPECT_EQ(staging, 23);
}

TEST(CliCommands, EachIsWholeAndItsExamplesParse) {
  for (const Command& command : commands()) {
    EXPECT_NE(command.run, nullptr) << command.path;
    EXPECT_FALSE(command.summary.empty()) << command.path;
    for (const std::string& example : command.examples)
      EXPECT_EQ(example.rfind(command.path, 0), 0u) << example;
  }
  EXPECT_NE(help_text("").find("Usage:"), std::string::npos);
}

}  // namespace
}  // namespace gantry::cli
