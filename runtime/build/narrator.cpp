#include "runtime/build/narrator.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gantry {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kNewestLines = 8;
constexpr std::size_t kPartialMax = 64 * 1024;
constexpr std::size_t kReasonMax = 2000;

std::string text(const Json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// BuildKit wraps its errors in its own names.
std::string unwrapped(std::string error) {
  for (const std::string_view wrap :
       {"failed to solve with frontend dockerfile.v0: ", "failed to solve: ", "rpc error: ",
        "code = Unknown desc = ", "failed to create LLB definition: ",
        "failed to read dockerfile: "})
    if (const auto at = error.find(wrap); at != std::string::npos) error.erase(at, wrap.size());
  return error;
}

// "executor failed running [/bin/sh -c make]: exit code: 2" is "exit code: 2".
std::string tail_of_execution(const std::string& error) {
  const auto at = error.rfind("]: exit code: ");
  return at == std::string::npos ? error : "exit code " + error.substr(at + 14);
}

}  // namespace

void Narrator::feed(std::string_view bytes) {
  pending_ += bytes;
  std::size_t begin = 0;
  for (std::size_t end; (end = pending_.find('\n', begin)) != std::string::npos; begin = end + 1)
    line(std::string_view(pending_).substr(begin, end - begin));
  pending_.erase(0, begin);
}

void Narrator::finish() {
  if (!pending_.empty()) line(pending_);
  pending_.clear();
  for (auto& [digest, step] : steps_)
    for (auto& [stream, rest] : step.partial)
      if (!rest.empty()) output(step, 0, std::exchange(rest, {}));
}

void Narrator::line(std::string_view json) {
  const Json message = Json::parse(json, nullptr, false);
  if (!message.is_object()) return;
  const std::string id = text(message, "id");
  const auto aux = message.find("aux");
  if (id == "moby.buildkit.trace" && aux != message.end() && aux->is_string()) {
    const Trace trace = parse_trace(decode_base64(aux->get_ref<const std::string&>()));
    for (const TraceVertex& one : trace.vertexes) vertex(one);
    for (const TraceLog& one : trace.logs) log(one);
  } else if (id == "moby.image.id" && aux != message.end()) {
    image_id_ = text(*aux, "ID");
  }
  if (const std::string error = text(message, "error"); !error.empty()) error_ = error;
  if (message.contains("message")) refusal_ = text(message, "message");
}

void Narrator::say(Step& step, const std::string& words) {
  sink_(fmt::format("#{} {}\n", step.number, words));
}

void Narrator::vertex(const TraceVertex& seen) {
  Step& step = steps_[seen.digest];
  if (step.number == 0) step.number = ++numbers_;
  step.vertex = seen;
  if (!step.told && (seen.started > 0 || seen.cached)) {
    step.told = true;
    say(step, seen.name);
  }
  if (step.ended || (seen.completed == 0 && seen.error.empty())) return;
  step.ended = true;
  for (auto& [stream, rest] : step.partial)
    if (!rest.empty()) output(step, seen.completed, std::exchange(rest, {}));
  if (!seen.error.empty()) {
    if (failed_.empty() && seen.error.find("context canceled") == std::string::npos)
      failed_ = seen.digest;
    say(step, "ERROR: " + unwrapped(seen.error));
  } else if (seen.cached) {
    say(step, "CACHED");
  } else {
    say(step, fmt::format("DONE {:.1f}s", seen.completed - seen.started));
  }
}

void Narrator::log(const TraceLog& seen) {
  Step& step = steps_[seen.vertex];
  if (step.number == 0) step.number = ++numbers_;
  std::string& partial = step.partial[seen.stream];
  partial += seen.text;
  std::size_t begin = 0;
  for (std::size_t end; (end = partial.find('\n', begin)) != std::string::npos; begin = end + 1)
    output(step, seen.at, partial.substr(begin, end - begin));
  partial.erase(0, begin);
  while (partial.size() >= kPartialMax) {
    output(step, seen.at, partial.substr(0, kPartialMax));
    partial.erase(0, kPartialMax);
  }
}

void Narrator::output(Step& step, double at, std::string words) {
  if (!words.empty() && words.back() == '\r') words.pop_back();
  const double since =
      at > step.vertex.started && step.vertex.started > 0 ? at - step.vertex.started : 0;
  say(step, fmt::format("{:.3f} {}", since, words));
  step.newest.push_back(std::move(words));
  if (step.newest.size() > kNewestLines) step.newest.pop_front();
}

std::string Narrator::why() const {
  const auto failed = steps_.find(failed_);
  if (failed == steps_.end()) return "the build failed: " + unwrapped(error_);
  const Step& step = failed->second;
  const std::string& name = step.vertex.name;
  constexpr std::string_view metadata = "[internal] load metadata for ";
  if (name.starts_with(metadata))
    return "the base image " + name.substr(metadata.size()) +
           " is not on this machine and could not be pulled: " + unwrapped(step.vertex.error);
  std::string out =
      "the step " + name + " failed: " + tail_of_execution(unwrapped(step.vertex.error));
  if (!step.newest.empty()) out += "; its last lines:";
  for (const std::string& one : step.newest) out += "\n" + one;
  return out;
}

Result<std::string> Narrator::outcome(int status) const {
  if (status == 200 && error_.empty() && !image_id_.empty()) return image_id_;
  Error error{
      status >= 500 && error_.empty() && refusal_.empty() ? Code::unavailable : Code::invalid,
      "build_failed", ""};
  if (!error_.empty())
    error.detail = why();
  else if (!refusal_.empty())
    error.detail = "the build was refused: " + unwrapped(refusal_);
  else
    error.detail = fmt::format("the engine ended the build without an image (status {})", status);
  if (error.detail.size() > kReasonMax) error.detail.resize(kReasonMax);
  return error;
}

}  // namespace gantry
