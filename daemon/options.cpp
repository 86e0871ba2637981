#include "daemon/options.hpp"

#include "daemon/log.hpp"

namespace gantry {

SourceOptions source_options(const Config& config) {
  return {.directory = config.data_dir + "/sources",
          .archive_bytes = static_cast<std::uint64_t>(config.build.upload_bytes)};
}

BuildKitOptions buildkit_options(const Config& config) {
  return {.socket_path = config.engine_socket,
          .limits = {.cpu_millicores = config.build.cpu_millicores,
                     .memory_bytes = config.build.memory_bytes,
                     .pids = config.build.pids,
                     .disk_bytes = config.build.disk_bytes,
                     .cgroup = config.build.cgroup},
          .warn = [](const std::string& text) { log::warn(text); }};
}

SourceBuilderOptions builder_options(const Config& config, const InstallationId& installation) {
  SourceBuilderOptions options;
  options.installation_id = installation;
  options.sources = source_options(config).directory;
  options.work = config.data_dir + "/builds";
  options.concurrency = config.build.concurrency;
  options.deadline = Seconds(config.build.deadline_seconds);
  options.keep_images = config.build.keep_images;
  options.images_high_bytes = static_cast<std::uint64_t>(config.build.images_bytes);
  options.images_low_bytes = config.build.images_low_bytes > 0
                                 ? static_cast<std::uint64_t>(config.build.images_low_bytes)
                                 : options.images_high_bytes / 4 * 3;
  options.cache_bytes = static_cast<std::uint64_t>(config.build.cache_bytes);
  return options;
}

DesiredOptions desired_options(const Config& config, const InstallationId& installation) {
  return {.base_domain = config.base_domain,
          .network_range = parse_network_range(config.network_range)->base,
          .installation = installation};
}

ReconcilerOptions scheduler_options(const Config& config, const InstallationId& installation) {
  ReconcilerOptions options;
  options.resync = Seconds(config.scheduler.resync_seconds);
  options.desired = desired_options(config, installation);
  options.measure = Seconds(config.volumes.measure_seconds);
  options.purge_look = Seconds(config.volumes.purge_look_seconds);
  options.volume_grace = Seconds(config.volumes.grace_seconds);
  options.environment_grace = Seconds(config.environments.grace_seconds);
  options.builds = config.build.concurrency;
  options.kept_releases = config.build.keep_images;
  options.log = [](const std::string& text) { log::info(text); };
  return options;
}

EdgeOptions edge_options(const Config& config) {
  EdgeOptions options;
  options.directory = config.data_dir + "/edge";
  options.haproxy = config.edge.haproxy;
  options.bind_address = config.edge.listen.address;
  options.port = config.edge.listen.port;
  options.max_connections = config.edge.max_connections;
  options.notice = [](std::string_view text) { log::warn(text); };
  return options;
}

MetricsOptions metrics_options(const Config& config) {
  return {.directory = config.data_dir + "/metrics",
          .days = config.metrics_days,
          .log = [](const std::string& text) { log::warn(text); }};
}

ServerOptions server_options(const Config& config) {
  ServerOptions options;
  options.address = config.listen.address;
  options.port = config.listen.port;
  options.io_threads = config.io_threads;
  options.workers = config.workers;
  options.max_connections = config.max_connections;
  options.upload_bytes = static_cast<std::uint64_t>(config.build.upload_bytes);
  return options;
}

}  // namespace gantry
