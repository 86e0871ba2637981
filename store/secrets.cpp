#include "store/secrets.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry {
namespace {

constexpr char kVersion = 1;
constexpr std::size_t kNonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTag = crypto_aead_xchacha20poly1305_ietf_ABYTES;

void need_sodium() {
  static const bool ready = sodium_init() >= 0;
  if (!ready) throw std::runtime_error("libsodium did not start");
}

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

Error key_error(std::string reason, const std::string& detail) {
  return {Code::conflict, std::move(reason), detail};
}
Error system_error(const std::string& path) {
  return key_error("key_file_invalid", "the key file " + path + ": " + std::strerror(errno));
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

bool sync_directory(const std::string& path) {
  const auto parent = std::filesystem::absolute(path).parent_path().string();
  const Descriptor directory{::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  return directory.fd >= 0 && ::fsync(directory.fd) == 0;
}

}  // namespace

Secrets::~Secrets() { sodium_memzero(key_.data(), key_.size()); }

std::string Secrets::seal(std::string_view plain, std::string_view identity) const {
  need_sodium();
  std::string sealed(1 + kNonce + plain.size() + kTag, '\0');
  sealed[0] = kVersion;
  randombytes_buf(bytes(sealed) + 1, kNonce);
  crypto_aead_xchacha20poly1305_ietf_encrypt(bytes(sealed) + 1 + kNonce, nullptr, bytes(plain),
                                             plain.size(), bytes(identity), identity.size(),
                                             nullptr, bytes(sealed) + 1, key_.data());
  return sealed;
}

Result<std::string> Secrets::open(std::string_view sealed, std::string_view identity) const {
  need_sodium();
  const Error bad{
      Code::internal, "cannot_decrypt",
      "the stored secret " + std::string(identity) +
          " does not open with the key file: it was written with another key or altered"};
  if (sealed.size() < 1 + kNonce + kTag || sealed[0] != kVersion) return bad;
  const std::string_view body = sealed.substr(1 + kNonce);
  std::string plain(body.size() - kTag, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(bytes(plain), nullptr, nullptr, bytes(body),
                                                 body.size(), bytes(identity), identity.size(),
                                                 bytes(sealed) + 1, key_.data()) != 0)
    return bad;
  return plain;
}

Result<Secrets> read_key_file(const std::string& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0 && errno == ENOENT) return not_found("key file " + path);
  if (file.fd < 0) return system_error(path);
  unsigned char buffer[33];
  const ssize_t size = ::read(file.fd, buffer, sizeof buffer);
  if (size != 32)
    return key_error("key_file_invalid", "the key file " + path + " does not have 32 bytes");
  Secrets::Key key;
  std::memcpy(key.data(), buffer, key.size());
  sodium_memzero(buffer, sizeof buffer);
  return Secrets(key);
}

Result<Secrets> create_key_file(const std::string& path) {
  need_sodium();
  Secrets::Key key;
  randombytes_buf(key.data(), key.size());
  const std::string temporary = path + ".new-" + std::to_string(::getpid());
  ::unlink(temporary.c_str());
  const Descriptor file{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (file.fd < 0) return system_error(temporary);
  const bool written = ::write(file.fd, key.data(), key.size()) == 32 && ::fsync(file.fd) == 0;
  // link() fails where rename() would replace a key that others already use.
  if (!written || ::link(temporary.c_str(), path.c_str()) != 0) {
    Error error = system_error(path);
    ::unlink(temporary.c_str());
    return error;
  }
  ::unlink(temporary.c_str());
  if (!sync_directory(path)) return system_error(path);
  return Secrets(key);
}

std::string hash_of(std::string_view text) {
  need_sodium();
  std::string hash(crypto_generichash_BYTES, '\0');
  crypto_generichash(bytes(hash), hash.size(), bytes(text), text.size(), nullptr, 0);
  return hash;
}

std::string hex(std::string_view raw) {
  std::string text(raw.size() * 2 + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), bytes(raw), raw.size());
  text.pop_back();
  return text;
}

std::string new_token_secret() {
  need_sodium();
  unsigned char random[32];
  randombytes_buf(random, sizeof random);
  char text[sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
  sodium_bin2base64(text, sizeof text, random, sizeof random,
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  return std::string("gty_") + text;
}

}  // namespace gantry
