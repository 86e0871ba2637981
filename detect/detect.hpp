// What kind of application a directory holds, and the Dockerfile that a person would have written
// for it. Pure but for reading the tree. docs/builds.md has the rules as a table.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "detect/source_tree.hpp"
#include "proto/result.hpp"

namespace gantry {

struct DetectOptions {
  std::string build_command;  // a person's command line in place of the detected one; empty: none
  std::string start_command;  // the same for what the image runs
  std::map<std::string, std::string, std::less<>> variables;  // RAILPACK_* and NIXPACKS_* knobs
};

struct DetectedPlan {
  std::string provider;            // "node" "python" "go" ...
  std::string dockerfile;          // its text
  std::string dockerignore;        // to use where the directory has none
  std::string start_command;       // what the image runs, for people
  std::vector<std::string> notes;  // sentences: what was found and what was guessed
};

// invalid "not_detected": what was looked for, and the fix; invalid "unreadable_file": a manifest
// that cannot be read, with its name.
Result<DetectedPlan> detect(const SourceTree&, const DetectOptions&);

// {"provider","start_command","notes":[...],"dockerfile","dockerignore"}
std::string plan_json(const DetectedPlan&);

}  // namespace gantry
