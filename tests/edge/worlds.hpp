// What the conformance suite needs of an edge: the real HAProxy with servers on the loopback, or
// the simulated one.
#pragma once

#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "runtime/edge/haproxy.hpp"
#include "runtime/sim/edge.hpp"
#include "tests/support/loopback.hpp"

namespace gantry {

InstanceId instance_id(int n);
ReplicaKey replica_key(int deployment, int ordinal = 0);

class EdgeWorld {
 public:
  virtual ~EdgeWorld() = default;
  virtual Edge& edge() = 0;
  virtual RouteBackend replica(int deployment, int ordinal = 0) = 0;
  virtual int status(const std::string& host) = 0;
  // Ids of the replicas that answer this host.
  virtual std::set<std::string> answering(const std::string& host) = 0;
  virtual void open_session(const std::string& host,
                            const ReplicaKey&) = 0;  // stays open until close_sessions
  // An upgraded connection; stays open until close_sessions.
  virtual void open_stream(const std::string& host, const ReplicaKey&) = 0;
  virtual void close_sessions() = 0;
  // Percent of many requests, by replica.
  virtual std::map<std::string, int> shares(const std::string& host) = 0;
  // A request that may have to wait; visits_end() gives the status of each.
  virtual void visit(const std::string& host) = 0;
  virtual std::vector<int> visits_end() = 0;
  virtual void restart_daemon() = 0;  // a new edge, or start() again; the proxy lives on
  virtual void kill_proxy() = 0;
};

class SimWorld final : public EdgeWorld {
 public:
  SimEdge& edge() override { return edge_; }
  RouteBackend replica(int deployment, int ordinal = 0) override;
  int status(const std::string& host) override;
  std::set<std::string> answering(const std::string& host) override;
  void open_session(const std::string& host, const ReplicaKey&) override;
  void open_stream(const std::string& host, const ReplicaKey&) override;
  void close_sessions() override;
  std::map<std::string, int> shares(const std::string& host) override;
  void visit(const std::string& host) override {
    visits_.push_back(host);
    (void)edge_.request(host);
  }
  std::vector<int> visits_end() override;
  void restart_daemon() override { (void)edge_.start(); }
  void kill_proxy() override { edge_.crash_proxy(); }

 private:
  SimEdge edge_;
  std::set<ReplicaKey> held_;
  std::vector<std::string> visits_;
};

// A folder and a port of its own; ends the proxy and removes the folder at the end, whatever
// happened.
class HaproxyWorld final : public EdgeWorld {
 public:
  HaproxyWorld();
  ~HaproxyWorld() override;

  Edge& edge() override { return *edge_; }
  RouteBackend replica(int deployment, int ordinal = 0) override;
  int status(const std::string& host) override { return get(host).status; }
  std::set<std::string> answering(const std::string& host) override;
  void open_session(const std::string& host, const ReplicaKey&) override;
  void open_stream(const std::string& host, const ReplicaKey&) override;
  void close_sessions() override;
  std::map<std::string, int> shares(const std::string& host) override;
  void visit(const std::string& host) override;
  std::vector<int> visits_end() override;
  void restart_daemon() override;
  void kill_proxy() override { kill_master(); }

  EdgeOptions options;  // change, then restart_daemon()
  void drop_daemon() { edge_.reset(); }
  void make_daemon() { edge_ = make_haproxy_edge(options); }  // not started
  HttpReply get(const std::string& host, const std::string& path = "/",
                const std::string& headers = "") {
    return http_get(options.port, host, path, headers);
  }
  std::string file(const std::string& name) const { return options.directory + "/" + name; }
  std::string tell_worker(const std::string& command);
  pid_t master_pid();
  pid_t worker_pid();
  void kill_master();
  void kill_worker();
  std::string notices() const;
  std::string last_request();

 private:
  struct Gate {
    std::mutex mutex;
    std::set<std::string> arrived;  // replica ids whose server holds a request
    std::set<std::string> streaming;
    std::string last_request;
    std::atomic<bool> open{false};
  };
  std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  std::map<ReplicaKey, std::unique_ptr<LoopbackServer>> servers_;
  std::vector<std::future<HttpReply>> held_, visits_;
  std::vector<int> streams_;
  std::shared_ptr<std::string> notices_ = std::make_shared<std::string>();
  std::unique_ptr<Edge> edge_;
};

// A route of one instance.
Route route(int instance, std::vector<std::string> hosts, std::vector<RouteBackend> backends);
RouteBackend draining(RouteBackend backend);

}  // namespace gantry
