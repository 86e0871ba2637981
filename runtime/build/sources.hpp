// Uploaded archives on disk, by project and digest. An archive counts only when all of it is there
// and its digest agrees; what an upload that broke off had sent is kept to go on from. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proto/model.hpp"

namespace gantry {

struct SourceState {
  std::uint64_t received_bytes = 0;
  bool complete = false;
};

class Sources {
 public:
  virtual ~Sources() = default;

  // Nothing of it is there: not_found.
  virtual Result<SourceState> state(const ProjectId&, std::string_view digest) = 0;

  // One upload, from `offset` to the archive's end. Dropped without finish(): what was written
  // stays.
  class Upload {
   public:
    virtual ~Upload() = default;
    // Beyond the limit: exhausted "source_too_large". Disk full: exhausted "disk_full".
    virtual Result<> write(std::string_view bytes) = 0;
    // Checks the digest. Another one: invalid "digest_mismatch", and all of it is thrown away.
    virtual Result<SourceState> finish() = 0;
  };
  // `offset` is not what has been received: conflict "offset_mismatch". Somebody else is uploading
  // it now: conflict "upload_in_progress".
  virtual Result<std::unique_ptr<Upload>> upload(const ProjectId&, std::string_view digest,
                                                 std::uint64_t offset) = 0;
};

struct SourceOptions {
  std::string directory;                                // "<data_dir>/sources"
  std::uint64_t archive_bytes = 1024ULL * 1024 * 1024;  // of one archive, compressed
};
std::unique_ptr<Sources> make_sources(const SourceOptions&);

// Where a complete archive lies.
std::string source_file(const std::string& directory, const ProjectId&, std::string_view digest);

}  // namespace gantry
