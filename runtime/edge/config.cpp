#include "runtime/edge/config.hpp"

#include <algorithm>
#include <cstdint>

#include "runtime/edge/state.hpp"

namespace gantry {
namespace {

struct Words {
  std::string_view name;
  std::string value;
};

// ${NAME} of a template by its value.
std::string fill(std::string_view text, const std::vector<Words>& words) {
  std::string out(text);
  for (const auto& word : words) {
    const std::string mark = "${" + std::string(word.name) + "}";
    for (auto at = out.find(mark); at != std::string::npos;
         at = out.find(mark, at + word.value.size()))
      out.replace(at, mark.size(), word.value);
  }
  return out;
}

// Answers are measured one by one up to so many requests a second at the proxy, above it one of so
// many; of measured routes always all.
constexpr int kMeasuredRate = 200, kMeasuredShare = 16;
constexpr int kMostHeld = 1000;  // of each sleeping slot; more get 503
constexpr std::string_view kCookie = "gantry_replica";

// The order of a request: id, host, slot, split, headers, backend. Room is left between them for
// redirects and limits.
constexpr std::string_view kPreamble =
    R"(# Made by Gantry, generation ${GENERATION}. Changes made here are lost.
global
    set-var proc.gen int(${GENERATION})
    set-var proc.layout int(${LAYOUT})
    set-var proc.port int(${PORT})
    stats socket unix@${WORKER} mode 600 level admin
    stats timeout 1h
    maxconn ${MAXCONN}
    hard-stop-after 12h
    mworker-max-reloads 20
    tune.bufsize 32768
    lua-load-per-thread ${HOLD}

# What is measured. The daemon reads it through the worker's socket; unread, the oldest is lost.
ring access
    format raw
    maxlen 1024
    size 4194304

defaults http
    mode http
    balance roundrobin
    option redispatch 1
    option http-no-delay
    option idle-close-on-response
    option splice-auto
    option dontlognull
    retries 3
    retry-on conn-failure empty-response
    http-reuse safe
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout http-request 10s
    timeout http-keep-alive 60s
    timeout queue 30s
    timeout tunnel 1h
    timeout client-fin 10s
    unique-id-format %[uuid()]
    http-error status 400 content-type "text/html; charset=utf-8" lf-file ${PAGES}/400.html hdr Cache-Control no-store
    http-error status 408 content-type "text/html; charset=utf-8" lf-file ${PAGES}/408.html hdr Cache-Control no-store
    http-error status 502 content-type "text/html; charset=utf-8" lf-file ${PAGES}/502.html hdr Cache-Control no-store
    http-error status 503 content-type "text/html; charset=utf-8" lf-file ${PAGES}/503.html hdr Cache-Control no-store hdr Retry-After 5
    http-error status 504 content-type "text/html; charset=utf-8" lf-file ${PAGES}/504.html hdr Cache-Control no-store

# Connections, byte by byte. A peer that is gone is found by keepalive, so idle ones may stay.
defaults tcp
    mode tcp
    balance leastconn
    maxconn ${TCPMAXCONN}
    option redispatch 1
    option clitcpka
    option srvtcpka
    clitcpka-idle 60s
    clitcpka-intvl 15s
    clitcpka-cnt 4
    srvtcpka-idle 60s
    srvtcpka-intvl 15s
    srvtcpka-cnt 4
    option splice-auto
    retries 3
    timeout connect 5s
    timeout queue 30s
    timeout client 24h
    timeout server 24h
    timeout client-fin 1h
    timeout server-fin 1h

defaults slots from http
    # A sleeping slot: until a server is up.
    http-request lua.hold if { var(txn.is) -m found } { var(txn.is) -m sub Z } { nbsrv eq 0 } !{ var(txn.preview) -m found } { be_conn le ${HELD} }
    http-response set-var(txn.stream) int(1) if { res.hdr(content-type) -m beg text/event-stream }
    # A preview is never answered by another version, whatever happened to its server.
    http-response deny deny_status 503 if { var(txn.preview) -m found } !{ srv_name,strcmp(txn.pin) eq 0 }
    http-response add-header Set-Cookie "${COOKIE}=%[srv_name]; Path=/; HttpOnly; SameSite=Lax" if { var(txn.is) -m found } { var(txn.is) -m sub K } !{ var(txn.preview) -m found } !{ srv_name,strcmp(txn.pin) eq 0 }

frontend http from http
    bind ${BIND} name http
    log ring@access format raw local0
    log-format "%s %ST %ts %Tc %Tr %Td %[var(txn.stream)]"
    http-after-response set-header X-Request-Id %[unique-id]
    http-request set-log-level silent if { fe_req_rate gt ${RATE} } !{ rand(${SHARE}) eq 0 }
    http-request set-var(txn.host) req.hdr(host),host_only,lower,rtrim(.)
    http-request set-var(txn.slot) var(txn.host),map_str(${HOSTS})
    http-request return status 404 content-type "text/html; charset=utf-8" lf-file ${PAGES}/404.html hdr Cache-Control no-store unless { var(txn.slot) -m found }
    # "slot/" when something is special about it, "slot/host" for a preview. Most are neither, and
    # pay only for looking. txn.is: what is special. txn.pin: the server that has to answer.
    acl special var(txn.to) -m found
    acl preview var(txn.preview) -m found
    http-request set-var(txn.to) var(txn.slot) if { var(txn.slot) -m sub / }
    http-request set-var(txn.slot) var(txn.to),field(1,/) if special
    http-request set-var(txn.preview) var(txn.to) if special { var(txn.to),field(2,/) -m len gt 0 }
    http-request set-var(txn.turn) rand(${PINS}) if preview
    http-request set-var(txn.pin) var(txn.preview),concat(:,txn.turn),map_str(${PINNED}) if preview
    http-request deny deny_status 503 if preview !{ var(txn.pin) -m found }
    http-request set-var(txn.is) var(txn.slot),map_str(${SLOTS},-) if special
    http-request set-var(txn.percent) var(txn.is),field(3,/) if special !preview { var(txn.is) -m sub /s }
    http-request set-var(txn.slot) var(txn.is),field(2,/) if { var(txn.percent) -m found } { rand(100),sub(txn.percent) lt 0 }
    http-request set-var(txn.is) var(txn.slot),map_str(${SLOTS},-) if { var(txn.percent) -m found }
    http-request set-log-level info if special { var(txn.is) -m sub M }
    http-request set-var(txn.pin) req.cook(${COOKIE}) if special !preview { var(txn.is) -m sub K } { req.cook(${COOKIE}),map_str(${STICKY}),strcmp(txn.slot) eq 0 }
    # The client's own forwarding headers are never trusted.
    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Real-IP %[src]
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    http-request set-header X-Forwarded-Port %[dst_port]
    http-request set-header X-Request-Id %[unique-id]
    http-request del-header Forwarded
    http-request del-header Proxy
    # A request that may have had an effect is never sent twice.
    http-request disable-l7-retry unless { method GET HEAD OPTIONS PUT DELETE }
    use_backend %[var(txn.slot)]
)";

std::string preamble(const EdgeOptions& options, std::int64_t generation, int layout) {
  const EdgePaths paths(options);
  return fill(kPreamble, {{"GENERATION", std::to_string(generation)},
                          {"LAYOUT", std::to_string(layout)},
                          {"PORT", std::to_string(options.port)},
                          {"WORKER", paths.worker_socket},
                          {"MAXCONN", std::to_string(options.max_connections)},
                          {"TCPMAXCONN", std::to_string(std::max(options.max_connections / 4, 1))},
                          {"PAGES", paths.pages},
                          {"HOLD", paths.hold_script},
                          {"HELD", std::to_string(kMostHeld)},
                          {"RATE", std::to_string(kMeasuredRate)},
                          {"SHARE", std::to_string(kMeasuredShare)},
                          {"COOKIE", std::string(kCookie)},
                          {"PINS", std::to_string(kPins)},
                          {"PINNED", paths.maps[kPinsMap]},
                          {"SLOTS", paths.maps[kSlotsMap]},
                          {"STICKY", paths.maps[kStickyMap]},
                          {"HOSTS", paths.maps[kHostsMap]},
                          {"BIND", server_address({options.bind_address, options.port})}});
}

// What cannot be a default. A pinned request goes to its server even if that is down: a preview to
// no other, and one that was held before a reload to the only one that it can be told of.
constexpr std::string_view kSlotLines =
    R"(    force-persist if { var(txn.preview) -m found } || { var(txn.is) -m found } { var(txn.is) -m sub Z } { nbsrv eq 0 }
    use-server %[var(txn.pin)] if { var(txn.pin) -m found }
)";

