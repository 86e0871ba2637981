// A container engine in memory, for tests and simulations: deterministic, its time is the Clock's.
// It outlives the drivers on it, as a real engine outlives the daemon, and holds other
// installations' containers too. Thread-safe.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/driver.hpp"

namespace gantry {

struct SimImage {
  std::vector<int> exposed;          // EXPOSE, TCP
  std::set<std::string> programs;    // what a command may begin with
  std::optional<int> exits_at_once;  // with this code; so does the variable EXIT_AT_ONCE
};

// What the next calls run into; each is used up by the call that it hits.
struct SimFaults {
  int unavailable = 0;   // so many calls answer "engine_unavailable" and do nothing
  int lost_replies = 0;  // so many start() do their work, and answer "engine_unavailable"
  int exit_at_once = 0;  // so many started containers exit at once with `exit_code`
  int exit_code = 1;
};

struct SimCalls {
  int run_once = 0, end_run = 0;
  int pull = 0, start = 0, stop = 0, remove = 0, list = 0, networks = 0, remove_network = 0,
      ping = 0;
  int created = 0;  // containers
};

class SimEngine {
 public:
  struct Options {
    int cores = 4;
    std::string node = "sim";
  };
  explicit SimEngine(const Clock& clock) : SimEngine(clock, Options()) {}
  SimEngine(const Clock& clock, Options options) : clock_(clock), options_(std::move(options)) {}

  // ---- the test's side ----
  void add_image(const std::string& name, SimImage image);
  void remove_image(const std::string& name);
  // An image that only a pull makes present.
  void add_remote_image(const std::string& name, SimImage image);
  void inject(const SimFaults& faults);
  void set_down(bool down);  // every call is unavailable, watchers see engine_lost and engine_back

  // A running container ends by itself. Nothing when it does not run.
  void exit(const ReplicaKey&, int code);
  void kill_out_of_memory(const ReplicaKey&);
  // Somebody removes it by hand.
  void destroy(const ReplicaKey&);
  // A container of somebody else, under a name of their choice.
  void add_foreign(const std::string& name);
  bool has_foreign(const std::string& name) const;

  // What programs keep in a volume; nothing when there is none. Somebody removes it by hand.
  void write(const VolumeId&, const std::string& path, const std::string& text);
  std::optional<std::string> read(const VolumeId&, const std::string& path) const;
  void lose_volume(const VolumeId&);

  std::optional<Container> find(const ReplicaKey&) const;
  std::vector<Container> all() const;  // of every installation, without the foreign ones
  SimCalls calls() const;
  int runs_begun(const DeploymentId&) const;  // how often its command was begun
  std::size_t runs_left() const;              // containers of run_once() that are still there

 private:
  friend class SimDriver;
  friend class SimVolumes;
  struct Entry {
    InstallationId installation_id;
    ContainerSpec spec;
    Container container;
    int port = 0;
  };
  struct Network {
    InstallationId installation_id;
    EnvironmentId environment_id;
    std::string subnet;
  };
  struct SimVolume {
    InstallationId installation_id;
    std::map<std::string, std::string> files;  // by path
  };
  struct Told {
    InstallationId installation_id;  // empty: everybody
    EngineEvent event;
  };

  // REQUIRES of all below: `mutex_` is held.
  void tell(const InstallationId&, EngineEvent event);
  void tell_changed(const Entry&);
  void end(Entry&, ContainerExit exit);
  Entry* entry(const ReplicaKey&);

  const Clock& clock_;
  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, SimImage> images_;
  std::map<std::string, SimImage> remote_images_;
  std::map<std::string, Entry> containers_;  // by container id, in the order of their making
  std::map<std::string, Network> networks_;  // by name
  std::map<VolumeId, SimVolume> volumes_;
  std::map<std::pair<InstallationId, DeploymentId>, ContainerExit> runs_;
  std::map<DeploymentId, int> begun_;
  std::set<std::string> foreign_;
  std::vector<Told> events_;  // since the beginning
  SimFaults faults_;
  SimCalls calls_;
  bool down_ = false;
  int made_ = 0;
};

}  // namespace gantry
