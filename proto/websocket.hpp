// WebSocket frames (RFC 6455) as both ends of a session read and write them, and the handshake's
// key. Pure; who has the socket owns the buffers. No extensions, no fragments made, those of others
// are read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proto/result.hpp"

namespace gantry::websocket {

// "Sec-WebSocket-Accept" for a "Sec-WebSocket-Key" (4.2.2).
std::string accept_of(std::string_view key);

enum class Opcode { text = 1, binary = 2, close = 8, ping = 9, pong = 10 };
enum class Side { client, server };

using Mask = std::array<unsigned char, 4>;
// Its own inverse. `at`: how many bytes of the payload went before.
void apply_mask(std::span<char> bytes, const Mask&, std::size_t at);

// The head of a frame that is a message of its own; with a mask when a client writes it.
class Head {
 public:
  Head(Opcode, std::uint64_t payload_size, const std::optional<Mask>&);
  std::string_view bytes() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, 14> bytes_{};
  std::size_t size_ = 0;
};

// A part of a message: as much of it as is there. Of a close, a ping or a pong all of it.
struct Piece {
  Opcode opcode = Opcode::binary;
  bool first = false, last = false;  // of its message
  std::span<char> bytes;             // unmasked, in the buffer it came in
};

class Reader {
 public:
  // `from`: who wrote what is read. Clients mask, servers must not (5.1).
  explicit Reader(Side from) : from_(from) {}

  // Takes a piece off the front of `bytes`; nothing when more must come first. A buffer of kLeast
  // bytes is never too small. Not WebSocket: Code::invalid "protocol_error".
  static constexpr std::size_t kLeast = 256;
  Result<std::optional<Piece>> next(std::span<char>& bytes);

 private:
  Result<> check(unsigned char first, unsigned char second) const;
  Result<bool> take_head(std::span<char>& bytes);

  const Side from_;
  bool in_frame_ = false, final_ = false, control_ = false;
  bool in_message_ = false;  // fragments of one are under way
  bool begun_ = false;       // a piece of the message was given
  Opcode opcode_ = Opcode::binary, message_ = Opcode::binary;
  Mask mask_{};
  std::uint64_t left_ = 0;  // of the frame
  std::size_t at_ = 0;
};

}  // namespace gantry::websocket
