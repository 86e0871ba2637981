#include "runtime/backup/vault.hpp"

#include <cstring>
#include <stdexcept>

#include <sodium.h>

#include "runtime/files.hpp"

namespace gantry {
namespace {

constexpr std::string_view kMagic{"GTYBAK\0\1", 8};  // the last byte is the format's version
constexpr std::size_t kKeyId = 8;
constexpr std::size_t kHead =
    kMagic.size() + kKeyId + crypto_secretstream_xchacha20poly1305_HEADERBYTES;
constexpr std::size_t kPiece = 256 * 1024;
constexpr std::size_t kExtra = crypto_secretstream_xchacha20poly1305_ABYTES;
using Stream = crypto_secretstream_xchacha20poly1305_state;

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* raw(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string length_of(std::size_t size) {
  std::string out(4, '\0');
  for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<char>(size >> (8 * i));
  return out;
}
std::size_t read_length(std::string_view text) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < 4; ++i)
    size |= static_cast<std::size_t>(static_cast<unsigned char>(text[i])) << (8 * i);
  return size;
}

void need_sodium() {
  static const bool ready = sodium_init() >= 0;
  if (!ready) throw std::runtime_error("libsodium did not start");
}

Error altered(std::string detail) { return {Code::conflict, "backup_altered", std::move(detail)}; }

// Each piece: its length in 4 bytes, little end first, and the piece. The last one says so.
class Sealer final : public ByteSink {
 public:
  Sealer(const VaultKey& key, std::string label, ByteSink& out)
      : key_(key), label_(std::move(label)), out_(out) {}
  ~Sealer() override { sodium_memzero(&stream_, sizeof stream_); }

  Result<> write(std::string_view bytes) override {
    while (!bytes.empty()) {
      if (plain_.size() == kPiece) GANTRY_TRY(push(0));
      const std::size_t room = std::min(kPiece - plain_.size(), bytes.size());
      plain_.append(bytes.substr(0, room));
      bytes.remove_prefix(room);
    }
    return done();
  }
  Result<> finish() override {
    GANTRY_TRY(push(crypto_secretstream_xchacha20poly1305_TAG_FINAL));
    return out_.finish();
  }

 private:
  Result<> push(unsigned char tag) {
    if (!begun_) GANTRY_TRY(begin());
    std::string sealed(plain_.size() + kExtra, '\0');
    crypto_secretstream_xchacha20poly1305_push(&stream_, raw(sealed), nullptr, raw(plain_),
                                               plain_.size(), raw(std::string_view(label_)),
                                               label_.size(), tag);
    plain_.clear();
    GANTRY_TRY(out_.write(length_of(sealed.size())));
    return out_.write(sealed);
  }
  Result<> begin() {
    begun_ = true;
    std::string head(crypto_secretstream_xchacha20poly1305_HEADERBYTES, '\0');
    crypto_secretstream_xchacha20poly1305_init_push(&stream_, raw(head), key_.bytes().data());
    return out_.write(std::string(kMagic) + key_.id() + head);
  }

  const VaultKey key_;
  const std::string label_;
  ByteSink& out_;
  Stream stream_{};
  bool begun_ = false;
  std::string plain_;
};

class Opener final : public ByteSource {
 public:
  Opener(const VaultKey& key, std::string label, ByteSource& in)
      : key_(key), label_(std::move(label)), in_(in) {}
  ~Opener() override { sodium_memzero(&stream_, sizeof stream_); }

  Result<std::string> read() override {
    if (ended_) return std::string();
    if (!begun_) GANTRY_TRY(begin());
    while (true) {
      if (const auto enough = fill(4); !enough) return enough.error();
      if (buffer_.size() < 4) return altered("the backup is cut off: its end is missing");
      const std::size_t size = read_length(buffer_);
      if (size < kExtra || size > kPiece + kExtra) return altered("a piece has no valid length");
      if (const auto enough = fill(4 + size); !enough) return enough.error();
      if (buffer_.size() < 4 + size) return altered("the backup is cut off in a piece");
      std::string plain(size - kExtra, '\0');
      unsigned char tag = 0;
      if (crypto_secretstream_xchacha20poly1305_pull(
              &stream_, raw(plain), nullptr, &tag, raw(std::string_view(buffer_)) + 4, size,
              raw(std::string_view(label_)), label_.size()) != 0)
        return altered("a piece does not authenticate: it was altered, or is another backup's");
      buffer_.erase(0, 4 + size);
      if (tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL) {
        if (const auto rest = fill(1); !rest) return rest.error();
        if (!buffer_.empty()) return altered("something follows the backup's end");
        ended_ = true;
        return plain;
      }
      if (!plain.empty()) return plain;
    }
  }

