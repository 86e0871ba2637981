// Shell completions out of the command table.
#include <set>

#include "cli/failure.hpp"
#include "cli/help.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"

namespace gantry::cli {
namespace {

std::string parent_of(const std::string& path) {
  const auto blank = path.rfind(' ');
  return blank == std::string::npos ? "" : path.substr(0, blank);
}

std::string words_below(const std::string& path) {
  std::string out;
  for (const Command& command : commands())
    if (!command.later && parent_of(command.path) == path)
      out += (out.empty() ? "" : " ") + command.last_word();
  return out;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

// Groups that are no command themselves, as "token".
std::vector<std::string> lone_groups() {
  std::vector<std::string> out;
  for (const std::string& group : command_groups())
    if (find_command(group) == nullptr) out.push_back(group);
  return out;
}

std::string options_of(const Command& command) {
  std::string out;
  for (const Option& option : command.all_options()) out += (out.empty() ? "" : " ") + option.key();
  return out;
}

std::vector<std::string> split_names(const std::string& names) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < names.size();) {
    const auto end = std::min(names.find(',', at), names.size());
    out.push_back(names.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

// The path that the words so far make, aliases read as what they stand for.
std::string bash_script(const std::string& program) {
  std::string cases;
  for (const Command& command : commands()) {
    if (command.later) continue;
    const std::string below = words_below(command.path);
    cases += "    '" + command.path + "') words='" + (below.empty() ? "" : below + " ") +
             options_of(command) + "' ;;\n";
  }
  for (const std::string& group : lone_groups())
    cases += "    '" + group + "') words='" + words_below(group) + "' ;;\n";
  return "# bash completion of " + program + "\n_" + program +
         "() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} path= word words i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    word=${COMP_WORDS[i]}\n"
         "    case \"$word\" in -*) continue ;; esac\n"
         "    [[ -z \"$path\" ]] && path=$word && continue\n"
         "    case \" " +
         joined(command_groups()) +
         " \" in\n"
         "      *\" $path \"*) path=\"$path $word\" ;;\n"
         "    esac\n"
         "  done\n"
         "  case \"$path\" in\n    '') words='" +
         words_below("") + " " + joined(lone_groups()) + "' ;;\n" + cases +
         "    *) words= ;;\n  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n}\n"
         "complete -o default -F _" +
         program + " " + program;
}

std::string zsh_script(const std::string& program) {
  return "#compdef " + program + "\nautoload -U +X bashcompinit && bashcompinit\n" +
         bash_script(program);
}

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("\\'") : std::string(1, c);
  return out + "'";
}

std::string fish_line(const std::string& program, const Command& command) {
  const std::string parent = parent_of(command.path);
  return "complete -c " + program + " -f -n " +
         quoted(parent.empty() ? "__fish_use_subcommand"
                               : "__fish_seen_subcommand_from " + parent) +
         " -a " + command.last_word() + " -d " + quoted(command.summary) + "\n";
}

std::string fish_script(const std::string& program) {
  std::string out = "# fish completion of " + program + "\n";
  std::set<std::string> seen;
  for (const Command& command : commands()) {
    if (command.later) continue;
    out += fish_line(program, command);
    const std::string first = command.path.substr(0, command.path.find(' '));
    for (const Option& option : command.all_options()) {
      if (!seen.insert(first + option.key()).second) continue;
      out += "complete -c " + program + " -n " + quoted("__fish_seen_subcommand_from " + first);
      for (const std::string& name : split_names(option.names))
        out += name.rfind("--", 0) == 0 ? " -l " + name.substr(2) : " -s " + name.substr(1);
      out += (option.value.empty() ? "" : " -r") + std::string(" -d ") + quoted(option.help) + "\n";
    }
  }
  for (const std::string& group : lone_groups())
    out += "complete -c " + program + " -f -n __fish_use_subcommand -a " + group + "\n";
  out.pop_back();
  return out;
}

int completion(Session& session) {
  const auto& words = session.call().words;
  const std::string shell = words.empty() ? "" : words[0];
  std::string text = shell == "man" ? man_page() : completion_script(shell, session.program());
  if (!text.empty() && text.back() == '\n') text.pop_back();
  print(text);
  return 0;
}

}  // namespace

std::string completion_script(const std::string& shell, const std::string& program) {
  if (shell == "bash") return bash_script(program);
  if (shell == "zsh") return zsh_script(program);
  if (shell == "fish") return fish_script(program);
  throw Failure{"expected bash, zsh or fish", "usage", "`{program} completion bash`", kUnreadable};
}

std::vector<Command> completion_commands() {
  return {{.path = "completion",
           .summary = "print the completions of a shell, or the man page",
           .words = "bash|zsh|fish|man",
           .words_max = 1,
           .examples = {"completion bash > /etc/bash_completion.d/gantry"},
           .run = completion}};
}

}  // namespace gantry::cli
