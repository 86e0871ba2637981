// A docker-compose.yml becomes services.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/output.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "cli/wait.hpp"
#include "proto/codec.hpp"
#include "proto/compose.hpp"
#include "proto/dotenv.hpp"
#include "proto/json.hpp"

namespace gantry::cli {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

fs::path file_of(const Call& call) {
  if (!call.words.empty()) return call.words[0];
  for (const char* name :
       {"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"})
    if (fs::exists(name)) return name;
  throw Failure{"there is no docker-compose.yml here", "no_file",
                "`{program} import PATH/docker-compose.yml`", kUnreadable};
}

// The shell's variables win over the .env file beside it.
ComposeSurroundings surroundings(Session& session, const fs::path& folder) {
  auto own = std::make_shared<DotenvEntries>();
  if (const auto text = read_file(folder / ".env")) {
    auto entries = parse_dotenv(*text);
    if (!entries)
      throw Failure{(folder / ".env").string() + ": " + entries.error().detail,
                    entries.error().reason, ""};
    *own = *std::move(entries);
    session.note("variables of " + (folder / ".env").string() + " are filled in");
  }
  return {.variable = [own](std::string_view name) -> std::optional<std::string> {
            if (const char* value = environ_value(std::string(name).c_str())) return value;
            for (auto each = own->rbegin(); each != own->rend(); ++each)
              if (each->first == name) return each->second;
            return std::nullopt;
          },
          .read = [folder](const std::string& path) { return read_file(folder / path); }};
}

// {"services":[...]}, settings only where they are not what a new service gets anyway.
std::string body_of(const ComposeFile& file) {
  std::vector<std::string> services;
  for (const ComposeService& each : file.services) {
    const Json settings = *Json::parse(settings_json(each.settings));
    std::vector<std::pair<std::string, std::string>> variables;
    for (const auto& [name, value] : each.variables)
      variables.emplace_back(name, json_string(value));
    std::vector<std::string> volumes;
    for (const ComposeVolume& volume : each.volumes) {
      std::string one;
      JsonObject(one).text("name", volume.name).text("mount_path", volume.mount_path);
      volumes.push_back(std::move(one));
    }
    std::string source;
    JsonObject(source).text_or_null(
        "image", each.settings.source.image ? each.settings.source.image->str() : "");
    std::string service;
    JsonObject(service)
        .text("name", each.name)
        .raw("source", source)
        .raw("build", settings["build"].dump())
        .raw("deploy", settings["deploy"].dump())
        .raw("variables", json_map(variables))
        .raw("volumes", json_array(volumes));
    services.push_back(std::move(service));
  }
  std::string body;
  JsonObject(body).raw("services", json_array(services));
  return body;
}

std::string report_json(const ComposeFile& file) {
  std::vector<std::string> notes;
  for (const ComposeNote& note : file.notes) {
    std::string one;
    JsonObject(one).number("line", note.line).text("key", note.key).text("advice", note.advice);
    notes.push_back(std::move(one));
  }
  return json_array(notes);
}

void tell(Session& session, const ComposeFile& file, const fs::path& path) {
  std::vector<Row> rows;
  for (const ComposeService& each : file.services) {
    const DeploySettings& deploy = each.settings.deploy;
    std::string volumes;
    for (const ComposeVolume& volume : each.volumes)
      volumes += (volumes.empty() ? "" : " ") + volume.name + ":" + volume.mount_path;
    rows.push_back(
        {each.name,
         each.folder.empty() ? each.settings.source.image->str() : "built " + each.folder,
         (deploy.port ? std::to_string(*deploy.port) : "") + (deploy.exposed ? " public" : ""),
         std::to_string(each.variables.size()), volumes});
  }
  print_table({"SERVICE", "FROM", "PORT", "VARIABLES", "VOLUMES"}, rows);
  if (file.notes.empty()) return;
  session.note("not taken over as it is:");
  for (const ComposeNote& note : file.notes)
    session.note("  " + path.filename().string() +
                 (note.line > 0 ? ":" + std::to_string(note.line) : "") + ": " + note.key + ": " +
                 note.advice);
}

void wait_for_all(Session& session, const Json& made) {
  if (session.call().has("--detach")) return;
  for (const Json& each : made["services"].items()) {
    if (each["deployment_id"].is_null()) continue;
    const std::string id = each["deployment_id"].text();
    session.note("deployment " + id + " of " + each["service"]["name"].text());
    const WhileWaiting waiting(session, id);
    (void)wait_for_deployment(session, id);
  }
}

int import_compose(Session& session) {
  const fs::path path = file_of(session.call());
  const auto text = read_file(path);
  if (!text) throw Failure{path.string() + " cannot be read", "no_file", "", kUnreadable};
  const auto file = parse_compose(*text, path.string(), surroundings(session, path.parent_path()));
  if (!file) throw Failure{file.error().detail, file.error().reason, ""};
  const bool dry_run = session.call().has("--dry-run");
  const Place place = find_environment(session);
  if (!session.json()) tell(session, *file, path);
  const Json made = session.client().send(
      "POST", place.environment_path() + "/imports" + (dry_run ? "?dry_run=true" : ""),
      body_of(*file));
  if (!dry_run) wait_for_all(session, made);
  if (session.json()) {
    std::string out;
    JsonObject(out)
        .boolean("dry_run", dry_run)
        .raw("services", made["services"].dump())
        .raw("notes", report_json(*file));
    print(out);
    return 0;
  }
  print((dry_run ? "would import " : "imported ") + std::to_string(file->services.size()) +
        " services into " + place.environment);
  for (const ComposeService& each : file->services)
    if (!each.folder.empty())
      session.note("`" + session.program() + " up " + (path.parent_path() / each.folder).string() +
                   " --path-as-root -s " + each.name + "` builds and deploys it");
  return 0;
}

}  // namespace

std::vector<Command> import_commands() {
  return {{.path = "import",
           .summary = "make services of a docker-compose.yml, and tell what has no counterpart",
           .words = "[FILE]",
           .words_max = 1,
           .scope = Scope::environment,
           .options = {{"--dry-run", "", "tell what would be made, and make nothing"},
                       {"--detach", "", "do not wait until they serve"}},
           .examples = {"import --dry-run", "import docker-compose.yml"},
           .run = import_compose}};
}

}  // namespace gantry::cli
