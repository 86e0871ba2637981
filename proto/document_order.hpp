// What plan_document() stands on: documents made explicit, and what follows from references between
// variables. Pure.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "proto/document_plan.hpp"

namespace gantry {

// Makes plan.wanted explicit: short services from what is there or their template, preserved
// values, archives that stay.
Result<> complete(DocumentPlan&, const PlanFacts&);

// Service and name; no service: shared.
using VariableKey = std::pair<std::string, std::string>;
// Of `wanted`: those whose own text is another one, and those whose value follows from it.
std::set<VariableKey> changed_variables(const Document& current, const Document& wanted);

// All services, those that others refer to before these; in a circle by name.
std::vector<std::string> in_order(const Document&);

}  // namespace gantry
