// One environment brought to another: which of its parts go along, by rule. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "proto/document.hpp"

namespace gantry {

struct PromotionRules {
  std::set<std::string> only = {};  // services; empty: all, and the shared variables
  // Names of variables whose values are copied although they differ; "*": all.
  std::set<std::string> variables = {};
};

struct Promoted {
  Document wanted;                   // what the target is to be
  std::vector<std::string> remarks;  // what is left as it is, and why: sentences
};

// Services, their sources and settings go along, variables that the target has not, and volumes
// that it has not, empty. The target keeps its domains, its ports of the edge, its volumes, its
// variables, and the values that differ.
Promoted promote(const Document& from, const Document& target, const PromotionRules&);

}  // namespace gantry
