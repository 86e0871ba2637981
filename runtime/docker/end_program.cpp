#include "runtime/docker/end_program.hpp"

#include "runtime/docker/codec_exec.hpp"

namespace gantry::docker {
namespace {

// $1: the marker. Only what every shell has, and cat.
constexpr const char* kScript = R"script(
each() {
  for dir in /proc/[0-9]*; do
    case "$(cat "$dir/environ")" in
      *"$2"*) kill -s "$1" "${dir#/proc/}" ;;
    esac
  done
}
each HUP "$1"
each TERM "$1"
sleep 1
each KILL "$1"
)script";

}  // namespace

std::vector<std::string> end_program(const SessionId& session) {
  return {"/bin/sh", "-c", kScript, "sh", std::string(kSessionVariable) + "=" + session.str()};
}

}  // namespace gantry::docker
