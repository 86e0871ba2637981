#include "runtime/build/engine_exchange.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace gantry {
namespace {

constexpr int kPollMilliseconds = 200;
constexpr std::size_t kHeadMax = 64 * 1024;

Error unavailable(const std::string& what) {
  return {Code::unavailable, "engine_unavailable", "the container engine " + what};
}

struct Descriptor {
  explicit Descriptor(int f) : fd(f) {}
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int fd;
};

// Takes an answer apart: status, head, and a body that is chunked, counted, or ends with the
// connection.
class Answer {
 public:
  explicit Answer(const std::function<void(std::string_view)>& body) : body_(body) {}

  // False: this is no HTTP.
  bool feed(std::string_view bytes) {
    pending_ += bytes;
    if (!status_ && !read_head()) return pending_.size() < kHeadMax;
    return status_.has_value() && read_body();
  }
  void close() { done_ = done_ || (status_ && !chunked_ && !left_); }
  bool done() const { return done_; }
  std::optional<int> status() const { return status_; }

 private:
  bool read_head() {
    const auto end = pending_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    std::string head = pending_.substr(0, end + 2);
    pending_.erase(0, end + 4);
    const auto space = head.find(' ');
    int status = 0;
    if (space != std::string::npos)
      std::from_chars(head.data() + space + 1, head.data() + head.size(), status);
    if (status == 100) return read_head();
    std::transform(head.begin(), head.end(), head.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    chunked_ = head.find("\r\ntransfer-encoding: chunked") != std::string::npos;
    constexpr std::string_view length = "\r\ncontent-length: ";
    if (const auto at = head.find(length); at != std::string::npos) {
      std::size_t bytes = 0;
      std::from_chars(head.data() + at + length.size(), head.data() + head.size(), bytes);
      left_ = bytes;
    }
    status_ = status;
    return true;
  }

  bool read_body() {
    if (chunked_) return read_chunks();
    const std::size_t count = std::min(pending_.size(), left_.value_or(pending_.size()));
    give(count);
    if (left_) *left_ -= count;
    done_ = left_ == 0u;
    return true;
  }

  bool read_chunks() {
    while (!done_) {
      if (chunk_ == 0) {
        const auto line = pending_.find("\r\n");
        if (line == std::string::npos) return pending_.size() < kHeadMax;
        const auto [end, error] =
            std::from_chars(pending_.data(), pending_.data() + line, chunk_, 16);
        if (error != std::errc()) return false;
        pending_.erase(0, line + 2);
        if (chunk_ == 0) done_ = true;  // trailers are of no interest
        chunk_ += 2;                    // with its line end
      }
      if (done_ || pending_.empty()) return true;
      const std::size_t text = std::min(pending_.size(), chunk_ > 2 ? chunk_ - 2 : 0);
      if (text > 0) {
        give(text);
        chunk_ -= text;
        continue;
      }
      const std::size_t rest = std::min(pending_.size(), chunk_);
      pending_.erase(0, rest);
      chunk_ -= rest;
    }
    return true;
  }

  void give(std::size_t count) {
    if (count > 0) body_(std::string_view(pending_).substr(0, count));
    pending_.erase(0, count);
  }

  const std::function<void(std::string_view)>& body_;
  std::string pending_;
  std::optional<int> status_;
  std::optional<std::size_t> left_;
  std::size_t chunk_ = 0;
  bool chunked_ = false, done_ = false;
};

std::string chunk_of(const std::string& piece) {
  std::array<char, 20> digits{};
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), piece.size(), 16).ptr;
  return std::string(digits.data(), end) + "\r\n" + piece + "\r\n";
}

// What is still to be sent: the head, then the body's pieces as chunks.
struct Outgoing {
  const EngineExchange& exchange;
  std::string bytes;
  bool ended = false;

  Result<> refill() {
    if (!bytes.empty() || ended) return done();
    auto piece = exchange.next();
    if (!piece) return piece.error();
    ended = piece->empty();
    bytes = ended ? "0\r\n\r\n" : chunk_of(*piece);
    return done();
  }
  // False: the other side takes no more.
  bool write_some(int fd) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) bytes.erase(0, static_cast<std::size_t>(sent));
    return sent >= 0 || errno == EAGAIN || errno == EINTR;
  }
};

}  // namespace

int connect_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return -1;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

Result<int> exchange(const std::string& socket_path, const EngineExchange& it) {
  const Descriptor socket(connect_unix(socket_path));
  if (socket.fd < 0) return unavailable("does not answer at " + socket_path);
  Outgoing out{it, "POST " + it.target +
                       " HTTP/1.1\r\nHost: engine\r\nContent-Type: application/x-tar\r\n"
                       "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"};
  Answer answer(it.body);
  std::array<char, 65536> in;
  for (bool writing = true; !answer.done();) {
    GANTRY_TRY(it.check());
    if (writing) GANTRY_TRY(out.refill());
    writing = writing && !out.bytes.empty();
    pollfd poller{socket.fd, static_cast<short>(POLLIN | (writing ? POLLOUT : 0)), 0};
    if (poll(&poller, 1, kPollMilliseconds) <= 0) continue;
    if ((poller.revents & POLLOUT) != 0) writing = out.write_some(socket.fd);
    if ((poller.revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
    const ssize_t got = recv(socket.fd, in.data(), in.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) {
      answer.close();
      break;
    }
    if (!answer.feed({in.data(), static_cast<std::size_t>(got)}))
      return unavailable("answered with something that is not HTTP");
  }
  if (!answer.done()) return unavailable("broke the connection off");
  return *answer.status();
}

}  // namespace gantry
