// The only file of the daemon that knows Beast.
#include "daemon/server.hpp"

#include <atomic>
#include <map>
#include <thread>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "daemon/log.hpp"
#include "daemon/wire.hpp"

namespace gantry {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using Stream = beast::basic_stream<tcp, asio::io_context::executor_type>;
using Parser = http::request_parser<http::string_body>;

// What all sessions share; outlives them.
struct Shared {
  explicit Shared(const ServerOptions& o, api::Context& c)
      : options(o), context(c), workers(static_cast<std::size_t>(o.workers)) {}
  ServerOptions options;
  api::Context& context;
  asio::thread_pool workers;
  std::atomic<std::uint64_t> requests{0}, shed{0};
  std::atomic<int> waiting{0}, connections{0};
  std::atomic<int> fresh{0};  // connections that have not sent their first request yet
  std::atomic<int> answering{
      0};  // requests that were read and not fully answered, streams included
  std::atomic<int> streaming{0};  // of these, streams
  std::atomic<bool> stopping{false};
  std::atomic<std::uint64_t> next_request{0};
};

// One session's hold on the shared counters.
struct Seat {
  explicit Seat(Shared& s) : shared(s) { ++shared.connections; }
  ~Seat() { --shared.connections; }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  Shared& shared;
};

// Counts one while it lives, or until it is let go.
class Count {
 public:
  explicit Count(std::atomic<int>& counter) : counter_(&counter) { ++counter; }
  ~Count() { let_go(); }
  Count(const Count&) = delete;
  Count& operator=(const Count&) = delete;
  void let_go() {
    if (counter_ != nullptr) --*counter_;
    counter_ = nullptr;
  }

