// A build's context as a tar, made piece by piece from an unpacked source: what .dockerignore
// leaves, in a fixed order, owned by root, with its own times and modes. Blocking; one thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/build/dockerignore.hpp"

namespace gantry {

struct ContextOptions {
  std::string folder;            // the context's root
  std::set<std::string> always;  // paths from it that are sent whatever .dockerignore says
  // Files that are not in the folder, or that stand in for those there: path to text.
  std::map<std::string, std::string> extra;
  DockerIgnore ignore;
};

class BuildContext {
 public:
  static Result<BuildContext> open(ContextOptions);
  BuildContext(BuildContext&&) noexcept;
  BuildContext& operator=(BuildContext&&) noexcept;
  ~BuildContext();

  // The next piece, 64 KiB or a little more; empty at the end. After an error: no further call.
  Result<std::string> next();

  // What will be sent: paths from the context's root, directories with a slash at their end.
  std::vector<std::string> paths() const;

 private:
  struct Writer;
  struct Item {
    std::string path;
    bool directory = false;
  };

  explicit BuildContext(ContextOptions);
  Result<> list(const std::string& folder, const std::vector<bool>& rules, bool& anything);
  Result<> begin(const Item&);

  ContextOptions options_;
  std::vector<Item> items_;
  std::size_t at_ = 0;  // of items_: the next one
  std::unique_ptr<Writer> writer_;
};

}  // namespace gantry
