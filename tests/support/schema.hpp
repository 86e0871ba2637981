// A checker for the part of JSON Schema that proto/openapi.yaml uses, and a generator of what
// violates it.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace gantry::testing {

using Json = nlohmann::json;

// What is wrong with `value`, each with its pointer; empty when it fits. Members that the schema
// does not list are always wrong, so that nothing goes out undocumented. An unknown keyword throws
// std::logic_error.
std::vector<std::string> violations(const Json& root, const Json& schema, const Json& value,
                                    const std::string& pointer = "");

// The schema behind a $ref.
const Json& deref(const Json& root, const Json& schema);

struct Broken {
  std::string what;     // "wrong type of /deploy/replicas"
  std::string pointer;  // where the API must complain
  Json body;
};
// `valid` with each field broken in turn: wrong type, unknown, below and above its range, not in
// its enum, missing.
std::vector<Broken> broken_bodies(const Json& root, const Json& schema, const Json& valid);

}  // namespace gantry::testing
