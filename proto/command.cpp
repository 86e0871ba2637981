#include "proto/command.hpp"

#include <algorithm>
#include <array>

#include "proto/words.hpp"

namespace gantry {
namespace {

struct Needs {
  bool shell = false;    // something that only a shell does
  bool several = false;  // more than one command, or something that `exec` cannot begin with
};

// What of a shell's language stands outside of the quotes that would switch it off.
Needs needs_of(std::string_view command) {
  Needs needs;
  char quote = 0;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    if (quote == '\'') {
      if (c == '\'') quote = 0;
    } else if (c == '\\') {
      ++i;
    } else if (c == '$' || c == '`') {
      needs.shell = true;
      if (c == '$' && command.substr(i + 1, 1) == "{")
        i = std::min(command.find('}', i), command.size());
    } else if (quote == '"') {
      if (c == '"') quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (std::string_view("&|;\n(){}").find(c) != std::string_view::npos) {
      needs = {true, true};
    } else if (std::string_view("<>*?[~#").find(c) != std::string_view::npos) {
      needs.shell = true;
    }
  }
  return needs;
}

bool is_assignment(std::string_view word) {
  const std::size_t sign = word.find('=');
  return sign != std::string_view::npos && sign > 0 &&
         std::all_of(word.begin(), word.begin() + static_cast<long>(sign), [](char c) {
           return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                  (c >= 'a' && c <= 'z');
         });
}

bool is_builtin(std::string_view word) {
  constexpr std::array<std::string_view, 18> builtins{
      "cd", "export", "exec", "set",   "unset",   "source", ".",    "ulimit", "umask",
      "if", "for",    "eval", "while", "command", "until",  "case", "trap",   ":"};
  return std::find(builtins.begin(), builtins.end(), word) != builtins.end();
}

// sh -c '...': its author has chosen the shell.
bool is_shell(const std::vector<std::string>& words) {
  if (words.size() != 3 || words[1].empty() || words[1][0] != '-' || words[1].back() != 'c')
    return false;
  const std::string program = words[0].substr(words[0].rfind('/') + 1);
  return program == "sh" || program == "bash" || program == "ash" || program == "dash";
}

// A word that split_words gives back as it is and that no shell would touch.
std::string quoted(const std::string& word) {
  if (!word.empty() && word.find_first_of(" \t\n'\"\\$`&|;<>()*?[]#~{}!") == std::string::npos)
    return word;
  std::string out = "'";
  for (const char c : word) c == '\'' ? out += "'\\''" : out += c;
  return out + "'";
}

}  // namespace

Result<std::vector<std::string>> command_argv(std::string_view command) {
  auto words = split_words(command, "");
  if (!words || words->empty() || is_shell(*words)) return words;
  Needs needs = needs_of(command);
  if (is_assignment(words->front()) || is_builtin(words->front())) needs = {true, true};
  if (!needs.shell) return words;
  // exec: signals then reach the program itself.
  return std::vector<std::string>{"/bin/sh", "-c",
                                  (needs.several ? "" : "exec ") + std::string(command)};
}

std::string command_text(const std::vector<std::string>& argv) {
  if (through_shell(argv)) {
    std::string line = argv[2].substr(argv[2].starts_with("exec ") ? 5 : 0);
    if (const auto again = command_argv(line); again && *again == argv) return line;
  }
  std::string text;
  for (const std::string& word : argv) text += (text.empty() ? "" : " ") + quoted(word);
  return text;
}

bool through_shell(const std::vector<std::string>& argv) {
  return argv.size() == 3 && argv[0] == "/bin/sh" && argv[1] == "-c";
}

}  // namespace gantry
