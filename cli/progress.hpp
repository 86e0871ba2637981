// How far something is, on stderr: on a terminal one line that is written over, elsewhere only the
// lines that stay. Silent with --json.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace gantry::cli {

class Session;

std::string bytes_text(std::uint64_t bytes);  // "812 B", "1.2 MB"
// "[#####     ] 50% of 1.2 MB"
std::string bar_text(std::uint64_t done, std::uint64_t whole);

class Progress {
 public:
  explicit Progress(const Session&);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void begin(const std::string& line);  // stays off a terminal
  void show(const std::string& line);   // only on a terminal; at most ten times a second
  void keep(const std::string& line);   // stays everywhere

 private:
  void write(const std::string& line);
  void clear();

  const bool silent_;
  const bool terminal_;
  bool dirty_ = false;
  std::chrono::steady_clock::time_point shown_at_{};
};

}  // namespace gantry::cli