// What a slot has of its route that only a reload can change.
std::string policy_lines(const RoutePolicy& policy) {
  std::string text;
  switch (policy.balance) {
    case Balance::round_robin:
      break;
    case Balance::least_connections:
      text += "    balance leastconn\n";
      break;
    case Balance::random:
      text += "    balance random\n";
      break;
  }
  if (policy.queue_seconds != RoutePolicy().queue_seconds)
    text += "    timeout queue " + std::to_string(policy.queue_seconds) + "s\n";
  return text;
}

// What it takes to know the route again; in the first section that has it.
std::string head_lines(const Route& route) {
  std::string text = "    # " + route.instance_id.str() + "\n";
  if (const auto rest = encode_rest(route); !rest.empty()) text += "    # with " + rest + "\n";
  return text;
}

std::string server_lines(const SlotRoute& route, const std::string& slot) {
  std::string text;
  for (const EdgeServer& server : servers_of(route)) {
    if (server.slot != slot) continue;
    text += "    server " + server.name + " " + server_address(server.address) + " ";
    text += server.options(server.draining ? 0 : server.weight);
    if (server.draining) text += std::string(kDrainingMark) + std::to_string(server.weight);
    text += "\n";
  }
  return text;
}

std::string tcp_sections(const SlotRoute& placed, const RouteTable& table,
                         const EdgeOptions& options) {
  const Route& route = placed.route;
  const std::string slot = tcp_slot_name(placed.slot);
  const int port = route.tcp_proxy->port;
  std::string text;
  if (!table.closed_ports().contains(port))
    text = "\nfrontend " + port_name(port) + " from tcp\n    bind " +
           server_address({options.bind_address, port}) + "\n    default_backend " + slot + "\n";
  text += "\nbackend " + slot + " from tcp\n";
  if (route.hosts.empty()) text += head_lines(route);
  return text + server_lines(placed, slot);
}

}  // namespace

