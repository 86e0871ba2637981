#include "proto/duration.hpp"

#include <charconv>

namespace gantry {

std::optional<std::int64_t> duration_seconds(std::string_view text) {
  constexpr std::int64_t day = 86400;
  constexpr std::int64_t most = 36525 * day;
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const std::int64_t seconds = unit == "s"   ? 1
                               : unit == "m" ? 60
                               : unit == "h" ? 3600
                               : unit == "d" ? day
                               : unit == "w" ? 7 * day
                                             : 0;
  if (error != std::errc() || seconds == 0 || count <= 0 || count > most / seconds)
    return std::nullopt;
  return count * seconds;
}

}  // namespace gantry
