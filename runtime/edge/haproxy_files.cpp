// The edge's files: options, directory, state, and what is made from it.
#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/edge/haproxy_edge.hpp"
#include "runtime/edge/number.hpp"
#include "runtime/process.hpp"

namespace gantry {
namespace {

// They become words of the configuration.
Result<> check_options(const EdgeOptions& options) {
  const auto bad = [](const std::string& what) {
    return Error{Code::invalid, "edge_options", what};
  };
  const std::string& directory = options.directory;
  const bool plain = std::all_of(directory.begin(), directory.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '/' || c == '.' || c == '_' || c == '-';
  });
  if (directory.empty() || directory[0] != '/' || directory.size() > 80 || !plain)
    return bad("the edge's directory is an absolute path of at most 80 plain characters, not '" +
               directory + "'");
  if (options.port < 1 || options.port > 65535) return bad("the edge's port is 1 to 65535");
  if (options.slots < 1 || options.slots > kMostSlots)
    return bad("the edge's slots are 1 to " + std::to_string(kMostSlots));
  if (options.max_connections < 1) return bad("the edge's max_connections is at least 1");
  if (options.uid.has_value() != options.gid.has_value())
    return bad("the edge's uid and gid come together");
  return done();
}

Result<> keep_file(const std::string& path, const std::string& text) {
  const auto old = read_whole(path);
  return old && *old == text ? done() : replace_file(path, text);
}

}  // namespace

Result<> HaproxyEdge::prepare_directory() {
  GANTRY_TRY(check_options(options_));
  GANTRY_TRY(make_directory(paths_.directory, 0755));
  GANTRY_TRY(make_directory(paths_.pages, 0755));
  GANTRY_TRY(make_directory(paths_.run, 0700));
  if (options_.uid && options_.gid &&
      ::chown(paths_.run.c_str(), *options_.uid, *options_.gid) != 0)
    return file_error("give away", paths_.run);
  if (lock_ < 0) lock_ = ::open(paths_.lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0) return file_error("open", paths_.lock);
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0)
    return Error{Code::conflict, "edge_locked", "another daemon uses " + paths_.directory};
  for (const auto& [name, text] : error_pages())
    GANTRY_TRY(keep_file(paths_.pages + "/" + name, text));
  return keep_file(paths_.hold_script, hold_script(paths_));
}

// Whole in the eyes of every reader; on the disk whenever the kernel likes: after a crash of the
// machine start() makes them anew from the state file.
Result<> HaproxyEdge::write_made_files() {
  files_behind_ = true;
  const Maps maps = maps_of(table_);
  for (std::size_t map = 0; map < kMapCount; ++map)
    GANTRY_TRY(replace_made_file(paths_.maps[map], map_text(maps[map])));
  GANTRY_TRY(replace_made_file(paths_.config, haproxy_config(table_, options_)));
  files_behind_ = false;
  return done();
}

Result<> HaproxyEdge::write_checked_files() {
  files_behind_ = true;
  const Maps maps = maps_of(table_);
  for (std::size_t map = 0; map < kMapCount; ++map)
    GANTRY_TRY(replace_file(paths_.maps[map], map_text(maps[map])));
  GANTRY_TRY(write_beside(paths_.candidate, haproxy_config(table_, options_)));
  GANTRY_TRY(master_.check(paths_.candidate));
  GANTRY_TRY(rename_over(paths_.candidate, paths_.config));
  files_behind_ = false;
  return done();
}

// The state file first, then memory.
Result<> HaproxyEdge::record(const std::vector<RouteChange>& changes) {
  StateRecord record{table_.generation() + 1, table_.slots(), {}};
  for (const auto& change : changes)
    record.routes.push_back(
        change.after ? *change.after
                     : SlotRoute{change.before->slot, {change.before->route.instance_id, {}, {}}});
  GANTRY_TRY(state_.append(record));
  table_.commit(changes);
  table_.set_generation(record.generation);
  files_behind_ = true;
  if (state_.wants_compaction()) GANTRY_TRY(state_.compact(table_));
  return done();
}

// Doubles the pool until so many slots are free. The caller reloads.
Result<bool> HaproxyEdge::grow(int wanted_free) {
  const int used = table_.slots() - table_.free_slots();
  int slots = std::max(table_.slots(), 1);
  while (slots - used < wanted_free) slots *= 2;
  if (slots > kMostSlots)
    return Error{Code::exhausted, "slots_exhausted",
                 "the edge routes at most " + std::to_string(kMostSlots) + " services"};
  table_.resize(slots);
  live_behind_ = true;
  options_.notice("edge_pool_grown slots=" + std::to_string(slots));
  return true;
}

}  // namespace gantry
