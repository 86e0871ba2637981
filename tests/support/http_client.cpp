#include "tests/support/http_client.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gantry::testing {
namespace {

int open_socket(const std::string& host, int port, int timeout_ms) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  const timeval patience{timeout_ms / 1000, timeout_ms % 1000 * 1000};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  const int failure = errno;
  ::close(fd);
  errno = failure;
  return -1;
}

bool send_all(int fd, const std::string& text) {
  for (std::size_t sent = 0; sent < text.size();) {
    const auto n = ::send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

// A connection that the peer has closed while it was idle is opened anew, as every client does.
bool HttpConnection::open() {
  char byte;
  if (fd_ >= 0) {
    const auto n = ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) close();
  }
  if (fd_ < 0) fd_ = open_socket(address_, port_, 10000);
  return fd_ >= 0;
}

void HttpConnection::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

std::string HttpConnection::call(const HttpCall& call, HttpReply& reply) {
  reply = {};
  if (!open()) return std::string("connect: ") + std::strerror(errno);
  const timeval patience{call.timeout_ms / 1000, call.timeout_ms % 1000 * 1000};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::string text = call.method + " " + call.path + " HTTP/1.1\r\nHost: " + call.host + "\r\n";
  text += call.headers;
  if (!call.body.empty() || call.method == "POST" || call.method == "PUT")
    text += "Content-Length: " + std::to_string(call.body.size()) + "\r\n";
  text += "\r\n" + call.body;
  // A refused body is answered before all of it was taken: the answer counts.
  const bool sent = send_all(fd_, text);
  std::string why = read_reply(reply);
  if (!why.empty() && !sent) why = "send: " + why;
  if (!why.empty() || reply.header("connection") == "close") close();
  return why;
}

std::string HttpConnection::read_reply(HttpReply& reply) {
  std::string text;
  char buffer[65536];
  for (;;) {
    const auto split = text.find("\r\n\r\n");
    if (split != std::string::npos) {
      reply.head = text.substr(0, split) + "\r\n";
      const std::string length = reply.header("content-length");
      const int status = std::atoi(text.c_str() + 9);
      const std::size_t bytes = length.empty() ? 0 : std::stoul(length);
      if (text.size() >= split + 4 + bytes) {
        reply.body = text.substr(split + 4, bytes);
        reply.status = status;
        return "";
      }
    }
    const auto n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n > 0) {
      text.append(buffer, static_cast<std::size_t>(n));
      continue;
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return "timeout";
    if (!text.empty()) return "truncated";
    return n == 0 ? "closed without an answer" : "reset";
  }
}

HttpReply http_call(int port, const HttpCall& call) {
  HttpConnection connection(port);
  HttpCall once = call;
  once.headers += "Connection: close\r\n";
  HttpReply reply;
  if (const std::string why = connection.call(once, reply); !why.empty()) reply.head = why;
  return reply;
}

EventReader::EventReader(int port, const std::string& path, const std::string& headers)
    : fd_(open_socket("127.0.0.1", port, 100)) {
  if (fd_ >= 0)
    send_all(fd_, "GET " + path + " HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n" +
                      headers + "\r\n");
  thread_ = std::thread([this] { run(); });
}

EventReader::~EventReader() {
  if (fd_ >= 0) ::shutdown(fd_, SHUT_RDWR);
  thread_.join();
  if (fd_ >= 0) ::close(fd_);
}

void EventReader::run() {
  char buffer[65536];
  while (fd_ >= 0) {
    const auto n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) continue;
    if (n <= 0) break;
    const std::scoped_lock lock(mutex_);
    text_.append(buffer, static_cast<std::size_t>(n));
    parse();
  }
  ended_ = true;
}

void EventReader::parse() {
  if (head_.empty()) {
    const auto split = text_.find("\r\n\r\n");
    if (split == std::string::npos) return;
    head_ = text_.substr(0, split + 2);
    text_.erase(0, split + 4);
  }
  for (std::size_t end; (end = text_.find("\n\n")) != std::string::npos;) {
    const std::string block = text_.substr(0, end + 1);
    text_.erase(0, end + 2);
    ServerEvent event;
    for (std::size_t at = 0; at < block.size();) {
      const auto stop = block.find('\n', at);
      const std::string line = block.substr(at, stop - at);
      at = stop + 1;
      if (line.starts_with("id: ")) event.id = line.substr(4);
      if (line.starts_with("event: ")) event.event = line.substr(7);
      if (line.starts_with("data: ")) event.data = line.substr(6);
    }
    if (!event.event.empty()) events_.push_back(std::move(event));
  }
}

std::vector<ServerEvent> EventReader::events() const {
  const std::scoped_lock lock(mutex_);
  return events_;
}

std::string EventReader::head() const {
  const std::scoped_lock lock(mutex_);
  return head_;
}

}  // namespace gantry::testing
