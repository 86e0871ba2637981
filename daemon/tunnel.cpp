#include "daemon/tunnel.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace gantry {
namespace {

constexpr std::size_t kBlock = 64 * 1024;
constexpr int kConnectSeconds = 10;

Error broken(const char* what) { return {Code::unavailable, "stream_broken", what}; }

class Tunnel final : public Execution {
 public:
  explicit Tunnel(int fd) : fd_(fd) {}
  ~Tunnel() override { ::close(fd_); }

  Result<ExecBytes> read() override {
    ExecBytes out;
    out.bytes.resize(kBlock);
    for (;;) {
      const ssize_t got = ::recv(fd_, out.bytes.data(), out.bytes.size(), 0);
      if (cancelled_) return broken("it was cancelled");
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return broken(std::strerror(errno));
      out.bytes.resize(static_cast<std::size_t>(got));
      return out;
    }
  }

  Result<> write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (cancelled_) return broken("it was cancelled");
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0) return Error{Code::conflict, "input_closed", std::strerror(errno)};
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return done();
  }

  Result<> close_input() override {
    ::shutdown(fd_, SHUT_WR);
    return done();
  }
  Result<> resize(const TerminalSize&) override { return done(); }
  Result<int> exit_code() override { return 0; }
  void cancel() override {
    cancelled_ = true;
    ::shutdown(fd_, SHUT_RDWR);
  }

 private:
  const int fd_;
  std::atomic<bool> cancelled_{false};
};

}  // namespace

Result<std::unique_ptr<Execution>> open_tunnel(const Address& address) {
  const auto unreachable = [&](const std::string& what) {
    return Error{Code::unavailable, "unreachable", address.str() + ": " + what};
  };
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(address.port));
  if (::inet_pton(AF_INET, address.host.c_str(), &to.sin_addr) != 1)
    return unreachable("it is not an IPv4 address");
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return unreachable(std::strerror(errno));
  auto tunnel = std::make_unique<Tunnel>(fd);
  const timeval limit{.tv_sec = kConnectSeconds, .tv_usec = 0};
  const timeval none{};
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    return unreachable(errno == EINPROGRESS ? "no answer in time" : std::strerror(errno));
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return std::unique_ptr<Execution>(std::move(tunnel));
}

}  // namespace gantry
