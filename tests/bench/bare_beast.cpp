// The same Beast coroutines as daemon/server.cpp with nothing behind them: the ceiling that the API
// is measured against. Arguments: port, threads, bytes of the answer.
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using Stream = beast::basic_stream<tcp, asio::io_context::executor_type>;

namespace {

asio::awaitable<void> serve(Stream& stream, const std::string& text) {
  beast::flat_buffer buffer;
  for (bool keep = true; keep;) {
    http::request_parser<http::string_body> parser;
    stream.expires_after(std::chrono::seconds(30));
    co_await http::async_read(stream, buffer, parser, asio::use_awaitable);
    http::response<http::string_body> response(http::status::ok, 11);
    response.set(http::field::content_type, "application/json");
    response.body() = text;
    response.prepare_payload();
    keep = parser.get().keep_alive();
    response.keep_alive(keep);
    co_await http::async_write(stream, response, asio::use_awaitable);
  }
}

asio::awaitable<void> session(tcp::socket socket, asio::io_context& io, const std::string& text) {
  Stream stream(io.get_executor());
  stream.socket().assign(tcp::v4(), socket.release());
  stream.socket().set_option(tcp::no_delay(true));
  try {
    co_await serve(stream, text);
  } catch (const boost::system::system_error&) {
    // the peer went away
  }
}

using Contexts = std::vector<std::unique_ptr<asio::io_context>>;

asio::awaitable<void> accept(tcp::acceptor& acceptor, const Contexts& contexts,
                             const std::string& text) {
  for (std::size_t next = 0;; ++next) {
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    asio::io_context& io = *contexts[next % contexts.size()];
    auto one = session(std::move(socket), io, text);
    asio::co_spawn(io, std::move(one), asio::detached);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const auto port = static_cast<unsigned short>(std::atoi(argv[1]));
  const std::string text(static_cast<std::size_t>(std::atoi(argv[3])), 'x');
  Contexts contexts;
  for (int i = 0; i < std::atoi(argv[2]); ++i)
    contexts.push_back(std::make_unique<asio::io_context>(1));
  tcp::acceptor acceptor(*contexts[0], {asio::ip::make_address("127.0.0.1"), port});
  asio::co_spawn(*contexts[0], accept(acceptor, contexts, text), asio::detached);
  std::vector<std::jthread> threads;
  for (auto& context : contexts)
    threads.emplace_back([&io = *context] {
      const auto guard = asio::make_work_guard(io);
      io.run();
    });
}
