#include "runtime/build/trace.hpp"

#include <optional>

namespace gantry {
namespace {

// One field of a message: a number, or bytes.
struct Field {
  std::uint64_t number = 0, value = 0;
  std::string_view bytes;
};

std::optional<std::uint64_t> take_varint(std::string_view& in) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

// Nothing at the end, and where it cannot be read on.
std::optional<Field> take_field(std::string_view& in) {
  constexpr std::uint64_t varint = 0, fixed64 = 1, delimited = 2, fixed32 = 5;
  const auto tag = take_varint(in);
  if (!tag) return std::nullopt;
  Field field;
  field.number = *tag >> 3;
  const std::uint64_t type = *tag & 7;
  std::uint64_t length = type == fixed64 ? 8 : type == fixed32 ? 4 : 0;
  if (type == varint || type == delimited) {
    const auto value = take_varint(in);
    if (!value) return std::nullopt;
    (type == varint ? field.value : length) = *value;
  } else if (length == 0) {
    return std::nullopt;
  }
  if (length > in.size()) return std::nullopt;
  field.bytes = in.substr(0, length);
  in.remove_prefix(length);
  return field;
}

double parse_time(std::string_view in) {
  double seconds = 0;
  while (const auto field = take_field(in)) {
    const auto value = static_cast<double>(static_cast<std::int64_t>(field->value));
    seconds += field->number == 1 ? value : field->number == 2 ? value / 1e9 : 0;
  }
  return seconds;
}

TraceVertex parse_vertex(std::string_view in) {
  TraceVertex vertex;
  while (const auto field = take_field(in)) {
    if (field->number == 1) vertex.digest = field->bytes;
    if (field->number == 3) vertex.name = field->bytes;
    if (field->number == 4) vertex.cached = field->value != 0;
    if (field->number == 5) vertex.started = parse_time(field->bytes);
    if (field->number == 6) vertex.completed = parse_time(field->bytes);
    if (field->number == 7) vertex.error = field->bytes;
  }
  return vertex;
}

TraceLog parse_log(std::string_view in) {
  TraceLog log;
  while (const auto field = take_field(in)) {
    if (field->number == 1) log.vertex = field->bytes;
    if (field->number == 2) log.at = parse_time(field->bytes);
    if (field->number == 3) log.stream = static_cast<int>(field->value);
    if (field->number == 4) log.text = field->bytes;
  }
  return log;
}

}  // namespace

Trace parse_trace(std::string_view in) {
  Trace trace;
  while (const auto field = take_field(in)) {
    if (field->number == 1) trace.vertexes.push_back(parse_vertex(field->bytes));
    if (field->number == 3) trace.logs.push_back(parse_log(field->bytes));
  }
  return trace;
}

std::string decode_base64(std::string_view text) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned buffer = 0;
  int bits = 0;
  for (const char c : text) {
    if (c == '=') break;
    const auto value = alphabet.find(c);
    if (value == std::string_view::npos) return {};
    buffer = (buffer << 6) | static_cast<unsigned>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>((buffer >> bits) & 0xff);
  }
  return out;
}

}  // namespace gantry
