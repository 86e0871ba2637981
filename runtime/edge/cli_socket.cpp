#include "runtime/edge/cli_socket.hpp"

#include <cerrno>
#include <cstring>
#include <string_view>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace gantry {
namespace {

constexpr int kPatienceSeconds = 10;
constexpr std::string_view kPrompt = "\n> ";
constexpr std::size_t kPiece = 8192;  // what the proxy takes at once is a quarter of its buffer

Error unreachable(const std::string& what) {
  return {Code::unavailable, "edge_unreachable",
          "the proxy's control socket: " + what + ": " + std::strerror(errno)};
}

Result<int> dial(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return Error{Code::invalid, "path_too_long",
                 "a socket's path has at most 107 characters: " + path};
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return unreachable("socket");
  const timeval patience{kPatienceSeconds, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const Error error = unreachable("connect");
    ::close(fd);
    return error;
  }
  return fd;
}

Result<> send_all(int fd, const std::string& text) {
  std::size_t sent = 0;
  while (sent < text.size()) {
    const auto n = ::send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return unreachable("send");
    sent += static_cast<std::size_t>(n);
  }
  return done();
}

// Appends what arrives. False at the end of the stream.
Result<bool> receive(int fd, std::string& text) {
  char buffer[65536];
  for (;;) {
    const auto n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return unreachable("receive");
    text.append(buffer, static_cast<std::size_t>(n));
    return n > 0;
  }
}

}  // namespace

void CliSocket::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  received_.clear();
}

Result<> CliSocket::open(const std::string& path) {
  close();
  auto fd = dial(path);
  if (!fd) return fd.error();
  fd_ = *fd;
  for (const char* first : {"prompt", "set timeout cli 3600"}) {
    auto answer = ask(first);
    if (!answer) return answer.error();
  }
  return done();
}

Result<std::string> CliSocket::ask(const std::string& command) {
  if (command.find('\n') != std::string::npos)
    return Error{Code::internal, "command_invalid", "a command is one line"};
  auto answers = ask_all({command});
  if (!answers) return answers.error();
  return std::move(answers->front());
}

Result<std::vector<std::string>> CliSocket::ask_all(const std::vector<std::string>& commands) {
  std::vector<std::string> answers;
  for (std::size_t next = 0; next < commands.size();) {
    std::string lines;
    const std::size_t first = next;
    while (next < commands.size() && (next == first || lines.size() < kPiece))
      lines += commands[next++] + "\n";
    if (fd_ < 0)
      return Error{Code::unavailable, "edge_unreachable", "the proxy's control socket is not open"};
    auto sent = send_all(fd_, lines);
    for (std::size_t at = first; sent && at < next; ++at) {
      auto answer = read_answer();
      if (!answer)
        sent = answer.error();
      else
        answers.push_back(std::move(*answer));
    }
    if (!sent) {
      close();
      return sent.error();
    }
  }
  return answers;
}

Result<std::string> CliSocket::read_answer() {
  std::size_t end = 0, from = 0;
  while ((end = received_.find(kPrompt, from)) == std::string::npos) {
    from = received_.size() < kPrompt.size() ? 0 : received_.size() - kPrompt.size();
    const auto more = receive(fd_, received_);
    if (!more) return more.error();
    if (!*more)
      return Error{Code::unavailable, "edge_unreachable", "the proxy closed its control socket"};
  }
  std::string text = received_.substr(0, end);
  received_.erase(0, end + kPrompt.size());
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

Result<MasterAnswer> ask_master(const std::string& path, const std::string& command) {
  auto fd = dial(path);
  if (!fd) return fd.error();
  MasterAnswer answer;
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(*fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) answer.peer = peer.pid;
  auto result = send_all(*fd, command + "\n");
  ::shutdown(*fd, SHUT_WR);
  while (result) {
    const auto more = receive(*fd, answer.text);
    if (!more) result = more.error();
    if (!more || !*more) break;
  }
  ::close(*fd);
  if (!result) return result.error();
  return answer;
}

}  // namespace gantry
