#include "runtime/probe.hpp"

#include <cctype>
#include <chrono>
#include <map>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

namespace gantry {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kStatusLineLimit = 4096;

std::string describe(Duration timeout) {
  if (timeout.count() % 1'000'000 == 0) return std::to_string(timeout.count() / 1'000'000) + " s";
  return std::to_string(timeout.count() / 1000) + " ms";
}

std::string describe(const error_code& error) {
  if (error == asio::error::connection_refused) return "connection refused";
  if (error == asio::error::eof) return "closed without an answer";
  if (error == asio::error::connection_reset) return "connection reset";
  if (error == asio::error::not_found) return "answered with something that is not HTTP";
  std::string text = error.message();
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

// "HTTP/1.1 204 No Content" -> 204; 0 when it is no status line.
int status_of(std::string_view line) {
  if (line.substr(0, 7) != "HTTP/1." || line.size() < 12 || line[8] != ' ') return 0;
  int status = 0;
  for (char c : line.substr(9, 3)) {
    if (c < '0' || c > '9') return 0;
    status = status * 10 + (c - '0');
  }
  return line.size() == 12 || line[12] == ' ' || line[12] == '\r' ? status : 0;
}

// A path goes into a request line: nothing that could end it.
bool is_path(std::string_view path) {
  if (path.empty() || path[0] != '/') return false;
  for (unsigned char c : path)
    if (c <= 0x20 || c == 0x7f) return false;
  return true;
}

struct Attempt {
  explicit Attempt(asio::io_context& io) : socket(io), timer(io) {}
  tcp::socket socket;
  asio::steady_timer timer;
  std::string request;
  std::string answer;
  Duration timeout{};
  std::function<void(ProbeOutcome)> done;
};

// Attempts live in a map and are named by number: a handler that comes after the end finds nothing.
class AsioProber final : public Prober {
 public:
  AsioProber() : guard_(asio::make_work_guard(io_)), thread_([this] { io_.run(); }) {}

  ~AsioProber() override {
    asio::post(io_, [this] {
      stopping_ = true;
      while (!attempts_.empty()) finish(attempts_.begin()->first, {false, "cancelled"});
      guard_.reset();
    });
    thread_.join();
  }

  void probe(const ProbeTarget& target, std::function<void(ProbeOutcome)> done) override {
    asio::post(io_, [this, target, finished = std::move(done)]() mutable {
      begin(target, std::move(finished));
    });
  }

 private:
  void begin(const ProbeTarget& target, std::function<void(ProbeOutcome)> done) {
    if (stopping_) return done({false, "cancelled"});
    error_code error;
    const auto ip = asio::ip::make_address(target.address.host, error);
    if (error) return done({false, target.address.host + " is not an IP address"});
    if (target.path && !is_path(*target.path))
      return done({false, "the health check path is not a path"});

    const std::uint64_t id = ++last_;
    Attempt& attempt = *(attempts_[id] = std::make_unique<Attempt>(io_));
    attempt.done = std::move(done);
    attempt.timeout = target.timeout;
    if (target.path)
      attempt.request =
          "GET " + *target.path +
          " HTTP/1.1\r\nHost: healthcheck.railway.app\r\nUser-Agent: gantry-healthcheck\r\n"
          "Accept: */*\r\nConnection: close\r\n\r\n";
    attempt.timer.expires_after(target.timeout);
    attempt.timer.async_wait([this, id](error_code) {
      if (const Attempt* late = find(id))
        finish(id, {false, "no answer within " + describe(late->timeout)});
    });
    const tcp::endpoint endpoint(ip, static_cast<std::uint16_t>(target.address.port));
    attempt.socket.async_connect(endpoint,
                                 [this, id](error_code failure) { connected(id, failure); });
  }

  void connected(std::uint64_t id, error_code error) {
    Attempt* attempt = find(id);
    if (attempt == nullptr) return;
    if (error) return finish(id, {false, describe(error)});
    if (attempt->request.empty()) return finish(id, {true, "connected"});
    asio::async_write(attempt->socket, asio::buffer(attempt->request),
                      [this, id](error_code failure, std::size_t) { written(id, failure); });
  }

  void written(std::uint64_t id, error_code error) {
    Attempt* attempt = find(id);
    if (attempt == nullptr) return;
    if (error) return finish(id, {false, describe(error)});
    asio::async_read_until(attempt->socket, asio::dynamic_buffer(attempt->answer, kStatusLineLimit),
                           '\n',
                           [this, id](error_code failure, std::size_t) { answered(id, failure); });
  }

  void answered(std::uint64_t id, error_code error) {
    const Attempt* attempt = find(id);
    if (attempt == nullptr) return;
    if (error) return finish(id, {false, describe(error)});
    const int status =
        status_of(std::string_view(attempt->answer).substr(0, attempt->answer.find('\n')));
    if (status == 0) return finish(id, {false, describe(error_code(asio::error::not_found))});
    finish(id, {status >= 200 && status < 300, "answered " + std::to_string(status)});
  }

  Attempt* find(std::uint64_t id) {
    const auto found = attempts_.find(id);
    return found == attempts_.end() ? nullptr : found->second.get();
  }

  // The operations that close() cancels still touch the attempt's buffers: it goes after them.
  void finish(std::uint64_t id, ProbeOutcome outcome) {
    auto node = attempts_.extract(id);
    Attempt& attempt = *node.mapped();
    error_code ignored;
    attempt.socket.close(ignored);
    attempt.timer.cancel();
    auto done = std::move(attempt.done);
    asio::post(io_, [buried = std::move(node.mapped())] {});
    done(std::move(outcome));
  }

  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard_;
  std::map<std::uint64_t, std::unique_ptr<Attempt>> attempts_;  // on the thread only
  std::uint64_t last_ = 0;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace

std::unique_ptr<Prober> make_prober() { return std::make_unique<AsioProber>(); }

}  // namespace gantry
