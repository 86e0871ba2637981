#include <cctype>

#include "proto/compose.hpp"

namespace gantry {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::size_t word_length(std::string_view text) {
  std::size_t length = 0;
  if (!text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) != 0) return 0;
  while (length < text.size() && is_word(text[length])) ++length;
  return length;
}

// The closing brace of "${...", nested ones skipped; npos: none.
std::size_t closing(std::string_view text) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "${") ++depth;
    if (text[i] == '}' && --depth == 0) return i;
  }
  return std::string_view::npos;
}

Error unreadable(std::string_view text) {
  return invalid("", "invalid_interpolation",
                 "cannot read " + std::string(text.substr(0, 60)) +
                     ": write ${NAME} or ${NAME:-otherwise}, and $$ for a dollar sign");
}

// What is between the braces.
Result<std::string> expression(std::string_view inner, const ComposeSurroundings& around,
                               std::vector<std::string>& unset) {
  const std::size_t length = word_length(inner);
  if (length == 0) return unreadable(inner);
  const std::string name(inner.substr(0, length));
  std::string_view rest = inner.substr(length);
  const auto value = around.variable(name);
  if (rest.empty()) {
    if (!value) unset.push_back(name);
    return value.value_or("");
  }
  const bool empty_counts = rest.front() == ':';
  if (empty_counts) rest.remove_prefix(1);
  if (rest.empty()) return unreadable(inner);
  const char kind = rest.front();
  rest.remove_prefix(1);
  const bool there = value && !(empty_counts && value->empty());
  if (kind == '-') return there ? Result<std::string>(*value) : interpolate(rest, around, unset);
  if (kind == '+')
    return there ? interpolate(rest, around, unset) : Result<std::string>(std::string());
  if (kind != '?') return unreadable(inner);
  if (there) return *value;
  return invalid(
      "", "variable_missing",
      name + " is not set: " + (rest.empty() ? std::string("it is required") : std::string(rest)));
}

}  // namespace

Result<std::string> interpolate(std::string_view text, const ComposeSurroundings& around,
                                std::vector<std::string>& unset) {
  std::string out;
  while (!text.empty()) {
    if (text.front() != '$') {
      const auto next = std::min(text.find('$'), text.size());
      out += text.substr(0, next);
      text.remove_prefix(next);
      continue;
    }
    if (text.substr(0, 2) == "$$") {
      out += '$';
      text.remove_prefix(2);
      continue;
    }
    std::string_view inner;
    std::size_t taken = 0;
    if (text.substr(0, 2) == "${") {
      const auto close = closing(text);
      if (close == std::string_view::npos) return unreadable(text);
      inner = text.substr(2, close - 2);
      taken = close + 1;
    } else {
      inner = text.substr(1, word_length(text.substr(1)));
      taken = 1 + inner.size();
    }
    auto value = expression(inner, around, unset);
    if (!value) return value;
    out += *value;
    text.remove_prefix(taken);
  }
  return out;
}

}  // namespace gantry
