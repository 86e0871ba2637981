// Changes of an environment that are collected and not in force yet: each is one place of its
// document and what is to be there. Applied together they are one plan. Values are encrypted at
// rest.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proto/document.hpp"
#include "proto/store.hpp"

namespace gantry {

struct StagedChange {
  std::string id = {};  // "stg_" and 26 characters
  // "shared.NAME", "services.api" (made or deleted), "services.api.variables.NAME",
  // "services.api.deploy.replicas".
  std::string path;
  // Of a variable its text, of a setting its JSON, of a service that is made "{}". Absent: deleted,
  // and of a setting its default.
  std::optional<std::string> value = {};
  std::string token_id = {};
  TimePoint created_at{};
};

// The document as it is with all of them. What a change is about is not there any more, or settings
// do not go together: Code::invalid "invalid_document", pointers into the document.
Result<Document> with_changes(Document, const std::vector<StagedChange>&);

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
};

}  // namespace gantry
