#include "api/backup_parts.hpp"

#include "api/nearest.hpp"

namespace gantry::api {

Result<Backups*> backups_of(const Context& context) {
  if (context.backups != nullptr) return context.backups;
  return Error{Code::unavailable, "backups_unavailable", "this daemon takes no backups"};
}

Result<Backup> find_backup(const Request& request, const Context& context, const Place& place) {
  const auto backups = backups_of(context);
  if (!backups) return backups.error();
  const std::string& wanted = request.path_parameters[3];
  const Error missing = not_found("backup " + clipped(wanted));
  const auto id = BackupId::parse(wanted);
  if (!id) return missing;
  auto found = (*backups)->ledger().backup(*id);
  if (!found) return found;
  if (found->origin.instance_id != place.instance->instance.id) return missing;
  return found;
}

BackupOrigin origin_of(const Place& place) {
  return {.project_id = place.project->project.id,
          .environment_id = place.environment->environment.id,
          .service_id = place.service->id,
          .instance_id = place.instance->instance.id,
          .project = place.project->project.name.str(),
          .environment = place.environment->environment.name.str(),
          .service = place.service->name.str()};
}

std::string_view template_of(const Place& place) {
  return place.instance->instance.settings.source.from_template;
}

void append_json(std::string& out, const Backup& backup) {
  JsonObject object(out);
  object.text("id", backup.id.str())
      .text("kind", name(backup.kind))
      .text("trigger", name(backup.trigger))
      .text_or_null("schedule", backup.schedule)
      .text("status", name(backup.status))
      .text("reason", backup.reason);
  append_reference(object, "project", backup.origin.project_id.str(), backup.origin.project);
  append_reference(object, "environment", backup.origin.environment_id.str(),
                   backup.origin.environment);
  append_reference(object, "service", backup.origin.service_id.str(), backup.origin.service);
  std::string& mounts = object.at("mounts");
  mounts += '[';
  for (std::size_t i = 0; i < backup.mounts.size(); ++i) {
    if (i > 0) mounts += ',';
    append_json_string(mounts, backup.mounts[i]);
  }
  mounts += ']';
  object.text("instance_id", backup.origin.instance_id.str())
      .text_or_null("template", backup.from_template)
      .text("destination", backup.destination)
      .text("extension", backup.extension)
      .number("bytes", backup.bytes)
      .number("stored_bytes", backup.stored_bytes)
      .text_or_null("sha256", backup.sha256)
      .number("tables", static_cast<std::int64_t>(backup.after.size()))
      .time("created_at", backup.created_at)
      .time_or_null("finished_at", backup.finished_at)
      .time_or_null("verified_at", backup.verified_at)
      .text("verify_reason", backup.verify_reason)
      .boolean("verifying", backup.drill_asked_at.has_value())
      .boolean("locked", backup.locked);
}

void append_json(std::string& out, const BackupSchedule& schedule) {
  JsonObject(out)
      .text("name", schedule.name)
      .text("cron", schedule.cron)
      .number("keep_count", schedule.keep_count)
      .number("keep_days", schedule.keep_seconds / 86400)
      .boolean("enabled", schedule.enabled)
      .number("failures", schedule.failures);
}

void append_json(std::string& out, const Restore& restore) {
  JsonObject object(out);
  object.text("id", restore.id.str())
      .text("backup_id", restore.backup_id.str())
      .text("instance_id", restore.instance_id.str())
      .text_or_null("safety_backup_id", restore.safety_id.str())
      .text("status", name(restore.status))
      .text("reason", restore.reason)
      .time("created_at", restore.created_at)
      .time_or_null("finished_at", restore.finished_at);
}

// Never the secret.
void append_json(std::string& out, const BackupDestination& one) {
  JsonObject(out)
      .text("name", one.name)
      .text("kind", one.kind)
      .text_or_null("path", one.path)
      .text_or_null("endpoint", one.endpoint)
      .text_or_null("region", one.region)
      .text_or_null("bucket", one.bucket)
      .text_or_null("prefix", one.prefix)
      .text_or_null("access_key_id", one.access_key_id)
      .text("addressing", one.path_style ? "path" : "virtual")
      .boolean("preferred", one.preferred);
}

Response accepted(std::string location, std::string body) {
  Response response;
  response.status = 202;
  response.headers.emplace_back("Location", std::move(location));
  response.body = std::move(body);
  return response;
}

}  // namespace gantry::api
