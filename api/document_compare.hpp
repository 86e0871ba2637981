// What of another environment is to come to this one.
#pragma once

#include <string>
#include <vector>

#include "api/body.hpp"
#include "api/lookup.hpp"
#include "proto/document_promote.hpp"

namespace gantry::api {

struct Promotion {
  std::string from;
  PromotionRules rules;
};
Promotion read_promotion(Fields& body);

// REQUIRES: the place has an environment. Code::invalid: no such environment, or service.
Result<Promoted> promote(const Context&, const Place&, const Promotion&);

}  // namespace gantry::api
