// Desired state in memory: immutable, published by the store after every commit, read by any thread
// without a lock beyond taking the pointer.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "proto/model.hpp"

namespace gantry {

// A text that a view's first reader made of it and later ones send again. A copy of the view begins
// without it. `owners` are the versions of the rows above whose names are in the text: with others
// it is out of date.
class TextCache {
 public:
  struct Text {
    std::array<std::int64_t, 3> owners{};
    std::shared_ptr<const std::string> body;
    std::string tag;
  };
  TextCache() = default;
  TextCache(const TextCache&) {}
  TextCache& operator=(const TextCache&) { return *this; }

  std::shared_ptr<const Text> get() const { return text_.load(std::memory_order_acquire); }
  void set(std::shared_ptr<const Text> text) const {
    text_.store(std::move(text), std::memory_order_release);
  }

 private:
  mutable std::atomic<std::shared_ptr<const Text>> text_;
};

struct InstanceView {
  ServiceInstance instance;
  std::shared_ptr<const Variables> variables;  // never null
  // Newest first: every live deployment and those still removing, and always the newest of all.
  std::vector<std::shared_ptr<const Deployment>> deployments;
  TextCache text{};
};

struct EnvironmentView {
  Environment environment;
  std::shared_ptr<const Variables> shared;  // never null
};

struct ProjectSnapshot;
using ProjectPtr = std::shared_ptr<const ProjectSnapshot>;

// Finds parts by name, and the volumes of an instance, without a search. Belongs to one set of
// names and keys: whoever adds, removes or renames a part of a snapshot drops its index, as does
// whoever adds, removes, deletes or mounts a volume, and lookups then search until there is a new
// one.
struct SnapshotIndex {
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  template <class T>
  using ByText = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

  explicit SnapshotIndex(const ProjectSnapshot&);

  ByText<EnvironmentId> environments;                                   // by id and by name
  ByText<ServiceId> services;                                           // by id and by name
  ByText<std::vector<std::pair<EnvironmentId, InstanceId>>> instances;  // by service id
  ByText<std::vector<VolumeId>> mounted;  // by instance id; none that is deleted
};

// What a snapshot is within one environment, made by the first who wants it. A copy of the snapshot
// begins without any.
class ViewCache {
 public:
  ViewCache() = default;
  ViewCache(const ViewCache&) {}
  ViewCache& operator=(const ViewCache&) { return *this; }

 private:
  friend ProjectPtr within(const ProjectSnapshot&, const EnvironmentId&);
  mutable std::mutex mutex_;
  mutable std::map<EnvironmentId, ProjectPtr> views_;
};

struct ProjectSnapshot {
  Project project;
  std::map<EnvironmentId, std::shared_ptr<const EnvironmentView>>
      environments;  // deleted ones in their grace, too
  std::map<ServiceId, std::shared_ptr<const Service>> services;
  std::map<InstanceId, std::shared_ptr<const InstanceView>> instances;
  std::map<VolumeId, std::shared_ptr<const Volume>> volumes;  // deleted ones in their grace, too

  std::shared_ptr<const SnapshotIndex> index;  // null: look-ups search
  ViewCache views{};

  // By id or by name; null when there is none, or a deleted one.
  const EnvironmentView* environment(std::string_view id_or_name) const;
  const Service* service(std::string_view id_or_name) const;
  const InstanceView* instance(const ServiceId&, const EnvironmentId&) const;
  // By id, or by the name in an environment of one that is not deleted; null when there is none.
  const Volume* volume(const EnvironmentId&, std::string_view id_or_name) const;
  // That an instance mounts, by path.
  std::vector<const Volume*> volumes_of(const InstanceId&) const;
};

// The project as if it had only this environment: all its services, and of their instances those
// that are there. Null when it has no such environment.
ProjectPtr within(const ProjectSnapshot&, const EnvironmentId&);

}  // namespace gantry
