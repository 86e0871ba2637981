// Backups as they lie at a destination: encrypted and authenticated with a key made from the key
// file, in pieces, so that neither side ever holds one whole. docs/backups.md has the format.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/backup/bytes.hpp"

namespace gantry {

// Derived from 32 bytes; never the key file's own. Immutable.
class VaultKey {
 public:
  static VaultKey of(const std::array<unsigned char, 32>& master);
  // Errors: conflict "key_file_invalid", not_found.
  static Result<VaultKey> of_file(const std::string& path);
  // From words, slowly on purpose; `salt` of 16 bytes.
  static Result<VaultKey> of_passphrase(std::string_view passphrase, std::string_view salt);
  ~VaultKey();
  VaultKey(const VaultKey&) = default;
  VaultKey& operator=(const VaultKey&) = default;

  // 8 bytes that say which key, and nothing about it.
  const std::string& id() const { return id_; }
  const std::array<unsigned char, 32>& bytes() const { return key_; }

 private:
  explicit VaultKey(const std::array<unsigned char, 32>&);
  std::array<unsigned char, 32> key_;
  std::string id_;
};

// `label` is bound into it: what was sealed under another one does not open.
std::unique_ptr<ByteSink> seal_into(const VaultKey&, std::string label, ByteSink& out);

// Errors: conflict "wrong_key", "not_a_backup", "backup_altered" (a bit is other, a piece is
// missing, the end is missing, or something follows it).
std::unique_ptr<ByteSource> open_from(const VaultKey&, std::string label, ByteSource& in);

}  // namespace gantry
