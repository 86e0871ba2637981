// Tells a webhook what a person must look at: the events that raise an alert, once, and those that
// end one. One thread of its own, which nobody waits for. Goes on where the last daemon stopped.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "proto/alert_ledger.hpp"
#include "proto/store.hpp"
#include "runtime/backup/webhook.hpp"

namespace gantry {

struct AlertOptions {
  WebhookOptions webhook;
  Duration tick = Seconds(2);
  Duration first_pause = Seconds(1);  // after a failure; doubles
  Duration longest_pause = std::chrono::minutes(5);
  std::function<void(const std::string&)> log = [](const std::string&) {};
};

// What an event does to the alerts that are raised: the text to send; nothing when it changes none.
std::optional<std::string> alert_of(const Event&, AlertMark&);

class Alerts {
 public:
  // `leads`: whether this daemon acts for the installation. All outlive this.
  Alerts(Store&, AlertLedger&, std::function<bool()> leads, AlertOptions);
  ~Alerts();

  void start();
  void stop();

 private:
  void run(const std::stop_token&);
  // One page of events. Whether there may be more.
  Result<bool> step(const std::stop_token&);
  bool deliver(const std::string& body, const std::stop_token&);
  static bool wait(Duration, const std::stop_token&);

  Store& store_;
  AlertLedger& ledger_;
  const std::function<bool()> leads_;
  const AlertOptions options_;
  std::jthread thread_;
};

}  // namespace gantry
