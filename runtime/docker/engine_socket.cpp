#include "runtime/docker/engine_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/docker/engine_client.hpp"

namespace gantry::docker {
namespace {

constexpr std::size_t kHeadMost = 64 * 1024;

Error unreachable(const std::string& what) {
  return {Code::unavailable, "engine_unavailable", "the container engine: " + what};
}

Error broken(const std::string& what) { return {Code::unavailable, "stream_broken", what}; }

void set_timeout(int fd, Duration timeout) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(timeout).count();
  const timeval limit{.tv_sec = micros / 1'000'000, .tv_usec = micros % 1'000'000};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

Result<> send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0)
      return Error{Code::conflict, "input_closed",
                   std::string("nothing reads it any more: ") + std::strerror(errno)};
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return done();
}

// Up to and with the blank line; more may follow in it.
Result<std::string> read_head(int fd) {
  std::string head;
  char block[4096];
  while (head.find("\r\n\r\n") == std::string::npos) {
    const ssize_t got = ::recv(fd, block, sizeof block, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || head.size() > kHeadMost)
      return unreachable(got == 0 ? "it closed the connection" : "it did not answer in time");
    head.append(block, static_cast<std::size_t>(got));
  }
  return head;
}

EngineReply reply_of(int fd, const std::string& head) {
  EngineReply reply;
  if (head.size() > 12) std::from_chars(head.data() + 9, head.data() + 12, reply.status);
  reply.body = head.substr(head.find("\r\n\r\n") + 4);
  if (reply.status == 101) return reply;
  char block[4096];  // a refusal: the engine closes behind it
  for (ssize_t got = 0;
       reply.body.size() < kHeadMost && (got = ::recv(fd, block, sizeof block, 0)) > 0;)
    reply.body.append(block, static_cast<std::size_t>(got));
  // In chunks or not, the JSON is between its braces.
  const auto begin = reply.body.find('{'), end = reply.body.rfind('}');
  if (begin != std::string::npos && end != std::string::npos && begin < end)
    reply.body = reply.body.substr(begin, end - begin + 1);
  return reply;
}

}  // namespace

Result<std::unique_ptr<EngineSocket>> EngineSocket::open(const std::string& socket_path,
                                                         const std::string& target,
                                                         const std::string& body,
                                                         Duration timeout) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path) return unreachable("its path is too long");
  std::memcpy(address.sun_path, socket_path.c_str(), socket_path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return unreachable(std::strerror(errno));
  std::unique_ptr<EngineSocket> socket(new EngineSocket(fd));
  set_timeout(fd, timeout);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return unreachable(socket_path + ": " + std::strerror(errno));
  const std::string request =
      "POST " + target +
      " HTTP/1.1\r\nHost: docker\r\nUser-Agent: gantry\r\nConnection: Upgrade\r\nUpgrade: "
      "tcp\r\nContent-Type: application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  GANTRY_TRY(socket->exchange(request));
  return socket;
}

Result<> EngineSocket::exchange(const std::string& request) {
  if (!send_all(fd_, request)) return unreachable("it closed the connection");
  auto head = read_head(fd_);
  if (!head) return head.error();
  EngineReply reply = reply_of(fd_, *head);
  if (reply.status != 101) return status_error(reply);
  early_ = std::move(reply.body);
  set_timeout(fd_, Duration(0));
  return done();
}

EngineSocket::~EngineSocket() { ::close(fd_); }

Result<std::size_t> EngineSocket::read(char* to, std::size_t room) {
  if (!early_.empty()) {
    const std::size_t size = std::min(room, early_.size());
    std::memcpy(to, early_.data(), size);
    early_.erase(0, size);
    return size;
  }
  for (;;) {
    const ssize_t got = ::recv(fd_, to, room, 0);
    if (cancelled_) return broken("it was cancelled");
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return broken(std::strerror(errno));
  }
}

Result<> EngineSocket::write(std::string_view bytes) {
  auto sent = send_all(fd_, bytes);
  if (cancelled_) return broken("it was cancelled");
  return sent;
}

void EngineSocket::end_input() { ::shutdown(fd_, SHUT_WR); }

void EngineSocket::cancel() {
  cancelled_ = true;
  ::shutdown(fd_, SHUT_RDWR);
}

}  // namespace gantry::docker
