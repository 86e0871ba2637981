// Looks after volumes: measures what they hold, and purges those whose grace is over. Nothing else
// in Gantry removes one, and what no row names is only told. One thread at a time; blocking.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "proto/store.hpp"
#include "runtime/volumes.hpp"

namespace gantry {

struct VolumeKeeperOptions {
  Seconds grace{7 * 24 * 3600};  // between a volume's deletion and its purge
  std::function<void(const std::string&)> log = [](const std::string&) {};
};

class VolumeKeeper {
 public:
  VolumeKeeper(Store& store, Volumes& volumes, VolumeKeeperOptions options)
      : store_(store), volumes_(volumes), options_(std::move(options)) {}

  // What each holds, into its row; people are warned by the store.
  void measure();
  // Engine first, row last: a daemon that dies in between goes on with it the next time.
  void purge(TimePoint now);

 private:
  void tell_strange(const std::vector<Volume>& rows, const std::vector<VolumeId>& there);
  void purge(const Volume&, TimePoint deleted_before);

  Store& store_;
  Volumes& volumes_;
  const VolumeKeeperOptions options_;
  std::set<VolumeId> told_;  // once each
};

}  // namespace gantry
