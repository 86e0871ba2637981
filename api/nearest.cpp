#include "api/nearest.hpp"

#include <algorithm>

#include "proto/edit_distance.hpp"

namespace gantry::api {
namespace {

constexpr std::size_t kClip = 64;

}  // namespace

std::string nearest_hint(std::string_view word, std::initializer_list<std::string_view> known) {
  if (known.size() == 0) return ": this body has no fields";
  const std::string_view typed = word.substr(0, kClip);
  const auto nearest = *std::min_element(known.begin(), known.end(), [&](auto a, auto b) {
    return edit_distance(typed, a) < edit_distance(typed, b);
  });
  if (edit_distance(typed, nearest) <= 1 + nearest.size() / 3)
    return "; did you mean \"" + std::string(nearest) + "\"?";
  std::string hint;
  for (const std::string_view name : known)
    hint += (hint.empty() ? "; known: " : ", ") + std::string(name);
  return hint;
}

std::string clipped(std::string_view text) {
  if (text.size() <= kClip) return std::string(text);
  return std::string(text.substr(0, kClip)) + "...";
}

}  // namespace gantry::api
