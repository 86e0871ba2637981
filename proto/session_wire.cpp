#include "proto/session_wire.hpp"

namespace gantry {
namespace {

constexpr std::size_t kControlMost = 4096;

Error broken(std::string detail) { return {Code::invalid, "protocol_error", std::move(detail)}; }

}  // namespace

Result<std::size_t> SessionReader::feed(std::span<char> bytes) {
  const std::size_t size = bytes.size();
  for (;;) {
    auto piece = frames_.next(bytes);
    if (!piece) return piece.error();
    if (!*piece) return size - bytes.size();
    GANTRY_TRY(take(**piece));
  }
}

Result<> SessionReader::take(const websocket::Piece& piece) {
  const std::string_view text(piece.bytes.data(), piece.bytes.size());
  switch (piece.opcode) {
    case websocket::Opcode::ping:
      return sinks_.ping(text);
    case websocket::Opcode::pong:
      return done();
    case websocket::Opcode::close:
      return sinks_.close();
    case websocket::Opcode::binary:
      return take_data(piece);
    case websocket::Opcode::text:
      break;
  }
  return broken("messages of a session are binary");
}

Result<> SessionReader::take_data(const websocket::Piece& piece) {
  std::string_view bytes(piece.bytes.data(), piece.bytes.size());
  if (piece.first) channel_.reset(), any_ = false;
  if (!channel_ && !bytes.empty()) {
    const auto number = static_cast<unsigned char>(bytes.front());
    if (number > 3) return broken("there is no channel " + std::to_string(number));
    channel_ = static_cast<Channel>(number);
    bytes.remove_prefix(1);
  }
  if (!channel_) return piece.last ? Result<>(broken("a message without a channel")) : done();
  if (*channel_ != Channel::control) {
    const bool ends = piece.last && !any_ && bytes.empty();
    any_ = any_ || !bytes.empty();
    return bytes.empty() && !ends ? done() : sinks_.data(*channel_, bytes);
  }
  control_ += bytes;
  if (control_.size() > kControlMost) return broken("a control message that is too long");
  if (!piece.last) return done();
  const auto control = parse_session_control(control_);
  control_.clear();
  return control ? sinks_.control(*control) : Result<>(control.error());
}

}  // namespace gantry
