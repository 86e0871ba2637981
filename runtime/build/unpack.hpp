// Unpacks an archive that anybody may have made into a fresh folder. Nothing in it reaches beyond
// that folder, fills the disk or takes for ever; what does not keep to the rules is refused with a
// sentence that names the entry. Blocking; thread-safe.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "proto/time.hpp"

namespace gantry {

struct UnpackLimits {
  std::uint64_t total_bytes = 4ULL * 1024 * 1024 * 1024;
  std::uint64_t entries = 200'000;
  std::size_t path_bytes = 2048;
  std::size_t depth = 100;
  // Unpacked to packed bytes, counted from `ratio_floor_bytes` on: small archives of zeros are
  // harmless. Text reaches 20, gzip's end is 1030.
  std::uint64_t ratio = 200;
  std::uint64_t ratio_floor_bytes = 256ULL * 1024 * 1024;
  std::uint64_t reserve_bytes = 512ULL * 1024 * 1024;  // of the disk: it never goes below
  Seconds time{300};
};

struct Unpacked {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
};

struct UnpackOrder {
  std::string archive;  // a tar, plain or packed with gzip or zstd
  std::string folder;   // is made; REQUIRES: not there. An error leaves it half full
  UnpackLimits limits = {};
  std::stop_token stop = {};
  const Clock* clock = &system_clock();
};

// Directories, files, links. Owners are not kept; modes lose set-user-id and the like, and their
// owner may always read and write. Code::invalid with the reason
//   archive_refused    an entry that leads out of the folder, a device, a forbidden link
//   archive_too_large  a limit from above
//   archive_truncated  it ends in the middle
//   archive_broken     it is no tar, or damaged
// exhausted "disk_full", conflict "cancelled"; the archive is gone: not_found "source_gone".
Result<Unpacked> unpack(const UnpackOrder&);

}  // namespace gantry
