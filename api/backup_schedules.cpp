// When backups are taken and how long they are kept.
#include <algorithm>

#include "api/backup_parts.hpp"
#include "api/body.hpp"
#include "api/nearest.hpp"
#include "api/reply.hpp"
#include "api/write.hpp"

namespace gantry::api {
namespace {

std::string json_of(const Backups::Overview& overview) {
  std::string out;
  {
    JsonObject object(out);
    std::string list = "[";
    for (const BackupSchedule& one : overview.schedules) {
      if (list.size() > 1) list += ',';
      append_json(list, one);
    }
    object.raw("schedules", list + "]")
        .time_or_null("last_verified_restore", overview.last_verified_restore);
    std::string alerts = "[";
    for (const BackupAlert& alert : overview.alerts) {
      if (alerts.size() > 1) alerts += ',';
      JsonObject(alerts).text("code", alert.code).text("detail", alert.detail);
    }
    object.raw("alerts", alerts + "]");
  }
  return out;
}

struct Planned {
  Place place;
  Backups* backups;
  Backups::Overview overview;
};
Result<Planned> planned(const Request& request, Context& context) {
  auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto backups = backups_of(context);
  if (!backups) return backups.error();
  auto overview = (*backups)->overview(place->instance->instance.id, template_of(*place));
  if (!overview) return overview.error();
  return Planned{*std::move(place), *backups, *std::move(overview)};
}

Answer keep(const Request& request, Context& context, Planned& plan) {
  if (is_dry_run(request)) return unversioned(request, json_of(plan.overview));
  const InstanceId& id = plan.place.instance->instance.id;
  GANTRY_TRY(
      plan.backups->ledger().put_schedules(id, plan.overview.schedules, context.clock.now()));
  const auto now = plan.backups->overview(id, template_of(plan.place));
  if (!now) return now.error();
  return unversioned(request, json_of(*now));
}

}  // namespace

Answer get_backup_schedules(const Request& request, Context& context) {
  const auto plan = planned(request, context);
  if (!plan) return plan.error();
  return unversioned(request, json_of(plan->overview));
}

// All of them by a profile's name.
Answer put_backup_profile(const Request& request, Context& context, Transaction&) {
  auto plan = planned(request, context);
  if (!plan) return plan.error();
  auto body = Fields::read(request, {"profile"});
  if (!body) return body.error();
  const std::string profile = body->text("profile");
  GANTRY_TRY(body->check());
  const auto schedules =
      profile == "none" ? std::vector<BackupSchedule>() : backup_profile(profile);
  if (!schedules)
    return invalid("/profile", "unknown_profile",
                   "expected standard (daily, kept 7 days), long (daily, kept 14 days) or none");
  plan->overview.schedules = *schedules;
  return keep(request, context, *plan);
}

// One of them, beside the others.
Answer put_backup_schedule(const Request& request, Context& context, Transaction&) {
  auto plan = planned(request, context);
  if (!plan) return plan.error();
  auto body = Fields::read(request, {"cron", "keep_count", "keep_days"});
  if (!body) return body.error();
  BackupSchedule wanted;
  wanted.name = request.path_parameters[3];
  wanted.cron = body->text("cron");
  if (body->has("keep_count")) wanted.keep_count = body->integer("keep_count", 0, 1000);
  if (body->has("keep_days"))
    wanted.keep_seconds = std::int64_t{86400} * body->integer("keep_days", 0, 3660);
  GANTRY_TRY(body->check());
  if (auto valid = check_schedules({wanted}); !valid) {
    Error error = valid.error();
    for (FieldError& field : error.fields)
      field.pointer = field.pointer.ends_with("/name")
                          ? "?schedule"
                          : field.pointer.substr(field.pointer.rfind('/'));
    return error;
  }
  auto& all = plan->overview.schedules;
  std::erase_if(all, [&](const BackupSchedule& one) { return one.name == wanted.name; });
  all.push_back(wanted);
  GANTRY_TRY(check_schedules(all));
  return keep(request, context, *plan);
}

Answer delete_backup_schedule(const Request& request, Context& context, Transaction&) {
  auto plan = planned(request, context);
  if (!plan) return plan.error();
  const std::string& wanted = request.path_parameters[3];
  if (std::erase_if(plan->overview.schedules,
                    [&](const BackupSchedule& one) { return one.name == wanted; }) == 0)
    return not_found("backup schedule " + clipped(wanted));
  if (const auto kept = keep(request, context, *plan); !kept) return kept.error();
  return no_content();
}

}  // namespace gantry::api
