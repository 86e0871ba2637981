// The WebSockets of a load (RFC 6455): each sends its own number and counts what comes back.
#include <cstring>

#include <sys/epoll.h>

#include "tests/support/load_loop.hpp"

namespace gantry::testing {
namespace {

constexpr auto kEcho = std::chrono::milliseconds(100);
constexpr unsigned char kText = 0x81, kClose = 0x88, kMasked = 0x80;

// The mask is constant: it protects proxies from browsers, and neither is here.
std::string frame(unsigned char first, const std::string& payload) {
  static constexpr char kMask[4] = {0x12, 0x34, 0x56, 0x78};
  std::string out{static_cast<char>(first), static_cast<char>(kMasked | payload.size())};
  out.append(kMask, sizeof kMask);
  for (std::size_t i = 0; i < payload.size(); ++i)
    out += static_cast<char>(payload[i] ^ kMask[i % sizeof kMask]);
  return out;
}

std::string echo_text(std::uint64_t id, long n) {
  return "ws " + std::to_string(id) + " " + std::to_string(n);
}

}  // namespace

void LoadLoop::tick_socket(std::uint64_t id, Exchange& exchange, Time now) {
  if (!exchange.upgraded) {
    queue_.push({now + kEcho, id});
    return;
  }
  if (now >= exchange.ends && !exchange.closing) {
    exchange.closing = true;
    exchange.out += frame(kClose, "");
    queue_.push({exchange.deadline, id});
  } else if (!exchange.closing) {
    exchange.out += frame(kText, echo_text(id, ++exchange.sent));
    queue_.push({now + kEcho, id});
  }
  if (send_out(id, exchange)) watch(id, exchange, EPOLL_CTL_MOD);
}

void LoadLoop::upgrade(std::uint64_t id, Exchange& exchange) {
  const auto split = exchange.in.find("\r\n\r\n");
  if (split == std::string::npos) return;
  const std::string head = exchange.in.substr(0, split + 2);
  exchange.in.erase(0, split + 4);
  // The accept value of the key that was sent: the example of RFC 6455, 1.3.
  if (!head.starts_with("HTTP/1.1 101") ||
      head.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == std::string::npos)
    return fail(id, "status " + head.substr(9, 3));
  if (const char* version = ::strcasestr(head.c_str(), "\nx-version: "); version != nullptr)
    exchange.version = std::string(version + 12, std::strcspn(version + 12, "\r"));
  exchange.upgraded = true;
  ++load_.open_sockets_;
}

void LoadLoop::parse_socket(std::uint64_t id, Exchange& exchange) {
  if (!exchange.upgraded) {
    upgrade(id, exchange);
    if (exchanges_.find(id) == exchanges_.end() || !exchange.upgraded) return;
  }
  while (exchange.in.size() >= 2) {
    const auto first = static_cast<unsigned char>(exchange.in[0]);
    const auto bytes = static_cast<std::size_t>(exchange.in[1] & 127);
    if (exchange.in.size() < 2 + bytes) return;
    const std::string payload = exchange.in.substr(2, bytes);
    exchange.in.erase(0, 2 + bytes);
    if (first == kClose && exchange.closing) {
      if (exchange.echoed != exchange.sent) return fail(id, "echoes lost", exchange.version);
      forget(id);
      {
        const auto phase = load_.phase();
        const std::scoped_lock lock(phase->mutex);
        ++phase->report.sockets_ended;
      }
      return begin(Kind::socket, Clock::now());
    }
    if (first != kText || payload != echo_text(id, exchange.echoed + 1))
      return fail(id, "not what was sent", exchange.version);
    ++exchange.echoed;
  }
}

}  // namespace gantry::testing
