// What the providers share: what they are given, what they give, and how a Dockerfile is put
// together. For the files of this folder alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "detect/detect.hpp"

namespace gantry::detecting {

struct Source {
  const SourceTree& tree;
  const DetectOptions& options;

  bool has(std::string_view path) const { return tree.has_file(path); }
  std::string text(std::string_view path) const { return tree.read(path).value_or(""); }
  // RAILPACK_<name>, else NIXPACKS_<name>; empty: not set.
  std::string knob(std::string_view name) const;
};

struct Provider {
  std::string_view name;
  bool (*fits)(const Source&);
  Result<DetectedPlan> (*plan)(const Source&);
};

// By their order the first that fits.
extern const Provider kNode, kPython, kGo, kRust, kJava, kPhp, kRuby, kDeno, kStatic, kShell;

// The lines of a Dockerfile. Text of other people goes in through run() and command(), which refuse
// what would end an instruction early.
class Lines {
 public:
  Lines& add(std::string line);
  Lines& blank() { return add(""); }
  Lines& run(const std::string& command, const std::string& mounts = "");
  Lines& command(const std::string& line);  // CMD, in exec form where that means the same
  const std::string& text() const { return text_; }
  const std::string& refused() const { return refused_; }  // why; empty: nothing was

 private:
  std::string text_, refused_;
};

// "--mount=type=cache,target=<path> "
std::string cache(const std::string& path);

// The person's command, else the Procfile's (web, worker, the first), else `found`.
std::string start_command(const Source&, const std::string& found, DetectedPlan&);
// The person's command, else `found`.
std::string build_command(const Source&, const std::string& found);

Result<DetectedPlan> finish(DetectedPlan, const Lines&, const Source&);

// "3.12" of ">=3.12,<4", "20" of "v20.11.0" with one part; empty: no number in it.
std::string version_in(std::string_view text, int parts);
bool contains_word(std::string_view text, std::string_view word);
std::string trimmed(std::string_view text);
// Whether a path may stand in a COPY as it is.
bool is_plain_path(std::string_view path);

}  // namespace gantry::detecting
