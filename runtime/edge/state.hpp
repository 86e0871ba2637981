// The edge's truth on disk: routes.json (everything at one generation) and routes.journal (one line
// for each apply after it), so that an apply writes what it changes and not all there is. The pair
// before them is kept as ".bak". Owned by one edge; not thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/edge/table.hpp"

namespace gantry {

// routes.json, or a line of the journal. An empty route says that it is removed.
struct StateRecord {
  std::int64_t generation = 0;
  int slots = 0;
  std::vector<SlotRoute> routes;
};

std::string encode_record(const StateRecord&);        // one line, without its end
Result<StateRecord> decode_record(std::string_view);  // Code::invalid "state_corrupt"
StateRecord record_of(const RouteTable&);
// What a route has beside hosts and backends, as one line: a comment of the configuration. Empty
// when it has nothing of that. decode_rest: false, and nothing is changed, when it is unreadable.
std::string encode_rest(const Route&);
bool decode_rest(std::string_view text, Route&);

// The table as a configuration and hosts map made by haproxy_config say it: the last resort.
RouteTable rebuild_from_config(std::string_view config, std::string_view hosts_map);

class StateFile {
 public:
  explicit StateFile(const std::string& directory);
  ~StateFile();
  StateFile(const StateFile&) = delete;
  StateFile& operator=(const StateFile&) = delete;

  struct Loaded {
    RouteTable table;
    std::vector<std::string> notices;  // what was damaged and what was done about it
  };
  // Reads what is there, in the worst case from the proxy's own configuration, and compacts it.
  Result<Loaded> load(int slots);

  // Returns once the line is on the disk. When it fails nothing of it stays.
  Result<> append(const StateRecord&);
  // Whether the journal has outgrown routes.json.
  bool wants_compaction() const { return journal_bytes_ > snapshot_bytes_ + 1'000'000; }
  Result<> compact(const RouteTable&);

 private:
  void replay(const std::string& path, Loaded&);
  Result<> open_journal();

  std::string directory_, snapshot_, journal_;
  int fd_ = -1;
  std::int64_t journal_bytes_ = 0;
  std::int64_t snapshot_bytes_ = 0;
};

}  // namespace gantry
