#include "proto/websocket.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace gantry::websocket {
namespace {

constexpr std::size_t kControlMost = 125;
constexpr std::uint64_t kFrameMost = std::uint64_t{1} << 62;

// SHA-1 (RFC 3174): the handshake wants it, nothing here relies on it.
class Sha1 {
 public:
  explicit Sha1(std::string text) {
    const std::uint64_t bits = text.size() * 8;
    text += '\x80';
    while (text.size() % 64 != 56) text += '\0';
    for (int shift = 56; shift >= 0; shift -= 8) text += static_cast<char>(bits >> shift);
    for (std::size_t at = 0; at < text.size(); at += 64) take(text.data() + at);
  }
  std::string digest() const {
    std::string out;
    for (const std::uint32_t word : state_)
      for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(word >> shift);
    return out;
  }

 private:
  void take(const char* block) {
    std::array<std::uint32_t, 80> w{};
    for (std::size_t i = 0; i < 16; ++i)
      for (std::size_t j = 0; j < 4; ++j)
        w[i] = w[i] << 8 | static_cast<unsigned char>(block[i * 4 + j]);
    for (std::size_t i = 16; i < 80; ++i)
      w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    auto [a, b, c, d, e] = state_;
    for (std::size_t i = 0; i < 80; ++i) {
      std::uint32_t f = b ^ c ^ d, k = i < 40 ? 0x6ed9eba1 : 0xca62c1d6;
      if (i < 20) f = (b & c) | (~b & d), k = 0x5a827999;
      if (i >= 40 && i < 60) f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
      const std::uint32_t next = std::rotl(a, 5) + f + e + k + w[i];
      e = d, d = c, c = std::rotl(b, 30), b = a, a = next;
    }
    const std::array<std::uint32_t, 5> add{a, b, c, d, e};
    for (std::size_t i = 0; i < 5; ++i) state_[i] += add[i];
  }

  std::array<std::uint32_t, 5> state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
};

std::string base64(std::string_view bytes) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j)
      out += i + j <= bytes.size() ? digits[group >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

Error broken(std::string detail) {
  return {Code::invalid, "protocol_error", "not a WebSocket message: " + std::move(detail)};
}

bool is_control(unsigned opcode) { return opcode >= 8; }

}  // namespace

std::string accept_of(std::string_view key) {
  return base64(Sha1(std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest());
}

void apply_mask(std::span<char> bytes, const Mask& mask, std::size_t at) {
  std::array<unsigned char, 8> wide{};
  for (std::size_t i = 0; i < 8; ++i) wide[i] = mask[(at + i) % 4];
  std::uint64_t word = 0;
  std::memcpy(&word, wide.data(), 8);
  char* to = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; to += 8, left -= 8) {
    std::uint64_t value = 0;
    std::memcpy(&value, to, 8);
    value ^= word;
    std::memcpy(to, &value, 8);
  }
  for (std::size_t i = 0; i < left; ++i)
    to[i] = static_cast<char>(static_cast<unsigned char>(to[i]) ^ wide[i]);
}

Head::Head(Opcode opcode, std::uint64_t payload_size, const std::optional<Mask>& mask) {
  const auto put = [this](unsigned byte) { bytes_[size_++] = static_cast<char>(byte); };
  put(0x80U | static_cast<unsigned>(opcode));
  const unsigned masked = mask ? 0x80U : 0;
  if (payload_size < 126) {
    put(masked | static_cast<unsigned>(payload_size));
  } else {
    const bool is_long = payload_size > 0xffff;
    put(masked | (is_long ? 127U : 126U));
    for (int shift = is_long ? 56 : 8; shift >= 0; shift -= 8)
      put(static_cast<unsigned>(payload_size >> shift) & 255U);
  }
  if (mask)
    for (const unsigned char byte : *mask) put(byte);
}

Result<> Reader::check(unsigned char first, unsigned char second) const {
  const unsigned opcode = first & 15U;
  const bool is_final = (first & 0x80U) != 0;
  const unsigned length = second & 0x7fU;
  if ((first & 0x70U) != 0) return broken("reserved bits are set");
  if (((second & 0x80U) != 0) != (from_ == Side::client))
    return broken(from_ == Side::client ? "a client must mask" : "a server must not mask");
  if ((opcode > 2 && opcode < 8) || opcode > 10) return broken("an unknown opcode");
  if (is_control(opcode) && (!is_final || length > kControlMost))
    return broken("a control frame that is too long");
  if (!is_control(opcode) && (opcode == 0) != in_message_)
    return broken(in_message_ ? "a message within a message" : "nothing to continue");
  return done();
}

Result<bool> Reader::take_head(std::span<char>& bytes) {
  if (bytes.size() < 2) return false;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  GANTRY_TRY(check(byte(0), byte(1)));
  const unsigned short_length = byte(1) & 0x7fU;
  const std::size_t extra = short_length == 127 ? 8 : short_length == 126 ? 2 : 0;
  const std::size_t masks = (byte(1) & 0x80U) != 0 ? 4 : 0;
  const std::size_t size = 2 + extra + masks;
  if (bytes.size() < size) return false;
  std::uint64_t length = extra == 0 ? short_length : 0;
  for (std::size_t i = 0; i < extra; ++i) length = length << 8 | byte(2 + i);
  if (length > kFrameMost) return broken("a frame without end");
  const unsigned opcode = byte(0) & 15U;
  const bool control = is_control(opcode);
  if (control && bytes.size() < size + length) return false;  // given whole
  for (std::size_t i = 0; i < 4; ++i) mask_[i] = masks == 0 ? 0 : byte(2 + extra + i);
  final_ = (byte(0) & 0x80U) != 0;
  control_ = control;
  if (opcode != 0) opcode_ = static_cast<Opcode>(opcode);
  if (!control) {
    if (opcode != 0) message_ = opcode_, begun_ = false;
    in_message_ = !final_;
  }
  left_ = length;
  at_ = 0;
  in_frame_ = true;
  bytes = bytes.subspan(size);
  return true;
}

Result<std::optional<Piece>> Reader::next(std::span<char>& bytes) {
  if (!in_frame_) {
    const auto taken = take_head(bytes);
    if (!taken) return taken.error();
    if (!*taken) return std::optional<Piece>();
  }
  if (left_ > 0 && bytes.empty()) return std::optional<Piece>();
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  Piece piece{.bytes = bytes.first(size)};
  bytes = bytes.subspan(size);
  apply_mask(piece.bytes, mask_, at_);
  at_ += size;
  left_ -= size;
  in_frame_ = left_ > 0;
  piece.opcode = control_ ? opcode_ : message_;
  piece.first = control_ || !begun_;
  piece.last = !in_frame_ && (control_ || final_);
  if (!control_) begun_ = true;
  return std::optional(piece);
}

}  // namespace gantry::websocket
