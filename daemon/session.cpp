// With wire.cpp the only file of the daemon that knows Beast.
#include "daemon/session.hpp"

#include <optional>

#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "daemon/wire.hpp"

namespace gantry {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using Stream = beast::basic_stream<tcp, asio::io_context::executor_type>;
using Parser = http::request_parser<http::string_body>;

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

// ---- bodies that are taken piece by piece ----

using UploadParser = http::request_parser<http::buffer_body>;
constexpr std::size_t kPieceBytes = 256 * 1024;
constexpr std::chrono::seconds kPiecePatience(60);

asio::awaitable<void> invite(Stream& stream, const Parser& parser) {
  if (!beast::iequals(parser.get()[http::field::expect], "100-continue")) co_return;
  const std::string line = "HTTP/1.1 100 Continue\r\n\r\n";
  auto buffer = asio::buffer(line);
  co_await asio::async_write(stream, buffer, asio::use_awaitable);
}

// Nothing when the peer broke off.
asio::awaitable<std::optional<Result<api::Response>>> take_body(Stream& stream,
                                                                beast::flat_buffer& buffer,
                                                                Shared& shared,
                                                                UploadParser& parser,
                                                                api::Intake& intake) {
  std::vector<char> piece(kPieceBytes);
  while (!parser.is_done()) {
    parser.get().body().data = piece.data();
    parser.get().body().size = piece.size();
    stream.expires_after(kPiecePatience);
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await http::async_read(stream, buffer, parser, token);
    if (error == http::error::body_limit) {
      Error large{Code::exhausted, "source_too_large", "the body is larger than the limit"};
      co_return Result<api::Response>(large);
    }
    if (error && error != http::error::need_buffer) co_return std::nullopt;
    const std::string_view bytes(piece.data(), piece.size() - parser.get().body().size);
    Result<> written = done();
    const std::function<void()> job = [&] { written = intake.write(bytes); };
    co_await offload(shared, job);
    if (!written) co_return Result<api::Response>(written.error());
  }
  stream.expires_never();
  Result<api::Response> finished = Error{};
  const std::function<void()> job = [&] { finished = intake.finish(); };
  co_await offload(shared, job);
  co_return std::move(finished);
}

// False: the connection is at its end.
asio::awaitable<bool> take_upload(Stream& stream, beast::flat_buffer& buffer, Shared& shared,
                                  Parser& head, api::Match match) {
  ++shared.requests;
  const Count uploads(shared.uploads);
  const bool keep = head.get().keep_alive() && !shared.stopping;
  const std::chrono::seconds patience(shared.options.request_seconds);
  wire::Framing framing;
  framing.keep_alive = false;
  api::Admission admission;
  if (shared.uploads > shared.options.max_uploads) {
    ++shared.shed;
    admission.refusal = refused(503, "overloaded", "too many uploads at once; try again soon");
  } else {
    api::Request request = wire::request_of(head.get().base(), shared.next_request++);
    const std::function<void()> job = [&] {
      admission = api::admit(std::move(request), std::move(match), shared.context);
    };
    co_await offload(shared, job);
  }
  if (admission.intake == nullptr) {
    co_await send(stream, admission.refusal, framing, patience);
    co_await linger(stream);
    co_return false;
  }
  co_await invite(stream, head);
  UploadParser parser(std::move(head));
  parser.body_limit(shared.options.upload_bytes);
  auto result = co_await take_body(stream, buffer, shared, parser, *admission.intake);
  if (!result) co_return false;
  framing.keep_alive = keep && parser.is_done();
  const api::Response response =
      api::conclude(std::move(*result), admission.request, shared.context);
  co_await send(stream, response, framing, patience);
  if (!parser.is_done()) co_await linger(stream);
  co_return framing.keep_alive;
}

// The endpoint, when the request's body is to be taken piece by piece.
std::optional<api::Match> upload_of(const Parser& parser) {
  if (parser.get().method() != http::verb::put) return std::nullopt;
  const auto target = parser.get().target();
  const std::string_view path(target.data(), target.size());
  api::Match match = api::match(api::Method::put, path.substr(0, path.find('?')));
  if (match.endpoint == nullptr || match.endpoint->receiver == nullptr) return std::nullopt;
  return match;
}

asio::awaitable<void> serve(Stream& stream, asio::io_context& io, Shared& shared) {
  beast::flat_buffer buffer;
  Count fresh(shared.fresh);
  // Who has connected gets an answer to its first request, also while the daemon stops.
  for (bool keep = true, first = true; keep && (first || !shared.stopping); first = false) {
    Parser parser;
    parser.header_limit(16 * 1024);
    parser.body_limit(shared.options.upload_bytes);  // smaller ones once it is known what it is
    stream.expires_after(std::chrono::seconds(shared.options.request_seconds));
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await http::async_read_header(stream, buffer, parser, token);
    const Count answering(shared.answering);
    fresh.let_go();
    if (auto upload = error ? std::nullopt : upload_of(parser)) {
      api::Match match = std::move(*upload);
      keep = co_await take_upload(stream, buffer, shared, parser, std::move(match));
      continue;
    }
    if (!error && !parser.is_done()) {
      if (parser.content_length().value_or(0) > shared.options.body_bytes)
        error = http::error::body_limit;
      parser.body_limit(shared.options.body_bytes);
    }
    if (!error && !parser.is_done()) {
      co_await invite(stream, parser);
      co_await http::async_read(stream, buffer, parser, token);
    }
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

}  // namespace gantry
