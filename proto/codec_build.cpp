// How a source becomes an image.
#include "proto/codec_fields.hpp"
#include "proto/command.hpp"
#include "proto/source_path.hpp"

namespace gantry::codec {
namespace {

constexpr std::size_t kPathMax = 2048;
constexpr std::size_t kPatternsMax = 500;

using B = BuildSettings;

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
    {"builder", read_builder, clear<&B::builder>},
    {"build_command", read_build_command, clear<&B::build_command>},
    {"dockerfile_path", read_source_path<&B::dockerfile_path>, clear<&B::dockerfile_path>},
    {"watch_patterns", read_patterns, clear<&B::watch_patterns>},
    {"root_directory", read_source_path<&B::root_directory>, clear<&B::root_directory>},
    {"config_file", read_source_path<&B::config_file>, clear<&B::config_file>},
    {"nixpacks_config_path", read_source_path<&B::nixpacks_config_path>,
     clear<&B::nixpacks_config_path>},
    {"nixpacks_plan", read_plan, clear<&B::nixpacks_plan>},
}};

}  // namespace

void read_build(const Field& field, BuildSettings& out) { merge_object(field, kBuild, out); }

}  // namespace gantry::codec