 private:
  Result<> fill(std::size_t wanted) {
    while (buffer_.size() < wanted && !input_ended_) {
      auto piece = in_.read();
      if (!piece) return piece.error();
      if (piece->empty()) input_ended_ = true;
      buffer_ += *piece;
    }
    return done();
  }
  Result<> begin() {
    begun_ = true;
    GANTRY_TRY(fill(kHead));
    if (buffer_.size() < kHead || std::string_view(buffer_).substr(0, 6) != kMagic.substr(0, 6))
      return Error{Code::conflict, "not_a_backup", "this is no backup, or only a piece of one"};
    if (std::string_view(buffer_).substr(0, kMagic.size()) != kMagic)
      return Error{Code::conflict, "not_a_backup", "a newer Gantry has written this backup"};
    if (std::string_view(buffer_).substr(kMagic.size(), kKeyId) != key_.id())
      return Error{Code::conflict, "wrong_key",
                   "the backup was encrypted with another key: bring back the key file of the "
                   "installation that made it"};
    if (crypto_secretstream_xchacha20poly1305_init_pull(
            &stream_, raw(std::string_view(buffer_)) + kMagic.size() + kKeyId,
            key_.bytes().data()) != 0)
      return altered("the backup's head was altered");
    buffer_.erase(0, kHead);
    return done();
  }

  const VaultKey key_;
  const std::string label_;
  ByteSource& in_;
  Stream stream_{};
  bool begun_ = false, ended_ = false, input_ended_ = false;
  std::string buffer_;
};

std::array<unsigned char, 32> derive(const std::array<unsigned char, 32>& master,
                                     std::uint64_t number) {
  std::array<unsigned char, 32> key{};
  crypto_kdf_derive_from_key(key.data(), key.size(), number, "gantrybk", master.data());
  return key;
}

}  // namespace

VaultKey::VaultKey(const std::array<unsigned char, 32>& master) : key_(derive(master, 1)) {
  const auto id = derive(master, 2);
  id_.assign(reinterpret_cast<const char*>(id.data()), kKeyId);
}
VaultKey::~VaultKey() { sodium_memzero(key_.data(), key_.size()); }

VaultKey VaultKey::of(const std::array<unsigned char, 32>& master) {
  need_sodium();
  return VaultKey(master);
}

Result<VaultKey> VaultKey::of_file(const std::string& path) {
  auto text = read_whole(path);
  if (!text) return text.error();
  if (text->size() != 32)
    return Error{Code::conflict, "key_file_invalid",
                 "the key file " + path + " does not have 32 bytes"};
  std::array<unsigned char, 32> master{};
  std::memcpy(master.data(), text->data(), master.size());
  sodium_memzero(text->data(), text->size());
  const VaultKey key = of(master);
  sodium_memzero(master.data(), master.size());
  return key;
}

Result<VaultKey> VaultKey::of_passphrase(std::string_view passphrase, std::string_view salt) {
  need_sodium();
  static_assert(crypto_pwhash_SALTBYTES == 16);
  std::array<unsigned char, 32> master{};
  if (salt.size() != crypto_pwhash_SALTBYTES ||
      crypto_pwhash(master.data(), master.size(), passphrase.data(), passphrase.size(), raw(salt),
                    crypto_pwhash_OPSLIMIT_MODERATE, crypto_pwhash_MEMLIMIT_INTERACTIVE,
                    crypto_pwhash_ALG_ARGON2ID13) != 0)
    return Error{Code::unavailable, "out_of_memory", "there is no memory to make the key"};
  return VaultKey(master);
}

std::unique_ptr<ByteSink> seal_into(const VaultKey& key, std::string label, ByteSink& out) {
  return std::make_unique<Sealer>(key, std::move(label), out);
}
std::unique_ptr<ByteSource> open_from(const VaultKey& key, std::string label, ByteSource& in) {
  return std::make_unique<Opener>(key, std::move(label), in);
}

}  // namespace gantry
