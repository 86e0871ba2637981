#include <fstream>
#include <iterator>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "proto/config_keys.hpp"
#include "tests/proto/config_file_fixture.hpp"

namespace gantry {
namespace {

using Json = nlohmann::json;

std::string file_text(const std::string& path) {
  std::ifstream input(std::string(GANTRY_SOURCE_DIR) + "/" + path, std::ios::binary);
  EXPECT_TRUE(input.good()) << path;
  return {std::istreambuf_iterator<char>(input), {}};
}

const Json& schema() {
  static const Json json = Json::parse(file_text("proto/gantry.schema.json"));
  return json;
}

const Json& resolved(const Json& node) {
  if (!node.contains("$ref")) return node;
  return schema().at(Json::json_pointer(node["$ref"].get<std::string>().substr(1)));
}

// The leaves below an object of the schema; each must have a description.
void leaves(const Json& node, const std::string& path, std::set<std::string>& out) {
  const Json& here = resolved(node);
  EXPECT_TRUE(here.contains("description")) << path;
  if (!here.contains("properties")) {
    out.insert(path);
    return;
  }
  EXPECT_EQ(here["additionalProperties"], false) << path;
  for (const auto& [key, value] : here["properties"].items())
    leaves(value, path.empty() ? key : path + "." + key, out);
}

TEST(ProtoConfigFileSchema, KnowsTheKeysOfTheReader) {
  std::set<std::string> in_schema;
  for (const char* block : {"build", "deploy"})
    leaves(schema()["properties"][block], block, in_schema);
  const Json& service = schema()["$defs"]["service"]["properties"];
  for (const char* key : {"rootDirectory", "watchPatterns"}) leaves(service[key], key, in_schema);
  std::set<std::string> in_reader;
  for (const ConfigKey& key : config_keys()) in_reader.insert(std::string(key.path));
  EXPECT_EQ(in_schema, in_reader);
  std::set<std::string> settings;
  for (const ConfigSetting& setting : config_settings()) settings.insert(std::string(setting.path));
  for (const ConfigKey& key : config_keys())
    EXPECT_TRUE(key.setting.empty() || settings.count(std::string(key.setting)) == 1) << key.path;
  EXPECT_TRUE(schema()["properties"].contains("environments"));
  EXPECT_TRUE(service.contains("environments"));
}

TEST(ProtoConfigFileSchema, ItsDefaultsAndLimitsAreTheReaders) {
  const auto defaults = read_json("{}");
  for (const char* block : {"build", "deploy"}) {
    for (const auto& [key, node] : schema()["$defs"][block]["properties"].items()) {
      const std::string path = std::string(block) + "." + key;
      if (node.contains("default") && path != "build.dockerfilePath" &&
          path != "build.nixpacksConfigPath") {
        EXPECT_EQ(node["default"].dump(), value_of(defaults, path)) << path;
      }
      if (!node.contains("minimum") || !node.contains("maximum")) continue;
      for (const auto& [value, fine] : std::vector<std::pair<std::int64_t, bool>>{
               {node["minimum"], true},
               {node["maximum"], true},
               {node["minimum"].get<std::int64_t>() - 1, false},
               {node["maximum"].get<std::int64_t>() + 1, false}}) {
        const Json file = {{block, {{key, value}}}};
        EXPECT_EQ(read_json(file.dump()).ok(), fine) << path << ' ' << value;
      }
    }
  }
}

struct Example {
  std::string language;
  std::string text;
};

std::vector<Example> examples(const std::string& page) {
  std::vector<Example> found;
  const std::string text = file_text(page);
  for (std::size_t at = text.find("\n```"); at != std::string::npos; at = text.find("\n```", at)) {
    const std::size_t line = text.find('\n', at + 1);
    const std::size_t end = text.find("\n```", line);
    found.push_back({text.substr(at + 4, line - at - 4), text.substr(line + 1, end - line)});
    at = end + 4;
  }
  return found;
}

TEST(ProtoConfigFileSchema, EveryExampleOfTheManualIsRead) {
  int read = 0;
  for (const Example& example : examples("docs/config-as-code.md")) {
    ASSERT_TRUE(example.language == "json" || example.language == "toml" ||
                example.language == "yaml")
        << example.language;
    const auto result = without_unapplied(read_text("railway." + example.language, example.text));
    EXPECT_EQ(lines_of(result, "example"), "") << example.text;
    EXPECT_NE(result.environments.size() + result.services.size() +
                  static_cast<std::size_t>(result.config != DeploymentConfig{}),
              0u);
    ++read;
  }
  EXPECT_GE(read, 6);
}

TEST(ProtoConfigFileSchema, TheManualNamesEveryKey) {
  const std::string text = file_text("docs/config-as-code.md");
  for (const ConfigKey& key : config_keys()) {
    const std::string name(key.path.substr(key.path.rfind('.') + 1));
    EXPECT_NE(text.find(name), std::string::npos) << key.path;
  }
}

}  // namespace
}  // namespace gantry
