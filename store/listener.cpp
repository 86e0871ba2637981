#include "store/listener.hpp"

#include <chrono>

#include <pqxx/pqxx>

#include "store/connection.hpp"

namespace gantry {
namespace {

constexpr std::chrono::milliseconds kReconnectPause{500};

class Collector final : public pqxx::notification_receiver {
 public:
  Collector(pqxx::connection& connection, const std::function<bool(int)>& is_own)
      : notification_receiver(connection, "gantry"), is_own_(is_own) {}
  void operator()(const std::string& payload, int backend_pid) override {
    if (is_own_(backend_pid)) return;
    foreign = true;
    if (auto id = InstanceId::parse(payload)) changed.insert(*id);
  }
  bool foreign = false;
  std::set<InstanceId> changed;

 private:
  const std::function<bool(int)>& is_own_;
};

}  // namespace

void DatabaseListener::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  started_.wait(false);
}

void DatabaseListener::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    try {
      listen(stop);
    } catch (const std::exception&) {
      // The database went away: what was notified meanwhile is lost and read again.
      wanted_ = true;
      tell_started();
      std::this_thread::sleep_for(kReconnectPause);
    }
  }
}

void DatabaseListener::tell_started() {
  started_ = true;
  started_.notify_all();
}

void DatabaseListener::listen(const std::stop_token& stop) {
  const auto connection = connect(database_);
  Collector collector(*connection, callbacks_.is_own);
  tell_started();
  while (!stop.stop_requested()) {
    if (!wanted_ && !collector.foreign) connection->await_notification(0, 300'000);
    const bool missed = wanted_.exchange(false);
    if (!missed && !collector.foreign) continue;
    collector.foreign = false;
    if (!callbacks_.reload()) throw pqxx::broken_connection("reload");
    callbacks_.changed(std::exchange(collector.changed, {}));
    if (missed) callbacks_.missed();
  }
}

}  // namespace gantry
