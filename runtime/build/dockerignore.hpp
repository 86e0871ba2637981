// The rules of a .dockerignore, as Docker reads them: Go's filepath.Match for each part of a path,
// "**" over any number of parts, "!" to take back, the last rule that matches counts, and what
// holds for a directory holds for all that is in it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/result.hpp"

namespace gantry {

class DockerIgnore {
 public:
  // A pattern that cannot be read: invalid "dockerignore_invalid", with its line.
  static Result<DockerIgnore> parse(std::string_view text);

  // `path` from the context's root, with "/" between parts: "src/main.go".
  bool ignores(std::string_view path) const;

  // The same for a walk down a tree: which rules hold for the directory that `path` is in, in; and
  // which for `path` itself, out. For the root's own entries `parent` is empty.
  struct Verdict {
    std::vector<bool> rules;
    bool ignored = false;
  };
  Verdict judge(std::string_view path, const std::vector<bool>& parent) const;

  // Whether something below an ignored directory may be wanted all the same.
  bool has_exceptions() const;

 private:
  struct Step {
    enum class Kind {
      text,     // these bytes
      star,     // "*": anything but "/"
      one,      // "?": one character but "/"
      one_of,   // "[a-z]"
      folders,  // "**/": nothing, or anything up to a "/"
      rest,     // "**" at the end: anything
    };
    Kind kind = Kind::text;
    std::string text;
    std::vector<std::pair<char32_t, char32_t>> ranges;
    bool negated = false;
  };
  struct Rule {
    bool exception = false;
    bool ending = false;  // "**x": whatever ends in the text of steps[1]
    std::vector<Step> steps;
  };

  static Result<Rule> compile(std::string_view pattern);
  static bool matches(const Rule&, std::string_view path);
  static void advance(const Step&, std::string_view path, std::string& reached);
  friend class PatternReader;

  std::vector<Rule> rules_;
};

}  // namespace gantry
