#include "tests/support/load_loop.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gantry::testing {
namespace {

using std::chrono::milliseconds;

constexpr int kPieceBytes = 512;
constexpr auto kPiece = milliseconds(100);
constexpr auto kSocketAgain = milliseconds(250);  // after a failure

std::string word_after(const std::string& text, const std::string& key) {
  const auto at = text.find(key);
  if (at == std::string::npos) return "";
  return text.substr(at + key.size(), text.find_first_of(" \r\n", at) - at - key.size());
}

int open_socket(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS) {
    ::close(fd);
    return -1;
  }
  return fd;
}

bool is_open(int fd) {
  char byte;
  const auto n = ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace

LoadLoop::LoadLoop(Load& load, const LoadOptions& options)
    : load_(load),
      options_(options),
      begin_(Clock::now()),
      poller_(::epoll_create1(EPOLL_CLOEXEC)) {}

LoadLoop::~LoadLoop() {
  for (const auto& [id, exchange] : exchanges_)
    if (exchange.fd >= 0) ::close(exchange.fd);
  for (const int fd : idle_) ::close(fd);
  ::close(poller_);
}

void LoadLoop::run(const std::stop_token& stop) {
  const auto step = std::chrono::nanoseconds(1'000'000'000 / std::max(options_.per_second, 1));
  for (int i = 0; i < options_.uploads; ++i) begin(Kind::upload, Clock::now());
  for (int i = 0; i < options_.downloads; ++i) begin(Kind::download, Clock::now());
  for (int i = 0; i < options_.sockets; ++i) begin(Kind::socket, Clock::now());
  std::array<epoll_event, 256> events{};
  for (std::uint64_t next = 1; !stop.stop_requested();) {
    Time now = Clock::now();
    for (; options_.per_second > 0 && begin_ + next * step <= now; ++next)
      begin(Kind::request, begin_ + next * step);
    while (!queue_.empty() && queue_.top().at <= now) {
      const std::uint64_t id = queue_.top().id;
      queue_.pop();
      due(id, now);
    }
    const int n = ::epoll_wait(poller_, events.data(), static_cast<int>(events.size()), 1);
    for (int i = 0; i < n; ++i) ready(events[i].data.u64, events[i].events);
  }
  while (!exchanges_.empty()) forget(exchanges_.begin()->first);
}

void LoadLoop::begin(Kind kind, Time intended) {
  const std::uint64_t id = ++last_id_;
  Exchange exchange{.kind = kind, .fresh = kind != Kind::request || id % 2 == 0};
  exchange.phase = kind == Kind::socket ? nullptr : load_.enter();
  exchange.intended = intended;
  exchange.deadline = intended + milliseconds(options_.late_ms);
  const std::string host = " HTTP/1.1\r\nHost: " + options_.host + "\r\n";
  const std::string end = exchange.fresh ? "Connection: close\r\n\r\n" : "\r\n";
  const auto slow = std::chrono::seconds(options_.slow_seconds);
  switch (kind) {
    case Kind::request:
      exchange.out = "GET " + options_.path + host + end;
      break;
    case Kind::upload:
      exchange.pieces_left = static_cast<int>(slow / kPiece);
      exchange.deadline += slow;
      exchange.out = "POST /upload" + host +
                     "Content-Length: " + std::to_string(exchange.pieces_left * kPieceBytes) +
                     "\r\n" + end;
      break;
    case Kind::download:
      exchange.deadline += slow;
      exchange.out = "GET /stream/" + std::to_string(slow / kPiece) + host + end;
      break;
    case Kind::socket:
      // The first ones end one after the other, and so do all after them.
      exchange.ends = intended + std::chrono::seconds(options_.socket_seconds);
      if (first_sockets_ < options_.sockets)
        exchange.ends -= std::chrono::milliseconds(options_.socket_seconds * 500 *
                                                   first_sockets_++ / options_.sockets);
      exchange.deadline = exchange.ends + milliseconds(options_.late_ms);
      exchange.out = "GET /ws" + host +
                     "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
      break;
  }
  Exchange& kept = exchanges_[id] = std::move(exchange);
  if (!dial(kept)) return fail(id, "connect");
  watch(id, kept, EPOLL_CTL_ADD);
  if (kind == Kind::request || kind == Kind::download) queue_.push({kept.deadline, id});
  if (kind == Kind::upload || kind == Kind::socket) queue_.push({intended + kPiece, id});
}

// A connection that the peer has closed while it was idle is opened anew, as every client does.
bool LoadLoop::dial(Exchange& exchange) {
  while (!exchange.fresh && exchange.fd < 0 && !idle_.empty()) {
    const int fd = idle_.back();
    idle_.pop_back();
    if (is_open(fd))
      exchange.fd = fd;
    else
      ::close(fd);
  }
  if (exchange.fd < 0) exchange.fd = open_socket(options_.port);
  return exchange.fd >= 0;
}

void LoadLoop::watch(std::uint64_t id, const Exchange& exchange, int operation) {
  epoll_event event{};
  event.events = EPOLLIN | (exchange.out.empty() ? 0u : static_cast<unsigned>(EPOLLOUT));
  event.data.u64 = id;
  ::epoll_ctl(poller_, operation, exchange.fd, &event);
}

void LoadLoop::due(std::uint64_t id, Time now) {
  const auto found = exchanges_.find(id);
  if (found == exchanges_.end()) return;
  Exchange& exchange = found->second;
  if (exchange.fd < 0) {  // a place that is taken again after a failure
    const Kind kind = exchange.kind;
    exchanges_.erase(found);
    return begin(kind, now);
  }
  if (now >= exchange.deadline) return fail(id, "late", exchange.version);
  if (exchange.kind == Kind::socket) return tick_socket(id, exchange, now);
  if (exchange.kind != Kind::upload) return;
  if (exchange.pieces_left > 0) {
    --exchange.pieces_left;
    exchange.out.append(kPieceBytes, 'u');
    queue_.push({now + kPiece, id});
  } else {
    queue_.push({exchange.deadline, id});
  }
  if (send_out(id, exchange)) watch(id, exchange, EPOLL_CTL_MOD);
}

void LoadLoop::ready(std::uint64_t id, unsigned events) {
  const auto found = exchanges_.find(id);
  if (found == exchanges_.end() || found->second.fd < 0) return;
  Exchange& exchange = found->second;
  if ((events & EPOLLOUT) != 0 && !exchange.out.empty()) {
    if (!send_out(id, exchange)) return;
    watch(id, exchange, EPOLL_CTL_MOD);
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive(id, exchange);
}

// False: it has failed, and is gone. A refused body is answered before all of it was taken: what
// can be read counts.
bool LoadLoop::send_out(std::uint64_t id, Exchange& exchange) {
  while (!exchange.out.empty()) {
    const auto n = ::send(exchange.fd, exchange.out.data(), exchange.out.size(), MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == ENOTCONN)) return true;
    if (n <= 0) {
      if (errno == ECONNREFUSED) {  // told once: by what asks first
        fail(id, "connect");
        return false;
      }
      exchange.out.clear();
      if (receive(id, exchange)) fail(id, "reset", exchange.version);
      return false;
    }
    exchange.out.erase(0, static_cast<std::size_t>(n));
  }
  return true;
}

// False: it is over, well or not.
bool LoadLoop::receive(std::uint64_t id, Exchange& exchange) {
  char buffer[65536];
  for (;;) {
    const auto n = ::recv(exchange.fd, buffer, sizeof buffer, 0);
    if (n > 0) {
      exchange.in.append(buffer, static_cast<std::size_t>(n));
      if (exchange.kind == Kind::socket)
        parse_socket(id, exchange);
      else
        parse(id, exchange);
      if (exchanges_.find(id) == exchanges_.end() || exchange.fd < 0) return false;
      continue;
    }
    if (n < 0 && errno == EAGAIN) return true;
    const int number = errno;
    std::string why = n == 0 ? "no answer" : number == ECONNREFUSED ? "connect" : "reset";
    if (!exchange.in.empty()) why = "truncated";
    if (exchange.kind == Kind::socket && exchange.upgraded) why = "WebSocket cut";
    fail(id, why + (exchange.fresh ? "" : " (kept connection)"), exchange.version);
    return false;
  }
}

void LoadLoop::parse(std::uint64_t id, Exchange& exchange) {
  const auto split = exchange.in.find("\r\n\r\n");
  if (split == std::string::npos) return;
  const std::string head = exchange.in.substr(0, split + 2);
  const char* length = ::strcasestr(head.c_str(), "\ncontent-length:");
  const std::size_t bytes = length == nullptr ? 0 : std::strtoul(length + 16, nullptr, 10);
  if (exchange.in.size() < split + 4 + bytes) return;
  const int status = std::atoi(exchange.in.c_str() + 9);
  const bool keep = !exchange.fresh && ::strcasestr(head.c_str(), "\nconnection: close") == nullptr;
  finish(id, exchange, status, exchange.in.substr(split + 4, bytes), keep);
}

void LoadLoop::finish(std::uint64_t id, Exchange& exchange, int status, const std::string& body,
                      bool keep) {
  const std::string version = word_after(body, "version=");
  const auto now = Clock::now();
  if (status != 200) return fail(id, "status " + std::to_string(status), version);
  if (now > exchange.deadline) return fail(id, "late", version);
  if (exchange.kind == Kind::upload &&
      word_after(body, "received=") !=
          std::to_string(options_.slow_seconds * 1000 / kPiece.count() * kPieceBytes))
    return fail(id, "upload of another length", version);
  {
    const std::scoped_lock lock(exchange.phase->mutex);
    LoadReport& report = exchange.phase->report;
    ++report.sent;
    if (exchange.kind == Kind::upload) ++report.uploads;
    if (exchange.kind == Kind::download) ++report.downloads;
    if (exchange.kind == Kind::request) {
      const std::chrono::duration<double, std::milli> took = now - exchange.intended;
      report.latencies_ms.push_back(static_cast<float>(took.count()));
      report.worst_ms = std::max(report.worst_ms, took.count());
      ++report.replicas[word_after(body, "replica=")];
      ++report.versions[version];
    }
  }
  if (keep) {
    ::epoll_ctl(poller_, EPOLL_CTL_DEL, exchange.fd, nullptr);
    idle_.push_back(std::exchange(exchange.fd, -1));
  }
  const Kind kind = exchange.kind;
  forget(id);
  if (kind != Kind::request) begin(kind, now);
}

void LoadLoop::fail(std::uint64_t id, const std::string& why, const std::string& version) {
  Exchange& exchange = exchanges_[id];
  const auto now = Clock::now();
  const std::chrono::duration<double> at = now - begin_;
  static constexpr std::array<const char*, 4> kNames = {"", " (upload)", " (download)",
                                                        " (WebSocket)"};
  const auto phase = exchange.kind == Kind::socket ? load_.phase() : exchange.phase;
  {
    const std::scoped_lock lock(phase->mutex);
    ++phase->report.sent;
    phase->report.failures.push_back(
        {at.count(), why + kNames[static_cast<std::size_t>(exchange.kind)], version});
  }
  const Kind kind = exchange.kind;
  forget(id);
  if (kind == Kind::request) return;
  const std::uint64_t place = ++last_id_;
  exchanges_[place] = Exchange{.kind = kind};
  queue_.push({now + kSocketAgain, place});
}

void LoadLoop::forget(std::uint64_t id) {
  const auto found = exchanges_.find(id);
  if (found == exchanges_.end()) return;
  Exchange& exchange = found->second;
  if (exchange.fd >= 0) ::close(exchange.fd);
  if (exchange.kind == Kind::socket && exchange.upgraded) --load_.open_sockets_;
  if (exchange.phase) --exchange.phase->under_way;
  exchanges_.erase(found);
}

}  // namespace gantry::testing
