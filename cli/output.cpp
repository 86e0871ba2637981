#include "cli/output.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>

#include <unistd.h>

#include "cli/failure.hpp"

namespace gantry::cli {
namespace {

const char* code_of(Colour colour) {
  switch (colour) {
    case Colour::red:
      return "\x1b[31m";
    case Colour::green:
      return "\x1b[32m";
    case Colour::yellow:
      return "\x1b[33m";
    case Colour::dim:
      return "\x1b[2m";
    case Colour::bold:
      return "\x1b[1m";
  }
  return "";
}

bool coloured(int fd) {
  const char* const no = std::getenv("NO_COLOR");
  const char* const term = std::getenv("TERM");
  if (no != nullptr && *no != '\0') return false;
  return is_terminal(fd) && (term == nullptr || std::string_view(term) != "dumb");
}

std::size_t width(const std::string& text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      i = std::min(text.find('m', i), text.size() - 1);
      continue;
    }
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) ++count;
  }
  return count;
}

void append_row(std::string& out, const Row& row, const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    line += row[i];
    if (i + 1 < row.size()) line.append(widths[i] - width(row[i]) + 2, ' ');
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out += line + '\n';
}

}  // namespace

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

std::string paint(Colour colour, const std::string& text, int fd) {
  return coloured(fd) ? code_of(colour) + text + "\x1b[0m" : text;
}

std::string paint_status(const std::string& status) {
  if (status == "SUCCESS" || status == "RUNNING") return paint(Colour::green, status, 1);
  if (status == "FAILED" || status == "CRASHED" || status == "EXITED")
    return paint(Colour::red, status, 1);
  if (status == "REMOVED" || status == "EMPTY") return paint(Colour::dim, status, 1);
  return paint(Colour::yellow, status, 1);
}

void print(const std::string& line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

void print_error(const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); }

std::string render_table(const Row& head, const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(head.size(), 0);
  for (std::size_t i = 0; i < head.size(); ++i) widths[i] = width(head[i]);
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  std::string out;
  append_row(out, head, widths);
  for (const Row& row : rows) append_row(out, row, widths);
  return out;
}

void print_table(const Row& head, const std::vector<Row>& rows) {
  Row painted;
  for (const std::string& title : head) painted.push_back(paint(Colour::bold, title, 1));
  std::string text = render_table(painted, rows);
  text.pop_back();
  print(text);
}

std::string age(std::string_view time, TimePoint now) {
  const auto then = parse_time(time);
  if (!then) return "";
  const auto seconds =
      std::max<std::int64_t>(std::chrono::duration_cast<Seconds>(now - *then).count(), 0);
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 7200) return std::to_string(seconds / 60) + "m";
  if (seconds < 172800) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86400) + "d";
}

std::string since_time(const std::string& text, TimePoint now) {
  if (parse_time(text)) return text;
  long count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string unit(end, text.data() + text.size());
  const long seconds = unit == "s"   ? 1
                       : unit == "m" ? 60
                       : unit == "h" ? 3600
                       : unit == "d" ? 86400
                                     : 0;
  if (error != std::errc() || seconds == 0 || count < 0 || count > 1000000)
    throw Failure{"cannot read the time \"" + text + "\"", "usage",
                  "write 30s, 15m, 2h, 1d or a time such as 2026-11-22T18:26:00Z", kUnreadable};
  return format_time(now - Seconds(count * seconds));
}

}  // namespace gantry::cli
