// Changes of an environment that are collected and not in force yet: each is one place of its
// document and what is to be there. Applied together they are one plan. Values are encrypted at
// rest.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "proto/document_plan.hpp"
#include "proto/store.hpp"

namespace gantry {

struct StagedChange {
  std::string id = {};  // "stg_" and 26 characters
  // What is where, and its value when it is set; absent it is deleted, closed or its default:
  //   shared.NAME, services.api.variables.NAME   the text
  //   services.api                               "{}": made
  //   services.api.deploy.replicas               JSON
  //   services.api.split                         "api-green 10": service and percent
  //   services.api.tcp_proxy                     "20022 22": port and target port
  //   domains.www.example.com                    the service that has it
  //   volumes.data                               "{}": made
  //   volumes.data.mount                         "api /data": service and path; absent: nowhere
  //   volumes.data.size_bytes                    bytes
  std::string path;
  std::optional<std::string> value = {};
  std::string token_id = {};
  TimePoint created_at{};
};

// `all` with `changes` in it: of two at one place the later one. By path.
std::vector<StagedChange> merged(std::vector<StagedChange> all,
                                 const std::vector<StagedChange>& changes);

// The document as it is with all of them. What a change is about is not there any more, or settings
// do not go together: Code::invalid "invalid_document", pointers into the document.
Result<Document> with_changes(Document, const std::vector<StagedChange>&);

// For each change the step that it comes down to, as people may see it; null: nothing becomes
// another one by it.
std::vector<const Step*> steps_of(const DocumentPlan&, const std::vector<StagedChange>&);

// What a transaction of the store does with them, beside its other verbs.
class StagedVerbs {
 public:
  virtual ~StagedVerbs() = default;

  // By path; nobody else changes them until the transaction's end.
  virtual Result<std::vector<StagedChange>> staged(const EnvironmentId&) = 0;
  // One of the same path is replaced. Ids and times are filled in.
  virtual Result<std::vector<StagedChange>> stage(const EnvironmentId&,
                                                  std::vector<StagedChange>) = 0;
  // All of an environment, or one by its id; says how many there were.
  virtual Result<int> unstage(const EnvironmentId&, const std::string& id) = 0;
  // What `body` says; of all that it writes in this transaction nothing is left.
  virtual Result<> rehearse(const std::function<Result<>()>& body) = 0;
};

}  // namespace gantry
