#include "runtime/backup/places.hpp"

#include <algorithm>

namespace gantry {

Result<std::unique_ptr<Destination>> open_destination(const BackupDestination& wanted) {
  if (wanted.kind == "directory") return make_directory_destination(wanted.path);
  S3Options options;
  options.endpoint = wanted.endpoint;
  if (!wanted.region.empty()) options.region = wanted.region;
  options.bucket = wanted.bucket;
  options.prefix = wanted.prefix;
  options.access_key_id = wanted.access_key_id;
  options.secret_access_key = wanted.secret_access_key;
  options.path_style = wanted.path_style;
  return make_s3_destination(std::move(options));
}

Result<std::vector<BackupDestination>> BackupPlaces::all() {
  auto known = ledger_.destinations();
  if (!known) return known;
  const auto is = [](std::string_view name) {
    return [name](const BackupDestination& one) { return one.name == name; };
  };
  if (std::none_of(known->begin(), known->end(), is("local"))) {
    const bool others = std::any_of(known->begin(), known->end(),
                                    [](const BackupDestination& one) { return one.preferred; });
    BackupDestination local;
    local.name = "local";
    local.kind = "directory";
    local.path = local_path_;
    local.preferred = !others;
    known->insert(std::upper_bound(known->begin(), known->end(), local,
                                   [](const auto& a, const auto& b) { return a.name < b.name; }),
                  local);
  }
  return known;
}

Result<BackupDestination> BackupPlaces::find(const std::string& name) {
  const auto known = all();
  if (!known) return known.error();
  for (const BackupDestination& one : *known)
    if (name.empty() ? one.preferred : one.name == name) return one;
  return not_found("backup destination " + name);
}

Result<std::shared_ptr<Destination>> BackupPlaces::open(const std::string& name) {
  const auto wanted = find(name);
  if (!wanted) return wanted.error();
  auto opened = open_destination(*wanted);
  if (!opened) return opened.error();
  return std::shared_ptr<Destination>(std::move(*opened));
}

}  // namespace gantry
