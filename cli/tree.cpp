#include "cli/tree.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

#include <dirent.h>
#include <sys/stat.h>

#include "cli/failure.hpp"

namespace gantry::cli {
namespace {

constexpr const char* kLeaveOut = "remove it, or name it in .gantryignore";

std::string joined(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

struct FreeText {
  void operator()(char* text) const { std::free(text); }
};

// Without links; nothing when it is not there.
std::optional<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, FreeText> real(::realpath(path.c_str(), nullptr));
  if (!real) return std::nullopt;
  return std::string(real.get());
}

std::vector<std::string> names_in(const std::string& directory, const std::string& shown) {
  DIR* const open = ::opendir(directory.c_str());
  if (open == nullptr)
    throw Failure{"cannot read the directory " + shown + ": " + std::strerror(errno),
                  "unreadable_file", "make it readable, or name it in .gantryignore"};
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(open)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  ::closedir(open);
  std::sort(names.begin(), names.end());
  return names;
}

class Walk {
 public:
  explicit Walk(const TreeOrder& order) : order_(order), rules_(order.root, order.gitignore) {}

  Tree run() {
    above_.push_back(order_.root);
    std::string directory = order_.root;
    for (std::size_t at = 0; at < order_.below.size();) {
      at = std::min(order_.below.find('/', at), order_.below.size());
      const std::string path = order_.below.substr(0, at++);
      directory = order_.root + "/" + path;
      rules_.enter(path, directory);
      above_.push_back(directory);
      if (!order_.below_is_root) add(path, directory, stat_of(directory, path));
    }
    read(order_.below, directory);
    return std::move(tree_);
  }

 private:
  static struct stat stat_of(const std::string& file, const std::string& shown) {
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0)
      throw Failure{"cannot read " + shown + ": " + std::strerror(errno), "unreadable_file", ""};
    return info;
  }

  // The path in the archive.
  std::string placed(const std::string& path) const {
    return order_.below_is_root && !order_.below.empty() ? path.substr(order_.below.size() + 1)
                                                         : path;
  }

  void add(const std::string& path, const std::string& file, const struct stat& info) {
    if (tree_.entries.size() >= kTreeEntriesMax)
      throw Failure{
          "there are more than " + std::to_string(kTreeEntriesMax) + " files and directories here",
          "too_many_files", "leave some out with .gantryignore"};
    tree_.entries.push_back({.path = placed(path),
                             .file = file,
                             .is_directory = S_ISDIR(info.st_mode),
                             .mode = info.st_mode & 0777U,
                             .modified_at = info.st_mtim.tv_sec});
    if (S_ISDIR(info.st_mode)) return;
    ++tree_.files;
    if (order_.on_file) order_.on_file(tree_.files);
  }

  void read(const std::string& path, const std::string& directory) {
    for (const std::string& name : names_in(directory, path.empty() ? directory : path))
      take(joined(path, name), directory + "/" + name);
  }

  void take(const std::string& path, const std::string& file) {
    struct stat info {};
    if (::lstat(file.c_str(), &info) != 0) return;  // gone since the directory was read
    const bool is_link = S_ISLNK(info.st_mode);
    const bool leads_nowhere = is_link && ::stat(file.c_str(), &info) != 0;
    const int why_nowhere = errno;
    const bool is_directory = !leads_nowhere && S_ISDIR(info.st_mode);
    if (const auto why = rules_.why(path, is_directory)) {
      tree_.left_out.push_back({path + (is_directory ? "/" : ""), *why});
      return;
    }
    std::string real = file;
    if (leads_nowhere) refuse(path, file, why_nowhere);
    if (is_link) real = followed(path, file, is_directory);
    if (is_directory) return take_directory(path, real, info);
    if (S_ISREG(info.st_mode)) return add(path, real, info);
    const char* const what = S_ISFIFO(info.st_mode)   ? "a pipe"
                             : S_ISSOCK(info.st_mode) ? "a socket"
                                                      : "a device";
    tree_.passed_over.push_back({path, what});
  }

  void take_directory(const std::string& path, const std::string& directory,
                      const struct stat& info) {
    add(path, directory, info);
    rules_.enter(path, directory);
    above_.push_back(directory);
    read(path, directory);
    above_.pop_back();
    rules_.leave();
  }

  [[noreturn]] static void refuse(const std::string& path, const std::string& file, int why) {
    char target[PATH_MAX] = "";
    (void)!::readlink(file.c_str(), target, sizeof target - 1);
    const std::string link = "the link " + path + " -> " + target;
    if (why == ELOOP) throw Failure{link + " leads in a circle", "bad_link", kLeaveOut};
    throw Failure{link + " leads nowhere: " + std::strerror(why), "bad_link", kLeaveOut};
  }

  // Where a link leads; throws when that is no place to go.
  std::string followed(const std::string& path, const std::string& file, bool is_directory) const {
    const auto real = real_path(file);
    if (!real) refuse(path, file, errno);
    const bool inside =
        *real == order_.root || order_.root == "/" || real->rfind(order_.root + "/", 0) == 0;
    if (!inside)
      throw Failure{"the link " + path + " leads out of " + order_.root + ", to " + *real,
                    "bad_link",
                    "put the file itself there, remove the link, or name it in .gantryignore"};
    if (is_directory && std::find(above_.begin(), above_.end(), *real) != above_.end())
      throw Failure{"the link " + path + " leads in a circle: " + *real + " holds it", "bad_link",
                    kLeaveOut};
    return *real;
  }

  const TreeOrder& order_;
  LeftOut rules_;
  std::vector<std::string> above_;  // real directories that hold what is read now
  Tree tree_;
};

}  // namespace

Tree read_tree(const TreeOrder& order) { return Walk(order).run(); }

}  // namespace gantry::cli
