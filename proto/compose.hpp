// A docker-compose.yml as services of ours, with a word on everything in it that has no
// counterpart here. Reads text alone: neither the engine nor the folder.
// https://github.com/compose-spec/compose-spec/blob/main/spec.md
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/model.hpp"

namespace gantry {

struct ComposeVolume {
  std::string name;
  std::string mount_path;
};

struct ComposeService {
  std::string name;    // a Name, of the one in the file
  Settings settings;   // source.image unless it is built
  std::string folder;  // that it is built from, as written; empty: none
  std::vector<std::pair<std::string, std::string>> variables;
  std::vector<ComposeVolume> volumes;
};

// What is not taken over, or not as it was, and what to do.
struct ComposeNote {
  int line = 0;
  std::string key;  // "services.web.volumes[0]"
  std::string advice;
};

struct ComposeFile {
  std::vector<ComposeService> services;
  std::vector<ComposeNote> notes;  // in the order of the file
};

struct ComposeSurroundings {
  // Of the .env file and the shell; nothing: not set.
  std::function<std::optional<std::string>(std::string_view name)> variable;
  // An env_file, by its path as written; nothing: it cannot be read.
  std::function<std::optional<std::string>(const std::string& path)> read;
};

// Not YAML, no services, or a service without an image: Code::invalid, with the line.
Result<ComposeFile> parse_compose(std::string_view text, std::string_view file_name,
                                  const ComposeSurroundings&);

// $NAME, ${NAME:-otherwise} and the like in a value, as Compose reads them; "$$" is a "$". `unset`
// gets the names that are not set. Code::invalid: cannot be read, or ${NAME:?why} is not set.
Result<std::string> interpolate(std::string_view text, const ComposeSurroundings&,
                                std::vector<std::string>& unset);

}  // namespace gantry
