#include "proto/variable_grammar.hpp"

#include "proto/name.hpp"
#include "proto/variables.hpp"

namespace gantry {
namespace {

bool is_word(std::string_view text) { return parse_variable_name(text).ok(); }

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

Result<WrittenReference> parse_reference(std::string_view whole, std::string_view inner) {
  const Error bad = invalid(
      "/value", "malformed_reference",
      "cannot read the reference " + std::string(whole) +
          ": write ${{NAME}}, ${{service.NAME}} or ${{shared.NAME}}, or $${{ for a literal ${{");
  WrittenReference reference;
  reference.text = std::string(whole);
  inner = trim(inner);
  std::string_view name = inner;
  if (!inner.empty() && inner.front() == '"') {
    const auto close = inner.find('"', 1);
    if (close == std::string_view::npos || close + 1 >= inner.size() || inner[close + 1] != '.')
      return bad;
    reference.name_space = std::string(inner.substr(1, close - 1));
    name = inner.substr(close + 2);
  } else if (const auto dot = inner.rfind('.'); dot != std::string_view::npos) {
    reference.name_space = std::string(trim(inner.substr(0, dot)));
    name = trim(inner.substr(dot + 1));
    if (reference.name_space.empty()) return bad;
  }
  if (!is_word(name)) return bad;
  reference.name = std::string(name);
  return reference;
}

bool is_provided_prefix(std::string_view name) {
  return name.substr(0, 8) == "RAILWAY_" || name.substr(0, 7) == "GANTRY_";
}

}  // namespace

Result<std::vector<ValuePiece>> parse_value(std::string_view value) {
  std::vector<ValuePiece> pieces;
  std::string literal;
  const auto flush = [&] {
    if (!literal.empty()) pieces.emplace_back(std::move(literal));
    literal.clear();
  };
  while (!value.empty()) {
    if (value.substr(0, 4) == "$${{") {
      literal += "${{";
      value.remove_prefix(4);
    } else if (value.substr(0, 3) == "${{") {
      const auto close = value.find("}}");
      const auto whole =
          value.substr(0, close == std::string_view::npos ? value.size() : close + 2);
      const auto inner =
          close == std::string_view::npos ? std::string_view() : whole.substr(3, close - 3);
      auto reference = parse_reference(whole.substr(0, 80), inner);
      if (!reference) return reference.error();
      flush();
      pieces.emplace_back(std::move(*reference));
      value.remove_prefix(whole.size());
    } else if (value.substr(0, 2) == "${" && is_provided_prefix(value.substr(2)) &&
               value.find('}') != std::string_view::npos &&
               is_word(value.substr(2, value.find('}') - 2))) {
      const auto close = value.find('}');
      flush();
      pieces.emplace_back(WrittenReference{std::string(value.substr(0, close + 1)), "",
                                           std::string(value.substr(2, close - 2))});
      value.remove_prefix(close + 1);
    } else {
      const auto next = value.find('$', 1);
      literal += value.substr(0, next);
      value.remove_prefix(next == std::string_view::npos ? value.size() : next);
    }
  }
  flush();
  return pieces;
}

std::vector<VariableReference> references_of(std::string_view value) {
  std::vector<VariableReference> found;
  const auto pieces = parse_value(value);
  if (!pieces) return found;
  for (const ValuePiece& piece : *pieces)
    if (const auto* reference = std::get_if<WrittenReference>(&piece))
      found.push_back({reference->name_space, reference->name});
  return found;
}

}  // namespace gantry
