#include "daemon/session.hpp"

#include <optional>

#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "daemon/exchange.hpp"
#include "daemon/upgrade.hpp"
#include "daemon/upload.hpp"

namespace gantry {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

// One session's hold on the shared counters.
struct Seat {
  explicit Seat(Shared& s) : shared(s) { ++shared.connections; }
  ~Seat() { --shared.connections; }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  Shared& shared;
};

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

asio::awaitable<void> send_stream(PeerStream& stream, asio::io_context& io, Shared& shared,
                                  std::shared_ptr<api::Stream> source) {
  const Count streaming(shared.streaming);
  auto signal = std::make_shared<Signal>(io);
  source->on_ready([signal] { wake(signal); });
  bool more = true;
  while (more && !shared.stopping) {
    std::string out;
    signal->ready = false;
    const std::function<void()> job = [&] { more = source->read(out); };
    co_await offload(shared.workers, job);
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

asio::awaitable<api::Response> answer(Shared& shared, RequestParser& parser) {
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
    co_await offload(shared.workers, job);
    --shared.waiting;
  }
  co_return response;
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

// The rest of a request whose head was read.
asio::awaitable<void> read_body(PeerStream& stream, beast::flat_buffer& buffer, Shared& shared,
                                RequestParser& parser, boost::system::error_code& error) {
  if (parser.content_length().value_or(0) > shared.options.body_bytes) {
    error = http::error::body_limit;
    co_return;
  }
  parser.body_limit(shared.options.body_bytes);  // of a body in chunks
  co_await invite(stream, parser);
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await http::async_read(stream, buffer, parser, token);
}

asio::awaitable<void> serve(PeerStream& stream, asio::io_context& io, Shared& shared) {
  beast::flat_buffer buffer;
  Count fresh(shared.fresh);
  // Who has connected gets an answer to its first request, also while the daemon stops.
  for (bool keep = true, first = true; keep && (first || !shared.stopping); first = false) {
    RequestParser parser;
    parser.header_limit(16 * 1024);
    parser.body_limit(boost::none);  // known once it is known what the body is for
    stream.expires_after(std::chrono::seconds(shared.options.request_seconds));
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await http::async_read_header(stream, buffer, parser, token);
    if (!error && opens_session(parser)) {
      const Count answering(shared.answering);
      fresh.let_go();
      co_await open_session(stream, buffer, shared, parser);
      co_return;
    }
    std::optional<api::Match> upload;
    if (!error) upload = upload_of(parser);
    if (upload) {
      const Count answering(shared.answering);
      fresh.let_go();
      keep = co_await take_upload(stream, buffer, shared, parser, std::move(*upload));
      continue;
    }
    if (!error && !parser.is_done()) co_await read_body(stream, buffer, shared, parser, error);
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

}  // namespace

asio::awaitable<void> session(tcp::socket socket, asio::io_context& io, Shared& shared) {
  const Seat seat(shared);
  PeerStream stream(io.get_executor());
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

}  // namespace gantry
