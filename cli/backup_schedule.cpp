// When backups are taken, and where they lie.
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "proto/json.hpp"
#include "proto/percent.hpp"

namespace gantry::cli {
namespace {

int print_plan(Session& session, const Json& plan) {
  if (session.json()) {
    print(plan.dump());
    return 0;
  }
  std::vector<Row> rows;
  for (const Json& each : plan["schedules"].items())
    rows.push_back({each["name"].text(), each["cron"].text(),
                    each["keep_days"].number() == 0 ? "" : each["keep_days"].text() + " days",
                    each["keep_count"].number() == 0 ? "" : each["keep_count"].text() + " copies"});
  print_table({"SCHEDULE", "CRON (UTC)", "KEPT", "KEPT"}, rows);
  const std::string proof = plan["last_verified_restore"].text();
  print("last verified restore: " + (proof.empty() ? "never" : proof));
  for (const Json& alert : plan["alerts"].items()) session.warn(alert["detail"].text());
  return 0;
}

int schedule(Session& session) {
  const Place place = find_service(session);
  const std::string path = place.instance_path() + "/backup-schedules";
  const Call& call = session.call();
  if (call.words.empty()) return print_plan(session, session.client().get(path));
  const std::string name = call.words.front();
  if (call.has("--delete")) {
    session.client().send("DELETE", path + "/" + percent_encode(name));
    return print_plan(session, session.client().get(path));
  }
  std::string body;
  if (const auto cron = call.value("--cron")) {
    JsonObject object(body);
    object.text("cron", *cron);
    if (const auto days = call.value("--keep-days")) object.raw("keep_days", *days);
    if (const auto count = call.value("--keep-count")) object.raw("keep_count", *count);
  }
  for (const char* option : {"--keep-days", "--keep-count"}) {
    const auto number = call.value(option);
    if (number && (number->empty() || number->size() > 5 ||
                   number->find_first_not_of("0123456789") != std::string::npos))
      throw Failure{std::string(option) + " is a whole number", "usage", "", kUnreadable};
    if (number && body.empty())
      throw Failure{"when?", "usage", "--cron '0 3 * * *' is every day at three", kUnreadable};
  }
  if (!body.empty())
    return print_plan(session,
                      session.client().send("PUT", path + "/" + percent_encode(name), body));
  JsonObject(body).text("profile", name);
  return print_plan(session, session.client().send("PUT", path, body));
}

int list_destinations(Session& session) {
  const Json page = session.client().get("/v1/backup-destinations");
  if (session.json()) {
    print(page["data"].dump());
    return 0;
  }
  std::vector<Row> rows;
  for (const Json& each : page["data"].items())
    rows.push_back({each["name"].text(), each["kind"].text(),
                    each["kind"].text() == "s3"
                        ? each["endpoint"].text() + "/" + each["bucket"].text()
                        : each["path"].text(),
                    each["preferred"].boolean() ? "takes new ones" : ""});
  print_table({"DESTINATION", "KIND", "WHERE", ""}, rows);
  return 0;
}

int add_destination(Session& session) {
  const Call& call = session.call();
  std::string body;
  {
    JsonObject object(body);
    object.text("name", call.words.empty() ? "" : call.words.front())
        .text("kind", call.has("--path") ? "directory" : "s3");
    for (const auto& [option, key] :
         {std::pair{"--path", "path"}, std::pair{"--endpoint", "endpoint"},
          std::pair{"--region", "region"}, std::pair{"--bucket", "bucket"},
          std::pair{"--prefix", "prefix"}, std::pair{"--addressing", "addressing"}})
      if (const auto value = call.value(option)) object.text(key, *value);
    // Not as options: everybody on the machine reads those.
    if (const char* id = environ_value("AWS_ACCESS_KEY_ID")) object.text("access_key_id", id);
    if (const char* secret = environ_value("AWS_SECRET_ACCESS_KEY"))
      object.text("secret_access_key", secret);
  }
  const Json made = session.client().send("POST", "/v1/backup-destinations", body);
  print(session.json() ? made.dump()
                       : made["name"].text() + ": written to and read from; new backups go there");
  return 0;
}

int remove_destination(Session& session) {
  const std::string name = session.call().words.empty() ? "" : session.call().words.front();
  session.client().send("DELETE", "/v1/backup-destinations/" + percent_encode(name));
  std::string out;
  JsonObject(out).text("name", name).boolean("removed", true);
  print(session.json() ? out : "removed " + name);
  return 0;
}

}  // namespace

std::vector<Command> backup_schedule_commands() {
  return {
      {.path = "backup schedule",
       .summary = "when they are taken; PROFILE is standard (7 days), long (14 days) or none",
       .words = "[PROFILE|SCHEDULE]",
       .words_max = 1,
       .scope = Scope::service,
       .options = {{"--cron", "CRON", "five fields, UTC: of the schedule SCHEDULE"},
                   {"--keep-days", "N", "removed when older"},
                   {"--keep-count", "N", "removed when there are so many newer ones"},
                   {"--delete", "", "no such schedule any more"}},
       .examples = {"backup schedule -s db", "backup schedule long -s db",
                    "backup schedule weekly --cron '0 4 * * 0' --keep-count 4 -s db"},
       .run = schedule},
      {.path = "backup destinations", .summary = "where backups may lie", .run = list_destinations},
      {.path = "backup destination-add",
       .summary = "a directory, or an S3 bucket (keys in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)",
       .words = "NAME",
       .words_max = 1,
       .options = {{"--path", "DIRECTORY", "a directory on the server"},
                   {"--endpoint", "URL", "of the store"},
                   {"--region", "REGION", "us-east-1 unless told otherwise"},
                   {"--bucket", "BUCKET", ""},
                   {"--prefix", "FOLDER/", "of all keys"},
                   {"--addressing", "path|virtual", "where the bucket stands in an address"}},
       .examples = {"backup destination-add offsite --endpoint https://s3.example.com "
                    "--bucket backups"},
       .run = add_destination},
      {.path = "backup destination-remove",
       .summary = "no backups go there any more; none may lie there",
       .words = "NAME",
       .words_max = 1,
       .run = remove_destination}};
}

}  // namespace gantry::cli
