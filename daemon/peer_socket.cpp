#include "daemon/peer_socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

namespace gantry {
namespace {

void set(int fd, int level, int option, int value) {
  ::setsockopt(fd, level, option, &value, sizeof value);
}

// All of the parts, in one call where the kernel takes them.
bool write_all(int fd, std::array<iovec, 3> parts) {
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  for (;;) {
    while (message.msg_iovlen > 0 && message.msg_iov->iov_len == 0)
      ++message.msg_iov, --message.msg_iovlen;
    if (message.msg_iovlen == 0) return true;
    const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    auto left = static_cast<std::size_t>(sent);
    for (iovec* part = message.msg_iov; left > 0; ++part) {
      const std::size_t size = std::min(left, part->iov_len);
      part->iov_base = static_cast<char*>(part->iov_base) + size;
      part->iov_len -= size;
      left -= size;
    }
  }
}

iovec part_of(std::string_view bytes) {
  return {.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
}

}  // namespace

PeerSocket::PeerSocket(int descriptor, std::string early)
    : descriptor_(descriptor), early_(std::move(early)) {
  const int flags = ::fcntl(descriptor_, F_GETFL);
  ::fcntl(descriptor_, F_SETFL, flags & ~O_NONBLOCK);
  // A peer that vanished while nothing moves is noticed within a minute.
  set(descriptor_, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(descriptor_, IPPROTO_TCP, TCP_KEEPIDLE, 20);
  set(descriptor_, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set(descriptor_, IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(descriptor_, IPPROTO_TCP, TCP_NODELAY, 1);
}

PeerSocket::~PeerSocket() { ::close(descriptor_); }

std::size_t PeerSocket::read(std::span<char> to) {
  if (!early_.empty()) {
    const std::size_t size = std::min(to.size(), early_.size());
    std::memcpy(to.data(), early_.data(), size);
    early_.erase(0, size);
    return size;
  }
  for (;;) {
    const ssize_t got = ::recv(descriptor_, to.data(), to.size(), 0);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return 0;
  }
}

bool PeerSocket::answer(std::string_view http_head) {
  const std::scoped_lock lock(sending_);
  return write_all(descriptor_, {part_of(http_head), part_of(""), part_of("")});
}

bool PeerSocket::send_frame(websocket::Opcode opcode, std::string_view first,
                            std::string_view second) {
  const websocket::Head head(opcode, first.size() + second.size(), std::nullopt);
  const std::scoped_lock lock(sending_);
  if (closed_) return false;
  if (opcode == websocket::Opcode::close) closed_ = true;
  return write_all(descriptor_, {part_of(head.bytes()), part_of(first), part_of(second)});
}

bool PeerSocket::send(Channel channel, std::string_view bytes) {
  const char number = static_cast<char>(channel);
  return send_frame(websocket::Opcode::binary, {&number, 1}, bytes);
}

bool PeerSocket::send(const SessionControl& control) {
  return send(Channel::control, session_control_json(control));
}

bool PeerSocket::send_pong(std::string_view payload) {
  return send_frame(websocket::Opcode::pong, payload, "");
}

bool PeerSocket::send_close(int code) {
  const std::array<char, 2> bytes{static_cast<char>(code >> 8), static_cast<char>(code & 255)};
  return send_frame(websocket::Opcode::close, {bytes.data(), bytes.size()}, "");
}

void PeerSocket::ping() {
  const std::unique_lock lock(sending_, std::try_to_lock);
  if (!lock || closed_) return;
  const websocket::Head head(websocket::Opcode::ping, 0, std::nullopt);
  const std::string_view bytes = head.bytes();
  // Two bytes go whole or not at all.
  (void)::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void PeerSocket::finish(Seconds seconds) {
  const timeval limit{.tv_sec = seconds.count(), .tv_usec = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::shutdown(descriptor_, SHUT_WR);
}

void PeerSocket::cancel() { ::shutdown(descriptor_, SHUT_RDWR); }

}  // namespace gantry
