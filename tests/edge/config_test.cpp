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

const MapFiles kFiles{"/slots", "/pins", "/sticky", "/hosts"};

// Everything that a route can have.
Route rich() {
  auto one = route(3, {"rich.example.com"},
                   {backend(5, 0, "10.192.3.20", 80), backend(6, 0, "10.192.3.21", 80),
                    draining(backend(4, 0, "10.192.3.22", 80))});
  one.backends[0].weight = 90;
  one.backends[1].weight = 0;
  one.backends[2].weight = 10;
  one.policy = {Balance::least_connections, true, 20, 5};
  one.previews = {{"next.example.com", {replica_key(6, 0)}}, {"none.example.com", {}}};
  one.split = RouteSplit{instance_id(1), 30};
  one.asleep = one.measured = true;
  return one;
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

// A database, which has no hosts, with a port of the edge.
Route database() {
  auto one = route(4, {}, {backend(7, 0, "10.192.3.30", 9), draining(backend(8, 0, "fd00::8", 9))});
  one.tcp_proxy = TcpProxy{20001, 5432};
  return one;
}

// GANTRY_UPDATE_GOLDEN=1 writes the file anew.
TEST(EdgeConfig, IsTheGoldenText) {
  const std::string path = std::string(GANTRY_SOURCE_DIR) + "/tests/golden/haproxy.cfg";
  auto table = sample();
  auto both = route(2, {"six.example.com"}, sample().at(2)->route.backends);
  both.tcp_proxy = TcpProxy{20000, 3001};
  table.commit(*table.plan({both, database()}));
  const std::string text = haproxy_config(table, options());
  if (std::getenv("GANTRY_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ostringstream golden;
  golden << std::ifstream(path).rdbuf();
  EXPECT_EQ(text, golden.str());
}

TEST(EdgeConfig, MapsOfPlainRoutesAreTheirHosts) {
  const auto maps = maps_of(sample());
  EXPECT_EQ(map_text(maps[kHostsMap]),
            "api.example.com s0001\napi.localhost s0001\nsix.example.com s0002\n");
  EXPECT_EQ(map_text(maps[kSlotsMap]) + map_text(maps[kPinsMap]) + map_text(maps[kStickyMap]), "");
}

TEST(EdgeConfig, MapsNameWhatIsSpecial) {
  auto table = sample();
  table.commit(*table.plan({rich()}));
  const auto maps = maps_of(table);
  const std::string stable = replica_key(5, 0).id(), standby = replica_key(6, 0).id();
  EXPECT_EQ(map_text(maps[kSlotsMap]), "s0003 MKZ/s0001/30/20\n");
  EXPECT_EQ(map_text(maps[kStickyMap]), stable + " s0003\n");
  EXPECT_EQ(maps[kHostsMap].at("rich.example.com"), "s0003/");
  EXPECT_EQ(maps[kHostsMap].at("next.example.com"), "s0003/next.example.com");
  EXPECT_EQ(maps[kHostsMap].at("none.example.com"), "s0003/none.example.com");
  ASSERT_EQ(maps[kPinsMap].size(), static_cast<std::size_t>(kPins));
  for (const auto& [key, server] : maps[kPinsMap]) {
    EXPECT_TRUE(key.starts_with("s0003/next.example.com:")) << key;
    EXPECT_EQ(server, standby);
  }
}

TEST(EdgeConfig, LayoutChangesWithWhatOnlyAReloadCanChange) {
  const auto with = [](auto change) {
    auto one = route(1, {"api.example.com"}, {});
    change(one);
    return layout_of(table_of({one}), options());
  };
  const int plain = with([](Route&) {});
  EXPECT_NE(with([](Route& r) { r.policy.balance = Balance::random; }), plain);
  EXPECT_NE(with([](Route& r) { r.policy.queue_seconds = 3; }), plain);
  EXPECT_EQ(with([](Route& r) { r.policy.max_connections = 3; }), plain);
  EXPECT_EQ(with([](Route& r) { r.policy.sticky = true; }), plain);
  EXPECT_EQ(with([](Route& r) { r.measured = r.asleep = true; }), plain);
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
  auto table = sample();
  table.commit(*table.plan({rich()}));
  const auto back =
      rebuild_from_config(haproxy_config(table, options()), map_text(maps_of(table)[kHostsMap]));
  EXPECT_EQ(back.routes(), table.routes());
  EXPECT_EQ(back.generation(), 42);
  EXPECT_EQ(back.slots(), 3);
}

TEST(EdgeConfig, PortsCanBeReadBackFromIt) {
  auto table = sample();
  auto both = rich();
  both.tcp_proxy = TcpProxy{20000, 80};
  auto alone = database();
  for (auto& each : alone.backends) each.address.port = 5432;  // the target is what is written
  table.resize(4);
  table.commit(*table.plan({both, alone}));
  const auto back =
      rebuild_from_config(haproxy_config(table, options()), map_text(maps_of(table)[kHostsMap]));
  EXPECT_EQ(back.routes(), table.routes());
  EXPECT_EQ(back.ports(), table.ports());
}

TEST(EdgeConfig, APortThatCannotBeHadHasNoFrontendAndAnotherLayout) {
  auto table = table_of({database()});
  const int layout = layout_of(table, options());
  EXPECT_NE(layout, layout_of(table_of({}), options()));
  table.set_closed_ports({20001});
  const auto text = haproxy_config(table, options());
  EXPECT_EQ(text.find("frontend p20001"), std::string::npos);
  EXPECT_NE(text.find("backend t0001"), std::string::npos);
  EXPECT_NE(layout_of(table, options()), layout);
  auto other = database();
  other.tcp_proxy->target_port = 5433;
  EXPECT_EQ(layout_of(table_of({other}), options()), layout) << "an address is no layout";
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
  EXPECT_EQ(texts(commands_for(plan, kFiles)),
            "add server " + fresh +
                " 10.192.3.9:1 check inter 2s fall 2 rise 1 pool-purge-delay 2s weight 100\n" +
                "enable health " + fresh + "\nenable server " + fresh +
                "\nadd map /hosts new.example.com s0001\n" +
                "del map /hosts api.localhost\nset server " + old + " state drain\nset server " +
                gone + " state maint\ndel server " + gone + "\n");
}

TEST(EdgeLive, ServersForConnectionsAreNotChecked) {
  const auto table = table_of({database()});
  auto next = database();
  next.backends.push_back(backend(9, 0, "10.192.3.31", 9));
  const std::string fresh = "t0001/" + replica_key(9, 0).id();
  EXPECT_EQ(texts(commands_for(*table.plan({next}), kFiles)),
            "add server " + fresh + " 10.192.3.31:5432 weight 100\nenable server " + fresh + "\n");
  next = database();
  next.tcp_proxy->target_port = 5433;
  const std::string old = "t0001/" + replica_key(7, 0).id(),
                    leaving = "t0001/" + replica_key(8, 0).id();
  EXPECT_EQ(texts(commands_for(*table.plan({next}), kFiles)),
            "set server " + old + " addr 10.192.3.30 port 5433\nset server " + leaving +
                " addr fd00::8 port 5433\n");
  const auto live = parse_live(
      "1\n3 t0001 1 " + replica_key(7, 0).id() +
          " 10.192.3.30 2 0 100 100 1 8 2 0 2 0 0 0 - 5432 - 0 0 - - 0\n3 t0001 2 " +
          replica_key(8, 0).id() + " fd00::8 2 8 100 100 1 8 2 0 2 0 0 0 - 5432 - 0 0 - - 0\n",
      {});
  EXPECT_EQ(texts(repairs_for(table, *live, kFiles)), "");
}

TEST(EdgeLive, AMovedHostIsSetAndNeverDeleted) {
  const auto before = sample();
  const auto plan =
      *before.plan({route(2, {"six.example.com", "api.localhost"}, before.at(2)->route.backends),
                    route(1, {"api.example.com"}, before.at(1)->route.backends)});
  EXPECT_EQ(texts(commands_for(plan, kFiles)), "set map /hosts api.localhost s0002\n");
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
  const auto live = parse_live(servers, {"", "", "", hosts});
  ASSERT_TRUE(live.ok());
  EXPECT_EQ(texts(repairs_for(sample(), *live, kFiles)), "");
  EXPECT_FALSE(parse_live("2\n", {}).ok());
  EXPECT_FALSE(parse_live("1\n3 s0001 1 short\n", {}).ok());
  const auto twice = parse_live(servers, {"", "", "", hosts + "0x4 api.localhost s0001\n"});
  EXPECT_EQ(texts(repairs_for(sample(), *twice, kFiles)), "del map /hosts #0x4\n");
}

TEST(EdgeLive, RicherRoutesInTheOrderInWhichNobodyIsLost) {
  auto table = sample();
  table.commit(*table.plan({rich()}));
  auto next = rich();
  next.backends[0].weight = 50;
  next.backends[1].weight = 50;
  next.policy.max_connections = 0;
  next.previews.clear();
  next.split.reset();
  next.asleep = next.measured = false;
  const std::string a = "s0003/" + replica_key(5, 0).id(), b = "s0003/" + replica_key(6, 0).id(),
                    c = "s0003/" + replica_key(4, 0).id();
  std::string pins;
  for (int pin = 0; pin < kPins; ++pin)
    pins += "del map /pins s0003/next.example.com:" + std::to_string(pin) + "\n";
  EXPECT_EQ(texts(commands_for(*table.plan({next}), kFiles)),
            "set maxconn server " + c + " 0\nset maxconn server " + a + " 0\nset server " + b +
                " weight 50\nset maxconn server " + b + " 0\nset map /slots s0003 K///0\n" +
                "add map /sticky " + replica_key(6, 0).id() + " s0003\n" + pins +
                "del map /hosts next.example.com\ndel map /hosts none.example.com\nset server " +
                a + " weight 50\n");
}

TEST(EdgeLive, AStandbyIsNotADrainingServer) {
  auto one = route(1, {"one.test"}, {backend(1, 0, "10.0.0.1", 80), backend(2, 0, "10.0.0.2", 80)});
  one.backends[0].weight = 0;
  one.backends[1].draining = true;
  const auto table = table_of({one});
  const std::string a = replica_key(1, 0).id(), b = replica_key(2, 0).id();
  const auto repairs = [&](const std::string& first, const std::string& second) {
    const auto line = [](const std::string& name, const char* address, const std::string& state) {
      return "3 s0001 1 " + name + " " + address + " 2 " + state +
             " 0 1 8 2 0 6 0 0 0 - 80 - 0 0 - - 0\n";
    };
    return texts(
        repairs_for(table,
                    *parse_live("1\n" + line(a, "10.0.0.1", first) + line(b, "10.0.0.2", second),
                                {"", "", "", "0x1 one.test s0001\n"}),
                    kFiles));
  };
  EXPECT_EQ(repairs("0 0", "8 100"), "");
  EXPECT_EQ(repairs("0 0", "0 0"), "") << "as after a reload";
  EXPECT_EQ(repairs("8 0", "8 100"),
            "set server s0001/" + a + " weight 0\nset server s0001/" + a + " state ready\n");
  EXPECT_EQ(repairs("0 100", "0 100"),
            "set server s0001/" + a + " weight 0\nset server s0001/" + b + " state drain\n");
}

TEST(EdgeLive, WhereASlotsEntryDiffersItsLimitsAreSetAgain) {
  auto one = route(1, {"one.test"}, {backend(1, 0, "10.0.0.1", 80)});
  one.policy.max_connections = 7;
  const auto table = table_of({one});
  const std::string server = replica_key(1, 0).id();
  const std::string servers =
      "1\n3 s0001 1 " + server + " 10.0.0.1 2 0 100 0 1 8 2 0 6 0 0 0 - 80 - 0 0 - - 0\n";
  const auto repairs = [&](const std::string& slots) {
    return texts(
        repairs_for(table, *parse_live(servers, {slots, "", "", "0x1 one.test s0001/\n"}), kFiles));
  };
  const std::string limit = "set maxconn server s0001/" + server + " 7\n";
  EXPECT_EQ(repairs("0x9 s0001 -///7\n"), "");
  EXPECT_EQ(repairs("0x9 s0001 -///8\n"), limit + "set map /slots #0x9 -///7\n");
  EXPECT_EQ(repairs(""), limit + "add map /slots s0001 -///7\n");
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
