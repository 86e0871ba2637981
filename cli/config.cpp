#include <fstream>
#include <iterator>

#include <unistd.h>

#include "cli/failure.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "proto/config_file.hpp"

namespace gantry::cli {
namespace {

std::string file_here() {
  for (const std::string_view name : kConfigFileNames)
    if (::access(std::string(name).c_str(), R_OK) == 0) return std::string(name);
  throw Failure{"there is no railway.toml, railway.json or gantry.yaml in this directory",
                "no_file", "name the file: `{program} config check FILE`", kUnreadable};
}

ConfigRequest request_of(const Call& call) {
  ConfigRequest request;
  request.file_name = call.words.empty() ? file_here() : call.words.front();
  request.environment = call.value("--environment");
  request.base_environment = call.value("--pull-request-of");
  request.service = call.value("--service");
  std::ifstream input(request.file_name, std::ios::binary);
  if (!input)
    throw Failure{request.file_name + " cannot be read", "unreadable_file", "is the path right?",
                  kUnreadable};
  request.text.assign(std::istreambuf_iterator<char>(input), {});
  return request;
}

int check(Session& session) {
  const ConfigRequest request = request_of(session.call());
  const ConfigResult result = read_config(request);
  if (session.json()) {
    print(config_json(request.file_name, result));
    return result.ok() ? 0 : kFailed;
  }
  if (result.ok())
    for (const auto& setting : result.effective)
      print(setting.key + " = " + setting.value + "    # " + origin_line(setting.origin));
  for (const auto& problem : result.problems) print(config_line(request.file_name, problem));
  return result.ok() ? 0 : kFailed;
}

}  // namespace

std::vector<Command> config_commands() {
  return {{.path = "config check",
           .summary = "the settings in force in a railway.json, railway.toml or gantry.yaml, and "
                      "what is wrong in it",
           .words = "[FILE]",
           .words_max = 1,
           .options = {{"-e,--environment", "NAME", "with the overrides of this environment"},
                       {"--pull-request-of", "NAME",
                        "as a pull-request environment made from this one"},
                       {"-s,--service", "NAME", "one of the services that the file describes"}},
           .examples = {"config check", "config check railway.json --environment staging --json"},
           .run = check}};
}

}  // namespace gantry::cli
