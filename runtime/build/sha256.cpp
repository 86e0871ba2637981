#include "runtime/build/sha256.hpp"

#include <new>

#include <sodium.h>

namespace gantry {
namespace {

using Sha = crypto_hash_sha256_state;

}  // namespace

Sha256::Sha256() {
  static_assert(sizeof(Sha) <= sizeof(State) && alignof(Sha) <= alignof(State));
  crypto_hash_sha256_init(new (&state_) Sha);
}

void Sha256::add(std::string_view bytes) {
  crypto_hash_sha256_update(reinterpret_cast<Sha*>(&state_),
                            reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  bytes_ += static_cast<std::int64_t>(bytes.size());
}

std::string Sha256::hex() const {
  State copy = state_;
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256_final(reinterpret_cast<Sha*>(&copy), hash.data());
  return hex_of(hash);
}

std::string sha256_hex(std::string_view text) {
  Sha256 sum;
  sum.add(text);
  return sum.hex();
}

std::string hex_of(std::span<const unsigned char> bytes) {
  std::string text(bytes.size() * 2 + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), bytes.data(), bytes.size());
  text.pop_back();
  return text;
}

}  // namespace gantry
