#include "runtime/docker/engine_client.hpp"

#include <array>
#include <charconv>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace gantry::docker {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Socket = beast::basic_stream<asio::local::stream_protocol, asio::io_context::executor_type>;
using HttpRequest = http::request<http::string_body>;

constexpr std::size_t kIdleConnections = 16;
constexpr std::pair<int, int> kNewestVersion{1,
                                             47};  // the newest API this driver was written against
constexpr Duration kConnectTimeout = Seconds(5);

Error unreachable(const std::string& socket_path, const std::string& what) {
  return {Code::unavailable, "engine_unavailable",
          "the container engine at " + socket_path + " cannot be reached: " + what +
              "; is the Docker daemon running and may this user open its socket?"};
}

http::verb http_verb(Verb verb) {
  switch (verb) {
    case Verb::get:
      return http::verb::get;
    case Verb::head:
      return http::verb::head;
    case Verb::post:
      return http::verb::post;
    case Verb::del:
      return http::verb::delete_;
  }
  return http::verb::get;
}

HttpRequest http_request(const EngineRequest& request, const std::string& version) {
  HttpRequest message(http_verb(request.verb),
                      version.empty() ? request.target : "/v" + version + request.target, 11);
  message.set(http::field::host, "docker");
  message.set(http::field::user_agent, "gantry");
  if (!request.body.empty()) message.set(http::field::content_type, "application/json");
  message.body() = request.body;
  message.prepare_payload();
  return message;
}

// One connection and the event loop that its owner, one calling thread at a time, runs while it
// waits.
struct Connection {
  asio::io_context io{1};
  Socket socket{io};
  beast::flat_buffer buffer;
  bool used = false;

  template <class Operation>
  error_code wait(Operation&& start) {
    error_code result;
    start([&result](error_code error, auto...) { result = error; });
    io.restart();
    io.run();
    return result;
  }
};

struct Exchange {
  error_code error;
  bool reply_began = false;
  EngineReply reply;
  std::string api_version;
};

Exchange exchange(Connection& connection, const HttpRequest& message, Duration timeout) {
  Exchange result;
  connection.socket.expires_after(timeout);
  result.error = connection.wait(
      [&](auto done) { http::async_write(connection.socket, message, std::move(done)); });
  if (result.error) return result;
  http::response_parser<http::string_body> parser;
  parser.body_limit(boost::none);
  parser.skip(message.method() == http::verb::head);
  result.error = connection.wait([&](auto done) {
    http::async_read(connection.socket, connection.buffer, parser, std::move(done));
  });
  result.reply_began = parser.got_some();
  if (result.error) return result;
  auto response = parser.release();
  result.reply.status = static_cast<int>(response.result_int());
  result.reply.body = std::move(response.body());
  result.api_version = std::string(response["Api-Version"]);
  connection.used = response.keep_alive();
  return result;
}

// A stream's whole state; shared by its coroutine, its opener and its handle.
struct Stream {
  Stream(asio::io_context& io, StreamSink to) : socket(io), sink(std::move(to)) {}
  Socket socket;
  beast::flat_buffer buffer;
  HttpRequest message;
  http::response_parser<http::buffer_body> parser;
  std::array<char, 65536> block;
  StreamSink sink;
  Duration timeout{};
  bool dropped = false;  // the client's thread only
  std::promise<Exchange> opened;
};

// Reads what has come of the body; false at its end.
asio::awaitable<bool> read_block(std::shared_ptr<Stream> stream) {
  auto& body = stream->parser.get().body();
  body.data = stream->block.data();
  body.size = stream->block.size();
  const auto token = asio::as_tuple(asio::use_awaitable);
  auto [error, bytes] =
      co_await http::async_read_some(stream->socket, stream->buffer, stream->parser, token);
  const std::size_t got = stream->block.size() - body.size;
  if (got > 0 && !stream->dropped) stream->sink.bytes(std::string_view(stream->block.data(), got));
  if (error && error != http::error::need_buffer) co_return false;
  co_return !stream->parser.is_done();
}

asio::awaitable<void> open_stream(std::shared_ptr<Stream> stream, std::string socket_path) {
  const auto token = asio::as_tuple(asio::use_awaitable);
  const asio::local::stream_protocol::endpoint endpoint(socket_path);
  Exchange head;
  stream->socket.expires_after(stream->timeout);
  auto [connect_error] = co_await stream->socket.async_connect(endpoint, token);
  head.error = connect_error;
  if (!head.error) {
    auto [error, bytes] = co_await http::async_write(stream->socket, stream->message, token);
    head.error = error;
  }
  stream->parser.body_limit(boost::none);
  if (!head.error) {
    auto [error, bytes] =
        co_await http::async_read_header(stream->socket, stream->buffer, stream->parser, token);
    head.error = error;
  }
  if (head.error) {
    stream->opened.set_value(head);
    co_return;
  }
  head.reply.status = static_cast<int>(stream->parser.get().result_int());
  if (!head.reply.ok())
    stream->sink = {[&head](std::string_view bytes) { head.reply.body += bytes; }, [] {}};
  else {
    stream->opened.set_value(head);
    stream->socket.expires_never();
  }
  bool more = !stream->parser.is_done();
  while (more) more = co_await read_block(stream);
  if (!head.reply.ok())
    stream->opened.set_value(head);
  else if (!stream->dropped)
    stream->sink.end();
}

