#include "proto/git.hpp"

namespace gantry {

std::string_view name(PullState state) {
  switch (state) {
    case PullState::open:
      return "open";
    case PullState::held:
      return "held";
    case PullState::ignored:
      return "ignored";
    case PullState::closed:
      return "closed";
    case PullState::removed:
      return "removed";
  }
  return "open";
}

std::optional<PullState> parse_pull_state(std::string_view word) {
  for (const PullState each : {PullState::open, PullState::held, PullState::ignored,
                               PullState::closed, PullState::removed})
    if (name(each) == word) return each;
  return std::nullopt;
}

}  // namespace gantry
