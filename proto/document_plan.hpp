// What has to be done so that an environment is as a document says: a list of steps that names
// everything, and a hash by which exactly this is applied. Pure: the same two documents give the
// same plan, and of a document that is in force already nothing.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/document.hpp"

namespace gantry {

enum class StepKind { create, update, replace, remove, restart };
// "create" "update" "replace" "delete" "restart"
std::string_view name(StepKind);

enum class StepSubject {
  service,
  database,  // a service with a template
  setting,
  variable,
  shared_variable,
  domain,
  volume,
  split,
  tcp_proxy,
};
std::string_view name(StepSubject);

// What it means for containers that run.
enum class StepEffect { none, restart, deploy };
std::string_view name(StepEffect);

struct Step {
  StepKind kind = StepKind::update;
  StepSubject subject = StepSubject::setting;
  std::string path;  // "services.api.variables.LOG_LEVEL": one step each
  // As people may see it; absent: nothing, and of a setting its default.
  std::optional<std::string> before = {}, after = {};
  bool destroys = false;  // data, or what cannot be had back
  StepEffect effect = StepEffect::none;
  std::string note = {};  // a sentence; empty: none
};

struct PlanFacts {
  // Services whose newest deployment is there: what changes is deployed again.
  std::set<std::string> deployed = {};
  // What a template gives a new service; nothing: there is none of that name.
  std::function<std::optional<DocumentService>(const std::string& from_template)> made_from = {};
  std::function<std::string(std::string_view)> digest = {};  // hexadecimal, of 16 digits or more
};

struct DocumentPlan {
  Document current, wanted;          // explicit: nothing is short or preserved
  std::vector<Step> steps;           // in a fixed order
  std::vector<std::string> deploys;  // services; first those that others refer to
  // Service and name of the variables whose secrets are made when the plan is applied.
  std::set<std::pair<std::string, std::string>> made = {};
  std::vector<std::string> remarks = {};  // what is left as it is, and why
  std::string hash;
  std::vector<std::string> destroyed() const;  // paths
};

// `current` is a document_of() with all values. Code::invalid "invalid_document": a template that
// is not known, nothing to preserve.
Result<DocumentPlan> plan_document(const Document& current, Document wanted, const PlanFacts&);

// {"hash","steps":[...],"deploys":[...],"destroys":[...],"remarks":[...]}
std::string plan_json(const DocumentPlan&);

}  // namespace gantry
