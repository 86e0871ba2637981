// What tests say to an installation over HTTP.
#include <gtest/gtest.h>

#include "tests/support/daemon.hpp"

namespace gantry::testing {

std::string Gantry::token_header() const { return "Authorization: Bearer " + token_ + "\r\n"; }

ApiReply Gantry::raw(const HttpCall& call) {
  HttpCall with_token = call;
  with_token.headers += token_header();
  ApiReply reply;
  reply.http = http_call(api_port, with_token);
  reply.status = reply.http.status;
  reply.json = Json::parse(reply.http.body, nullptr, false);
  if (reply.json.is_discarded()) reply.json = nullptr;
  return reply;
}

ApiReply Gantry::api(const std::string& method, const std::string& path, const Json& body,
                     const std::string& headers) {
  HttpCall call{.method = method, .path = path, .headers = headers};
  if (!body.is_null()) {
    call.body = body.dump();
    call.headers += "Content-Type: application/json\r\n";
  }
  return raw(call);
}

std::string Gantry::create(const std::string& service, const Json& deploy, const std::string& image,
                           const std::string& project) {
  api("POST", "/v1/projects", {{"name", project}});
  const auto made = api("POST", "/v1/projects/" + project + "/services",
                        {{"name", service}, {"source", {{"image", image}}}, {"deploy", deploy}});
  EXPECT_EQ(made.status, 201) << made.http.body;
  return "/v1/projects/" + project + "/environments/production/services/" + service;
}

std::string Gantry::deploy(const std::string& path, const Json& body) {
  const auto made = api("POST", path + "/deployments", body);
  EXPECT_EQ(made.status, 202) << made.http.body;
  return made.status == 202 ? made.json.value("id", "") : "";
}

std::string Gantry::settled(const std::string& deployment, int seconds) {
  std::string status, reason;
  within(seconds, [&] {
    const Json now = get("/v1/deployments/" + deployment);
    if (!now.is_object()) return false;
    status = now.value("status", "");
    reason = now.value("reason", "");
    return status != "QUEUED" && status != "INITIALIZING" && status != "BUILDING" &&
           status != "DEPLOYING";
  });
  return reason.empty() ? status : status + " \"" + reason + "\"";
}

bool Gantry::converged(const std::string& path, int replicas, int seconds) {
  return within(seconds, [&] {
    const Json instance = get(path);
    if (!instance.is_object() || !instance.contains("status")) return false;
    if (instance["status"]["phase"] != "SUCCESS") return false;
    const Json listed = get(path + "/replicas");
    if (!listed.is_object()) return false;
    int ready = 0, others = 0;
    for (const Json& replica : listed["data"]) {
      if (replica["status"] == "REMOVED") continue;
      const bool counts = replica["ready"] == true && replica["status"] == "RUNNING";
      ++(counts ? ready : others);
    }
    if (ready != replicas || others != 0) return false;
    const auto seen = containers(path);
    for (const SeenContainer& container : seen)
      if (!container.running) return false;
    return static_cast<int>(seen.size()) == replicas;
  });
}

std::string Gantry::state_of(const std::string& path) {
  std::string text = get(path).dump() + "\n" + get(path + "/replicas").dump() + "\n" +
                     get(path + "/deployments").dump();
  for (const SeenContainer& container : containers(path))
    text += "\n" + container.name + (container.running ? " runs" : " does not run");
  return text;
}

std::string Gantry::host(const std::string& path) {
  const Json instance = get(path);
  return instance.is_object() && instance["host"].is_string() ? instance["host"].get<std::string>()
                                                              : "";
}

HttpReply Gantry::edge(const std::string& path, const std::string& url) {
  return http_call(edge_port, {.path = url, .host = host(path), .timeout_ms = 10000});
}

}  // namespace gantry::testing
