#include "runtime/edge/config.hpp"

#include <cstdint>

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

// The order of a request: id, host, slot, headers, backend. Room is left between them for redirects
// and limits.
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

frontend http from http
    bind ${BIND} name http
    http-after-response set-header X-Request-Id %[unique-id]
    http-request set-var(txn.host) req.hdr(host),host_only,lower,rtrim(.)
    http-request set-var(txn.slot) var(txn.host),map_str(${HOSTS})
    http-request return status 404 content-type "text/html; charset=utf-8" lf-file ${PAGES}/404.html hdr Cache-Control no-store unless { var(txn.slot) -m found }
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
  const bool v6 = options.bind_address.find(':') != std::string::npos;
  const std::string address = v6 ? "[" + options.bind_address + "]" : options.bind_address;
  return fill(kPreamble, {{"GENERATION", std::to_string(generation)},
                          {"LAYOUT", std::to_string(layout)},
                          {"PORT", std::to_string(options.port)},
                          {"WORKER", paths.worker_socket},
                          {"MAXCONN", std::to_string(options.max_connections)},
                          {"PAGES", paths.pages},
                          {"HOSTS", paths.hosts_map},
                          {"BIND", address + ":" + std::to_string(options.port)}});
}

}  // namespace

const char* const kServerOptions = "check inter 2s fall 2 rise 1 weight 100 pool-purge-delay 2s";

EdgePaths::EdgePaths(const EdgeOptions& options)
    : directory(options.directory),
      run(directory + "/run"),
      pages(directory + "/pages"),
      config(directory + "/haproxy.cfg"),
      candidate(directory + "/haproxy.cfg.candidate"),
      hosts_map(directory + "/hosts.map"),
      log(directory + "/haproxy.log"),
      lock(directory + "/lock"),
      master_socket(run + "/master.sock"),
      worker_socket(run + "/worker.sock") {}

int layout_of(const RouteTable& table, const EdgeOptions& options) {
  std::uint32_t hash = 2166136261U;  // FNV-1a
  for (const char c : preamble(options, 0, 0) + kServerOptions + std::to_string(table.slots()))
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return static_cast<int>(hash >> 1);
}

std::string server_name(const ReplicaKey& key) { return key.id(); }

std::string server_address(const Address& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

std::string hosts_map_text(const RouteTable& table) {
  std::string text;
  for (const auto& [host, instance] : table.hosts())
    text += host + " " + slot_name(table.routes().at(instance).slot) + "\n";
  return text;
}

std::string haproxy_config(const RouteTable& table, const EdgeOptions& options) {
  std::string text = preamble(options, table.generation(), layout_of(table, options));
  for (int slot = 1; slot <= table.slots(); ++slot) {
    text += "\nbackend " + slot_name(slot) + " from http\n";
    const SlotRoute* route = table.at(slot);
    if (route == nullptr) continue;
    text += "    # " + route->route.instance_id.str() + "\n";
    for (const auto& backend : route->route.backends) {
      text += "    server " + server_name(backend.key) + " " + server_address(backend.address) +
              " " + kServerOptions;
      text += backend.draining ? " weight 0\n" : "\n";
    }
  }
  return text;
}

}  // namespace gantry
