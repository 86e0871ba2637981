// Secrets at rest: XChaCha20-Poly1305 under the key file's 32 bytes, the row's identity as
// associated data, so that a ciphertext moved to another row does not open. Immutable, thread-safe.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "proto/result.hpp"

namespace gantry {

class Secrets {
 public:
  using Key = std::array<unsigned char, 32>;
  explicit Secrets(const Key& key) : key_(key) {}
  ~Secrets();
  Secrets(const Secrets&) = default;
  Secrets& operator=(const Secrets&) = default;

  // One version byte, 24 of nonce, the ciphertext and 16 of tag.
  std::string seal(std::string_view plain, std::string_view identity) const;
  Result<std::string> open(std::string_view sealed, std::string_view identity) const;

 private:
  Key key_;
};

// Reads the key file; Code::not_found when there is none.
Result<Secrets> read_key_file(const std::string& path);
// Makes it: complete, synced and 0600 before it has its name, and never over an existing one.
Result<Secrets> create_key_file(const std::string& path);

// BLAKE2b-256.
std::string hash_of(std::string_view text);
std::string hex(std::string_view bytes);
// "gty_" and 43 characters: 256 random bits in base64url.
std::string new_token_secret();

}  // namespace gantry
