#include <utility>
#include <vector>

#include "api/handlers.hpp"

namespace gantry::embedded {
extern const std::vector<std::pair<std::string_view, std::string_view>> documents;
}

namespace gantry::api {

Answer livez(const Request&, Context&) {
  Response response;
  response.body = R"({"status":"ok"})";
  return response;
}

Answer readyz(const Request&, Context& context) {
  if (context.ready) {
    if (const auto ready = context.ready(); !ready)
      return Error{Code::unavailable, "not_ready", ready.error().detail};
  }
  Response response;
  response.body = R"({"status":"ok"})";
  return response;
}

Answer metrics(const Request&, Context& context) {
  Response response;
  response.content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
  response.body = context.metrics ? context.metrics() : "# EOF\n";
  return response;
}

Answer config_schema(const Request&, Context&) {
  static const auto text = std::make_shared<const std::string>(embedded::documents.back().second);
  Response response;
  response.content_type = "application/schema+json";
  response.shared_body = text;
  return response;
}

Answer openapi(const Request&, Context&) {
  static const auto text = std::make_shared<const std::string>(embedded::documents.front().second);
  Response response;
  response.content_type = "application/yaml";
  response.shared_body = text;
  return response;
}

}  // namespace gantry::api
