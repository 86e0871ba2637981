// How a source becomes an image: the Dockerfile in use and the context that it sees. Blocking;
// thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "proto/model.hpp"
#include "runtime/build/context.hpp"

namespace gantry {

// A Dockerfile for a folder without one.
struct DetectedBuild {
  std::string dockerfile;
  std::string dockerignore;        // used where the folder has none
  std::vector<std::string> notes;  // for the person who reads the log
};
struct DetectRequest {
  std::string folder;  // the root directory
  Settings settings;
  ResolvedVariables variables;
};
using Detector = std::function<Result<DetectedBuild>(const DetectRequest&)>;

// The detector that comes with the product.
Result<DetectedBuild> detect_build(const DetectRequest&);

struct RecipeRequest {
  std::string root;     // the unpacked source
  std::string scratch;  // a folder that is not there yet, for what a program writes
  Settings settings;
  ResolvedVariables variables;
  Detector detect;
  std::vector<std::string> program_folders;  // where nixpacks may be installed
  int program_seconds = 120;
};

struct Recipe {
  ContextOptions context;
  std::string dockerfile;          // its path in the context
  std::string text;                // its contents
  std::vector<std::string> lines;  // for the log
};

// A Dockerfile that a person wrote comes first, whatever the builder is called. Code::invalid:
//   dockerfile_missing    one was named, or asked for, and is not there
//   dockerignore_invalid
//   not_detected          or whatever else the detector says
Result<Recipe> choose_recipe(const RecipeRequest&);

}  // namespace gantry
