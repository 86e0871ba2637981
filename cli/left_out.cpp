#include "cli/left_out.hpp"

#include "cli/git_files.hpp"

namespace gantry::cli {
namespace {

std::string parent_of(const std::string& directory) {
  const auto slash = directory.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : directory.substr(0, slash);
}

// The work tree that `directory` lies in, else itself.
std::string top_of(const std::string& directory) {
  for (std::string at = directory;; at = parent_of(at)) {
    if (is_work_tree(at)) return at;
    if (at == "/") return directory;
  }
}

std::string joined(const std::string& base, const std::string& name) {
  return base.empty() ? name : base + "/" + name;
}

bool is_always_out(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  return name == ".git" || name == "node_modules";
}

}  // namespace

LeftOut::LeftOut(const std::string& root, GitIgnore gitignore) : gitignore_(gitignore) {
  const std::string top = top_of(root);
  add_level("", top);
  const std::string below =
      root.size() > top.size() ? root.substr(top == "/" ? 1 : top.size() + 1) : std::string();
  for (std::size_t at = 0; at < below.size();) {
    at = std::min(below.find('/', at), below.size());
    add_level(below.substr(0, at), joined(top == "/" ? "" : top, below.substr(0, at)));
    ++at;
  }
  if (!below.empty()) prefix_ = below + "/";
}

void LeftOut::enter(const std::string& path, const std::string& directory) {
  add_level(prefix_ + path, directory);
}

void LeftOut::add_rules(std::vector<Rules>& rules, const std::string& base, const std::string& file,
                        const std::string& shown) {
  if (const auto text = read_rules(file)) {
    IgnoreRules read = IgnoreRules::parse(*text, base);
    if (!read.empty()) rules.push_back({shown, std::move(read)});
  }
}

void LeftOut::add_level(const std::string& base, const std::string& directory) {
  Level level{.base = base, .is_work_tree = is_work_tree(directory)};
  const auto add = [&](std::vector<Rules>& rules, const char* name) {
    add_rules(rules, base, directory + "/" + name, joined(base, name));
  };
  add(level.own, ".gantryignore");
  add(level.own, ".railwayignore");
  add(level.plain, ".ignore");
  if (gitignore_ == GitIgnore::counts) add(level.git, ".gitignore");
  if (level.is_work_tree) {
    add_rules(level.beside, base, exclude_file(directory), ".git/info/exclude");
    const std::string global = global_excludes_file();
    add_rules(level.beside, base, global, global);
  }
  levels_.push_back(std::move(level));
}

const IgnoreRule* LeftOut::decide(Kind kind, std::size_t first_level, const std::string& path,
                                  bool is_directory, std::string& file) const {
  for (std::size_t i = levels_.size(); i-- > first_level;)
    for (const Rules& rules : levels_[i].*kind)
      if (const IgnoreRule* rule = rules.rules.decide(path, is_directory)) {
        file = rules.file;
        return rule;
      }
  return nullptr;
}

std::optional<std::string> LeftOut::why(const std::string& path, bool is_directory) const {
  if (is_always_out(path)) return "always";
  const std::string whole = prefix_ + path;
  std::size_t work_tree = levels_.size();  // the innermost; its rules stand for themselves
  while (work_tree > 0 && !levels_[work_tree - 1].is_work_tree) --work_tree;
  const std::size_t git_from = work_tree == 0 ? levels_.size() : work_tree - 1;
  std::string file;
  const IgnoreRule* rule = decide(&Level::own, 0, whole, is_directory, file);
  if (rule == nullptr) rule = decide(&Level::plain, 0, whole, is_directory, file);
  if (rule == nullptr) rule = decide(&Level::git, git_from, whole, is_directory, file);
  if (rule == nullptr) rule = decide(&Level::beside, git_from, whole, is_directory, file);
  if (rule == nullptr || rule->negated) return std::nullopt;
  return file + ":" + std::to_string(rule->line) + ": " + rule->text;
}

}  // namespace gantry::cli
