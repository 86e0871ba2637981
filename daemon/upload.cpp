#include "daemon/upload.hpp"

#include <vector>

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/read.hpp>
#include <fmt/format.h>

namespace gantry {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

namespace {

using BodyParser = http::request_parser<http::buffer_body>;
constexpr std::size_t kPieceBytes = 256 * 1024;
constexpr std::size_t kReadBytes = 64 * 1024;  // the most that Beast reads at once

// A dump of a database may be as large as that is; it goes straight to its destination.
constexpr std::uint64_t kDumpMax = 1ULL << 40;
std::uint64_t limit_of(const Shared& shared, const api::Endpoint& endpoint) {
  return endpoint.pattern.ends_with("/backup-upload") ? kDumpMax : shared.options.upload_bytes;
}

api::Response too_large(std::uint64_t limit) {
  return refused(
      413, "source_too_large",
      fmt::format("the body has more than {} MiB: leave out what the build does not need",
                  limit / (1024 * 1024)));
}

// Reads until the piece is full or the body at its end; gives what is in it, also when an error
// ended it.
asio::awaitable<std::size_t> read_piece(PeerStream& stream, beast::flat_buffer& buffer,
                                        BodyParser& parser, std::vector<char>& piece,
                                        std::chrono::seconds idle,
                                        boost::system::error_code& error) {
  auto& body = parser.get().body();
  body.data = piece.data();
  body.size = piece.size();
  auto token = asio::redirect_error(asio::use_awaitable, error);
  error = {};
  while (!error && !parser.is_done() && body.size > 0) {
    stream.expires_after(idle);
    co_await http::async_read_some(stream, buffer, parser, token);
  }
  if (error == http::error::need_buffer) error = {};
  co_return piece.size() - body.size;
}

// The answer; nothing when the peer broke off.
asio::awaitable<std::optional<api::Response>> take_body(PeerStream& stream,
                                                        beast::flat_buffer& buffer, Shared& shared,
                                                        BodyParser& parser,
                                                        api::Admission& admission,
                                                        std::uint64_t limit) {
  const std::chrono::seconds idle(shared.options.idle_seconds);
  std::vector<char> piece(kPieceBytes);
  buffer.reserve(kReadBytes);
  boost::system::error_code error;
  std::optional<api::Response> response;
  while (!response) {
    const std::size_t length = co_await read_piece(stream, buffer, parser, piece, idle, error);
    const bool too_much = error == http::error::body_limit;
    const bool last = !error && parser.is_done();
    const bool gone = error && !too_much;
    const std::function<void()> job = [&] {
      const Result<> taken =
          api::take(admission, std::string_view(piece.data(), length), shared.context);
      if (gone || too_much)
        admission.intake.reset();
      else if (last || !taken)
        response = api::conclude(admission, taken, shared.context);
    };
    co_await offload(shared.uploaders, job);
    if (too_much) response = too_large(limit);
    if (gone) break;
  }
  stream.expires_never();
  co_return std::move(response);
}

// The intake, or why there is none.
asio::awaitable<api::Admission> admit(Shared& shared, const RequestParser& head, api::Match match,
                                      const Count& slot) {
  api::Admission admission;
  const std::uint64_t limit = limit_of(shared, *match.endpoint);
  if (head.content_length().value_or(0) > limit) {
    admission.refusal = too_large(limit);
  } else if (slot.before() >= shared.options.max_uploads) {
    ++shared.shed;
    admission.refusal =
        refused(503, "overloaded", "too many uploads at once; try again in a second");
  } else {
    api::Request request = wire::request_of(head.get().base(), shared.next_request++);
    const std::function<void()> job = [&] {
      admission = api::admit(std::move(request), std::move(match), shared.context);
    };
    co_await offload(shared.uploaders, job);
  }
  co_return std::move(admission);
}

}  // namespace

std::optional<api::Match> upload_of(const RequestParser& head) {
  if (head.get().method() != http::verb::put) return std::nullopt;
  const auto target = head.get().target();
  const std::string_view path(target.data(), target.size());
  api::Match match = api::match(api::Method::put, path.substr(0, path.find('?')));
  if (match.endpoint == nullptr || match.endpoint->receiver == nullptr) return std::nullopt;
  return match;
}

asio::awaitable<bool> take_upload(PeerStream& stream, beast::flat_buffer& buffer, Shared& shared,
                                  RequestParser& head, api::Match match) {
  ++shared.requests;
  const std::uint64_t limit = limit_of(shared, *match.endpoint);
  Count slot(shared.uploads);
  const std::chrono::seconds patience(shared.options.request_seconds);
  wire::Framing framing;
  framing.keep_alive = false;
  stream.expires_never();
  api::Admission admission = co_await admit(shared, head, std::move(match), slot);
  if (admission.intake == nullptr) {
    slot.let_go();  // somebody else's turn while this one is told
    co_await send(stream, admission.refusal, framing, patience);
    co_await linger(stream);
    co_return false;
  }
  stream.expires_after(patience);
  co_await invite(stream, head);
  framing.keep_alive = head.get().keep_alive() && !shared.stopping;
  BodyParser parser(std::move(head));
  parser.body_limit(limit);
  const auto response = co_await take_body(stream, buffer, shared, parser, admission, limit);
  slot.let_go();
  if (!response) co_return false;
  framing.keep_alive = framing.keep_alive && parser.is_done();
  co_await send(stream, *response, framing, patience);
  if (!parser.is_done()) co_await linger(stream);
  co_return framing.keep_alive;
}

}  // namespace gantry
