#include "proto/quantity.hpp"

#include <array>
#include <charconv>

namespace gantry {
namespace {

struct Suffix {
  std::string_view text;
  int tens;  // power of ten
  int twos;  // power of two
};

constexpr std::array<Suffix, 16> kSuffixes{{{"", 0, 0},
                                            {"n", -9, 0},
                                            {"u", -6, 0},
                                            {"m", -3, 0},
                                            {"k", 3, 0},
                                            {"M", 6, 0},
                                            {"G", 9, 0},
                                            {"T", 12, 0},
                                            {"P", 15, 0},
                                            {"E", 18, 0},
                                            {"Ki", 0, 10},
                                            {"Mi", 0, 20},
                                            {"Gi", 0, 30},
                                            {"Ti", 0, 40},
                                            {"Pi", 0, 50},
                                            {"Ei", 0, 60}}};

struct Number {
  std::int64_t mantissa = 0;
  int tens = 0;
  int twos = 0;
};

// [e|E][+-]digits, which is Kubernetes' other form of a suffix.
bool read_exponent(std::string_view text, Number& number) {
  if (text.size() < 2 || (text[0] != 'e' && text[0] != 'E')) return false;
  text.remove_prefix(text[1] == '+' ? 2 : 1);
  int exponent = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), exponent);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return false;
  if (exponent < -30 || exponent > 30) return false;
  number.tens += exponent;
  return true;
}

std::optional<Number> read_number(std::string_view text) {
  Number number;
  std::size_t at = text.substr(0, 1) == "+" ? 1 : 0;
  bool digits = false;
  bool point = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9') break;
    digits = true;
    if (__builtin_mul_overflow(number.mantissa, std::int64_t{10}, &number.mantissa) ||
        __builtin_add_overflow(number.mantissa, std::int64_t{c - '0'}, &number.mantissa))
      return std::nullopt;
    if (point) --number.tens;
  }
  if (!digits) return std::nullopt;
  const std::string_view rest = text.substr(at);
  for (const Suffix& suffix : kSuffixes) {
    if (suffix.text != rest) continue;
    number.tens += suffix.tens;
    number.twos = suffix.twos;
    return number;
  }
  if (!read_exponent(rest, number)) return std::nullopt;
  return number;
}

std::optional<std::int64_t> value_of(Number number) {
  std::int64_t value = number.mantissa;
  for (; number.twos > 0; --number.twos)
    if (__builtin_mul_overflow(value, std::int64_t{2}, &value)) return std::nullopt;
  for (; number.tens > 0; --number.tens)
    if (__builtin_mul_overflow(value, std::int64_t{10}, &value)) return std::nullopt;
  bool rest = false;
  for (; number.tens < 0 && (value != 0 || rest); ++number.tens) {
    rest = rest || value % 10 != 0;
    value /= 10;
    if (value == 0) break;
  }
  return value + (rest ? 1 : 0);
}

}  // namespace

std::optional<std::int64_t> parse_millis(std::string_view text) {
  auto number = read_number(text);
  if (!number) return std::nullopt;
  number->tens += 3;
  return value_of(*number);
}

std::optional<std::int64_t> parse_units(std::string_view text) {
  const auto number = read_number(text);
  if (!number) return std::nullopt;
  return value_of(*number);
}

}  // namespace gantry
