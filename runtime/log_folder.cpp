#include "runtime/log_folder.hpp"

#include <map>

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry {
namespace {

constexpr const char* kHalves[] = {".log", ".old.log"};

std::uint64_t bytes_of(const std::string& folder, const ReplicaKey& key) {
  std::uint64_t bytes = 0;
  for (const char* half : kHalves) {
    struct stat status {};
    if (::stat(log_path(folder, key, half).c_str(), &status) == 0)
      bytes += static_cast<std::uint64_t>(status.st_size);
  }
  return bytes;
}

}  // namespace

std::string log_path(const std::string& folder, const ReplicaKey& key, const char* half) {
  return folder + "/" + key.id() + half;
}

std::set<ReplicaKey> replicas_on_disk(const std::string& folder) {
  std::set<ReplicaKey> keys;
  DIR* directory = ::opendir(folder.c_str());
  if (directory == nullptr) return keys;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (auto key = ReplicaKey::parse(name.substr(0, name.find('.')))) keys.insert(*key);
  }
  ::closedir(directory);
  return keys;
}

void trim_logs(const std::string& folder, std::uint64_t bytes, const std::set<ReplicaKey>& keep) {
  std::map<ReplicaKey, std::uint64_t>
      sizes;  // oldest first: a key begins with its deployment's time
  std::uint64_t total = 0;
  for (const ReplicaKey& key : replicas_on_disk(folder))
    total += sizes[key] = bytes_of(folder, key);
  for (const auto& [key, size] : sizes) {
    if (total <= bytes) return;
    if (keep.contains(key)) continue;
    for (const char* half : kHalves) ::unlink(log_path(folder, key, half).c_str());
    total -= size;
  }
}

}  // namespace gantry