 private:
  std::atomic<int>* counter_;
};

asio::awaitable<void> on_worker(std::function<void()> job) {
  job();
  co_return;
}

// The one bridge to blocking code: values and exceptions come home on the caller's executor.
asio::awaitable<void> offload(Shared& shared, std::function<void()> job) {
  auto work = on_worker(std::move(job));
  co_await asio::co_spawn(shared.workers.get_executor(), std::move(work), asio::use_awaitable);
}

api::Response refused(int status, const std::string& code, const std::string& detail) {
  api::Response response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = wire::problem(status, code, detail);
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

asio::awaitable<void> send(Stream& stream, const api::Response& response, wire::Framing framing,
                           std::chrono::seconds patience) {
  const std::string head = wire::head(response, framing);
  const std::string& body = response.shared_body ? *response.shared_body : response.body;
  std::array<asio::const_buffer, 2> buffers{asio::buffer(head), asio::buffer(body)};
  if (framing.head_only) buffers[1] = asio::const_buffer();
  // Nearly every answer fits into the socket's buffer: then there is nothing to wait for, and no
  // timer to set.
  boost::system::error_code error;
  const std::size_t sent = stream.socket().write_some(buffers, error);
  if (error && error != asio::error::would_block) throw boost::system::system_error(error);
  const std::size_t from_head = std::min(sent, head.size());
  buffers[0] += from_head;
  buffers[1] += sent - from_head;
  if (asio::buffer_size(buffers) == 0) co_return;
  stream.expires_after(patience);
  co_await asio::async_write(stream, buffers, asio::use_awaitable);
}

// Wakes a session that waits for its stream; shared with the stream's source, which may outlive the
// session.
struct Signal {
  explicit Signal(asio::io_context& context) : io(context), timer(context) {}
  asio::io_context& io;
  asio::steady_timer timer;  // the session's thread only
  std::atomic<bool> ready{true};
};

void wake(const std::shared_ptr<Signal>& signal) {
  if (signal->ready.exchange(true)) return;
  asio::post(signal->io, [signal] { signal->timer.cancel(); });
}

asio::awaitable<void> send_stream(Stream& stream, asio::io_context& io, Shared& shared,
                                  std::shared_ptr<api::Stream> source) {
  const Count streaming(shared.streaming);
  auto signal = std::make_shared<Signal>(io);
  source->on_ready([signal] { wake(signal); });
  bool more = true;
  while (more && !shared.stopping) {
    std::string out;
    signal->ready = false;
    const std::function<void()> job = [&] { more = source->read(out); };
    co_await offload(shared, job);
    const bool silent = out.empty();
    if (silent && more && !signal->ready) {
      signal->timer.expires_after(std::chrono::seconds(15));
      boost::system::error_code ignored;
      auto token = asio::redirect_error(asio::use_awaitable, ignored);
      co_await signal->timer.async_wait(token);
      if (!signal->ready) out = ": still here\n\n";
    }
    if (out.empty()) continue;
    stream.expires_after(std::chrono::seconds(30));
    auto buffer = asio::buffer(out);
    co_await asio::async_write(stream, buffer, asio::use_awaitable);
    stream.expires_never();
  }
}

void run_on_worker(Shared& shared, api::Request& request, api::Match& match,
                   api::Response& response) {
  response = api::dispatch(std::move(request), std::move(match), shared.context);
}

asio::awaitable<api::Response> answer(Shared& shared, Parser& parser) {
  ++shared.requests;
  api::Request request = wire::request_of(parser.release(), shared.next_request++);
  api::Match match = api::match(request.method, request.path);
  api::Response response;
  if (match.endpoint == nullptr || match.endpoint->hot) {
    response = api::dispatch(std::move(request), std::move(match), shared.context);
  } else if (shared.waiting.fetch_add(1) >= shared.options.max_waiting) {
    --shared.waiting;
    ++shared.shed;
    response = refused(503, "overloaded", "too many requests are waiting; try again in a second");
  } else {
    const std::function<void()> job = [&] { run_on_worker(shared, request, match, response); };
    co_await offload(shared, job);
    --shared.waiting;
  }
  co_return response;
}

// After a refusal the peer may still be sending: what it sends is read away for a moment, so that
// it sees the answer and not a reset.
asio::awaitable<void> linger(Stream& stream) {
  boost::system::error_code error;
  stream.socket().shutdown(tcp::socket::shutdown_send, error);
  std::array<char, 16384> scrap;
  auto buffer = asio::buffer(scrap);
  auto token = asio::redirect_error(asio::use_awaitable, error);
  stream.expires_after(std::chrono::seconds(3));
  error = {};
  for (std::size_t total = 0; !error && total < 32 * 1024 * 1024;)
    total += co_await stream.async_read_some(buffer, token);
}

// The answer to what could not be read; nothing when the peer is simply gone.
std::optional<api::Response> unreadable(const boost::system::error_code& error) {
  if (error == http::error::body_limit)
    return refused(413, "body_too_large", "a request's body has at most 1 MiB");
  if (error == http::error::header_limit)
    return refused(431, "headers_too_large", "a request's headers have at most 16 KiB");
  if (error == beast::error::timeout || error == http::error::end_of_stream ||
      error == http::error::partial_message)
    return std::nullopt;
  if (error.category() == make_error_code(http::error::bad_method).category())
    return refused(400, "malformed_request", "the request is not HTTP/1.1: " + error.message());
  return std::nullopt;
}

asio::awaitable<void> serve(Stream& stream, asio::io_context& io, Shared& shared) {
  beast::flat_buffer buffer;
  Count fresh(shared.fresh);
  // Who has connected gets an answer to its first request, also while the daemon stops.
  for (bool keep = true, first = true; keep && (first || !shared.stopping); first = false) {
    Parser parser;
    parser.header_limit(16 * 1024);
    parser.body_limit(shared.options.body_bytes);
    stream.expires_after(std::chrono::seconds(shared.options.request_seconds));
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await http::async_read(stream, buffer, parser, token);
    const Count answering(shared.answering);
    fresh.let_go();
    wire::Framing framing;
    if (error) {
      const auto response = unreadable(error);
      framing.keep_alive = false;
      if (!response) co_return;
      const std::chrono::seconds patience(5);
      co_await send(stream, *response, framing, patience);
      co_await linger(stream);
      co_return;
    }
    keep = parser.get().keep_alive() && !shared.stopping;
    framing.head_only = parser.get().method() == http::verb::head;
    stream.expires_never();
    const api::Response response = co_await answer(shared, parser);
    keep = keep && !response.stream;
    framing.keep_alive = keep;
    const std::chrono::seconds patience(shared.options.request_seconds);
    co_await send(stream, response, framing, patience);
    if (response.stream && !framing.head_only && !shared.stopping) {
      std::shared_ptr<api::Stream> source = response.stream;
      co_await send_stream(stream, io, shared, std::move(source));
    }
  }
}

asio::awaitable<void> session(tcp::socket socket, asio::io_context& io, Shared& shared) {
  const Seat seat(shared);
  Stream stream(io.get_executor());
  boost::system::error_code ignored;
  stream.socket().assign(tcp::v4(), socket.release(), ignored);
  stream.socket().set_option(tcp::no_delay(true), ignored);
  stream.socket().non_blocking(true, ignored);
  try {
    co_await serve(stream, io, shared);
  } catch (const boost::system::system_error&) {
    // the peer went away while it was written to
  }
  stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
}

class BeastServer final : public Server {
 public:
  BeastServer(const ServerOptions& options, api::Context& context) : shared_(options, context) {
    for (int i = 0; i < options.io_threads; ++i)
      contexts_.push_back(std::make_unique<asio::io_context>(1));
    acceptor_ = std::make_unique<tcp::acceptor>(*contexts_[0]);
  }
  ~BeastServer() override { stop(); }

  Result<> listen() {
    boost::system::error_code error;
    const tcp::endpoint endpoint(asio::ip::make_address(shared_.options.address, error),
                                 static_cast<unsigned short>(shared_.options.port));
    if (!error) acceptor_->open(endpoint.protocol(), error);
    if (!error) acceptor_->set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_->bind(endpoint, error);
    if (!error) acceptor_->listen(1024, error);
    if (!error) return done();
    const std::string where = shared_.options.address + ":" + std::to_string(shared_.options.port);
    return Error{
        Code::conflict, "address_in_use", "cannot listen on " + where + ": " + error.message(), {}};
  }

  void start() override {
    asio::co_spawn(*contexts_[0], accept(), asio::detached);
    for (auto& context : contexts_)
      threads_.emplace_back([&io = *context] {
        const auto guard = asio::make_work_guard(io);
        io.run();
      });
  }

  // In order: what has connected by now is let in, requests are answered (10 s at most; a
  // connection that sends nothing is waited for 1 s), then the rest is closed.
  void stop() override {
    if (shared_.stopping.exchange(true) || threads_.empty()) return;
    asio::post(*contexts_[0], [this] { empty_backlog(); });
    constexpr int kFresh = 100, kAll = 1000;
    for (int i = 0; i < kAll; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      if (closed_ && shared_.waiting == 0 && shared_.answering <= shared_.streaming &&
          (shared_.fresh == 0 || i >= kFresh))
        break;
    }
    shared_.workers.join();
    for (auto& context : contexts_) context->stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  int port() const override {
    boost::system::error_code ignored;
    return acceptor_->local_endpoint(ignored).port();
  }

  ServerCounters counters() const override {
    return {shared_.requests, shared_.shed, static_cast<std::uint64_t>(shared_.connections.load())};
  }

 private:
  // The kernel's queue holds connections that their clients believe in.
  void empty_backlog() {
    boost::system::error_code error;
    acceptor_->non_blocking(true, error);
    for (std::size_t next = 0; !error; ++next) {
      tcp::socket socket(*contexts_[0]);
      acceptor_->accept(socket, error);
      if (!error) welcome(std::move(socket), next);
    }
    acceptor_->close(error);
    closed_ = true;
  }

  void welcome(tcp::socket socket, std::size_t number) {
    asio::io_context& io = *contexts_[number % contexts_.size()];
    auto one = session(std::move(socket), io, shared_);
    asio::co_spawn(io, std::move(one), asio::detached);
  }

  asio::awaitable<void> accept() {
    for (std::size_t next = 0;; ++next) {
      boost::system::error_code error;
      auto token = asio::redirect_error(asio::use_awaitable, error);
      tcp::socket socket = co_await acceptor_->async_accept(token);
      if (error && shared_.stopping) co_return;
      if (error) {
        log::warn("accept failed detail=\"" + error.message() + "\"");
        asio::steady_timer pause(*contexts_[0]);
        pause.expires_after(std::chrono::milliseconds(50));  // out of descriptors: let some go
        co_await pause.async_wait(token);
        continue;
      }
      if (shared_.connections >= shared_.options.max_connections) {
        ++shared_.shed;
        continue;  // the socket closes
      }
      welcome(std::move(socket), next);
    }
  }

  Shared shared_;
  std::vector<std::unique_ptr<asio::io_context>> contexts_;
  std::unique_ptr<tcp::acceptor> acceptor_;
  std::vector<std::thread> threads_;
  std::atomic<bool> closed_{false};  // nobody new is let in
};

}  // namespace

Result<std::unique_ptr<Server>> make_server(const ServerOptions& options, api::Context& context) {
  auto server = std::make_unique<BeastServer>(options, context);
  if (auto listening = server->listen(); !listening) return listening.error();
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace gantry
