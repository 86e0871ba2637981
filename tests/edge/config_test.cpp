#include "runtime/edge/config.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "runtime/edge/live.hpp"
#include "runtime/edge/master.hpp"
#include "runtime/edge/state.hpp"
#include "tests/edge/worlds.hpp"

namespace gantry {
namespace {

EdgeOptions options() {
  EdgeOptions options;
  options.directory = "/var/lib/gantry/edge";
  options.slots = 3;
  return options;
}

RouteBackend backend(int deployment, int ordinal, const std::string& host, int port) {
  return {replica_key(deployment, ordinal), {host, port}, false};
}

RouteTable table_of(const std::vector<Route>& routes) {
  RouteTable table(3);
  table.commit(*table.plan(routes));
  table.set_generation(42);
  return table;
}

RouteTable sample() {
  return table_of(
      {route(1, {"api.example.com", "api.localhost"},
             {backend(1, 0, "10.192.3.2", 8080), draining(backend(1, 1, "10.192.3.3", 8080))}),
       route(2, {"six.example.com"}, {backend(2, 0, "fd00::0:7", 3000)})});
}

std::string texts(const std::vector<Command>& commands) {
  std::string all;
  for (const auto& command : commands) all += command.text + "\n";
  return all;
}

// GANTRY_UPDATE_GOLDEN=1 writes the file anew.
TEST(EdgeConfig, IsTheGoldenText) {
  const std::string path = std::string(GANTRY_SOURCE_DIR) + "/tests/golden/haproxy.cfg";
  const std::string text = haproxy_config(sample(), options());
  if (std::getenv("GANTRY_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ostringstream golden;
  golden << std::ifstream(path).rdbuf();
  EXPECT_EQ(text, golden.str());
}

TEST(EdgeConfig, HostsMapNamesSlots) {
  EXPECT_EQ(hosts_map_text(sample()),
            "api.example.com s0001\napi.localhost s0001\nsix.example.com s0002\n");
}

TEST(EdgeConfig, LayoutChangesWithEverythingButRoutes) {
  const int layout = layout_of(sample(), options());
  EXPECT_EQ(layout_of(table_of({}), options()), layout);
  auto other = options();
  other.port = 8080;
  EXPECT_NE(layout_of(sample(), other), layout);
  auto more = sample();
  more.resize(6);
  EXPECT_NE(layout_of(more, options()), layout);
}

TEST(EdgeConfig, TheTableCanBeReadBackFromIt) {
  const auto back =
      rebuild_from_config(haproxy_config(sample(), options()), hosts_map_text(sample()));
  EXPECT_EQ(back.routes(), sample().routes());
  EXPECT_EQ(back.generation(), 42);
  EXPECT_EQ(back.slots(), 3);
}

TEST(EdgeConfig, PagesAreSmallAndNeedNothingElse) {
  for (const auto& [name, text] : error_pages()) {
    EXPECT_LT(text.size(), 3000u) << name;
    EXPECT_EQ(text.find("http://"), std::string::npos) << name;
    EXPECT_EQ(text.find("https://"), std::string::npos) << name;
    EXPECT_EQ(text.find("<script"), std::string::npos) << name;
    EXPECT_EQ(text.find("src="), std::string::npos) << name;
  }
}

TEST(EdgeLive, ADeltaNeverLeavesAGap) {
  const auto before = sample();
  const auto plan = *before.plan(
      {route(1, {"api.example.com", "new.example.com"},
             {draining(backend(1, 0, "10.192.3.2", 8080)), backend(3, 0, "10.192.3.9", 1)})});
  const std::string old = "s0001/" + replica_key(1, 0).id(),
                    gone = "s0001/" + replica_key(1, 1).id(),
                    fresh = "s0001/" + replica_key(3, 0).id();
  EXPECT_EQ(texts(commands_for(plan, "/m")),
            "add server " + fresh +
                " 10.192.3.9:1 check inter 2s fall 2 rise 1 weight 100 pool-purge-delay 2s\n" +
                "enable health " + fresh + "\nenable server " + fresh +
                "\nadd map /m new.example.com s0001\n" + "del map /m api.localhost\nset server " +
                old + " state drain\nset server " + gone + " state maint\ndel server " + gone +
                "\n");
}

TEST(EdgeLive, AMovedHostIsSetAndNeverDeleted) {
  const auto before = sample();
  const auto plan =
      *before.plan({route(2, {"six.example.com", "api.localhost"}, before.at(2)->route.backends),
                    route(1, {"api.example.com"}, before.at(1)->route.backends)});
  EXPECT_EQ(texts(commands_for(plan, "/m")), "set map /m api.localhost s0002\n");
}

TEST(EdgeLive, WhatIsRightNeedsNoRepair) {
  const std::string servers =
      "1\n# be_id be_name ...\n"
      "3 s0001 1 " +
      replica_key(1, 0).id() +
      " 10.192.3.2 2 0 100 100 1 8 2 0 6 0 0 0 - 8080 - 0 0 - - 0\n"
      "3 s0001 2 " +
      replica_key(1, 1).id() +
      " 10.192.3.3 2 0 0 0 1 8 2 0 6 0 0 0 - 8080 - 0 0 - - 0\n"
      "4 s0002 1 " +
      replica_key(2, 0).id() + " fd00::7 2 0 100 100 1 8 2 0 6 0 0 0 - 3000 - 0 0 - - 0\n";
  const std::string hosts =
      "0x1 api.example.com s0001\n0x2 api.localhost s0001\n0x3 six.example.com s0002\n";
  const auto live = parse_live(servers, hosts);
  ASSERT_TRUE(live.ok());
  EXPECT_EQ(texts(repairs_for(sample(), *live, "/m")), "");
  EXPECT_FALSE(parse_live("2\n", "").ok());
  EXPECT_FALSE(parse_live("1\n3 s0001 1 short\n", "").ok());
  const auto twice = parse_live(servers, hosts + "0x4 api.localhost s0001\n");
  EXPECT_EQ(texts(repairs_for(sample(), *twice, "/m")), "del map /m #0x4\n");
}

TEST(EdgeLive, ReadsTheMastersProcesses) {
  const auto status = parse_show_proc(
      "#<PID>          <type>          <reloads>       <uptime>        <version>\n"
      "1162            master          5 [failed: 1]   0d00h02m07s     2.6.12\n# workers\n"
      "1271            worker          0               0d00h00m00s     2.6.12\n# old workers\n"
      "1233            worker          3               0d00h00m43s     2.6.12\n"
      "1234            worker          4               0d00h00m43s     2.6.12\n# programs\n");
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->pid, 1162);
  EXPECT_EQ(status->reloads, 5);
  EXPECT_EQ(status->failed, 1);
  EXPECT_EQ(status->worker, 1271);
  EXPECT_EQ(status->old_workers, (std::vector<pid_t>{1233, 1234}));
  EXPECT_FALSE(parse_show_proc("").has_value());
}

}  // namespace
}  // namespace gantry
