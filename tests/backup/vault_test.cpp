// Backups as they lie: what was sealed opens, and nothing else does.
#include "runtime/backup/vault.hpp"

#include <gtest/gtest.h>

#include "runtime/build/sha256.hpp"
#include "tests/backup/streams.hpp"

namespace gantry::testing {
namespace {

VaultKey key_of(unsigned char seed) {
  std::array<unsigned char, 32> master{};
  master.fill(seed);
  return VaultKey::of(master);
}

std::string sealed(const std::string& plain, const VaultKey& key = key_of(1),
                   const std::string& label = "bak_1", std::size_t piece = 1 << 20) {
  TextSink out;
  const auto sink = seal_into(key, label, out);
  for (std::size_t i = 0; i < plain.size(); i += piece)
    EXPECT_TRUE(sink->write(std::string_view(plain).substr(i, piece)));
  EXPECT_TRUE(sink->finish());
  EXPECT_TRUE(out.finished);
  return out.text;
}

Result<std::string> opened(const std::string& stored, const VaultKey& key = key_of(1),
                           const std::string& label = "bak_1", std::size_t piece = 1 << 20) {
  TextSource in(stored, piece);
  const auto source = open_from(key, label, in);
  std::string all;
  while (true) {
    auto next = source->read();
    if (!next) return next.error();
    if (next->empty()) return all;
    all += *next;
  }
}

TEST(BackupVault, WhatWasSealedOpens) {
  for (const std::size_t size : {0, 1, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 1000000}) {
    const std::string plain = noise(size);
    EXPECT_EQ(*opened(sealed(plain)), plain) << size;
    EXPECT_EQ(*opened(sealed(plain, key_of(1), "bak_1", 777), key_of(1), "bak_1", 1000), plain);
  }
}

TEST(BackupVault, NothingOfItCanBeReadThere) {
  const std::string plain(10000, 'x');
  const std::string stored = sealed(plain);
  EXPECT_EQ(stored.find("xxxx"), std::string::npos);
  EXPECT_NE(stored, sealed(plain)) << "the same twice is not the same there";
}

TEST(BackupVault, AnotherKeyIsSaidToBeOne) {
  EXPECT_EQ(opened(sealed("secret"), key_of(2)).error().reason, "wrong_key");
}

TEST(BackupVault, AnotherBackupsPieceDoesNotOpen) {
  EXPECT_EQ(opened(sealed("secret"), key_of(1), "bak_2").error().reason, "backup_altered");
}

TEST(BackupVault, EveryCutIsFound) {
  const std::string stored = sealed(noise(600000));
  for (std::size_t size = 0; size < stored.size(); size += size < 200 ? 1 : 9973) {
    const auto result = opened(stored.substr(0, size));
    ASSERT_FALSE(result.ok()) << size;
    EXPECT_EQ(result.error().reason, size < 40 ? "not_a_backup" : "backup_altered") << size;
  }
  // Exactly between two pieces.
  const std::size_t piece = 4 + 256 * 1024 + 17;
  EXPECT_EQ(opened(stored.substr(0, 40 + piece)).error().reason, "backup_altered");
}

TEST(BackupVault, EveryBitCounts) {
  const std::string stored = sealed(noise(1000));
  for (std::size_t i = 0; i < stored.size(); ++i) {
    std::string other = stored;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_FALSE(opened(other).ok()) << i;
  }
  EXPECT_EQ(opened(stored + "x").error().reason, "backup_altered");
}

TEST(BackupVault, TheKeyIsOfTheFileAndNotTheFile) {
  const VaultKey key = key_of(7);
  std::array<unsigned char, 32> master{};
  master.fill(7);
  EXPECT_NE(key.bytes(), master);
  EXPECT_EQ(key.id(), key_of(7).id());
  EXPECT_NE(key.id(), key_of(8).id());
  EXPECT_EQ(VaultKey::of_file("/nonexistent").error().code, Code::not_found);
  const std::string salt(16, 's');
  EXPECT_EQ(VaultKey::of_passphrase("correct horse", salt)->id(),
            VaultKey::of_passphrase("correct horse", salt)->id());
  EXPECT_NE(VaultKey::of_passphrase("correct horse", salt)->id(),
            VaultKey::of_passphrase("correct horsf", salt)->id());
}

TEST(BackupVault, Sha256AsTheStandardHasIt) {  // FIPS 180-2, appendix B
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 sum;
  sum.add("a");
  EXPECT_EQ(sum.hex(), sha256_hex("a")) << "looking does not end it";
  sum.add("bc");
  EXPECT_EQ(sum.hex(), sha256_hex("abc"));
  EXPECT_EQ(sum.bytes(), 3);
}

}  // namespace
}  // namespace gantry::testing
