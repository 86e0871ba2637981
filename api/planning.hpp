// From a document to a plan, and from a plan to an answer: what apply, sync and staged changes
// share.
#pragma once

#include <set>
#include <string>

#include "api/body.hpp"
#include "api/document_apply.hpp"
#include "api/handlers.hpp"
#include "api/lookup.hpp"
#include "proto/document_plan.hpp"

namespace gantry::api {

// The environment as a document with all its values.
Document current_document(const Place&);
PlanFacts facts_of(const Context&, const Place&);

// The plan that leads an environment to a document of its own; what could not be so is an error.
// Pointers are below /document.
Result<DocumentPlan> plan_for(const Context&, const Place&, Document wanted);
// The same, and all of it is tried in a transaction that is dropped (Verbs::tried): what the
// database would refuse is said before anybody agrees.
Result<DocumentPlan> rehearsed(const Context&, Transaction&, const Place&, Document wanted);

// The same for a plan that is there. REQUIRES: what it writes is dropped afterwards.
Result<> apply_tried(const Context&, Transaction&, const Place&, const DocumentPlan&);

// What a caller agreed to: exactly this plan, and that these paths are destroyed.
struct Consent {
  std::optional<std::string> hash;  // absent: whatever the plan is
  std::set<std::string> confirm;    // "*": all
};
Consent read_consent(Fields& body);

// Carries a plan out when it is the one that was agreed to, and answers with it: 200, or 409
// "plan_stale", or 409 "destruction_unconfirmed" that names the paths; both with the plan as it is
// now.
Answer carry_out(const Request&, Context&, Transaction&, const Place&, const DocumentPlan&,
                 const Consent&);

}  // namespace gantry::api
