// Archives made by hand, byte by byte, so that they may be as wrong as a test needs them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::testing {

struct TarEntry {
  std::string name;
  char type = '0';  // ustar: '0' file, '1' hard link, '2' symbolic link, '3' '4' device, '5' ...
  std::string bytes = {};
  std::string link = {};
  unsigned mode = 0644;
  std::int64_t size = -1;  // what the header says; -1: the truth
  std::int64_t mtime = 1'700'000'000;
};

class Tar {
 public:
  Tar& add(const TarEntry& entry);
  Tar& file(const std::string& name, const std::string& bytes, unsigned mode = 0644) {
    return add({.name = name, .bytes = bytes, .mode = mode});
  }
  // A pax header before the next entry: its path in UTF-8.
  Tar& pax_path(const std::string& path);
  std::string plain() const;  // with its end marker
  std::string gzip() const;
  std::string zstd() const;

 private:
  std::string bytes_;
};

std::string gzip_of(std::string_view bytes);

}  // namespace gantry::testing