EdgePaths::EdgePaths(const EdgeOptions& options)
    : directory(options.directory),
      run(directory + "/run"),
      pages(directory + "/pages"),
      config(directory + "/haproxy.cfg"),
      candidate(directory + "/haproxy.cfg.candidate"),
      hold_script(directory + "/hold.lua"),
      log(directory + "/haproxy.log"),
      lock(directory + "/lock"),
      maps({directory + "/slots.map", directory + "/pins.map", directory + "/sticky.map",
            directory + "/hosts.map"}),
      master_socket(run + "/master.sock"),
      worker_socket(run + "/worker.sock"),
      wake_socket(run + "/wake.sock") {}

int layout_of(const RouteTable& table, const EdgeOptions& options) {
  std::string text = preamble(options, 0, 0) + server_options(0, 0) + std::string(kSlotLines) +
                     hold_script(EdgePaths(options)) + std::to_string(table.slots());
  for (const auto& [id, route] : table.routes())
    if (const auto lines = policy_lines(route.route.policy); !lines.empty())
      text += slot_name(route.slot) + lines;
  for (const auto& [port, id] : table.ports())
    text += tcp_slot_name(table.routes().at(id).slot) +
            (table.closed_ports().contains(port) ? "-" : port_name(port));
  std::uint32_t hash = 2166136261U;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return static_cast<int>(hash >> 1);
}

bool needs_reload(const RouteChange& change) {
  const auto lines = [](const std::optional<SlotRoute>& route) {
    return route ? policy_lines(route->route.policy) : "";
  };
  const auto port = [](const std::optional<SlotRoute>& route) {
    return route && route->route.tcp_proxy ? route->route.tcp_proxy->port : 0;
  };
  return lines(change.before) != lines(change.after) || port(change.before) != port(change.after);
}

std::string haproxy_config(const RouteTable& table, const EdgeOptions& options) {
  std::string text = preamble(options, table.generation(), layout_of(table, options));
  for (int slot = 1; slot <= table.slots(); ++slot) {
    text += "\nbackend " + slot_name(slot) + " from slots\n";
    const SlotRoute* placed = table.at(slot);
    if (placed != nullptr && !placed->route.hosts.empty()) {
      text += head_lines(placed->route) + policy_lines(placed->route.policy);
      text += server_lines(*placed, slot_name(slot));
    }
    text += kSlotLines;
  }
  for (const auto& [port, id] : table.ports())
    text += tcp_sections(table.routes().at(id), table, options);
  return text;
}

}  // namespace gantry
