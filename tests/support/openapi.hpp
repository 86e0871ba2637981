// The OpenAPI document as the contract tests read it: operations with their parameters, examples
// and schemas. $refs to parameters and responses are resolved; schemas keep theirs (see
// schema.hpp).
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace gantry::testing {

using Json = nlohmann::json;

struct Operation {
  std::string id;
  std::string method;  // "get"
  std::string path;    // "/v1/projects/{project}"
  bool open = false;
  std::map<std::string, std::string> path_examples;
  std::vector<std::string> query;  // names
  std::string query_example;       // "?path=/hello.txt": those that are required
  std::vector<std::string> headers;
  Json body_schema;  // null: takes no JSON
  Json body_example;
  bool body_required = false;
  bool opaque_body = false;       // takes bytes
  std::map<int, Json> responses;  // by status

  bool writes() const { return method != "get"; }
  // The lowest documented 2xx.
  int success() const;
  // The schema of a response's body; null when it has none.
  Json response_schema(int status) const;
};

struct Document {
  Json root;
  std::vector<Operation> operations;
  const Operation& operation(const std::string& id) const;
};

// Parsed once from proto/openapi.yaml.
const Document& openapi_document();

}  // namespace gantry::testing
