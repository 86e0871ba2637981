#include "cli/help.hpp"

#include "cli/command.hpp"
#include "cli/output.hpp"

namespace gantry::cli {
namespace {

std::string padded(const std::string& left, const std::string& right) {
  constexpr std::size_t column = 34;
  std::string line = "  " + left;
  if (line.size() + 2 > column)
    line += '\n' + std::string(column, ' ');
  else
    line.append(column - line.size(), ' ');
  return line + right + '\n';
}

std::string spelled(const Option& option) {
  std::string names;
  for (const char c : option.names) names += c == ',' ? std::string(", ") : std::string(1, c);
  if (option.value.empty()) return names;
  return names + (option.value_optional ? " [" + option.value + "]" : " " + option.value);
}

std::string usage(const Command& command) {
  return "{program} " + command.path + (command.words.empty() ? "" : " " + command.words) +
         " [options]";
}

bool is_below(const Command& command, const std::string& path) {
  return command.path.rfind(path + " ", 0) == 0;
}

std::string verbs_of(const std::string& group) {
  std::string out;
  for (const Command& command : commands())
    if (is_below(command, group)) out += (out.empty() ? "" : ", ") + command.last_word();
  return out;
}

std::string overview() {
  std::string out =
      "{program}: projects, services and deployments on Gantry\n\n"
      "Usage: {program} COMMAND [options]\n\nCommands:\n";
  std::string later;
  for (const Command& command : commands()) {
    if (command.later)
      later += (later.empty() ? "" : ", ") + command.path;
    else if (command.path.find(' ') == std::string::npos)
      out += padded(command.path + (command.words.empty() ? "" : " " + command.words),
                    command.summary);
  }
  for (const std::string& group : command_groups())
    if (find_command(group) == nullptr) out += padded(group + " COMMAND", verbs_of(group));
  return out + "\nNot available yet: " + later +
         "\n\n{program} COMMAND --help shows its options and examples; docs/cli.md has more.";
}

std::string examples_of(const Command& command) {
  std::string out;
  for (const std::string& example : command.examples) out += "  {program} " + example + '\n';
  return out;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

// ---- the man page ----

std::string escaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' || text[i] == '-') out += '\\';
    if (text[i] == '\'' && (i == 0 || text[i - 1] == '\n')) out += "\\&";
    out += text[i];
  }
  for (std::size_t at = 0; (at = out.find("{program}", at)) != std::string::npos;)
    out.replace(at, 9, "gantry");
  return out;
}

std::string man_entry(const Command& command) {
  std::string out = ".SS " + escaped(usage(command)) + '\n' + escaped(command.summary) + ".\n";
  if (!command.aliases.empty()) out += "Also: " + escaped(joined(command.aliases)) + ".\n";
  for (const Option& option : command.options)
    out += ".TP\n.B " + escaped(spelled(option)) + '\n' + escaped(option.help) + '\n';
  if (!command.examples.empty())
    out += ".PP\n.nf\n.RS\n" + escaped(examples_of(command)) + ".RE\n.fi\n";
  return out;
}

constexpr const char* kManTail =
    ".SH ENVIRONMENT\n"
    "GANTRY_URL (default http://127.0.0.1:7070), GANTRY_TOKEN, GANTRY_PROJECT_ID,\n"
    "GANTRY_ENVIRONMENT_ID, GANTRY_SERVICE_ID, GANTRY_HTTP_TIMEOUT (seconds) and their twins\n"
    "RAILWAY_TOKEN, RAILWAY_API_TOKEN, RAILWAY_PROJECT_ID and so on; NO_COLOR.\n"
    ".SH FILES\n"
    ".I ~/.config/gantry/config.json\n"
    "holds the links of directories and the tokens, mode 0600.\n"
    ".SH EXIT STATUS\n"
    "0 when it worked, 1 when not, 2 when the command line cannot be read, 130 when a prompt was "
    "left.\n";

}  // namespace

std::string help_text(const std::string& path) {
  if (path.empty()) return overview();
  std::string out;
  std::string below;
  for (const Command& command : commands())
    if (is_below(command, path))
      below += padded(command.path.substr(path.size() + 1), command.summary);
  if (const Command* command = find_command(path)) {
    out = command->summary + "\n\nUsage: " + usage(*command) + '\n';
    if (!command->aliases.empty()) out += "Also: " + joined(command->aliases) + '\n';
    out += "\nOptions:\n";
    for (const Option& option : command->all_options()) out += padded(spelled(option), option.help);
    if (!command->examples.empty()) out += "\nExamples:\n" + examples_of(*command);
  } else {
    out = "Usage: {program} " + path + " COMMAND [options]\n";
  }
  if (!below.empty()) out += "\nCommands:\n" + below;
  out.pop_back();
  return out;
}

std::string man_page() {
  std::string out =
      ".\\\" Written by `gantry completion man`.\n"
      ".TH GANTRY 1 \"\" \"Gantry " GANTRY_VERSION
      "\" \"User Commands\"\n"
      ".SH NAME\ngantry \\- projects, services and deployments on Gantry\n"
      ".SH SYNOPSIS\n.B gantry\nCOMMAND [options]\n"
      ".SH OPTIONS OF MOST COMMANDS\n";
  const Command widest{.path = "", .summary = "", .scope = Scope::service};
  for (const Option& option : widest.all_options())
    out += ".TP\n.B " + escaped(spelled(option)) + '\n' + escaped(option.help) + '\n';
  out += ".SH COMMANDS\n";
  for (const Command& command : commands())
    if (!command.later) out += man_entry(command);
  return out + kManTail;
}

}  // namespace gantry::cli
