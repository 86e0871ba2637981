#include <exception>
#include <optional>

#include "api/access.hpp"
#include "api/auditing.hpp"
#include "api/http.hpp"
#include "api/nearest.hpp"
#include "api/problem.hpp"
#include "api/staging.hpp"
#include "proto/id.hpp"

namespace gantry::api {
namespace {

constexpr std::size_t kRequestIdMax = 64;

// A caller's own id is kept when it may go into a header and a log line.
std::string request_id_of(const Request& request, const Clock& clock) {
  constexpr std::string_view allowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
  if (!request.request_id.empty()) return request.request_id;
  const std::string* given = request.header("x-request-id");
  if (given != nullptr && !given->empty() && given->size() <= kRequestIdMax &&
      given->find_first_not_of(allowed) == std::string::npos)
    return *given;
  return "req_" + new_ulid(clock.now());
}

bool knows(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const auto blank = std::min(words.find(' '), words.size());
    if (words.substr(0, blank) == word) return true;
    words.remove_prefix(std::min(blank + 1, words.size()));
  }
  return false;
}

// A mistyped ?dry_run must not become the real thing.
Result<> check_query(const Request& request, const Endpoint& endpoint) {
  for (std::size_t i = 0; i < request.query.size(); ++i) {
    const auto& [name, value] = request.query[i];
    const bool dry_run =
        request.method != Method::get && endpoint.receiver == nullptr && name == "dry_run";
    if (name == "stage" && request.method != Method::get && !knows(endpoint.query, name))
      return invalid("?stage", "cannot_be_staged", std::string(why_not_staged(endpoint.pattern)));
    if (!dry_run && !knows(endpoint.query, name))
      return invalid("?" + clipped(name), "unknown_parameter",
                     "this request has no query parameter \"" + clipped(name) + "\"");
    if (dry_run && value != "true" && value != "false")
      return invalid_query("dry_run", "expected true or false");
    if (&value != request.query_value(name))
      return invalid_query(name, "the parameter is there twice");
  }
  return done();
}

bool carries_json(const Request& request) {
  const std::string* header = request.header("content-type");
  if (header == nullptr) return false;
  std::string type = header->substr(0, header->find(';'));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  for (char& c : type)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return type == "application/json" ||
         (request.method == Method::patch && type == "application/merge-patch+json");
}

Response unmatched(const Request& request, const Match& matched) {
  if (matched.allow.empty())
    return problem(Error{Code::not_found, "unknown_path",
                         "there is nothing at this path: see /v1/openapi.yaml"},
                   request);
  Response response = problem(
      HttpError{405, "method_not_allowed", "this path knows only " + matched.allow}, request);
  response.headers.emplace_back("Allow", matched.allow);
  return response;
}

// Why a request gets no further than its head; nothing when it does.
std::optional<Response> bar(Request& request, Match& matched, Context& context, Caller& caller) {
  if (matched.endpoint == nullptr) return unmatched(request, matched);
  const Endpoint& endpoint = *matched.endpoint;
  request.pattern = endpoint.pattern;
  if (endpoint.permission != Permission::open) {
    auto known = Caller::of(request, context);
    if (!known) return unauthenticated(request, known.error());
    caller = *std::move(known);
    request.token_id = caller.token_id();
  }
  request.path_parameters = std::move(matched.parameters);
  if (const auto query = check_query(request, endpoint); !query)
    return problem(query.error(), request);
  if (const auto permitted = caller.permit(request, endpoint, context); !permitted)
    return problem(permitted.error(), request);
  return std::nullopt;
}

// A whole body for who takes it piece by piece.
Response swallow(const Request& request, const Endpoint& endpoint, Context& context) {
  auto intake = endpoint.receiver(request, context);
  if (!intake) return problem(intake.error(), request);
  if (const auto written = (*intake)->write(request.body); !written)
    return problem(written.error(), request);
  auto response = (*intake)->finish();
  if (!response) return problem(response.error(), request);
  audit_deed(request, context);
  return std::move(*response);
}

Response answer(Request& request, Match& matched, Context& context) {
  Caller caller = Caller::anonymous();
  if (auto barred = bar(request, matched, context, caller)) return std::move(*barred);
  Context& seen = caller.seen(context);
  if (matched.endpoint->receiver != nullptr) return swallow(request, *matched.endpoint, seen);
  const bool has_body =
      request.method != Method::get && request.method != Method::del && !request.body.empty();
  if (has_body && !carries_json(request))
    return problem(
        HttpError{415, "unsupported_media_type", "send the body as Content-Type: application/json"},
        request);
  Response response = matched.endpoint->handler(request, seen);
  if (response.stream) response.stream = caller.guard(std::move(response.stream), context);
  return response;
}

Result<> permit_again(const Admission& admission, Context& context) {
  const Endpoint* endpoint = admission.endpoint;
  if (endpoint == nullptr || endpoint->permission == Permission::open) return done();
  auto caller = Caller::of(admission.request, context);
  if (!caller) return caller.error();
  return caller->permit(admission.request, *endpoint, context);
}

Response refused(const Request& request, const Error& error) {
  return error.code == Code::unauthenticated ? unauthenticated(request, error)
                                             : problem(error, request);
}

// The last resort for what must never happen.
Error broke(const Request& request, const Context& context, const std::exception& failure) {
  if (context.report) context.report(request.request_id, failure.what());
  return Error{Code::internal, "internal",
               "something broke inside Gantry: its log has more under this request_id"};
}

}  // namespace

Response dispatch(Request request, Match matched, Context& context) {
  Response response;
  try {
    request.request_id = request_id_of(request, context.clock);
    response = answer(request, matched, context);
    audit_refusal(request, response, context);
  } catch (const std::exception& failure) {
    response = problem(broke(request, context, failure), request);
  }
  response.headers.emplace_back("X-Request-Id", std::move(request.request_id));
  return response;
}

Admission admit(Request request, Match matched, Context& context) {
  Admission admission;
  admission.endpoint = matched.endpoint;
  try {
    request.request_id = request_id_of(request, context.clock);
    Caller caller = Caller::anonymous();
    if (auto barred = bar(request, matched, context, caller)) {
      admission.refusal = std::move(*barred);
      audit_refusal(request, admission.refusal, context);
    } else if (auto intake = matched.endpoint->receiver(request, caller.seen(context)); intake) {
      admission.intake = std::move(*intake);
    } else {
      admission.refusal = problem(intake.error(), request);
    }
  } catch (const std::exception& failure) {
    admission.refusal = problem(broke(request, context, failure), request);
  }
  admission.refusal.headers.emplace_back("X-Request-Id", request.request_id);
  admission.request = std::move(request);
  return admission;
}

Result<> take(Admission& admission, std::string_view piece, Context& context) {
  try {
    return admission.intake->write(piece);
  } catch (const std::exception& failure) {
    return broke(admission.request, context, failure);
  }
}

Response conclude(Admission& admission, const Result<>& taken, Context& context) {
  const Request& request = admission.request;
  Response response;
  try {
    const auto still = taken ? permit_again(admission, context) : taken;
    auto finished = still ? admission.intake->finish() : Result<Response>(still.error());
    admission.intake.reset();
    response = finished ? std::move(*finished) : refused(request, finished.error());
    if (finished)
      audit_deed(request, context);
    else
      audit_refusal(request, response, context);
  } catch (const std::exception& failure) {
    response = problem(broke(request, context, failure), request);
  }
  response.headers.emplace_back("X-Request-Id", request.request_id);
  return response;
}

}  // namespace gantry::api
