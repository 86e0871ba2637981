#include "proto/codec_fields.hpp"

#include "proto/edit_distance.hpp"

namespace gantry::codec {

std::string escape_pointer(std::string_view key) {
  std::string escaped;
  for (const char c : key) escaped += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return escaped;
}

std::string unknown_key_detail(std::string_view key, const std::vector<std::string_view>& known) {
  if (known.empty()) return "there are no keys here yet: remove it";
  std::string_view nearest;
  std::size_t distance = std::numeric_limits<std::size_t>::max();
  if (key.size() <= 64)
    for (const auto candidate : known)
      if (const std::size_t d = edit_distance(key, candidate); d < distance) {
        distance = d;
        nearest = candidate;
      }
  if (!nearest.empty() && distance <= nearest.size() / 2)
    return "unknown key: did you mean \"" + std::string(nearest) + "\"?";
  std::string all;
  for (const auto candidate : known)
    all += (all.empty() ? "" : ", ") + ("\"" + std::string(candidate) + "\"");
  return "unknown key: known here are " + all;
}

bool read_whole(const Field& field, std::int64_t low, std::int64_t high, std::int64_t& out,
                bool zero_too) {
  if (!field.json.is_number_integer()) {
    field.refuse("wrong_type", "expected a whole number");
    return false;
  }
  const bool huge = field.json.is_number_unsigned() &&
                    field.json.get<std::uint64_t>() > static_cast<std::uint64_t>(kLongMax);
  const std::int64_t value = huge ? kLongMax : field.json.get<std::int64_t>();
  if (!huge && ((value >= low && value <= high) || (zero_too && value == 0))) {
    out = value;
    return true;
  }
  const std::string range = high == kIntMax || high == kLongMax
                                ? "at least " + std::to_string(low)
                                : std::to_string(low) + " to " + std::to_string(high);
  field.refuse("out_of_range", zero_too ? "expected 0 (none), or " + range : "expected " + range);
  return false;
}

bool read_flag(const Field& field, bool& out) {
  if (!field.json.is_boolean()) {
    field.refuse("wrong_type", "expected true or false");
    return false;
  }
  out = field.json.get<bool>();
  return true;
}

}  // namespace gantry::codec
