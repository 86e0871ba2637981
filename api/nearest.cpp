#include "api/nearest.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace gantry::api {
namespace {

constexpr std::size_t kClip = 64;

// Levenshtein's distance, one row at a time.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, above + 1, diagonal + (a[i] == b[j] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

std::string nearest_hint(std::string_view word, std::initializer_list<std::string_view> known) {
  if (known.size() == 0) return ": this body has no fields";
  const std::string_view typed = word.substr(0, kClip);
  const auto nearest = *std::min_element(known.begin(), known.end(), [&](auto a, auto b) {
    return distance(typed, a) < distance(typed, b);
  });
  if (distance(typed, nearest) <= 1 + nearest.size() / 3)
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
