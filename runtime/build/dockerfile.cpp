#include "runtime/build/dockerfile.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

namespace gantry {
namespace {

constexpr std::string_view kSpace = " \t\r\f\v";

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const auto line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  const std::size_t end = std::min(text.find_first_of(kSpace), text.size());
  const auto word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_';
  });
}

// The value of "# escape=`" before the first instruction, else a backslash.
char escape_of(std::string_view text) {
  while (!text.empty()) {
    auto line = take_line(text);
    std::string plain = lower(line);
    std::erase_if(plain, [](char c) { return kSpace.find(c) != std::string_view::npos; });
    if (!plain.starts_with("#")) break;
    if (plain == "#escape=`") return '`';
  }
  return '\\';
}

// One instruction with its continuation lines, comments between them dropped.
std::string take_instruction(std::string_view& text, char escape) {
  std::string whole;
  while (!text.empty()) {
    auto line = take_line(text);
    const std::size_t first = line.find_first_not_of(kSpace);
    if (first == std::string_view::npos || line[first] == '#') continue;
    const std::size_t last = line.find_last_not_of(kSpace);
    const bool goes_on = line[last] == escape;
    whole += line.substr(0, goes_on ? last : last + 1);
    whole += ' ';
    if (!goes_on) break;
  }
  return whole;
}

}  // namespace

std::set<std::string> declared_arguments(std::string_view dockerfile) {
  std::set<std::string> names;
  if (dockerfile.starts_with("\xef\xbb\xbf")) dockerfile.remove_prefix(3);
  const char escape = escape_of(dockerfile);
  while (!dockerfile.empty()) {
    const std::string instruction = take_instruction(dockerfile, escape);
    std::string_view left = instruction;
    if (lower(take_word(left)) != "arg") continue;
    while (true) {
      const auto word = take_word(left);
      if (word.empty()) break;
      const auto name = word.substr(0, word.find('='));
      if (is_name(name)) names.emplace(name);
    }
  }
  return names;
}

bool mounts_secrets(std::string_view dockerfile) {
  return dockerfile.find("type=secret") != std::string_view::npos;
}

}  // namespace gantry
