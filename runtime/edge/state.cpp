#include "runtime/edge/state.hpp"

#include <cstdlib>
#include <map>
#include <sstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/edge/config.hpp"
#include "runtime/edge/number.hpp"
#include "runtime/files.hpp"

namespace gantry {
namespace {

Address address_of(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return {};
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return {host, leading_number(std::string_view(text).substr(colon + 1))};
}

RouteBackend backend_of(const ReplicaKey& key, const Address& address, std::string_view line) {
  const auto number_after = [&](std::string_view word) {
    const auto at = line.rfind(word);
    return at == std::string_view::npos ? kFullWeight
                                        : leading_number(line.substr(at + word.size()));
  };
  const bool draining = line.find(kDrainingMark) != std::string_view::npos;
  return {key, address, draining, number_after(draining ? kDrainingMark : " weight ")};
}

}  // namespace

StateRecord record_of(const RouteTable& table) {
  StateRecord record{table.generation(), table.slots(), {}};
  for (const auto& [id, route] : table.routes()) record.routes.push_back(route);
  return record;
}

RouteTable rebuild_from_config(std::string_view config, std::string_view hosts_map) {
  std::map<int, SlotRoute> routes;
  std::int64_t generation = 0;
  int slots = 0, slot = 0;
  std::istringstream lines{std::string(config)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first, second, third;
    words >> first >> second >> third;
    if (first == "backend") {
      slot = slot_of(second);
      slots = std::max(slots, slot);
      if (second == tcp_slot_name(slot) && routes.contains(slot)) slot = 0;  // known already
    } else if (first == "set-var" && second == "proc.gen") {
      generation = std::atoll(third.c_str() + 4);  // int(N)
    } else if (slot > 0 && first == "#" && second == "with") {
      if (const auto at = line.find('{'); at != std::string::npos && routes.contains(slot))
        decode_rest(std::string_view(line).substr(at), routes[slot].route);
    } else if (slot > 0 && first == "#") {
      if (const auto id = InstanceId::parse(second)) routes[slot] = {slot, {*id, {}, {}}};
    } else if (slot > 0 && first == "server" && routes.contains(slot)) {
      if (const auto key = ReplicaKey::parse(second))
        routes[slot].route.backends.push_back(backend_of(*key, address_of(third), line));
    }
  }
  std::istringstream entries{std::string(hosts_map)};
  for (std::string host, name; entries >> host >> name;) {
    if (name.ends_with('/'))
      name.pop_back();  // "s0001/<host>" is a preview, which is known already
    if (const auto found = routes.find(slot_of(name)); found != routes.end())
      found->second.route.hosts.push_back(host);
  }
  RouteTable table(slots);
  for (const auto& [number, route] : routes) table.restore({route});
  table.set_generation(generation);
  return table;
}

StateFile::StateFile(const std::string& directory)
    : directory_(directory),
      snapshot_(directory + "/routes.json"),
      journal_(directory + "/routes.journal") {}

StateFile::~StateFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<StateFile::Loaded> StateFile::load(int slots) {
  Loaded loaded;
  const auto take = [&](const std::string& path) -> Result<> {
    auto text = read_whole(path);
    if (!text) return text.error();
    auto record = decode_record(*text);
    if (!record) return record.error();
    loaded.table = RouteTable(record->slots);
    if (!loaded.table.restore(record->routes))
      loaded.notices.push_back("edge_state_repaired file=" + path);
    loaded.table.set_generation(record->generation);
    return done();
  };
  const auto first = take(snapshot_);
  const bool present = first.ok() || ::access(snapshot_.c_str(), F_OK) == 0;
  const bool backup = ::access((snapshot_ + ".bak").c_str(), F_OK) == 0;
  if (!first && (present || backup)) {
    loaded.notices.push_back("edge_state_damaged file=" + snapshot_ + " error=\"" +
                             first.error().detail + "\"");
    ::rename(snapshot_.c_str(), (snapshot_ + ".corrupt").c_str());
  }
  if (!first && backup && take(snapshot_ + ".bak").ok()) {
    loaded.notices.push_back("edge_state_restored from=" + snapshot_ + ".bak");
  } else if (!first) {
    const auto config = read_whole(directory_ + "/haproxy.cfg"),
               hosts = read_whole(directory_ + "/hosts.map");
    if (config && hosts) {
      loaded.table = rebuild_from_config(*config, *hosts);
      loaded.notices.push_back("edge_state_rebuilt from=haproxy.cfg routes=" +
                               std::to_string(loaded.table.routes().size()));
    }
  }
  if (!first) replay(journal_ + ".bak", loaded);
  replay(journal_, loaded);
  loaded.table.resize(slots);
  GANTRY_TRY(compact(loaded.table));
  return loaded;
}

void StateFile::replay(const std::string& path, Loaded& loaded) {
  const auto text = read_whole(path);
  if (!text) return;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    const auto record = decode_record(line);
    if (record && record->generation <= loaded.table.generation()) continue;
    if (record) {
      loaded.table.resize(record->slots);
      loaded.table.set_generation(record->generation);
    }
    if (!record || !loaded.table.restore(record->routes))
      loaded.notices.push_back("edge_state_damaged file=" + path + " generation=" +
                               std::to_string(loaded.table.generation()) + " a line was left out");
  }
}

Result<> StateFile::open_journal() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = ::open(journal_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) return file_error("open", journal_);
  struct stat status {};
  ::fstat(fd_, &status);
  journal_bytes_ = status.st_size;
  return done();
}

Result<> StateFile::append(const StateRecord& record) {
  if (fd_ < 0) GANTRY_TRY(open_journal());
  const std::string line = encode_record(record) + "\n";
  const auto written = ::write(fd_, line.data(), line.size());
  if (written == static_cast<ssize_t>(line.size()) && ::fdatasync(fd_) == 0) {
    journal_bytes_ += written;
    return done();
  }
  const Error error = file_error("write", journal_);
  if (::ftruncate(fd_, journal_bytes_) != 0) {
    ::close(fd_);
    fd_ = -1;
  }
  return error;
}

// At each step the newest readable pair of snapshot and journals, replayed by generation, gives the
// same table.
Result<> StateFile::compact(const RouteTable& table) {
  const std::string text = encode_record(record_of(table));
  const std::string link = snapshot_ + ".link";
  ::unlink(link.c_str());
  if (::link(snapshot_.c_str(), link.c_str()) == 0)
    GANTRY_TRY(rename_over(link, snapshot_ + ".bak"));
  GANTRY_TRY(replace_file(snapshot_, text));
  snapshot_bytes_ = static_cast<std::int64_t>(text.size());
  ::rename(journal_.c_str(), (journal_ + ".bak").c_str());
  return open_journal();
}

}  // namespace gantry
