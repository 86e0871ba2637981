// A configuration file as a tree whose every key and value knows its line and column, whatever it
// was written in: JSON with comments, TOML or YAML. Pure; owned by whoever parsed it; bounded in
// size, depth and count, so that no input can exhaust the reader.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/result.hpp"

namespace gantry {

struct ConfigPosition {
  int line = 0;    // from 1; 0: the whole file
  int column = 0;  // from 1, in characters
  auto operator<=>(const ConfigPosition&) const = default;
};

struct ConfigMember;

struct ConfigNode {
  enum class Kind { null, boolean, number, string, array, object };
  Kind kind = Kind::null;
  bool boolean = false;
  double number = 0;
  std::string text;  // a string's text, a number as it was written
  std::vector<ConfigNode> items;
  std::vector<ConfigMember> members;  // in the order of the file; every key once
  ConfigPosition at;

  bool is(Kind k) const { return kind == k; }
  const ConfigMember* find(std::string_view key) const;
};

struct ConfigMember {
  std::string key;
  ConfigPosition at;  // of the key
  ConfigNode value;
};

// What is wrong with the text itself, or was tolerated in it.
struct ConfigRemark {
  ConfigPosition at;
  std::string message;
};

struct ConfigText {
  ConfigNode root;
  std::vector<ConfigRemark> remarks;  // warnings: a key that is written twice
  std::vector<ConfigRemark> errors;   // when not empty, root means nothing
};

inline constexpr std::size_t kConfigBytesMax = 256 * 1024;
inline constexpr int kConfigDepthMax = 64;
inline constexpr int kConfigNodesMax = 5000;

struct ConfigLimits {
  std::size_t bytes = kConfigBytesMax;
  int nodes = kConfigNodesMax;
};

// By the ending of the file's name: .toml, .yaml and .yml; everything else is JSON. A byte-order
// mark and CRLF are fine; an empty text is an empty object with a remark.
ConfigText parse_config_text(std::string_view file_name, std::string_view text,
                             const ConfigLimits& = {});

// The readers behind it. REQUIRES: UTF-8 without a byte-order mark, no more bytes than allowed.
ConfigText parse_config_json(std::string_view text, const ConfigLimits& = {});
ConfigText parse_config_toml(std::string_view text);
ConfigText parse_config_yaml(std::string_view text, const ConfigLimits& = {});

// "an object", "a string" ...: for messages.
std::string_view kind_name(ConfigNode::Kind);

}  // namespace gantry
