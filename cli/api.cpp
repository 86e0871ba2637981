#include <fstream>
#include <sstream>

#include "cli/output.hpp"
#include "cli/prompt.hpp"
#include "cli/verbs.hpp"

namespace gantry::cli {
namespace {

std::string wanted_body(const Call& call) {
  const std::string data = call.value("--data").value_or("");
  if (data == "@-") return read_stdin();
  if (data.empty() || data[0] != '@') return data;
  std::ifstream file(data.substr(1));
  if (!file) throw Failure{"cannot read " + data.substr(1), "no_file", ""};
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

int api(Session& session) {
  const Call& call = session.call();
  if (call.words.size() != 2 || call.words[1].empty() || call.words[1][0] != '/')
    throw Failure{"expected a method and a path", "usage", "`{program} api GET /v1/projects`",
                  kUnreadable};
  std::string method = call.words[0];
  for (char& c : method)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  if (method.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos)
    throw Failure{"\"" + method + "\" is not a method", "usage", "", kUnreadable};
  const HttpReply reply = session.client().raw(method, call.words[1], wanted_body(call));
  if (!reply.body.empty()) print(reply.body);
  if (reply.status < 400) return 0;
  print_error("status " + std::to_string(reply.status));
  return kFailed;
}

}  // namespace

std::vector<Command> api_commands() {
  return {
      {.path = "api",
       .summary = "one request to the REST interface, as it is",
       .words = "METHOD PATH",
       .words_max = 2,
       .options = {{"--data", "JSON|@FILE", "the body; @- is stdin"}},
       .examples = {"api GET /v1/projects", "api POST /v1/projects --data '{\"name\":\"shop\"}'"},
       .run = api}};
}

}  // namespace gantry::cli
