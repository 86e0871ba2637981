#include "daemon/exchange.hpp"

#include <algorithm>
#include <array>

#include <boost/beast/core/string.hpp>

namespace gantry {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

namespace {

asio::awaitable<void> on_worker(std::function<void()> job) {
  job();
  co_return;
}

}  // namespace

asio::awaitable<void> offload(asio::thread_pool& pool, std::function<void()> job) {
  auto work = on_worker(std::move(job));
  co_await asio::co_spawn(pool.get_executor(), std::move(work), asio::use_awaitable);
}

api::Response refused(int status, const std::string& code, const std::string& detail) {
  api::Response response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = wire::problem(status, code, detail);
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

asio::awaitable<void> send(PeerStream& stream, const api::Response& response, wire::Framing framing,
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

asio::awaitable<void> invite(PeerStream& stream, const RequestParser& head) {
  const auto& message = head.get();
  if (message.version() < 11 || !beast::iequals(message[http::field::expect], "100-continue"))
    co_return;
  const std::string line = "HTTP/1.1 100 Continue\r\n\r\n";
  auto buffer = asio::buffer(line);
  co_await asio::async_write(stream, buffer, asio::use_awaitable);
}

asio::awaitable<void> linger(PeerStream& stream) {
  boost::system::error_code error;
  stream.socket().shutdown(asio::ip::tcp::socket::shutdown_send, error);
  std::array<char, 16384> scrap;
  auto buffer = asio::buffer(scrap);
  auto token = asio::redirect_error(asio::use_awaitable, error);
  stream.expires_after(std::chrono::seconds(3));
  error = {};
  for (std::size_t total = 0; !error && total < 32 * 1024 * 1024;)
    total += co_await stream.async_read_some(buffer, token);
}

}  // namespace gantry
