// The table of commands: the parser, the help, the completions and the man page are made from it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gantry::cli {

class Session;

struct Option {
  std::string names;  // "-n,--lines"; the last one is its key
  std::string value;  // what stands behind it in a usage line; empty: a flag
  std::string help;
  bool value_optional = false;
  std::string key() const { return names.substr(names.rfind("--")); }
};

enum class Scope { none, project, environment, service };  // which of -p, -e and -s it takes

struct Command {
  std::string path;  // "variables set"
  std::string summary;
  std::vector<std::string> aliases = {};  // of the path's last word
  std::string words = {};                 // arguments as a usage line shows them; empty: none
  int words_max = 0;                      // -1: any number
  Scope scope = Scope::none;
  std::vector<Option> options = {};
  std::vector<std::string> examples = {};  // without the program's name
  int (*run)(Session&) = nullptr;
  bool later = false;      // known, but not there yet: takes anything
  bool raw_words = false;  // from its first word on, everything is a word: a program's arguments

  std::string last_word() const { return path.substr(path.rfind(' ') + 1); }
  std::vector<Option> all_options() const;  // with those of its scope, --json and --help
};

const std::vector<Command>& commands();
const Command* find_command(const std::string& path);
std::vector<std::string> command_groups();  // first words that a second one may follow

// What the caller wrote.
struct Call {
  std::string program = "gantry";  // or "railway"
  const Command* command = nullptr;
  std::map<std::string, std::vector<std::string>> options = {};  // by key
  std::vector<std::string> words = {};

  bool has(const std::string& key) const { return options.count(key) > 0; }
  std::optional<std::string> value(const std::string& key) const;
  std::vector<std::string> values(const std::string& key) const;
};

// Throws Failure with kUnreadable. Without a command (or with --help, --version) call.command may
// be null.
Call parse_arguments(const std::vector<std::string>& arguments);

}  // namespace gantry::cli
