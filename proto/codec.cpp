#include "proto/codec.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include <nlohmann/json.hpp>

#include "proto/command.hpp"
#include "proto/edit_distance.hpp"
#include "proto/source_path.hpp"
#include "proto/words.hpp"

namespace gantry {
namespace {

using Json = nlohmann::json;
using Ordered = nlohmann::ordered_json;
using Errors = std::vector<FieldError>;

constexpr std::size_t kPathMax = 2048;
constexpr std::size_t kWordsMax = 1024;
constexpr std::size_t kCommandsMax = 20;
constexpr std::size_t kPatternsMax = 500;
constexpr std::size_t kCommandMax = 128 * 1024;
constexpr std::int64_t kMemoryMin = 6LL * 1024 * 1024;  // the engine's own minimum

// A field's place: its value and the list that its complaints go to.
struct Field {
  const Json& json;
  std::string pointer;
  Errors& errors;

  void refuse(std::string code, std::string detail) const {
    errors.push_back({pointer, std::move(code), std::move(detail)});
  }
};

template <class T>
struct Entry {
  std::string_view key;
  void (*read)(const Field&, T&);  // called for values other than null
  void (*clear)(T&);               // null: the default
};

std::string escape_pointer(std::string_view key) {
  std::string escaped;
  for (const char c : key) escaped += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return escaped;
}

std::string unknown_key_detail(std::string_view key, const std::vector<std::string_view>& known) {
  if (known.empty()) return "there are no keys here yet: remove it";
  std::string_view nearest;
  std::size_t distance = std::numeric_limits<std::size_t>::max();
  if (key.size() <= 64)
    for (const auto candidate : known)
      if (const std::size_t d = edit_distance(key, candidate); d < distance) {
        distance = d;
        nearest = candidate;
      }
  if (!nearest.empty() && distance <= nearest.size() / 2)
    return "unknown key: did you mean \"" + std::string(nearest) + "\"?";
  std::string all;
  for (const auto candidate : known)
    all += (all.empty() ? "" : ", ") + ("\"" + std::string(candidate) + "\"");
  return "unknown key: known here are " + all;
}

template <class T, std::size_t N>
void merge_object(const Field& field, const std::array<Entry<T>, N>& entries, T& out) {
  if (!field.json.is_object()) return field.refuse("wrong_type", "expected an object");
  for (const auto& [key, value] : field.json.items()) {
    const std::string pointer = field.pointer + "/" + escape_pointer(key);
    const auto entry = std::find_if(entries.begin(), entries.end(),
                                    [&k = key](const Entry<T>& e) { return e.key == k; });
    if (entry == entries.end()) {
      std::vector<std::string_view> known;
      for (const auto& e : entries) known.push_back(e.key);
      field.errors.push_back({pointer, "unknown_key", unknown_key_detail(key, known)});
    } else if (value.is_null()) {
      entry->clear(out);
    } else {
      entry->read({value, pointer, field.errors}, out);
    }
  }
}

template <class Number>
void read_number(const Field& field, std::int64_t low, std::int64_t high, Number& out,
                 bool zero_too) {
  if (!field.json.is_number_integer()) return field.refuse("wrong_type", "expected a whole number");
  const bool huge = field.json.is_number_unsigned() &&
                    field.json.get<std::uint64_t>() >
                        static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const std::int64_t value =
      huge ? std::numeric_limits<std::int64_t>::max() : field.json.get<std::int64_t>();
  if (!huge && ((value >= low && value <= high) || (zero_too && value == 0))) {
    out = static_cast<Number>(value);
    return;
  }
  const std::string range = high == std::numeric_limits<Number>::max()
                                ? "at least " + std::to_string(low)
                                : std::to_string(low) + " to " + std::to_string(high);
  field.refuse("out_of_range", zero_too ? "expected 0 (none), or " + range : "expected " + range);
}

template <auto Member, std::int64_t Low, std::int64_t High>
void read_range(const Field& field, DeploySettings& out) {
  read_number(field, Low, High, out.*Member, false);
}
template <auto Member, std::int64_t Low, std::int64_t High>
void read_limit(const Field& field, DeploySettings& out) {
  read_number(field, Low, High, out.*Member, true);
}
template <auto Member>
void clear(DeploySettings& out) {
  out.*Member = DeploySettings{}.*Member;
}

void read_command(const Field& field, DeploySettings& out) {
  std::vector<std::string> words;
  if (field.json.is_string()) {
    auto split = split_words(field.json.get_ref<const std::string&>(), field.pointer);
    if (!split) return field.errors.push_back(split.error().fields.front());
    words = *std::move(split);
  } else if (field.json.is_array()) {
    for (std::size_t i = 0; i < field.json.size(); ++i) {
      if (!field.json[i].is_string()) {
        field.errors.push_back(
            {field.pointer + "/" + std::to_string(i), "wrong_type", "expected a string"});
        return;
      }
      words.push_back(field.json[i].get<std::string>());
    }
  } else {
    return field.refuse("wrong_type", "expected an array of strings, or one string");
  }
  std::size_t bytes = 0;
  for (const auto& word : words) {
    bytes += word.size();
    if (word.find('\0') != std::string::npos)
      return field.refuse("invalid_command", "a word cannot contain a NUL character");
  }
  if (!words.empty() && words.front().empty())
    return field.refuse("invalid_command", "the first word is the program: it cannot be empty");
  if (words.size() > kWordsMax || bytes > kCommandMax)
    return field.refuse("out_of_range", "a command has at most 1024 words and 131072 bytes");
  out.start_command = std::move(words);
}

void read_path(const Field& field, DeploySettings& out) {
  if (!field.json.is_string()) return field.refuse("wrong_type", "expected a string or null");
  auto path = field.json.get<std::string>();
  const bool plain = std::none_of(path.begin(), path.end(),
                                  [](unsigned char c) { return c <= 0x20 || c == 0x7f; });
  if (path.empty() || path.front() != '/' || path.size() > kPathMax || !plain)
    return field.refuse("invalid_path",
                        "expected a path that begins with '/', without white space or control "
                        "characters, of at most 2048 bytes");
  out.healthcheck_path = std::move(path);
}

void read_policy(const Field& field, DeploySettings& out) {
  if (!field.json.is_string()) return field.refuse("wrong_type", "expected a string");
  const auto policy = parse_restart_policy(field.json.get_ref<const std::string&>());
  if (!policy)
    return field.refuse("invalid_value", "expected \"ON_FAILURE\", \"ALWAYS\" or \"NEVER\"");
  out.restart_policy = *policy;
}

void read_port(const Field& field, DeploySettings& out) {
  int port = -1;
  read_number(field, 0, 65535, port, false);
  if (port >= 0) out.port = port;
}

void read_image(const Field& field, Source& out) {
  if (!field.json.is_string()) return field.refuse("wrong_type", "expected a string or null");
  auto image = ImageRef::parse(field.json.get_ref<const std::string&>(), field.pointer);
  if (!image) return field.errors.push_back(image.error().fields.front());
  out.image = *std::move(image);
  out.archive.clear();
}

void read_archive(const Field& field, Source& out) {
  if (!field.json.is_string() || !is_digest(field.json.get_ref<const std::string&>()))
    return field.refuse("invalid_digest",
                        "expected \"sha256:\" and 64 hexadecimal digits, or null");
  out.archive = field.json.get<std::string>();
  out.image.reset();
}

using D = DeploySettings;
constexpr std::int64_t kIntMax = std::numeric_limits<int>::max();
constexpr std::int64_t kLongMax = std::numeric_limits<std::int64_t>::max();

// A string, or an array of strings, each a command line.
void read_commands(const Field& field, DeploySettings& out) {
  std::vector<std::string> commands;
  const Json list = field.json.is_string() ? Json::array({field.json}) : field.json;
  if (!list.is_array())
    return field.refuse("wrong_type", "expected an array of strings, or one string");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Field item{list[i], field.pointer + "/" + std::to_string(i), field.errors};
    if (!list[i].is_string()) return item.refuse("wrong_type", "expected a string");
    auto text = list[i].get<std::string>();
    const auto argv = command_argv(text);
    if (!argv) return item.refuse("invalid_command", argv.error().detail);
    if (!argv->empty()) commands.push_back(std::move(text));
  }
  if (commands.size() > kCommandsMax)
    return field.refuse("out_of_range", "at most 20 commands: put them into a script");
  out.pre_deploy_command = std::move(commands);
}

// ---- build ----

using B = BuildSettings;

template <auto Member>
void clear_build(B& out) {
  out.*Member = B{}.*Member;
}

void read_builder(const Field& field, B& out) {
  const std::string word = field.json.is_string() ? field.json.get<std::string>() : "";
  if (word != "RAILPACK" && word != "NIXPACKS" && word != "DOCKERFILE")
    return field.refuse("invalid_value", "expected \"RAILPACK\", \"NIXPACKS\" or \"DOCKERFILE\"");
  out.builder = word;
}

void read_build_command(const Field& field, B& out) {
  if (!field.json.is_string()) return field.refuse("wrong_type", "expected a string or null");
  auto text = field.json.get<std::string>();
  const auto argv = command_argv(text);
  if (!argv) return field.refuse("invalid_command", argv.error().detail);
  if (argv->empty()) return out.build_command.reset();
  out.build_command = std::move(text);
}

template <auto Member>
void read_source_path(const Field& field, B& out) {
  if (!field.json.is_string()) return field.refuse("wrong_type", "expected a string or null");
  auto path = source_path(field.json.get_ref<const std::string&>());
  if (!path)
    return field.refuse("invalid_path",
                        "expected a path inside the source, without \"..\" and control characters");
  if (path->empty())
    (out.*Member).reset();
  else
    out.*Member = *std::move(path);
}

void read_patterns(const Field& field, B& out) {
  if (!field.json.is_array()) return field.refuse("wrong_type", "expected an array of strings");
  std::vector<std::string> patterns;
  for (std::size_t i = 0; i < field.json.size(); ++i) {
    const Field item{field.json[i], field.pointer + "/" + std::to_string(i), field.errors};
    if (!field.json[i].is_string()) return item.refuse("wrong_type", "expected a string");
    patterns.push_back(field.json[i].get<std::string>());
    if (patterns.back().size() > kPathMax)
      return item.refuse("out_of_range", "a pattern has at most 2048 bytes");
  }
  if (patterns.size() > kPatternsMax) return field.refuse("out_of_range", "at most 500 patterns");
  out.watch_patterns = std::move(patterns);
}

void read_plan(const Field& field, B& out) {
  if (!field.json.is_object()) return field.refuse("wrong_type", "expected an object or null");
  out.nixpacks_plan = field.json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

constexpr std::array<Entry<B>, 8> kBuild{{
    {"builder", read_builder, clear_build<&B::builder>},
    {"build_command", read_build_command, clear_build<&B::build_command>},
    {"dockerfile_path", read_source_path<&B::dockerfile_path>, clear_build<&B::dockerfile_path>},
    {"watch_patterns", read_patterns, clear_build<&B::watch_patterns>},
    {"root_directory", read_source_path<&B::root_directory>, clear_build<&B::root_directory>},
    {"config_file", read_source_path<&B::config_file>, clear_build<&B::config_file>},
    {"nixpacks_config_path", read_source_path<&B::nixpacks_config_path>,
     clear_build<&B::nixpacks_config_path>},
    {"nixpacks_plan", read_plan, clear_build<&B::nixpacks_plan>},
}};

constexpr std::array<Entry<D>, 14> kDeploy{{
    {"start_command", read_command, clear<&D::start_command>},
    {"healthcheck_path", read_path, clear<&D::healthcheck_path>},
    {"healthcheck_timeout_seconds", read_range<&D::healthcheck_timeout_seconds, 1, 3600>,
     clear<&D::healthcheck_timeout_seconds>},
    {"healthcheck_interval_seconds", read_range<&D::healthcheck_interval_seconds, 1, 3600>,
     clear<&D::healthcheck_interval_seconds>},
    {"restart_policy", read_policy, clear<&D::restart_policy>},
    {"restart_max_retries", read_range<&D::restart_max_retries, 0, 10000>,
     clear<&D::restart_max_retries>},
    {"replicas", read_range<&D::replicas, 0, 200>, clear<&D::replicas>},
    {"cpu_millicores", read_limit<&D::cpu_millicores, 10, 1000000>, clear<&D::cpu_millicores>},
    {"memory_bytes", read_limit<&D::memory_bytes, kMemoryMin, kLongMax>, clear<&D::memory_bytes>},
    {"pids_limit", read_limit<&D::pids_limit, 1, kIntMax>, clear<&D::pids_limit>},
    {"port", read_port, clear<&D::port>},
    {"overlap_seconds", read_range<&D::overlap_seconds, 0, 3600>, clear<&D::overlap_seconds>},
    {"draining_seconds", read_range<&D::draining_seconds, 0, 3600>, clear<&D::draining_seconds>},
    {"pre_deploy_command", read_commands, clear<&D::pre_deploy_command>},
}};
constexpr std::array<Entry<Source>, 2> kSource{
    {{"image", read_image, [](Source& out) { out.image.reset(); }},
     {"archive", read_archive, [](Source& out) { out.archive.clear(); }}}};
constexpr std::array<Entry<Settings>, 3> kSettings{{
    {"source", [](const Field& f, Settings& out) { merge_object(f, kSource, out.source); },
     [](Settings& out) { out.source = {}; }},
    {"build", [](const Field& f, Settings& out) { merge_object(f, kBuild, out.build); },
     [](Settings& out) { out.build = {}; }},
    {"deploy", [](const Field& f, Settings& out) { merge_object(f, kDeploy, out.deploy); },
     [](Settings& out) { out.deploy = {}; }},
}};

Result<Json> parse(std::string_view text, std::string_view pointer) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded())
    return invalid(std::string(pointer), "malformed_json", "the text is not valid JSON in UTF-8");
  return json;
}

