// gantryd's configuration: one YAML file, every key optional, unknown keys and bad values refused
// with their line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proto/result.hpp"

namespace gantry {

struct Endpoint {
  std::string address;
  int port = 0;
};

// docs/config.md explains each key; the defaults here are the embedded ones.
struct Config {
  std::string data_dir = "/var/lib/gantry";
  Endpoint listen{"127.0.0.1", 7070};     // the API; loopback unless told otherwise
  std::string base_domain = "localhost";  // services live at <service>-<environment>.<base_domain>
  int io_threads = 2;
  int workers = 8;                  // handlers at once, each with its own database connection
  int max_connections = 1024;       // client connections to the API
  std::string log_level = "info";   // trace debug info warn error
  std::string log_format = "text";  // text json
  struct Database {
    std::string url;                // empty: a PostgreSQL cluster of its own in data_dir
    std::string user = "postgres";  // the unprivileged user that runs the own cluster
  } database;
  std::string key_file;       // empty: <data_dir>/key
  std::string templates_dir;  // of the operator's own; empty: <data_dir>/templates
  std::string engine_socket = "/var/run/docker.sock";
  struct EdgeConfig {
    Endpoint listen{"0.0.0.0", 8080};
    std::string haproxy = "/usr/sbin/haproxy";
    std::string user =
        "haproxy";  // the unprivileged user that runs the proxy; empty: the daemon's own
    int max_connections = 4000;
    int first_tcp_port = 20000, last_tcp_port = 20999;  // for services; first 0: none
  } edge;
  std::string network_range = "10.192.0.0/12";  // environments get /24s out of it
  struct BuildConfig {
    int concurrency = 1;                     // builds at once
    int deadline_seconds = 1800;             // of one build
    int cpu_millicores = 0;                  // of all builds; 0: the cores less a half
    std::int64_t memory_bytes = 2LL << 30;   // of all builds
    int pids = 4096;                         // of all builds
    std::int64_t disk_bytes = 20LL << 30;    // written by one build
    std::string cgroup = "docker/buildkit";  // where the engine's builds run
    int keep_images = 5;                     // of each service and environment
    std::int64_t images_bytes = 40LL << 30;  // of all kept images; above: the oldest go
    std::int64_t images_low_bytes = 0;       // until so much is left; 0: three quarters of them
    std::int64_t cache_bytes = 20LL << 30;   // of the engine's build cache
    std::int64_t upload_bytes = 1LL << 30;   // of one uploaded archive
  } build;
  struct GitConfig {
    int concurrency = 2;                        // repositories that are fetched at once
    int deadline_seconds = 600;                 // of one fetch
    std::int64_t repository_bytes = 1LL << 30;  // of one fetch, with what is checked out
    bool allow_files = false;                   // file:// addresses
    int pause_seconds = 10;                     // between two deployments of one branch
    int checks_seconds = 3600;                  // how long a deployment waits for its checks
  } git;
  struct SessionsConfig {
    int most = 64;  // commands, shells and tunnels open at once
  } sessions;
  struct JobsConfig {
    int at_once = 32;  // runs of all services together
  } jobs;
  struct AlertsConfig {
    std::string webhook_url;     // empty: nobody is told
    std::string webhook_secret;  // signs what is sent; empty: nothing is signed
  } alerts;
  int metrics_days = 30;  // that is kept what services used; 0: it is not measured
  struct SchedulerConfig {
    int resync_seconds = 30;
    int orphan_grace_seconds = 300;
  } scheduler;
  struct VolumesConfig {
    int grace_seconds = 7 * 24 * 3600;  // of a deleted volume, until then it can be restored
    int measure_seconds = 600;          // between looks at what they hold
    int purge_look_seconds = 300;       // between looks for those whose grace is over
  } volumes;
  struct AuditConfig {
    int keep_days = 0;  // lines of the audit log; 0: for ever
  } audit;
  struct EnvironmentsConfig {
    int grace_seconds = 48 * 3600;  // of a deleted environment, until then it can be restored
  } environments;
};

// `name` is used in messages: "gantry.yaml:3: listen.port: ...". All problems are reported, not
// just the first.
Result<Config> parse_config(const std::string& text, const std::string& name);
Result<Config> load_config(const std::string& path);

// "10.192.0.0/12" -> base and how many /24s it holds.
struct NetworkRange {
  std::string base;
  int subnets = 0;
};
Result<NetworkRange> parse_network_range(const std::string&);

}  // namespace gantry
