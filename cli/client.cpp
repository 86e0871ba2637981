#include "cli/client.hpp"

#include <chrono>
#include <thread>

#include <sys/random.h>

#include "proto/percent.hpp"

namespace gantry::cli {
namespace {

constexpr int kAttempts = 4;  // the first one and three more
constexpr long kStallSeconds = 60;

std::string random_key() {
  unsigned char bytes[16];
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
    throw Failure{"no random numbers", "internal", ""};
  std::string out = "cli-";
  for (const unsigned char byte : bytes) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

bool worth_another(const HttpReply& reply) {
  if (!reply.trouble.empty()) return reply.may_pass;
  if (reply.status != 503 && reply.status != 409) return false;
  const auto problem = Json::parse(reply.body);
  return problem && (*problem)["retryable"].boolean();
}

}  // namespace

Client::Client(Access access, long timeout_seconds)
    : access_(std::move(access)), timeout_seconds_(timeout_seconds) {}

HttpCall Client::call_to(const std::string& method, const std::string& path,
                         const std::string& body) const {
  HttpCall call{.method = method, .url = access_.url + path};
  call.timeout_seconds = timeout_seconds_;
  if (!access_.token.empty()) call.headers.push_back("Authorization: Bearer " + access_.token);
  if (method == "GET") return call;
  call.headers.push_back("Idempotency-Key: " + random_key());
  if (method == "DELETE") return call;
  call.headers.push_back("Content-Type: application/json");
  call.body = body;
  return call;
}

HttpReply Client::call_with_retries(const HttpCall& call) {
  auto pause = std::chrono::milliseconds(200);
  for (int attempt = 1;; ++attempt) {
    HttpReply reply = http_.call(call);
    if (attempt == kAttempts || !worth_another(reply)) return reply;
    std::this_thread::sleep_for(pause);
    pause *= 2;
  }
}

Failure Client::failure_of(const HttpReply& reply) const {
  if (!reply.trouble.empty())
    return {"cannot reach " + access_.url + ": " + reply.trouble, "unreachable",
            "is gantryd running there? Another place goes into --url or GANTRY_URL"};
  const Json problem = Json::parse(reply.body).value_or(Json());
  const std::string code = problem["code"].text();
  if (reply.status == 401) {
    const bool from_variable = access_.token_origin.find("TOKEN") != std::string::npos;
    return {from_variable ? "Unauthorized. Please check that your " + access_.token_origin +
                                " is valid and has access to the resource you're trying to use."
                          : "Unauthorized. Please login with `{program} login`",
            code.empty() ? "unauthenticated" : code,
            "`{program} login` keeps a token; GANTRY_TOKEN gives one for a single run"};
  }
  if (code.empty())
    return {access_.url + " answered with status " + std::to_string(reply.status), "bad_answer",
            "is there a gantryd at this address?"};
  std::string message = problem["detail"].text();
  const auto fields = problem["errors"].items();
  if (fields.size() > 1)
    for (const Json& field : fields)
      message += "\n  " + field["pointer"].text() + field["parameter"].text() + ": " +
                 field["detail"].text();
  std::string hint;
  if (reply.status >= 500)
    hint = "gantryd's log has more under request_id " + problem["request_id"].text();
  return {message, code, hint};
}

HttpReply Client::raw(const std::string& method, const std::string& path, const std::string& body) {
  HttpReply reply = call_with_retries(call_to(method, path, body));
  if (!reply.trouble.empty()) throw failure_of(reply);
  return reply;
}

HttpReply Client::put_file(const std::string& path, const FileBody& file,
                           std::vector<std::string> headers,
                           const std::function<void(std::uint64_t)>& on_sent) {
  HttpCall call{.method = "PUT", .url = access_.url + path, .headers = std::move(headers)};
  if (!access_.token.empty()) call.headers.push_back("Authorization: Bearer " + access_.token);
  call.file = file;
  call.timeout_seconds = 0;
  call.stall_seconds = kStallSeconds;
  call.on_sent = on_sent;
  return http_.call(call);
}

HttpReply Client::get_bytes(const std::string& path,
                            const std::function<bool(std::string_view)>& on_data) {
  HttpCall call = call_to("GET", path, "");
  call.timeout_seconds = 0;
  call.stall_seconds = kStallSeconds;
  call.on_data = on_data;
  return http_.call(call);
}

std::optional<Json> Client::find(const std::string& path) {
  const HttpReply reply = call_with_retries(call_to("GET", path, ""));
  if (reply.trouble.empty() && reply.status == 404) return std::nullopt;
  if (!reply.trouble.empty() || reply.status / 100 != 2) throw failure_of(reply);
  auto read = Json::parse(reply.body);
  if (!read) throw Failure{access_.url + path + " did not answer with JSON", "bad_answer", ""};
  return read;
}

Json Client::get(const std::string& path) {
  auto found = find(path);
  if (!found) throw Failure{"there is nothing at " + path, "not_found", ""};
  return std::move(*found);
}

Json Client::send(const std::string& method, const std::string& path, const std::string& body) {
  const HttpReply reply = call_with_retries(call_to(method, path, body));
  if (!reply.trouble.empty() || reply.status / 100 != 2) throw failure_of(reply);
  return Json::parse(reply.body).value_or(Json());
}

std::vector<Json> Client::list(const std::string& path) {
  std::vector<Json> all;
  std::string cursor;
  const char join = path.find('?') == std::string::npos ? '?' : '&';
  do {
    const Json page = get(path + join + "limit=200" +
                          (cursor.empty() ? "" : "&cursor=" + percent_encode(cursor)));
    for (const Json& item : page["data"].items()) all.push_back(item);
    cursor = page["next_cursor"].text();
  } while (!cursor.empty());
  return all;
}

void Client::stream(const std::string& path, const std::string& last_event_id,
                    const std::function<bool(const StreamEvent&)>& on_event) {
  bool wanted = true;
  StreamReader reader([&](const StreamEvent& event) { wanted = wanted && on_event(event); });
  HttpCall call = call_to("GET", path, "");
  call.timeout_seconds = 0;
  if (!last_event_id.empty()) call.headers.push_back("Last-Event-ID: " + last_event_id);
  bool began = false;
  call.on_data = [&](std::string_view bytes) {
    began = true;
    reader.feed(bytes);
    return wanted;
  };
  HttpReply reply = http_.call(call);
  if (!began && (reply.status == 0 || reply.status / 100 != 2)) throw failure_of(reply);
}

}  // namespace gantry::cli