template <class T>
Ordered or_null(const std::optional<T>& value) {
  return value ? Ordered(*value) : Ordered(nullptr);
}

}  // namespace

std::string settings_json(const Settings& settings) {
  const DeploySettings& deploy = settings.deploy;
  Ordered json;
  json["source"]["image"] =
      settings.source.image ? Ordered(settings.source.image->str()) : Ordered(nullptr);
  json["source"]["archive"] =
      settings.source.archive.empty() ? Ordered(nullptr) : Ordered(settings.source.archive);
  const BuildSettings& build = settings.build;
  json["build"] = {
      {"builder", build.builder},
      {"build_command", or_null(build.build_command)},
      {"dockerfile_path", or_null(build.dockerfile_path)},
      {"watch_patterns", Ordered(build.watch_patterns)},
      {"root_directory", or_null(build.root_directory)},
      {"config_file", or_null(build.config_file)},
      {"nixpacks_config_path", or_null(build.nixpacks_config_path)},
      {"nixpacks_plan",
       build.nixpacks_plan.empty() ? Ordered(nullptr) : Ordered::parse(build.nixpacks_plan)},
  };
  json["deploy"] = {
      {"start_command", Ordered(deploy.start_command)},
      {"healthcheck_path", or_null(deploy.healthcheck_path)},
      {"healthcheck_timeout_seconds", deploy.healthcheck_timeout_seconds},
      {"healthcheck_interval_seconds", deploy.healthcheck_interval_seconds},
      {"restart_policy", name(deploy.restart_policy)},
      {"restart_max_retries", deploy.restart_max_retries},
      {"replicas", deploy.replicas},
      {"cpu_millicores", deploy.cpu_millicores},
      {"memory_bytes", deploy.memory_bytes},
      {"pids_limit", deploy.pids_limit},
      {"port", or_null(deploy.port)},
      {"overlap_seconds", deploy.overlap_seconds},
      {"draining_seconds", deploy.draining_seconds},
      {"pre_deploy_command", Ordered(deploy.pre_deploy_command)},
  };
  return json.dump();
}

