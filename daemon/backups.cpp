#include "daemon/backups.hpp"

#include "daemon/log.hpp"
#include "scheduler/desired.hpp"

namespace gantry {

Result<std::unique_ptr<BackupRunner>> make_backups(const Config& config, const BackupParts& parts) {
  auto key = VaultKey::of_file(config.key_file);
  if (!key) return key.error();
  BackupOptions options{.key = *std::move(key),
                        .local_path = config.data_dir + "/backups",
                        .base_domain = config.base_domain,
                        .network = {}};
  const auto range = parse_network_range(config.network_range);
  if (!range) return range.error();
  options.network = [base = range->base,
                     installation = parts.store.installation()](const Environment& environment) {
    return NetworkSpec{environment.id, network_name(installation, environment.id),
                       subnet(base, environment.subnet_index)};
  };
  options.log = [](const std::string& text) { log::info(text); };
  return std::make_unique<BackupRunner>(BackupPorts{.store = parts.store,
                                                    .ledger = parts.ledger,
                                                    .exec = parts.exec,
                                                    .workbench = parts.workbench,
                                                    .made_from = parts.made_from,
                                                    .clock = system_clock(),
                                                    .volumes = parts.volumes},
                                        std::move(options));
}

}  // namespace gantry
