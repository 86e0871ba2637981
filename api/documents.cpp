// An environment as one document: looked at, planned and applied; and one environment brought to
// another.
#include "api/document_compare.hpp"
#include "api/planning.hpp"
#include "api/problem.hpp"
#include "api/reply.hpp"

namespace gantry::api {
namespace {

Result<Document> document_in(Fields& body) {
  const std::string text = body.text("document");
  GANTRY_TRY(body.check());
  auto document = read_document(text);
  if (document) return document;
  Error error = document.error();
  for (FieldError& field : error.fields) field.pointer.insert(0, "/document");
  return error;
}

Result<DocumentValues> values_of(const Request& request) {
  const std::string* wanted = request.query_value("values");
  if (wanted == nullptr || *wanted == "references") return DocumentValues::references;
  if (*wanted == "all") return DocumentValues::all;
  return invalid_query("values", "expected references or all");
}

}  // namespace

// Values that show more than references are preserved, unless all are asked for.
Answer get_document(const Request& request, Context& context) {
  const auto place = find_environment(request, context);
  if (!place) return place.error();
  const auto values = values_of(request);
  if (!values) return values.error();
  const Document document =
      without_archives(document_of(*place->project, *place->environment, *values));
  std::string out;
  JsonObject(out).text("document", write_document(document));
  return unversioned(request, std::move(out));
}

Answer plan_environment(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_environment(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {"document"});
  if (!body) return body.error();
  auto document = document_in(*body);
  if (!document) return document.error();
  const auto plan = rehearsed(context, transaction, *place, *std::move(document));
  if (!plan) return plan.error();
  return unversioned(request, plan_json(*plan));
}

Answer apply_document(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_environment(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {"document", "hash", "confirm"});
  if (!body) return body.error();
  const Consent consent = read_consent(*body);
  auto document = document_in(*body);
  if (!document) return document.error();
  const auto plan = plan_for(context, *place, *std::move(document));
  if (!plan) return plan.error();
  return carry_out(request, context, transaction, *place, *plan, consent);
}

Answer compare_environments(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_environment(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {"from", "only", "variables"});
  if (!body) return body.error();
  const Promotion promotion = read_promotion(*body);
  GANTRY_TRY(body->check());
  auto promoted = promote(context, *place, promotion);
  if (!promoted) return promoted.error();
  auto plan = rehearsed(context, transaction, *place, std::move(promoted->wanted));
  if (!plan) return plan.error();
  plan->remarks = std::move(promoted->remarks);
  return unversioned(request, plan_json(*plan));
}

Answer sync_environment(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_environment(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {"from", "only", "variables", "hash", "confirm"});
  if (!body) return body.error();
  const Promotion promotion = read_promotion(*body);
  const Consent consent = read_consent(*body);
  GANTRY_TRY(body->check());
  auto promoted = promote(context, *place, promotion);
  if (!promoted) return promoted.error();
  auto plan = plan_for(context, *place, std::move(promoted->wanted));
  if (!plan) return plan.error();
  plan->remarks = std::move(promoted->remarks);
  return carry_out(request, context, transaction, *place, *plan, consent);
}

}  // namespace gantry::api