Result<Settings> merge_settings(const Settings& base, std::string_view text,
                                std::string_view base_pointer) {
  const auto json = parse(text, base_pointer);
  if (!json) return json.error();
  Settings merged = base;
  Errors errors;
  merge_object({*json, std::string(base_pointer), errors}, kSettings, merged);
  if (errors.empty()) return merged;
  const std::string detail = errors.size() == 1
                                 ? errors.front().pointer + ": " + errors.front().detail
                                 : std::to_string(errors.size()) + " fields are not right";
  return Error{Code::invalid, "invalid_settings", detail, std::move(errors)};
}

std::string variables_json(const ResolvedVariables& variables) {
  Json json = Json::object();
  for (const auto& [key, value] : variables) json[key] = value;
  return json.dump();
}

Result<ResolvedVariables> parse_variables_json(std::string_view text) {
  const auto json = parse(text, "");
  if (!json) return json.error();
  if (!json->is_object()) return invalid("", "wrong_type", "expected an object of strings");
  ResolvedVariables variables;
  Errors errors;
  for (const auto& [key, value] : json->items()) {
    if (value.is_string())
      variables.emplace(key, value.get<std::string>());
    else
      errors.push_back({"/" + escape_pointer(key), "wrong_type", "expected a string"});
  }
  if (errors.empty()) return variables;
  return Error{Code::invalid, "wrong_type", "expected an object of strings", std::move(errors)};
}

}  // namespace gantry
