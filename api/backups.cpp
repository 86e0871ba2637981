// Backups of an instance: taken, shown, proved, fetched, sent, deleted.
#include <algorithm>

#include "api/backup_parts.hpp"
#include "api/body.hpp"
#include "api/page.hpp"
#include "api/reply.hpp"
#include "api/write.hpp"

namespace gantry::api {
namespace {

std::string json_of(const Backup& backup) {
  std::string out;
  append_json(out, backup);
  return out;
}

std::string location_of(const Place& place, const Backup& backup) {
  return instance_location(place) + "/backups/" + backup.id.str();
}

// The plain bytes of a backup. An end before its Content-Length is how a reader hears that they
// are not what was written.
class Download final : public Stream {
 public:
  explicit Download(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}
  void on_ready(std::function<void()> wake) override { wake(); }
  bool read(std::string& out) override {
    auto piece = source_->read();
    if (!piece) return false;
    out = *std::move(piece);
    return !out.empty();
  }

 private:
  std::unique_ptr<ByteSource> source_;
};

class Upload final : public Intake {
 public:
  Upload(std::unique_ptr<BackupIntake> intake, std::string location)
      : intake_(std::move(intake)), location_(std::move(location)) {}
  Result<> write(std::string_view piece) override { return intake_->write(piece); }
  Result<Response> finish() override {
    const auto backup = intake_->finish();
    if (!backup) return backup.error();
    return created(location_ + backup->id.str(), json_of(*backup));
  }

 private:
  std::unique_ptr<BackupIntake> intake_;
  const std::string location_;
};

// A backup that the path names, and who is asked about it.
struct Named {
  Place place;
  Backups* backups;
  Backup backup;
};
Result<Named> named(const Request& request, Context& context) {
  auto place = find_instance(request, context);
  if (!place) return place.error();
  auto backup = find_backup(request, context, *place);
  if (!backup) return backup.error();
  return Named{*std::move(place), context.backups, *std::move(backup)};
}

Answer list(const Request& request, const Context& context, const BackupFilter& filter) {
  const auto backups = backups_of(context);
  if (!backups) return backups.error();
  const auto wanted = read_page(request, context);
  if (!wanted) return wanted.error();
  auto all = (*backups)->ledger().backups(filter);
  if (!all) return all.error();
  std::sort(all->begin(), all->end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return page_of(
      request, context, *wanted, *all, [](const Backup& one) { return one.id.str(); },
      [](std::string& out, const Backup& one) { append_json(out, one); });
}

Answer set_lock(const Request& request, Context& context, bool locked) {
  const auto found = named(request, context);
  if (!found) return found.error();
  const auto body = Fields::read(request, {});
  if (!body) return body.error();
  GANTRY_TRY(body->check());
  Backup backup = found->backup;
  backup.locked = locked;
  if (!is_dry_run(request)) {
    const auto changed = found->backups->ledger().lock_backup(backup.id, locked);
    if (!changed) return changed.error();
    backup = *changed;
  }
  return unversioned(request, json_of(backup));
}

}  // namespace

Answer list_backups(const Request& request, Context& context) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  return list(request, context, {.instance_id = place->instance->instance.id});
}

// Of everything that was ever here, also of what is gone.
Answer list_all_backups(const Request& request, Context& context) {
  return list(request, context, {});
}

Answer get_backup(const Request& request, Context& context) {
  const auto found = named(request, context);
  if (!found) return found.error();
  return unversioned(request, json_of(found->backup));
}

Answer create_backup(const Request& request, Context& context, Transaction&) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto backups = backups_of(context);
  if (!backups) return backups.error();
  auto body = Fields::read(request, {"kind", "destination"});
  if (!body) return body.error();
  const auto kind_text = body->optional_text("kind");
  const auto destination = body->optional_text("destination");
  GANTRY_TRY(body->check());
  const bool dumps = (*backups)->dumps(template_of(*place));
  const auto kind = parse_backup_kind(kind_text.value_or(dumps ? "dump" : "snapshot"));
  if (!kind) return invalid("/kind", "invalid_kind", "expected dump or snapshot");
  const BackupRequest wanted{.origin = origin_of(*place),
                             .from_template = std::string(template_of(*place)),
                             .kind = *kind,
                             .destination = destination.value_or("")};
  Backup asked;
  if (is_dry_run(request)) {
    asked.id = BackupId::make(context.clock.now());
    asked.origin = wanted.origin;
    asked.kind = wanted.kind;
  } else {
    auto made = (*backups)->request(wanted);
    if (!made && made.error().code == Code::not_found)
      return invalid("/destination", "unknown_destination", made.error().detail);
    if (!made) return made.error();
    asked = *std::move(made);
  }
  return accepted(location_of(*place, asked), json_of(asked));
}

Answer delete_backup(const Request& request, Context& context, Transaction&) {
  const auto found = named(request, context);
  if (!found) return found.error();
  const std::string* force = request.query_value("force");
  if (force != nullptr && *force != "true" && *force != "false")
    return invalid("?force", "invalid_boolean", "expected true or false");
  if (!is_dry_run(request))
    GANTRY_TRY(found->backups->remove(found->backup.id, force != nullptr && *force == "true"));
  return no_content();
}

Answer lock_backup(const Request& request, Context& context, Transaction&) {
  return set_lock(request, context, true);
}
Answer unlock_backup(const Request& request, Context& context, Transaction&) {
  return set_lock(request, context, false);
}

Answer verify_backup(const Request& request, Context& context, Transaction&) {
  const auto found = named(request, context);
  if (!found) return found.error();
  const auto body = Fields::read(request, {});
  if (!body) return body.error();
  GANTRY_TRY(body->check());
  if (!is_dry_run(request)) GANTRY_TRY(found->backups->request_drill(found->backup.id));
  return accepted(location_of(found->place, found->backup), json_of(found->backup));
}

Answer get_backup_content(const Request& request, Context& context) {
  const auto found = named(request, context);
  if (!found) return found.error();
  auto content = found->backups->content(found->backup);
  if (!content) return content.error();
  Response response;
  response.content_type = "application/octet-stream";
  response.headers.emplace_back("Content-Length", std::to_string(found->backup.bytes));
  response.headers.emplace_back("Content-Disposition",
                                "attachment; filename=\"" + found->backup.origin.service + "-" +
                                    found->backup.id.str() + "." + found->backup.extension + "\"");
  response.stream = std::make_shared<Download>(std::move(*content));
  return response;
}

Result<std::unique_ptr<Intake>> put_backup_content(const Request& request, Context& context) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto backups = backups_of(context);
  if (!backups) return backups.error();
  auto intake = (*backups)->receive(
      {.origin = origin_of(*place), .from_template = std::string(template_of(*place))});
  if (!intake) return intake.error();
  return std::unique_ptr<Intake>(
      std::make_unique<Upload>(std::move(*intake), instance_location(*place) + "/backups/"));
}

}  // namespace gantry::api
