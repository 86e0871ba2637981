// An instance's folder of log files: whose are there, and which go when they are too many. Any
// thread; no state.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "proto/model.hpp"

namespace gantry {

// The replicas that have a file, by the names in the folder; a name that is no replica's id is
// ignored.
std::set<ReplicaKey> replicas_on_disk(const std::string& folder);

// "<folder>/<replica id><half>"; half is ".log" or ".old.log".
std::string log_path(const std::string& folder, const ReplicaKey&, const char* half);

// Removes files of the oldest replicas until at most `bytes` are left; those in `keep` stay.
void trim_logs(const std::string& folder, std::uint64_t bytes, const std::set<ReplicaKey>& keep);

}  // namespace gantry
