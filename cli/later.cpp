// Verbs of the command line that Gantry's stands in for, which have no counterpart yet: each says
// what to do meanwhile.
#include "cli/session.hpp"
#include "cli/verbs.hpp"

namespace gantry::cli {
namespace {

struct Later {
  const char* verb;
  const char* meanwhile;
};

constexpr const char* kNone = "nothing stands in for it yet";

constexpr Later kLater[] = {
    {"dev", kNone},
    {"functions", kNone},
    {"bucket", kNone},
    {"usage", kNone},
    {"upgrade", "deploy/quickstart builds and installs the present sources"},
};

int refuse(Session& session) {
  const std::string& verb = session.call().command->path;
  for (const Later& later : kLater)
    if (verb == later.verb)
      throw Failure{"`{program} " + verb + "` is not available yet", "not_available",
                    std::string("meanwhile: ") + later.meanwhile, kNotYet};
  throw Failure{"not available yet", "not_available", "", kNotYet};
}

}  // namespace

std::vector<Command> later_commands() {
  std::vector<Command> all;
  for (const Later& later : kLater)
    all.push_back(
        {.path = later.verb, .summary = "not available yet", .run = refuse, .later = true});
  return all;
}

}  // namespace gantry::cli
