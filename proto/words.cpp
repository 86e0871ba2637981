#include "proto/words.hpp"

namespace gantry {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Reads on from behind an opening quote to behind the closing one; npos when there is none.
std::size_t read_quoted(std::string_view text, std::size_t at, char quote, std::string& word) {
  for (; at < text.size(); ++at) {
    if (text[at] == quote) return at + 1;
    const bool escapes = quote == '"' && text[at] == '\\' && at + 1 < text.size() &&
                         (text[at + 1] == '"' || text[at + 1] == '\\');
    if (escapes) ++at;
    word += text[at];
  }
  return std::string_view::npos;
}

}  // namespace

Result<std::vector<std::string>> split_words(std::string_view text, std::string_view pointer) {
  const Error unbalanced = invalid(std::string(pointer), "unbalanced_quote",
                                   "a quote or a last backslash has no end: close it, or write "
                                   "the command as an array of strings");
  std::vector<std::string> words;
  std::string word;
  bool inside = false;  // also true for an empty quoted word
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (is_space(c)) {
      if (inside) words.push_back(std::exchange(word, {}));
      inside = false;
      ++at;
      continue;
    }
    inside = true;
    if (c == '\'' || c == '"') {
      at = read_quoted(text, at + 1, c, word);
      if (at == std::string_view::npos) return unbalanced;
    } else if (c == '\\') {
      if (at + 1 == text.size()) return unbalanced;
      word += text[at + 1];
      at += 2;
    } else {
      word += c;
      ++at;
    }
  }
  if (inside) words.push_back(std::move(word));
  return words;
}

}  // namespace gantry
