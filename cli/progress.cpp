#include "cli/progress.hpp"

#include <cstdio>

#include <unistd.h>

#include "cli/output.hpp"
#include "cli/session.hpp"

namespace gantry::cli {
namespace {

constexpr auto kPause = std::chrono::milliseconds(100);

}  // namespace

std::string bytes_text(std::uint64_t bytes) {
  constexpr const char* units[] = {"kB", "MB", "GB", "TB"};
  if (bytes < 1000) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1000;
  int unit = 0;
  for (; value >= 999.95 && unit < 3; ++unit) value /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", value, units[unit]);
  return text;
}

std::string bar_text(std::uint64_t done, std::uint64_t whole) {
  constexpr std::uint64_t width = 24;
  const std::uint64_t percent = whole == 0 ? 100 : done * 100 / whole;
  const auto filled = static_cast<std::size_t>(percent * width / 100);
  return "[" + std::string(filled, '#') + std::string(width - filled, ' ') + "] " +
         std::to_string(percent) + "% of " + bytes_text(whole);
}

Progress::Progress(const Session& session)
    : silent_(session.json()), terminal_(!session.json() && is_terminal(STDERR_FILENO)) {}

void Progress::begin(const std::string& line) {
  if (silent_) return;
  if (!terminal_) return print_error(line);
  write(line);
}

void Progress::show(const std::string& line) {
  if (!terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - shown_at_ < kPause) return;
  shown_at_ = now;
  write(line);
}

void Progress::keep(const std::string& line) {
  clear();
  if (!silent_) print_error(line);
}

void Progress::write(const std::string& line) {
  std::fprintf(stderr, "\r\x1b[K%s", line.c_str());
  std::fflush(stderr);
  dirty_ = true;
}

void Progress::clear() {
  if (dirty_) std::fputs("\r\x1b[K", stderr);
  dirty_ = false;
}

}  // namespace gantry::cli
