// Files inside volumes, for people: "/" is the volume's own root, and nothing leads out of it, no
// symbolic link and no "..". An ability beside Volumes, where their folders can be reached.
// Blocking; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "proto/id.hpp"
#include "proto/result.hpp"
#include "proto/time.hpp"

namespace gantry {

struct VolumeEntry {
  enum class Type { file, directory, link, other };  // other: a socket, a pipe, a device
  std::string name;
  Type type = Type::file;
  std::int64_t size = 0;  // bytes
  unsigned mode = 0;      // permissions: 0644
  TimePoint modified{};
};
std::string_view name(VolumeEntry::Type);  // "file" "directory" "link" "other"

// Errors of all: invalid "invalid_path"; not_found "file_not_found"; conflict "not_a_directory",
// "is_directory", "not_a_file"; conflict "volume_not_made" (nothing has mounted it yet);
// unavailable "volume_unreachable" (the engine's folders are not on this machine, or not for this
// user).
class VolumeFiles {
 public:
  virtual ~VolumeFiles() = default;

  // By name; more than 10000: exhausted "too_many_files".
  virtual Result<std::vector<VolumeEntry>> list(const VolumeId&, std::string_view path) = 0;

  class Download {
   public:
    virtual ~Download() = default;
    virtual std::uint64_t size() const = 0;
    // The next bytes; empty at the end.
    virtual Result<std::string> read() = 0;
  };
  virtual Result<std::unique_ptr<Download>> download(const VolumeId&, std::string_view path) = 0;

  // Written beside and renamed into place by finish(): whole or not there at all. It takes over
  // owner and mode of the file that it replaces, else its folder's owner. Dropped: nothing stays.
  // Disk full: exhausted "disk_full".
  class Upload {
   public:
    virtual ~Upload() = default;
    virtual Result<> write(std::string_view bytes) = 0;
    virtual Result<std::uint64_t> finish() = 0;  // bytes
  };
  virtual Result<std::unique_ptr<Upload>> upload(const VolumeId&, std::string_view path) = 0;

  // A file, a link itself, or an empty directory; another one: conflict "not_empty".
  virtual Result<> remove(const VolumeId&, std::string_view path) = 0;
};

// `folder_of` gives the folder on this machine that is a volume's root.
using VolumeFolder = std::function<Result<std::string>(const VolumeId&)>;
std::unique_ptr<VolumeFiles> make_volume_files(VolumeFolder folder_of);

// Bytes on the disk below a folder, other mounts and links left out; each file once. Stopped:
// unavailable "interrupted".
Result<std::int64_t> bytes_below(const std::string& folder, const std::stop_token&);

}  // namespace gantry
