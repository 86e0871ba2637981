// Backups of a service: taken, shown, proved, given back, fetched, sent.
#include <cerrno>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/file.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "proto/json.hpp"
#include "proto/percent.hpp"
#include "proto/time.hpp"

namespace gantry::cli {
namespace {

constexpr auto kLook = std::chrono::milliseconds(500);

std::string size_of(const Json& backup) {
  return backup["bytes"].number() == 0
             ? ""
             : bytes_text(static_cast<std::uint64_t>(backup["bytes"].number()));
}

std::string proof_of(const Json& backup, TimePoint now) {
  if (!backup["verified_at"].is_null()) return age(backup["verified_at"].text(), now) + " ago";
  return backup["verify_reason"].text().empty() ? "" : "failed";
}

// The backup that was named, or the newest good one for "latest".
Json find_backup(Session& session, const Place& place) {
  const std::string wanted = session.call().words.empty() ? "" : session.call().words.front();
  if (wanted.empty())
    throw Failure{"which backup?", "usage",
                  "`{program} backup list` shows them, latest is the newest", kUnreadable};
  if (wanted != "latest")
    return session.client().get(place.instance_path() + "/backups/" + percent_encode(wanted));
  const auto all = session.client().list(place.instance_path() + "/backups");
  for (auto one = all.rbegin(); one != all.rend(); ++one)
    if ((*one)["status"].text() == "good") return *one;
  throw Failure{place.service + " has no good backup", "not_found", "`{program} backup create`"};
}

std::string path_of(const Place& place, const Json& backup) {
  return place.instance_path() + "/backups/" + backup["id"].text();
}

int list(Session& session) {
  const Place place = find_service(session);
  const auto all = session.client().list(place.instance_path() + "/backups");
  const Json plan = session.client().get(place.instance_path() + "/backup-schedules");
  if (session.json()) {
    print(json_array(all));
    return 0;
  }
  const TimePoint now = system_clock().now();
  std::vector<Row> rows;
  for (const Json& each : all)
    rows.push_back({each["id"].text(), each["kind"].text(), each["trigger"].text(),
                    each["status"].text(), size_of(each), age(each["created_at"].text(), now),
                    proof_of(each, now), each["destination"].text(),
                    each["locked"].boolean() ? "locked" : ""});
  print_table({"BACKUP", "KIND", "BY", "STATUS", "SIZE", "AGE", "VERIFIED", "WHERE", ""}, rows);
  for (const Json& alert : plan["alerts"].items()) session.warn(alert["detail"].text());
  return 0;
}

int show(Session& session) {
  const Place place = find_service(session);
  const Json backup = find_backup(session, place);
  if (session.json()) {
    print(backup.dump());
    return 0;
  }
  const TimePoint now = system_clock().now();
  std::vector<Row> rows{{"status", backup["status"].text()},
                        {"reason", backup["reason"].text()},
                        {"size", size_of(backup)},
                        {"tables", backup["tables"].text()},
                        {"sha256", backup["sha256"].text()},
                        {"created", backup["created_at"].text()},
                        {"verified", proof_of(backup, now)},
                        {"not verified", backup["verify_reason"].text()},
                        {"where", backup["destination"].text()}};
  std::erase_if(rows, [](const Row& row) { return row[1].empty(); });
  print_table({"BACKUP", backup["id"].text()}, rows);
  return 0;
}

// Waits for its end, unless --detach.
Json await(Session& session, const std::string& path, Json state,
           const std::vector<std::string>& ends) {
  Progress progress(session);
  while (!session.call().has("--detach") &&
         std::find(ends.begin(), ends.end(), state["status"].text()) == ends.end()) {
    progress.show(state["status"].text() + "...");
    std::this_thread::sleep_for(kLook);
    state = session.client().get(path);
  }
  return state;
}

int ended(Session& session, const Json& state, const std::string& what) {
  const bool failed = state["status"].text() == "failed";
  if (session.json()) print(state.dump());
  if (failed)
    throw Failure{what + " failed: " + state["reason"].text(), "failed",
                  "what was there before is untouched, or in the safety copy"};
  if (!session.json()) print(what + " " + state["id"].text() + ": " + state["status"].text());
  return 0;
}

int create(Session& session) {
  const Place place = find_service(session);
  std::string body;
  {
    JsonObject object(body);
    if (session.call().has("--snapshot")) object.text("kind", "snapshot");
    if (const auto to = session.call().value("--to")) object.text("destination", *to);
  }
  const Json asked = session.client().send("POST", place.instance_path() + "/backups", body);
  return ended(session, await(session, path_of(place, asked), asked, {"good", "failed"}), "backup");
}

int verify(Session& session) {
  const Place place = find_service(session);
  const Json before = find_backup(session, place);
  session.client().send("POST", path_of(place, before) + "/verify");
  if (session.call().has("--detach")) return 0;
  Progress progress(session);
  Json now = session.client().get(path_of(place, before));
  while (now["verifying"].boolean()) {
    progress.show("restoring it into a throw-away container...");
    std::this_thread::sleep_for(kLook);
    now = session.client().get(path_of(place, before));
  }
  if (session.json()) print(now.dump());
  if (now["verified_at"].text() == before["verified_at"].text())
    throw Failure{"it could not be restored: " + now["verify_reason"].text(), "unverified", ""};
  if (!session.json()) print("backup " + now["id"].text() + ": restored, and the same");
  return 0;
}

int restore(Session& session) {
  const Place place = find_service(session);
  const Json backup = find_backup(session, place);
  std::string body;
  {
    JsonObject object(body);
    if (const auto service = session.call().value("--to-service")) object.text("service", *service);
    if (const auto to = session.call().value("--to-environment")) object.text("environment", *to);
  }
  const Json asked = session.client().send("POST", path_of(place, backup) + "/restore", body);
  std::string in = place.instance_path();
  if (asked["instance_id"].text() != place.instance["id"].text()) {
    const std::string environment =
        session.call().value("--to-environment").value_or(place.environment_id);
    in = place.project_path() + "/environments/" + percent_encode(environment) + "/services/" +
         percent_encode(session.call().value("--to-service").value_or(place.service));
  }
  const std::string path = in + "/restores/" + asked["id"].text();
  return ended(session, await(session, path, asked, {"done", "failed"}), "restore");
}

int download(Session& session) {
  const Place place = find_service(session);
  const Json backup = find_backup(session, place);
  const std::string file =
      session.call().words.size() > 1
          ? session.call().words[1]
          : place.service + "-" + backup["id"].text() + "." + backup["extension"].text();
  const std::string partial = file + ".part";
  const File out(
      ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!out) throw Failure{partial + ": " + std::strerror(errno), "file", ""};
  std::int64_t bytes = 0;
  Progress progress(session);
  const auto whole = static_cast<std::uint64_t>(backup["bytes"].number());
  const HttpReply reply =
      session.client().get_bytes(path_of(place, backup) + "/content", [&](std::string_view piece) {
        bytes += static_cast<std::int64_t>(piece.size());
        progress.show("Downloading " + bar_text(static_cast<std::uint64_t>(bytes), whole));
        while (!piece.empty()) {
          const ssize_t written = ::write(out.get(), piece.data(), piece.size());
          if (written <= 0) return false;
          piece.remove_prefix(static_cast<std::size_t>(written));
        }
        return true;
      });
  const bool good = reply.status / 100 == 2 && reply.trouble.empty() &&
                    bytes == backup["bytes"].number() && ::fsync(out.get()) == 0 &&
                    ::rename(partial.c_str(), file.c_str()) == 0;
  if (!good) {
    ::unlink(partial.c_str());
    if (reply.status / 100 != 2) throw session.client().failure_of(reply);
    throw Failure{"only " + std::to_string(bytes) + " bytes came", "truncated",
                  "the server's log says whether the backup is damaged: `{program} backup verify`"};
  }
  std::string out_json;
  JsonObject(out_json).text("file", file).number("bytes", bytes);
  print(session.json() ? out_json : file + ": " + size_of(backup));
  return 0;
}

int upload(Session& session) {
  const Place place = find_service(session);
  const std::string file = session.call().words.empty() ? "" : session.call().words.front();
  const File in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!in || ::fstat(in.get(), &info) != 0)
    throw Failure{file + ": " + std::strerror(errno), "file", ""};
  Progress progress(session);
  const auto whole = static_cast<std::uint64_t>(info.st_size);
  const HttpReply reply = session.client().put_file(
      place.instance_path() + "/backup-upload", {.descriptor = in.get(), .size = whole},
      {"Content-Type: application/octet-stream"},
      [&](std::uint64_t sent) { progress.show("Uploading " + bar_text(sent, whole)); });
  if (!reply.trouble.empty() || reply.status / 100 != 2) throw session.client().failure_of(reply);
  const Json backup = Json::parse(reply.body).value_or(Json());
  print(session.json() ? backup.dump() : "backup " + backup["id"].text() + ": " + size_of(backup));
  return 0;
}

int set_lock(Session& session, const std::string& verb) {
  const Place place = find_service(session);
  const Json backup = find_backup(session, place);
  const Json now = session.client().send("POST", path_of(place, backup) + "/" + verb);
  print(session.json() ? now.dump() : "backup " + now["id"].text() + ": " + verb + "ed");
  return 0;
}
int lock(Session& session) { return set_lock(session, "lock"); }
int unlock(Session& session) { return set_lock(session, "unlock"); }

int remove(Session& session) {
  const Place place = find_service(session);
  const Json backup = find_backup(session, place);
  session.client().send(
      "DELETE", path_of(place, backup) + (session.call().has("--force") ? "?force=true" : ""));
  std::string out;
  JsonObject(out).text("id", backup["id"].text()).boolean("deleted", true);
  print(session.json() ? out : "deleted " + backup["id"].text());
  return 0;
}

const Option kDetach{"-d,--detach", "", "do not wait for its end"};

std::vector<Command> taking() {
  return {{.path = "backup",
           .summary = "the service's backups",
           .scope = Scope::service,
           .examples = {"backup -s db"},
           .run = list},
          {.path = "backup list",
           .summary = "the service's backups, and what is wrong with them",
           .aliases = {"ls"},
           .scope = Scope::service,
           .run = list},
          {.path = "backup show",
           .summary = "one backup; latest is the newest good one",
           .words = "BACKUP",
           .words_max = 1,
           .scope = Scope::service,
           .run = show},
          {.path = "backup create",
           .summary = "take one now",
           .scope = Scope::service,
           .options = {{"--snapshot", "", "the volume's files, not a dump"},
                       {"--to", "DESTINATION", "where it lies"},
                       kDetach},
           .examples = {"backup create -s db"},
           .run = create},
          {.path = "backup verify",
           .summary = "restore it into a throw-away container and compare",
           .words = "BACKUP",
           .words_max = 1,
           .scope = Scope::service,
           .options = {kDetach},
           .examples = {"backup verify latest -s db"},
           .run = verify}};
}

std::vector<Command> using_one() {
  return {
      {.path = "backup restore",
       .summary = "give it back: here (after a safety copy), to a new service, elsewhere",
       .words = "BACKUP",
       .words_max = 1,
       .scope = Scope::service,
       .options = {{"--to-service", "SERVICE", "into this service, made when it is not there"},
                   {"--to-environment", "ENVIRONMENT", "into this environment"},
                   kDetach},
       .examples = {"backup restore latest -s db", "backup restore latest -s db --to-service db-2"},
       .run = restore},
      {.path = "backup download",
       .summary = "its content, decrypted, into a file",
       .words = "BACKUP [FILE]",
       .words_max = 2,
       .scope = Scope::service,
       .examples = {"backup download latest -s db"},
       .run = download},
      {.path = "backup upload",
       .summary = "a dump of yours, to restore it",
       .words = "FILE",
       .words_max = 1,
       .scope = Scope::service,
       .examples = {"backup upload old.dump -s db"},
       .run = upload},
      {.path = "backup lock",
       .summary = "no schedule removes it",
       .words = "BACKUP",
       .words_max = 1,
       .scope = Scope::service,
       .run = lock},
      {.path = "backup unlock",
       .summary = "its schedule may remove it",
       .words = "BACKUP",
       .words_max = 1,
       .scope = Scope::service,
       .run = unlock},
      {.path = "backup delete",
       .summary = "delete it",
       .aliases = {"rm", "remove"},
       .words = "BACKUP",
       .words_max = 1,
       .scope = Scope::service,
       .options = {{"--force", "", "also the last one that was verified"}},
       .run = remove}};
}

}  // namespace

std::vector<Command> backup_commands() {
  std::vector<Command> all = taking();
  for (Command& one : using_one()) all.push_back(std::move(one));
  return all;
}

}  // namespace gantry::cli
