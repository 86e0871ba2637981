// Alerts on their way to a receiver on the loopback.
#include "runtime/backup/alerts.hpp"

#include "store/open_ledger.hpp"
#include "tests/support/loopback.hpp"
#include "tests/support/postgres.hpp"

namespace gantry::testing {
namespace {

// "X-Gantry-Signature: ...": the same for the same body.
std::string signature_in(const std::string& head) {
  const std::size_t at = head.find("X-Gantry-Signature: sha256=");
  return at == std::string::npos ? "" : head.substr(at + 27, 64);
}

class BackupAlerts : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    store_ = open();
    ledger_ = open_alert_ledger(*store_);
    world_ = make_world(*store_);
    receiver_.emplace([this](const std::string& head) {
      const std::lock_guard lock(mutex_);
      if (faults_ > 0) {
        --faults_;
        refused_.push_back(signature_in(head));
        return std::string("HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n");
      }
      taken_.push_back(signature_in(head));
      return std::string("HTTP/1.1 204 Taken\r\n\r\n");
    });
    daemon();
    // Where it begins: at what is there now.
    until([&] { return !ledger_->alert_mark()->cursor.empty(); });
  }
  void TearDown() override { alerts_.reset(); }

  void daemon() {
    alerts_.reset();
    alerts_ = std::make_unique<Alerts>(
        *store_, *ledger_, [this] { return leads_ || ++denied_ == 0; },
        AlertOptions{
            .webhook = {.url = "http://127.0.0.1:" + std::to_string(receiver_->port()) + "/alerts",
                        .secret = "hush"},
            .tick = std::chrono::milliseconds(10),
            .first_pause = std::chrono::milliseconds(10)});
    alerts_->start();
  }
  void happens(const std::string& type, const std::string& message = "") {
    Event event;
    event.type = type;
    event.project_id = world_.project.id;
    event.instance_id = world_.instance.id.str();
    event.message = message;
    ASSERT_TRUE(store_->record_event(event));
  }
  template <class F>
  void until(F&& condition) {
    for (int i = 0; i < 1000 && !condition(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ASSERT_TRUE(condition());
  }
  std::size_t taken() const {
    const std::lock_guard lock(mutex_);
    return taken_.size();
  }
  // All that has happened has been dealt with.
  void settle() {
    until([&] { return ledger_->alert_mark()->cursor == *store_->latest_cursor(); });
  }

  mutable std::mutex mutex_;
  std::vector<std::string> taken_, refused_;
  int faults_ = 0;
  std::atomic<bool> leads_{true};
  std::atomic<int> denied_{0};  // how often it was told that it does not lead
  std::unique_ptr<Store> store_;
  std::unique_ptr<AlertLedger> ledger_;
  World world_;
  std::optional<LoopbackServer> receiver_;
  std::unique_ptr<Alerts> alerts_;
};

TEST_F(BackupAlerts, OneStateIsToldOnce) {
  happens("backup.failed", "the disk is full");
  happens("backup.failed", "the disk is still full");
  happens("deployment.succeeded");
  settle();
  EXPECT_EQ(taken(), 1U);
  happens("backup.succeeded");
  happens("backup.succeeded");
  settle();
  EXPECT_EQ(taken(), 2U) << "its end, too, once";
  happens("backup.failed", "again");
  settle();
  EXPECT_EQ(taken(), 3U);
}

TEST_F(BackupAlerts, A500IsTriedAgain) {
  faults_ = 3;
  happens("backup.failed");
  settle();
  ASSERT_EQ(taken(), 1U);
  EXPECT_EQ(refused_, std::vector<std::string>(3, taken_[0])) << "the same text, again and again";
  EXPECT_FALSE(taken_[0].empty()) << "it is signed";
}

TEST_F(BackupAlerts, ARestartLosesNoneAndRepeatsNone) {
  happens("restore.unverified");
  settle();
  faults_ = 1 << 20;
  happens("backup.failed");
  until([&] {
    const std::lock_guard lock(mutex_);
    return !refused_.empty();
  });
  alerts_.reset();
  happens("restore.unverified", "told before the restart");
  happens("volume.filling", "happened while nothing ran");
  {
    const std::lock_guard lock(mutex_);
    faults_ = 0;
  }
  daemon();
  settle();
  ASSERT_EQ(taken(), 3U);
  EXPECT_EQ(taken_[1], refused_[0]) << "the one that was on its way";
  EXPECT_EQ(ledger_->alert_mark()->raised.size(), 2U);
}

TEST_F(BackupAlerts, OnlyWhoLeadsTells) {
  leads_ = false;
  until([&] { return denied_ > 0; });  // what it read before that it may still tell
  happens("backup.failed");
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(taken(), 0U);
  leads_ = true;
  settle();
  EXPECT_EQ(taken(), 1U);
}

TEST(BackupAlertOf, WhatItTells) {
  AlertMark mark;
  Event event;
  event.type = "backup.failed";
  event.cursor = "1-2";
  event.instance_id = "ins_1";
  event.message = "a \"quoted\" reason";
  event.at = *parse_time("2026-11-29T12:00:00Z");
  EXPECT_EQ(alert_of(event, mark),
            R"({"id":"1-2","state":"raised","alerts":["backup.failed"],"event":"backup.failed",)"
            R"("message":"a \"quoted\" reason","project_id":null,"environment_id":null,)"
            R"("service_id":null,"instance_id":"ins_1","at":"2026-11-29T12:00:00.000000Z"})");
  event.instance_id = "ins_2";
  EXPECT_TRUE(alert_of(event, mark)) << "another one's";
  event.type = "backup.missing";
  EXPECT_TRUE(alert_of(event, mark));
  event.type = "backup.succeeded";
  EXPECT_NE(alert_of(event, mark)->find(R"("alerts":["backup.failed","backup.missing"])"),
            std::string::npos);
  EXPECT_EQ(mark.raised, std::set<std::string>{"backup.failed ins_1"});
}

}  // namespace
}  // namespace gantry::testing
