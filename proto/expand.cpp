#include "proto/expand.hpp"

#include <algorithm>

#include "proto/command.hpp"

namespace gantry {
namespace {

constexpr std::string_view kExec = "exec ";

bool is_name_start(char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_name(char c) { return is_name_start(c) || (c >= '0' && c <= '9'); }

// Reads one simple command. Whatever it does not understand is left to the shell.
class Words {
 public:
  Words(std::string_view text, const VariableLookup& lookup) : text_(text), lookup_(lookup) {}

  std::optional<std::vector<std::string>> read() {
    while (at_ < text_.size())
      if (!step()) return std::nullopt;
    if (quote_ != 0) return std::nullopt;
    end_word();
    return std::move(words_);
  }

 private:
  bool step() {
    const char c = text_[at_++];
    if (quote_ == '\'') {
      if (c == '\'')
        quote_ = 0;
      else
        word_ += c;
      return true;
    }
    if (c == '\\') return escape();
    if (c == '$') return variable();
    if (c == '`') return false;
    if (quote_ == '"') {
      if (c == '"')
        quote_ = 0;
      else
        word_ += c;
      return true;
    }
    return plain(c);
  }

  bool plain(char c) {
    if (c == '"' || c == '\'') {
      quote_ = c;
      in_word_ = true;
      return true;
    }
    if (c == ' ' || c == '\t') {
      end_word();
      return true;
    }
    if (std::string_view("&|;\n\r(){}<>*?[]~#!").find(c) != std::string_view::npos) return false;
    word_ += c;
    in_word_ = true;
    return true;
  }

  bool escape() {
    if (at_ == text_.size() || text_[at_] == '\n') return false;
    const char next = text_[at_++];
    const bool means_itself =
        quote_ == 0 || std::string_view("$`\"\\").find(next) != std::string_view::npos;
    if (!means_itself) word_ += '\\';
    word_ += next;
    in_word_ = true;
    return true;
  }

  // $NAME, ${NAME}, ${NAME:-otherwise}, ${NAME-otherwise}
  bool variable() {
    const bool braces = at_ < text_.size() && text_[at_] == '{';
    if (braces) ++at_;
    const std::string name = take_name();
    if (name.empty()) return false;
    std::optional<std::string> value = lookup_(name);
    if (!value) return false;
    if (braces && !close(*value)) return false;
    return put(*value);
  }

  std::string take_name() {
    const std::size_t first = at_;
    if (at_ < text_.size() && is_name_start(text_[at_]))
      while (at_ < text_.size() && is_name(text_[at_])) ++at_;
    return std::string(text_.substr(first, at_ - first));
  }

  bool close(std::string& value) {
    const std::size_t end = text_.find('}', at_);
    if (end == std::string_view::npos) return false;
    std::string_view rest = text_.substr(at_, end - at_);
    at_ = end + 1;
    if (rest.empty()) return true;
    const bool also_empty = rest.front() == ':';
    if (also_empty) rest.remove_prefix(1);
    if (rest.empty() || rest.front() != '-') return false;
    rest.remove_prefix(1);
    const bool literal = std::all_of(rest.begin(), rest.end(), [](char c) {
      return is_name(c) || std::string_view(".:/,@%+=-").find(c) != std::string_view::npos;
    });
    if (!literal) return false;
    if (value.empty() && also_empty) value = std::string(rest);
    return true;
  }

  // Outside of quotes a shell goes on with what it has put in: splits it, looks for files.
  bool put(const std::string& value) {
    const bool plain = value.find_first_of(" \t\n*?[\\") == std::string::npos;
    if (quote_ == 0 && (value.empty() || !plain)) return false;
    word_ += value;
    in_word_ = true;
    return true;
  }

  void end_word() {
    if (in_word_) words_.push_back(std::move(word_));
    word_.clear();
    in_word_ = false;
  }

  const std::string_view text_;
  const VariableLookup& lookup_;
  std::size_t at_ = 0;
  char quote_ = 0;
  bool in_word_ = false;
  std::string word_;
  std::vector<std::string> words_;
};

std::optional<std::vector<std::string>> words_of(const std::vector<std::string>& argv,
                                                 const VariableLookup& lookup) {
  if (!through_shell(argv)) return std::nullopt;
  const std::string_view text = argv[2];
  if (text.substr(0, kExec.size()) != kExec) return std::nullopt;
  auto words = Words(text.substr(kExec.size()), lookup).read();
  // What begins with a variable may become an assignment or a builtin.
  if (!words || words->empty() || words->front().find('=') != std::string::npos)
    return std::nullopt;
  return words;
}

}  // namespace

std::vector<std::string> expanded(std::vector<std::string> argv, const VariableLookup& lookup) {
  auto words = words_of(argv, lookup);
  return words ? *std::move(words) : std::move(argv);
}

bool only_expands(const std::vector<std::string>& argv) {
  bool any = false;
  const auto lookup = [&](std::string_view) {
    any = true;
    return std::optional<std::string>("x");
  };
  return words_of(argv, lookup).has_value() && any;
}

}  // namespace gantry
