#include "daemon/upgrade.hpp"

#include <boost/beast/core/string.hpp>

#include "api/tickets.hpp"
#include "daemon/sessions.hpp"

namespace gantry {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

namespace {

constexpr std::string_view kDoor = "/v1/sessions/";
constexpr std::size_t kKeySize = 24;  // base64 of 16 bytes

std::string_view view_of(beast::string_view text) { return {text.data(), text.size()}; }

// Nothing when the handshake is one (RFC 6455, 4.2.1).
std::string flaw_in(const RequestParser& head) {
  const auto& request = head.get();
  if (request.method() != http::verb::get || request.version() != 11) return "a GET by HTTP/1.1";
  if (!beast::iequals(request[http::field::upgrade], "websocket") ||
      !http::token_list(request[http::field::connection]).exists("upgrade"))
    return "\"Connection: Upgrade\" and \"Upgrade: websocket\"";
  if (request[http::field::sec_websocket_version] != "13") return "\"Sec-WebSocket-Version: 13\"";
  if (request[http::field::sec_websocket_key].size() != kKeySize) return "a Sec-WebSocket-Key";
  return "";
}

// The order, with a place reserved for it.
Result<api::SessionOrder> admit(Shared& shared, std::string_view ticket) {
  if (shared.options.sessions == nullptr || shared.context.tickets == nullptr)
    return not_found("session");
  GANTRY_TRY(shared.options.sessions->reserve());
  auto order = shared.context.tickets->redeem(ticket, shared.context.clock.now());
  if (!order) shared.options.sessions->give_back();
  return order;
}

}  // namespace

bool opens_session(const RequestParser& head) {
  return view_of(head.get().target()).starts_with(kDoor);
}

asio::awaitable<void> open_session(PeerStream& stream, beast::flat_buffer& buffer, Shared& shared,
                                   const RequestParser& head) {
  ++shared.requests;
  const auto& request = head.get();
  const std::chrono::seconds patience(shared.options.request_seconds);
  wire::Framing framing;
  framing.keep_alive = false;
  if (const std::string wanted = flaw_in(head); !wanted.empty()) {
    auto response =
        refused(426, "upgrade_required", "a session is opened by WebSocket: expected " + wanted);
    response.headers.emplace_back("Upgrade", "websocket");
    co_await send(stream, response, framing, patience);
    co_return;
  }
  const std::string ticket(view_of(request.target()).substr(kDoor.size()));
  auto order = admit(shared, ticket);
  if (!order) {
    const int status = order.error().code == Code::not_found ? 404 : 503;
    const auto response = refused(status, order.error().reason, order.error().detail);
    co_await send(stream, response, framing, patience);
    co_return;
  }
  const std::string answer =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
      "websocket\r\nSec-WebSocket-Accept: " +
      websocket::accept_of(view_of(request[http::field::sec_websocket_key])) + "\r\n\r\n";
  std::string early(static_cast<const char*>(buffer.data().data()), buffer.size());
  stream.expires_never();
  boost::system::error_code error;
  const int descriptor = stream.socket().release(error);
  if (error) {
    shared.options.sessions->give_back();
    co_return;
  }
  shared.options.sessions->begin(descriptor, std::move(early), answer, std::move(*order));
}

}  // namespace gantry
