#include "api/document_compare.hpp"

#include "api/authority.hpp"
#include "api/nearest.hpp"

namespace gantry::api {
namespace {

std::set<std::string> set_of(Fields& body, std::string_view field) {
  if (!body.has(field)) return {};
  const auto texts = body.texts(field);
  return {texts.begin(), texts.end()};
}

}  // namespace

Promotion read_promotion(Fields& body) {
  return {.from = body.text("from"),
          .rules = {.only = set_of(body, "only"), .variables = set_of(body, "variables")}};
}

Result<Promoted> promote(const Context& context, const Place& place, const Promotion& promotion) {
  const EnvironmentView* from = place.project->environment(promotion.from);
  if (from == nullptr)
    return invalid("/from", "unknown_environment",
                   "the project has no environment \"" + clipped(promotion.from) + "\"");
  if (from->environment.id == place.environment->environment.id)
    return invalid("/from", "same_environment", "name another environment than the one it is for");
  // Its variables are read, as by a copy.
  GANTRY_TRY(may(context, Permission::edit, *place.project, *from));
  const Document source = document_of(*place.project, *from, DocumentValues::all);
  const Document target = document_of(*place.project, *place.environment, DocumentValues::all);
  for (const std::string& name : promotion.rules.only)
    if (!source.services.contains(name) && !target.services.contains(name))
      return invalid("/only", "unknown_service",
                     "neither environment has a service \"" + clipped(name) + "\"");
  return gantry::promote(source, target, promotion.rules);
}

}  // namespace gantry::api
