// What a deployment's build and its pre-deploy command write.
#pragma once

#include <functional>
#include <string>

#include "cli/session.hpp"

namespace gantry::cli {

using PrintLine = std::function<void(const Json& line)>;

// Where lines are streamed, whose they are, and when that one is over.
struct LineSource {
  std::string stream;  // path
  std::string object;  // path
  bool (*is_over)(const std::string& status);
};
// Line by line until it is over. A stream that broke goes on behind the last line seen; an outage
// of a minute throws Failure. The status then, "" when it is not told.
std::string follow_lines(Session&, const LineSource&, const std::string& since, const PrintLine&);

// Line by line until the build is over. A stream that broke goes on behind the last line seen; an
// outage of a minute throws Failure. The deployment's status then, "" when it is not told.
std::string follow_build_logs(Session&, const std::string& deployment_id, const std::string& since,
                              const PrintLine&);

// A line as --json gives it.
std::string build_line_json(const Json& line, const std::string& deployment_id);

// Lines that were seen before a stream broke. The time they carry is no key: several share one.
class SeenLines {
 public:
  void begin() { left_ = seen_at_last_; }  // a stream that begins at last_at()
  const std::string& last_at() const { return last_at_; }
  bool is_new(const std::string& at);

 private:
  std::string last_at_;
  int seen_at_last_ = 0;  // lines of that time
  int left_ = 0;          // of them yet to come again
};

}  // namespace gantry::cli
