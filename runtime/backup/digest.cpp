#include "runtime/backup/digest.hpp"

#include <new>

#include <sodium.h>

namespace gantry {
namespace {

using Sha = crypto_hash_sha256_state;

std::string hex_of(const unsigned char* bytes, std::size_t size) {
  std::string text(size * 2 + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), bytes, size);
  text.pop_back();
  return text;
}

}  // namespace

Digest::Digest() {
  static_assert(sizeof(Sha) <= sizeof(State) && alignof(Sha) <= alignof(State));
  crypto_hash_sha256_init(new (&state_) Sha);
}

void Digest::add(std::string_view piece) {
  crypto_hash_sha256_update(reinterpret_cast<Sha*>(&state_),
                            reinterpret_cast<const unsigned char*>(piece.data()), piece.size());
  bytes_ += static_cast<std::int64_t>(piece.size());
}

std::string Digest::hex() const {
  State copy = state_;
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256_final(reinterpret_cast<Sha*>(&copy), hash.data());
  return hex_of(hash.data(), hash.size());
}

std::string sha256_hex(std::string_view text) {
  Digest digest;
  digest.add(text);
  return digest.hex();
}

}  // namespace gantry
