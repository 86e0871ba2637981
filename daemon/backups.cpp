#include "daemon/backups.hpp"

#include "daemon/log.hpp"
#include "runtime/docker/codec_exec.hpp"
#include "scheduler/desired.hpp"
#include "store/open_ledger.hpp"

namespace gantry {
namespace {

Result<BackupOptions> options_of(const Config& config, const InstallationId& installation) {
  auto key = VaultKey::of_file(config.key_file);
  if (!key) return key.error();
  BackupOptions options{.key = *std::move(key),
                        .local_path = config.data_dir + "/backups",
                        .base_domain = config.base_domain,
                        .network = {}};
  const auto range = parse_network_range(config.network_range);
  if (!range) return range.error();
  options.network = [base = range->base, installation](const Environment& environment) {
    return NetworkSpec{environment.id, network_name(installation, environment.id),
                       subnet(base, environment.subnet_index)};
  };
  options.log = [](const std::string& text) { log::info(text); };
  return options;
}

}  // namespace

Result<DaemonBackups> make_backups(const Config& config, const BackupParts& parts) {
  const InstallationId installation = parts.store.installation();
  auto options = options_of(config, installation);
  if (!options) return options.error();
  DaemonBackups made;
  made.ledger = open_backup_ledger(parts.store);
  made.workbench = make_workbench(parts.exec, [installation](const SessionId& id) {
    return docker::one_off_name(installation, id);
  });
  made.runner = std::make_unique<BackupRunner>(
      BackupPorts{
          .store = parts.store,
          .ledger = *made.ledger,
          .exec = parts.exec,
          .workbench = *made.workbench,
          .made_from = [templates = parts.templates](
                           std::string_view name) { return template_service(*templates, name); },
          .clock = system_clock(),
          .volumes = parts.volumes},
      *std::move(options));
  if (config.alerts.webhook_url.empty()) return made;
  made.alert_ledger = open_alert_ledger(parts.store);
  made.alerts = std::make_unique<Alerts>(
      parts.store, *made.alert_ledger,
      [&ledger = *made.ledger] {
        const auto leads = ledger.leads();
        return leads && *leads;
      },
      AlertOptions{
          .webhook = {.url = config.alerts.webhook_url, .secret = config.alerts.webhook_secret},
          .log = [](const std::string& text) { log::info(text); }});
  return made;
}

}  // namespace gantry