class BeastClient final : public EngineClient {
 public:
  explicit BeastClient(std::string socket_path)
      : socket_path_(std::move(socket_path)), thread_([this] { io_.run(); }) {}

  ~BeastClient() override {
    io_.stop();
    thread_.join();
  }

  Result<EngineReply> call(const EngineRequest& request) override {
    auto version = this->version();
    if (!version) return version.error();
    auto result = send(request, *version);
    if (!result) return result.error();
    return std::move(result->reply);
  }

  Result<std::shared_ptr<void>> open(const EngineRequest& request, StreamSink sink) override {
    auto version = this->version();
    if (!version) return version.error();
    auto stream = std::make_shared<Stream>(io_, std::move(sink));
    stream->message = http_request(request, *version);
    stream->timeout = request.timeout;
    auto opened = stream->opened.get_future();
    asio::co_spawn(io_, open_stream(stream, socket_path_), asio::detached);
    const Exchange head = opened.get();
    if (head.error) {
      forget_version();
      return unreachable(socket_path_, head.error.message());
    }
    if (!head.reply.ok()) return status_error(head.reply);
    return std::shared_ptr<void>(stream.get(), [stream, &io = io_](void*) {
      asio::post(io, [stream] {
        stream->dropped = true;
        stream->socket.close();
      });
    });
  }

 private:
  // What the engine and this driver both speak, asked once until the engine is lost.
  Result<std::string> version() {
    {
      const std::scoped_lock lock(mutex_);
      if (!version_.empty()) return version_;
    }
    const EngineRequest ping{.target = "/_ping", .timeout = kConnectTimeout};
    auto reply = send(ping, "");
    if (!reply) return reply.error();
    const std::string& theirs = reply->api_version;
    int major = 0, minor = 0;
    const char* end = theirs.data() + theirs.size();
    const auto [dot, error] = std::from_chars(theirs.data(), end, major);
    if (error != std::errc() || dot == end ||
        std::from_chars(dot + 1, end, minor).ec != std::errc())
      return unreachable(socket_path_, "it does not say which API version it speaks");
    const auto common = std::min(kNewestVersion, std::pair(major, minor));
    const std::scoped_lock lock(mutex_);
    version_ = std::to_string(common.first) + "." + std::to_string(common.second);
    return version_;
  }

  void forget_version() {
    const std::scoped_lock lock(mutex_);
    version_.clear();
    idle_.clear();
  }

  Result<Exchange> send(const EngineRequest& request, const std::string& version) {
    const HttpRequest message = http_request(request, version);
    for (;;) {
      auto connection = take();
      const bool reused = connection->used;
      if (!reused) {
        connection->socket.expires_after(std::min(kConnectTimeout, request.timeout));
        const asio::local::stream_protocol::endpoint endpoint(socket_path_);
        const error_code error = connection->wait(
            [&](auto done) { connection->socket.async_connect(endpoint, std::move(done)); });
        if (error) {
          forget_version();
          return unreachable(socket_path_, error.message());
        }
      }
      connection->used = false;
      Exchange result = exchange(*connection, message, request.timeout);
      if (!result.error) {
        give_back(std::move(connection));
        return result;
      }
      // A kept connection may have been closed since. All calls are idempotent, so that once more
      // is safe.
      if (reused && !result.reply_began && result.error != beast::error::timeout) continue;
      forget_version();
      return unreachable(socket_path_, result.error == beast::error::timeout
                                           ? "no answer in time"
                                           : result.error.message());
    }
  }

  std::unique_ptr<Connection> take() {
    const std::scoped_lock lock(mutex_);
    if (idle_.empty()) return std::make_unique<Connection>();
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }

  void give_back(std::unique_ptr<Connection> connection) {
    if (!connection->used) return;
    connection->socket.expires_never();
    const std::scoped_lock lock(mutex_);
    if (idle_.size() < kIdleConnections) idle_.push_back(std::move(connection));
  }

  const std::string socket_path_;
  std::mutex mutex_;
  std::string version_;
  std::vector<std::unique_ptr<Connection>> idle_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  std::thread thread_;
};

}  // namespace

std::unique_ptr<EngineClient> make_engine_client(std::string socket_path) {
  return std::make_unique<BeastClient>(std::move(socket_path));
}

}  // namespace gantry::docker
