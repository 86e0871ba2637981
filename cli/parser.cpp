// The only file that sees CLI11.
#include <algorithm>
#include <map>

#include <CLI/CLI.hpp>

#include "cli/command.hpp"
#include "cli/failure.hpp"
#include "cli/nearest.hpp"

namespace gantry::cli {
namespace {

void add_option(CLI::App& app, const Option& option) {
  if (option.value.empty()) {
    app.add_flag(option.names);
    return;
  }
  auto* added = app.add_option(option.names, option.help);
  added->expected(option.value_optional ? 0 : 1, 1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  added->allow_extra_args(false);
}

using Levels = std::map<std::string, CLI::App*>;

CLI::App& level(Levels& levels, const std::string& path) {
  const auto known = levels.find(path);
  if (known != levels.end()) return *known->second;
  const auto blank = path.rfind(' ');
  CLI::App& above = level(levels, blank == std::string::npos ? "" : path.substr(0, blank));
  CLI::App* app = above.add_subcommand(path.substr(blank + 1));
  app->set_help_flag();
  app->require_subcommand(0, 1);  // so that a name such as "logs" is not taken for a verb
  levels[path] = app;
  return *app;
}

void build(CLI::App& root) {
  Levels levels{{"", &root}};
  root.set_help_flag();
  root.require_subcommand(0, 1);
  for (const Option& option : Command{.path = "", .summary = ""}.all_options())
    add_option(root, option);
  add_option(root, {"-V,--version", "", ""});
  for (const Command& command : commands()) {
    CLI::App& app = level(levels, command.path);
    for (const std::string& alias : command.aliases) app.alias(alias);
    if (command.later) {
      app.prefix_command();
      continue;
    }
    for (const Option& option : command.all_options()) add_option(app, option);
    if (command.raw_words) app.prefix_command();
    if (command.words_max != 0 && !command.raw_words)
      app.add_option("words")
          ->expected(0, 1 << 20)
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
          ->allow_extra_args();
  }
  for (const auto& [path, app] : levels)
    if (!path.empty() && find_command(path) == nullptr) app->add_flag("-h,--help");
}

void collect(const CLI::App& app, Call& call) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() == 0 || option->get_lnames().empty()) continue;
    auto& values = call.options["--" + option->get_lnames().back()];
    for (const std::string& value : option->results()) values.push_back(value);
  }
}

std::string unknown_command(const std::string& word) {
  std::vector<std::string> known;
  for (const Command& command : commands())
    if (command.path.find(' ') == std::string::npos) known.push_back(command.path);
  const std::string near = nearest(word, known);
  return "there is no command \"" + word + "\"" +
         (near.empty() ? "" : ": did you mean \"" + near + "\"?");
}

Failure unreadable(const std::string& what, const std::string& path) {
  return {what, "usage", "see `{program}" + (path.empty() ? "" : " " + path) + " --help`",
          kUnreadable};
}

const Command* command_of(const std::string& word) {
  for (const Command& command : commands())
    if (command.path == word ||
        std::find(command.aliases.begin(), command.aliases.end(), word) != command.aliases.end())
      return &command;
  return nullptr;
}

bool takes_value(const Command& command, const std::string& argument) {
  for (const Option& option : command.all_options())
    if (("," + option.names + ",").find("," + argument + ",") != std::string::npos)
      return !option.value.empty();
  return false;
}

// What stands behind "--" is words, whatever it looks like; behind a program it is one of its own.
// A command's name has one word or two.
std::vector<std::string> cut_behind_dashes(std::vector<std::string>& arguments) {
  const Command* command = arguments.empty() ? nullptr : command_of(arguments.front());
  std::size_t at = 1;
  if (command == nullptr && arguments.size() > 1) {
    command = find_command(arguments[0] + " " + arguments[1]);
    at = 2;
  }
  if (command == nullptr || command->words_max != -1) return {};
  for (; at < arguments.size() && arguments[at] != "--"; ++at) {
    if (command->raw_words && arguments[at].rfind('-', 0) != 0) return {};
    if (takes_value(*command, arguments[at])) ++at;
  }
  if (at >= arguments.size()) return {};
  const auto mark = arguments.begin() + static_cast<std::ptrdiff_t>(at);
  std::vector<std::string> behind(mark + 1, arguments.end());
  arguments.erase(mark, arguments.end());
  return behind;
}

}  // namespace

Call parse_arguments(const std::vector<std::string>& all_arguments) {
  CLI::App root;
  build(root);
  Call call;
  std::vector<std::string> arguments = all_arguments;
  const std::vector<std::string> behind = cut_behind_dashes(arguments);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  std::string problem;
  try {
    root.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    problem = error.what();
  }
  const CLI::App* app = &root;
  std::string path;
  for (;;) {
    collect(*app, call);
    const auto below = app->get_subcommands();
    if (below.empty()) break;
    app = below.front();
    path += (path.empty() ? "" : " ") + app->get_name();
  }
  if (path.empty() && !root.remaining().empty() && root.remaining().front().rfind('-', 0) != 0)
    throw unreadable(unknown_command(root.remaining().front()), "");
  if (!problem.empty()) throw unreadable(problem, path);
  call.command = find_command(path);
  if (call.command == nullptr && !path.empty() && !call.has("--help"))
    throw unreadable("\"" + path + "\" needs one more word", path);
  if (call.command != nullptr && call.command->words_max != 0)
    if (const auto* words = app->get_option_no_throw("words")) call.words = words->results();
  if (call.command != nullptr && call.command->raw_words) call.words = app->remaining();
  call.words.insert(call.words.end(), behind.begin(), behind.end());
  if (call.command != nullptr && call.command->words_max >= 0 &&
      call.words.size() > static_cast<std::size_t>(call.command->words_max))
    throw unreadable("unexpected argument \"" + call.words.back() + "\"", path);
  if (path.empty() && call.options.empty()) call.options["--help"] = {"true"};
  if (call.has("--help")) call.words = {path};
  return call;
}

}  // namespace gantry::cli
