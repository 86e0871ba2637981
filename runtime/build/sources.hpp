// Uploaded archives on disk, by project and digest. An archive counts only when all of it is there
// and its digest agrees; what an upload that broke off had sent is kept to go on from. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
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
  // `offset` is not what has been received, or the archive is complete: conflict "offset_mismatch".
  // Somebody else is uploading it now: conflict "upload_in_progress".
  virtual Result<std::unique_ptr<Upload>> upload(const ProjectId&, std::string_view digest,
                                                 std::uint64_t offset) = 0;
};

struct SourceOptions {
  std::string directory;                                // "<data_dir>/sources"
  std::uint64_t archive_bytes = 1024ULL * 1024 * 1024;  // of one archive, compressed
  std::uint64_t reserve_bytes = 256ULL * 1024 * 1024;   // of the disk: no upload goes below it
};
// "<directory>/<project>/<64 hex>.tar.gz"; ".tar.gz.part" while it is not complete. An archive that
// somebody asks for is as good as new: its file's time is set to now, so that a sweep which looks
// at the age leaves it to the deployment that follows.
std::unique_ptr<Sources> make_sources(const SourceOptions&);

// Where a complete archive lies. REQUIRES: is_digest(digest)
std::string source_file(const std::string& directory, const ProjectId&, std::string_view digest);

// Removes what is not needed any more: uploads that nobody went on with for `part_age`, complete
// archives with what lies beside them that are older than `archive_age` and not in `needed` (values
// of source_file). Gives the files removed.
struct SourceSweep {
  std::set<std::string> needed;
  TimePoint now;
  Seconds archive_age{60 * 60};
  Seconds part_age{24 * 60 * 60};
};
int sweep_sources(const std::string& directory, const SourceSweep&);

}  // namespace gantry
