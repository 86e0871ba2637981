// Volumes: data that outlives what writes it.
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/prompt.hpp"
#include "cli/staging.hpp"
#include "cli/verbs.hpp"
#include "cli/volumes.hpp"
#include "proto/json.hpp"
#include "proto/percent.hpp"
#include "proto/quantity.hpp"

namespace gantry::cli {
namespace {

const Option kMountPath{"-m,--mount-path", "PATH", "where it is mounted"};
const Option kByOption{"--volume", "VOLUME", "the volume, instead of the word"};

std::string volumes_path(const Place& place) { return place.environment_path() + "/volumes"; }

std::string used_text(const Json& volume) {
  if (volume["used_bytes"].is_null()) return "";
  const std::int64_t used = volume["used_bytes"].number(), size = volume["size_bytes"].number();
  const std::string text = bytes_text(static_cast<std::uint64_t>(used));
  if (size == 0) return text;
  const auto percent =
      static_cast<int>(static_cast<double>(used) * 100.0 / static_cast<double>(size));
  const std::string whole = text + " " + std::to_string(percent) + "%";
  return percent >= 90   ? paint(Colour::red, whole, 1)
         : percent >= 80 ? paint(Colour::yellow, whole, 1)
                         : whole;
}

std::string size_text(const Json& volume) {
  const std::int64_t size = volume["size_bytes"].number();
  return size == 0 ? "" : bytes_text(static_cast<std::uint64_t>(size));
}

std::string place_text(const Json& volume) {
  const std::string project = volume["project"]["name"].text();
  return project.empty() ? "(gone)" : project + "/" + volume["environment"]["name"].text();
}

int show(Session& session, const Json& volume, const std::string& sentence) {
  print(session.json() ? volume.dump() : sentence);
  return 0;
}

std::int64_t size_of(const std::string& text) {
  std::string quantity = text;
  if (quantity.size() > 1 && (quantity.back() == 'B' || quantity.back() == 'b'))
    quantity.pop_back();
  const auto bytes = parse_units(quantity);
  if (!bytes)
    throw Failure{"\"" + text + "\" is no size", "usage", "as 10Gi or 500M; 0: no budget",
                  kUnreadable};
  return *bytes;
}

std::string wanted_word(const Call& call, std::size_t index, const std::string& usage) {
  if (call.words.size() > index) return call.words[index];
  throw Failure{"a word is missing", "usage", "`{program} " + usage + "`", kUnreadable};
}

int list(Session& session) {
  const bool all = session.call().has("--all"), deleted = session.call().has("--deleted");
  const std::string path =
      all ? "/v1/volumes"
          : volumes_path(find_environment(session)) + (deleted ? "?deleted=true" : "");
  std::vector<std::string> documents;
  std::vector<Row> rows;
  for (const Json& each : session.client().list(path)) {
    documents.push_back(each.dump());
    Row row{each["name"].text(),       each["id"].text(), each["service"]["name"].text(),
            each["mount_path"].text(), used_text(each),   size_text(each)};
    if (all) row.push_back(place_text(each));
    if (all || deleted) row.push_back(each["purge_at"].text());
    rows.push_back(std::move(row));
  }
  Row head{"VOLUME", "ID", "SERVICE", "MOUNT PATH", "USED", "SIZE"};
  if (all) head.emplace_back("PLACE");
  if (all || deleted) head.emplace_back("PURGED AT");
  if (session.json())
    print(json_array(documents));
  else
    print_table(head, rows);
  return 0;
}

// With a mount path it is mounted as well.
int add(Session& session) {
  const Call& call = session.call();
  const auto mount_path = call.value("--mount-path");
  const Place place = mount_path ? find_service(session) : find_environment(session);
  if (call.words.empty() && !mount_path)
    throw Failure{"which name, or which mount path?", "usage",
                  "`{program} volume add NAME --mount-path /data -s SERVICE`", kUnreadable};
  std::string body;
  {
    JsonObject object(body);
    object.text("name", call.words.empty() ? place.service + "-volume" : call.words[0]);
    if (const auto size = call.value("--size")) object.number("size_bytes", size_of(*size));
    if (mount_path) object.text("service", place.service_id).text("mount_path", *mount_path);
  }
  const auto volume = change(session, "POST", volumes_path(place), body);
  if (!volume) return 0;
  return show(session, *volume,
              "created volume " + (*volume)["name"].text() +
                  (mount_path ? ", mounted at " + (*volume)["mount_path"].text() + " in " +
                                    place.service + ", which restarts"
                              : ""));
}

int mount(Session& session, const NamedVolume& named, const std::string& service) {
  std::string body;
  {
    JsonObject object(body);
    object.text("service", service);
    if (const auto path = session.call().value("--mount-path")) object.text("mount_path", *path);
  }
  const auto made = change(session, "POST", named.path() + "/attach", body);
  if (!made) return 0;
  const Json& volume = *made;
  return show(session, volume,
              volume["name"].text() + " is mounted at " + volume["mount_path"].text() + " in " +
                  volume["service"]["name"].text() + ", which restarts");
}

int attach(Session& session) {
  const NamedVolume named = find_volume(session);
  return mount(session, named, find_service(session).service_id);
}

int move(Session& session) {
  const auto to = session.call().value("--to");
  if (!to)
    throw Failure{"where to?", "usage", "`{program} volume move VOLUME --to SERVICE`", kUnreadable};
  return mount(session, find_volume(session), *to);
}

int detach(Session& session) {
  const NamedVolume named = find_volume(session);
  const auto volume = change(session, "POST", named.path() + "/detach");
  if (!volume) return 0;
  return show(session, *volume, named.name() + " is mounted nowhere; its data stays");
}

int patch(Session& session, const NamedVolume& named, const std::string& body,
          const std::string& sentence) {
  const auto volume = change(session, "PATCH", named.path(), body);
  return volume ? show(session, *volume, sentence) : 0;
}

int resize(Session& session) {
  const std::string size = wanted_word(session.call(), 1, "volume resize VOLUME SIZE");
  const NamedVolume named = find_volume(session);
  std::string body;
  JsonObject(body).number("size_bytes", size_of(size));
  return patch(session, named, body, named.name() + " has a budget of " + size);
}

int rename(Session& session) {
  const std::string name = wanted_word(session.call(), 1, "volume rename VOLUME NAME");
  const NamedVolume named = find_volume(session);
  std::string body;
  JsonObject(body).text("name", name);
  return patch(session, named, body, named.name() + " is called " + name);
}

int remove(Session& session) {
  const NamedVolume named = find_volume(session);
  const std::string service = named.volume["service"]["name"].text();
  if (is_staged(session)) {
    (void)change(session, "DELETE", named.path());
    return 0;
  }
  confirm(session, "delete volume " + named.name() +
                       (service.empty() ? "" : ", which " + service + " mounts,") + " of " +
                       named.place.environment);
  session.client().send("DELETE", named.path());
  const Json volume = session.client().get(named.path());
  return show(session, volume,
              "deleted volume " + named.name() + "; until " + volume["purge_at"].text() + " `" +
                  session.program() + " volume restore " + volume["id"].text() +
                  "` brings it back");
}

// By its id also one whose project or environment is gone.
int restore(Session& session) {
  const Place place = find_environment(session);
  const std::string wanted = wanted_word(session.call(), 0, "volume restore VOLUME");
  const auto here = session.client().find(volumes_path(place) + "/" + percent_encode(wanted));
  Json volume;
  if (here) {
    volume = session.client().send("POST",
                                   volumes_path(place) + "/" + (*here)["id"].text() + "/restore");
  } else {
    std::string body;
    JsonObject(body).text("project", place.project_id).text("environment", place.environment_id);
    volume =
        session.client().send("POST", "/v1/volumes/" + percent_encode(wanted) + "/restore", body);
  }
  return show(session, volume,
              "restored volume " + volume["name"].text() + " in " + place.environment + "; `" +
                  session.program() + " volume attach " + volume["name"].text() +
                  " -s SERVICE` mounts it");
}

std::vector<Command> mounting_commands() {
  return {{.path = "volume attach",
           .summary = "mount a volume in the service, which restarts",
           .words = "[VOLUME]",
           .words_max = 1,
           .scope = Scope::service,
           .options = {kMountPath, kByOption},
           .examples = {"volume attach data --mount-path /data -s api"},
           .run = attach},
          {.path = "volume detach",
           .summary = "take a volume out of its service; its data stays",
           .words = "[VOLUME]",
           .words_max = 1,
           .scope = Scope::environment,
           .options = {kByOption, {"-y,--yes", "", "taken for the other program's sake"}},
           .run = detach},
          {.path = "volume move",
           .summary = "mount a volume in another service",
           .aliases = {"mv"},
           .words = "VOLUME",
           .words_max = 1,
           .scope = Scope::environment,
           .options = {{"--to", "SERVICE", "the service that gets it"}, kMountPath},
           .examples = {"volume move data --to worker"},
           .run = move}};
}

std::vector<Command> keeping_commands() {
  return {
      {.path = "volume",
       .summary = "the volumes",
       .aliases = {"volumes"},
       .scope = Scope::environment,
       .options = {{"--deleted", "", "those that can be restored"},
                   {"--all", "", "of every project, those that are gone, too"}},
       .run = list},
      {.path = "volume list",
       .summary = "the volumes",
       .aliases = {"ls"},
       .scope = Scope::environment,
       .options = {{"--deleted", "", "those that can be restored"},
                   {"--all", "", "of every project, those that are gone, too"}},
       .examples = {"volume list", "volume list --deleted"},
       .run = list},
      {.path = "volume add",
       .summary = "make a volume; with --mount-path: and mount it in the service",
       .aliases = {"create", "new"},
       .words = "[NAME]",
       .words_max = 1,
       .scope = Scope::service,
       .options = {kMountPath,
                   {"--size", "SIZE", "its budget, as 10Gi; it warns before it is full"}},
       .examples = {"volume add data --mount-path /data --size 10Gi -s api"},
       .run = add},
      {.path = "volume resize",
       .summary = "set a volume's budget; 0: none",
       .words = "VOLUME SIZE",
       .words_max = 2,
       .scope = Scope::environment,
       .examples = {"volume resize data 20Gi"},
       .run = resize},
      {.path = "volume rename",
       .summary = "give a volume another name",
       .words = "VOLUME NAME",
       .words_max = 2,
       .scope = Scope::environment,
       .run = rename},
      {.path = "volume delete",
       .summary = "delete a volume; it can be restored for some days",
       .aliases = {"rm", "remove"},
       .words = "[VOLUME]",
       .words_max = 1,
       .scope = Scope::environment,
       .options = {kByOption, {"-y,--yes", "", "do not ask"}},
       .run = remove},
      {.path = "volume restore",
       .summary = "bring a deleted volume back, also into another environment",
       .words = "VOLUME",
       .words_max = 1,
       .scope = Scope::environment,
       .examples = {"volume restore data", "volume restore vol_01jd8yq5x8c5v0m6r7k2n4t9wz -p shop"},
       .run = restore}};
}

}  // namespace

NamedVolume find_volume(Session& session) {
  Place place = find_environment(session);
  const auto option = session.call().value("--volume");
  if (session.call().words.empty() && !option) {
    const auto present = session.client().list(volumes_path(place));
    if (present.size() == 1) return {std::move(place), present[0]};
    throw Failure{"which volume?", "usage", "`{program} volume list` shows them", kUnreadable};
  }
  const std::string wanted = option ? *option : session.call().words[0];
  auto volume = session.client().find(volumes_path(place) + "/" + percent_encode(wanted));
  if (!volume && staged_change(session, place, "volumes." + wanted)) {
    std::string only_staged;
    JsonObject(only_staged).text("id", wanted).text("name", wanted);
    volume = Json::parse(only_staged);
  }
  if (!volume)
    throw Failure{"no volume \"" + wanted + "\" in " + place.environment, "not_found",
                  "`{program} volume list` shows them; with --all those of other places, too"};
  return {std::move(place), std::move(*volume)};
}

std::vector<Command> volume_commands() {
  std::vector<Command> all = keeping_commands();
  for (auto& some : {mounting_commands(), volume_file_commands()})
    all.insert(all.end(), some.begin(), some.end());
  return all;
}

}  // namespace gantry::cli
