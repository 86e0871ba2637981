#include "tests/support/tar.hpp"

#include <array>
#include <cstdio>
#include <cstring>
#include <vector>

#include <archive.h>
#include <archive_entry.h>

namespace gantry::testing {
namespace {

constexpr std::size_t kBlock = 512;

void put(std::string& header, std::size_t at, std::string_view text) {
  header.replace(at, text.size(), text);
}

std::string octal(std::uint64_t number, int digits) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%0*llo", digits,
                static_cast<unsigned long long>(number));
  return text.data();
}

std::string packed(std::string_view bytes, int (*filter)(archive*)) {
  std::vector<char> out(bytes.size() * 2 + 65536);
  std::size_t used = 0;
  archive* writer = archive_write_new();
  filter(writer);
  archive_write_set_format_raw(writer);
  archive_write_set_bytes_in_last_block(writer, 1);
  archive_write_open_memory(writer, out.data(), out.size(), &used);
  archive_entry* entry = archive_entry_new();
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_write_header(writer, entry);
  archive_write_data(writer, bytes.data(), bytes.size());
  archive_entry_free(entry);
  archive_write_close(writer);
  archive_write_free(writer);
  return {out.data(), used};
}

}  // namespace

Tar& Tar::add(const TarEntry& entry) {
  std::string header(kBlock, '\0');
  put(header, 0, entry.name.substr(0, 100));
  put(header, 100, octal(entry.mode, 7));
  put(header, 108, octal(0, 7));
  put(header, 116, octal(0, 7));
  const auto size = entry.size < 0 ? static_cast<std::int64_t>(entry.bytes.size()) : entry.size;
  put(header, 124, octal(static_cast<std::uint64_t>(size), 11));
  put(header, 136, octal(static_cast<std::uint64_t>(entry.mtime), 11));
  put(header, 148, "        ");
  header[156] = entry.type;
  put(header, 157, entry.link.substr(0, 100));
  put(header, 257,
      std::string_view("ustar\0"
                       "00",
                       8));
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(header, 148, octal(sum, 6) + std::string("\0 ", 2));
  bytes_ += header + entry.bytes;
  bytes_.append((kBlock - entry.bytes.size() % kBlock) % kBlock, '\0');
  return *this;
}

Tar& Tar::pax_path(const std::string& path) {
  std::size_t length = path.size() + 7;  // " path=" and the newline
  while (std::to_string(length).size() + path.size() + 7 != length)
    length = std::to_string(length).size() + path.size() + 7;
  return add({.name = "PaxHeaders/x",
              .type = 'x',
              .bytes = std::to_string(length) + " path=" + path + "\n"});
}

std::string Tar::plain() const { return bytes_ + std::string(2 * kBlock, '\0'); }
std::string Tar::gzip() const { return gzip_of(plain()); }
std::string Tar::zstd() const { return packed(plain(), archive_write_add_filter_zstd); }

std::string gzip_of(std::string_view bytes) { return packed(bytes, archive_write_add_filter_gzip); }

}  // namespace gantry::testing
