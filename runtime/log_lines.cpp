#include "runtime/log_lines.hpp"

#include <algorithm>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry {
namespace {

constexpr std::size_t kBlock = 256 * 1024;
constexpr std::size_t kTimeLength = 27;  // "2026-11-22T18:26:00.000000Z"

// The file's end that holds at least so many newlines, or the whole file.
std::string read_end(int descriptor, std::size_t lines) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return "";
  auto from = static_cast<std::size_t>(status.st_size);
  std::vector<std::string> blocks;
  std::size_t newlines = 0;
  while (from > 0 && newlines <= lines) {
    const std::size_t bytes = std::min(kBlock, from);
    from -= bytes;
    std::string block(bytes, '\0');
    const ssize_t got = ::pread(descriptor, block.data(), bytes, static_cast<off_t>(from));
    if (got <= 0) break;
    block.resize(static_cast<std::size_t>(got));
    newlines += static_cast<std::size_t>(std::count(block.begin(), block.end(), '\n'));
    blocks.push_back(std::move(block));
  }
  std::string text;
  for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) text += *block;
  return text;
}

}  // namespace

std::string encode_log_line(const LogLine& line) {
  std::string text = format_time(line.at);
  text += line.is_error ? " e " : " o ";
  for (const char c : line.text) {
    if (c == '\\' || c == '\n') text += '\\';
    text += c == '\n' ? 'n' : c;
  }
  text += '\n';
  return text;
}

std::optional<LogLine> decode_log_line(std::string_view text) {
  if (text.size() < kTimeLength + 3 || text[kTimeLength] != ' ' || text[kTimeLength + 2] != ' ')
    return std::nullopt;
  const auto at = parse_time(text.substr(0, kTimeLength));
  const char kind = text[kTimeLength + 1];
  if (!at || (kind != 'o' && kind != 'e')) return std::nullopt;
  LogLine line;
  line.at = *at;
  line.is_error = kind == 'e';
  text.remove_prefix(kTimeLength + 3);
  line.text.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      line.text += text[i];
      continue;
    }
    ++i;
    line.text += text[i] == 'n' ? '\n' : text[i];
  }
  return line;
}

std::vector<LogLine> read_log_tail(const std::string& path, const ReplicaKey& key,
                                   std::size_t lines) {
  std::vector<LogLine> found;
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return found;
  const std::string text = read_end(descriptor, lines);
  ::close(descriptor);
  std::string_view rest = text;
  if (!rest.empty() && rest.back() == '\n') rest.remove_suffix(1);
  while (!rest.empty() && found.size() < lines) {
    const auto newline = rest.rfind('\n');
    const std::size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
    if (auto line = decode_log_line(rest.substr(begin))) {
      line->key = key;
      found.push_back(std::move(*line));
    }
    rest = rest.substr(0, newline == std::string_view::npos ? 0 : newline);
  }
  std::reverse(found.begin(), found.end());
  return found;
}

}  // namespace gantry
