// Where backups may lie.
#include <algorithm>

#include "api/backup_parts.hpp"
#include "api/body.hpp"
#include "api/nearest.hpp"
#include "api/reply.hpp"
#include "api/write.hpp"
#include "proto/mount_path.hpp"

namespace gantry::api {
namespace {

std::string json_of(const BackupDestination& one) {
  std::string out;
  append_json(out, one);
  return out;
}

Result<BackupDestination> read_destination(const Request& request) {
  auto body = Fields::read(request, {"name", "kind", "path", "endpoint", "region", "bucket",
                                     "prefix", "access_key_id", "secret_access_key", "addressing"});
  if (!body) return body.error();
  BackupDestination wanted;
  wanted.name = body->name("name").str();
  wanted.kind = body->text("kind");
  wanted.path = body->optional_text("path").value_or("");
  wanted.endpoint = body->optional_text("endpoint").value_or("");
  wanted.region = body->optional_text("region").value_or("");
  wanted.bucket = body->optional_text("bucket").value_or("");
  wanted.prefix = body->optional_text("prefix").value_or("");
  wanted.access_key_id = body->optional_text("access_key_id").value_or("");
  wanted.secret_access_key = body->optional_text("secret_access_key").value_or("");
  const std::string addressing = body->optional_text("addressing").value_or("path");
  GANTRY_TRY(body->check());
  if (wanted.kind != "directory" && wanted.kind != "s3")
    return invalid("/kind", "invalid_kind", "expected directory or s3");
  if (addressing != "path" && addressing != "virtual")
    return invalid("/addressing", "invalid_addressing", "expected path or virtual");
  if (wanted.name == "local")
    return invalid("/name", "reserved_name", "\"local\" is the directory that is always there");
  if (wanted.kind == "directory") {
    const auto path = parse_mount_path(wanted.path, "/path");
    if (!path)
      return invalid("/path", "invalid_path",
                     "expected an absolute directory of the server, without . and .., such as "
                     "/srv/backups");
    wanted.path = *path;
  }
  wanted.path_style = addressing == "path";
  return wanted;
}

}  // namespace

Answer list_backup_destinations(const Request& request, Context& context) {
  const auto backups = backups_of(context);
  if (!backups) return backups.error();
  const auto all = (*backups)->destinations();
  if (!all) return all.error();
  std::string items;
  for (const BackupDestination& one : *all) {
    if (!items.empty()) items += ',';
    append_json(items, one);
  }
  return unversioned(request, "{\"data\":[" + items + "]}");
}

// Written to and read from before it is kept; new backups go there.
Answer create_backup_destination(const Request& request, Context& context, Transaction&) {
  const auto backups = backups_of(context);
  if (!backups) return backups.error();
  auto wanted = read_destination(request);
  if (!wanted) return wanted.error();
  wanted->preferred = true;
  if (!is_dry_run(request)) GANTRY_TRY((*backups)->add_destination(*wanted));
  return created("/v1/backup-destinations/" + wanted->name, json_of(*wanted));
}

// From now on new backups go there.
Answer prefer_backup_destination(const Request& request, Context& context, Transaction&) {
  const auto backups = backups_of(context);
  if (!backups) return backups.error();
  const auto body = Fields::read(request, {});
  if (!body) return body.error();
  GANTRY_TRY(body->check());
  const auto all = (*backups)->destinations();
  if (!all) return all.error();
  const std::string& wanted = request.path_parameters[0];
  const auto one = std::find_if(all->begin(), all->end(),
                                [&](const BackupDestination& each) { return each.name == wanted; });
  if (one == all->end()) return not_found("backup destination " + clipped(wanted));
  BackupDestination preferred = *one;
  preferred.preferred = true;
  if (!is_dry_run(request)) GANTRY_TRY((*backups)->add_destination(preferred));
  return unversioned(request, json_of(preferred));
}

Answer delete_backup_destination(const Request& request, Context& context, Transaction&) {
  const auto backups = backups_of(context);
  if (!backups) return backups.error();
  const std::string& wanted = request.path_parameters[0];
  if (is_dry_run(request)) return no_content();
  const auto gone = (*backups)->ledger().remove_destination(wanted);
  if (!gone && gone.error().code == Code::not_found)
    return not_found("backup destination " + clipped(wanted));
  if (!gone) return gone.error();
  return no_content();
}

}  // namespace gantry::api
