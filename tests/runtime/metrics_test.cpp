// What services used: a line, the files, the adding up, and the kernel's files that it comes from.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "runtime/metrics/recorder.hpp"
#include "runtime/metrics/sample.hpp"
#include "runtime/sim/edge.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;

constexpr TimePoint kNoon{Seconds(1'800'014'400)};  // the begin of a minute, and of a quarter
constexpr Seconds kMinute{60};

InstanceId instance(int n) {
  return *InstanceId::parse("ins_01jd8yq5x8c5v0m6r7k2n4t9w" + std::to_string(n));
}

MetricsSample sample_at(TimePoint at) {
  MetricsSample sample;
  sample.at = at;
  sample.seconds = 60;
  sample.replicas = 2;
  sample.cpu_millicores = 250;
  sample.cpu_peak_millicores = 400;
  sample.memory_bytes = 1 << 20;
  sample.memory_peak_bytes = 2 << 20;
  sample.received_bytes = 10;
  sample.sent_bytes = 20;
  sample.responses = {0, 5, 1, 2, 3};
  sample.latency.add(12);
  sample.latency.add(300, 2);
  return sample;
}

class Folder : public ::testing::Test {
 protected:
  Folder() {
    char name[] = "/tmp/gantry-metrics-XXXXXX";
    root_ = ::mkdtemp(name);
  }
  ~Folder() override { fs::remove_all(root_); }
  std::string root_;
};

TEST(MetricsSample, AddsUpByTheTimeThatWasMeasured) {
  MetricsSample all = sample_at(kNoon + kMinute);
  MetricsSample other = sample_at(kNoon);
  other.seconds = 180;
  other.cpu_millicores = 50;
  other.cpu_peak_millicores = 900;
  other.replicas = 1;
  other.volume_bytes = 7;
  all.add(other);
  EXPECT_EQ(all.at, kNoon);
  EXPECT_EQ(all.seconds, 240);
  EXPECT_EQ(all.cpu_millicores, 100);
  EXPECT_EQ(all.cpu_peak_millicores, 900);
  EXPECT_EQ(all.replicas, 2);
  EXPECT_EQ(all.volume_bytes, 7);
  EXPECT_EQ(all.responses, (std::array<std::uint64_t, 5>{0, 10, 2, 4, 6}));
  EXPECT_EQ(all.latency.count(), 6u);
  MetricsSample still = sample_at(kNoon);
  still.seconds = 0;
  still.cpu_millicores = 5000;
  all.add(still);
  EXPECT_EQ(all.cpu_millicores, 100) << "nothing was measured of it";
}

TEST(MetricsSample, IsTheSameFromItsLine) {
  MetricsSample sample = sample_at(kNoon);
  for (const bool volume : {false, true}) {
    if (volume) sample.volume_bytes = 0;
    std::string line = encode_sample(sample);
    ASSERT_EQ(line.back(), '\n');
    line.pop_back();
    const auto read = decode_sample(line);
    ASSERT_TRUE(read) << line;
    EXPECT_EQ(*read, sample) << line;
    EXPECT_EQ(begin_of(line), kNoon);
    for (std::size_t cut = 0; cut < line.size(); ++cut)
      EXPECT_FALSE(decode_sample(line.substr(0, cut))) << line.substr(0, cut);
    EXPECT_FALSE(decode_sample(line.substr(0, 20) + line)) << "two that ran into each other";
  }
  EXPECT_FALSE(decode_sample("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 168:1 ."));
  EXPECT_TRUE(decode_sample("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 167:1 ."));
  EXPECT_FALSE(decode_sample("1 2 x 4 5 6 7 8 9 10 11 12 13 14 15 ."));
  EXPECT_FALSE(decode_sample("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 . 1"));
}

using MetricsFilesTest = Folder;

TEST_F(MetricsFilesTest, GivesBackWhatWasAppendedInASpan) {
  MetricsFiles files(root_);
  for (int i = 0; i < 3000; ++i)  // more than two files of a day
    ASSERT_TRUE(files.append(kMinutes, instance(1), sample_at(kNoon + i * kMinute)).ok());
  for (const int from : {0, 1, 77, 700, 719, 720, 721, 1500, 2160, 2998, 2999, 3000}) {
    for (const int to : {from, from + 1, from + 60, from + 1500}) {
      const auto read =
          files.read(kMinutes, instance(1), kNoon + from * kMinute, kNoon + to * kMinute);
      ASSERT_EQ(read.size(), static_cast<std::size_t>(std::max(std::min(to, 3000) - from, 0)));
      for (std::size_t i = 0; i < read.size(); ++i)
        EXPECT_EQ(read[i].at, kNoon + (from + static_cast<int>(i)) * kMinute);
    }
  }
  EXPECT_TRUE(files.read(kMinutes, instance(2), kNoon, kNoon + 10 * kMinute).empty());
  EXPECT_TRUE(files.read(kQuarters, instance(1), kNoon, kNoon + 10 * kMinute).empty());
  const TimePoint last = kNoon + 2999 * kMinute;
  EXPECT_EQ(files.newest(kMinutes, instance(1), kNoon, last + Seconds(86400)), last);
  EXPECT_EQ(files.newest(kMinutes, instance(1), last + Seconds(1), last + Seconds(86400)),
            std::nullopt);
}

TEST_F(MetricsFilesTest, ADamagedLineCostsNoOther) {
  MetricsFiles files(root_);
  ASSERT_TRUE(files.append(kMinutes, instance(1), sample_at(kNoon)).ok());
  for (const auto& file : fs::directory_iterator(root_ + "/" + instance(1).str()))
    std::ofstream(file.path(), std::ios::app) << "1800014460 60000 1 2 3\nnonsense\n";
  ASSERT_TRUE(files.append(kMinutes, instance(1), sample_at(kNoon + 2 * kMinute)).ok());
  EXPECT_EQ(files.read(kMinutes, instance(1), kNoon, kNoon + 5 * kMinute).size(), 2u);
  EXPECT_EQ(files.newest(kMinutes, instance(1), kNoon, kNoon + 5 * kMinute), kNoon + 2 * kMinute);
}

TEST_F(MetricsFilesTest, WhatIsTooOldOrOfNobodyGoes) {
  MetricsFiles files(root_);
  const TimePoint later = kNoon + Seconds(40 * 86400);
  for (const TimePoint at : {kNoon, later})
    for (const MetricsTier& tier : {kMinutes, kQuarters})
      for (int n : {1, 2}) ASSERT_TRUE(files.append(tier, instance(n), sample_at(at)).ok());
  std::ofstream(root_ + "/readme.txt") << "not ours";
  const auto count = [&](int n, TimePoint at) {
    return files.read(kMinutes, instance(n), at, at + kMinute).size() +
           files.read(kQuarters, instance(n), at, at + kMinute).size();
  };
  files.sweep({instance(1)}, later - Seconds(86400), kNoon);
  EXPECT_EQ(count(1, kNoon), 1u) << "the quarter is not too old";
  EXPECT_EQ(count(1, later), 2u);
  EXPECT_EQ(count(2, later), 0u);
  files.sweep({instance(1)}, later - Seconds(86400), later - Seconds(86400));
  EXPECT_EQ(count(1, kNoon), 0u);
  EXPECT_EQ(count(1, later), 2u);
  EXPECT_TRUE(fs::exists(root_ + "/readme.txt"));
}

class HandMeter final : public ContainerMeter {
 public:
  std::optional<ContainerCounters> read(const std::string& id) override {
    const auto found = containers.find(id);
    return found == containers.end() ? std::nullopt : std::optional(found->second);
  }
  std::map<std::string, ContainerCounters> containers;
};

class HandClock final : public Clock {
 public:
  TimePoint now() const override { return at; }
  TimePoint at = kNoon;
};

class MetricsRecorderTest : public Folder {
 protected:
  MetricsRecorderTest() {
    EXPECT_TRUE(edge_.start().ok());
    Route route;
    route.instance_id = instance(1);
    route.hosts = {"one.test"};
    EXPECT_TRUE(edge_.apply({route}).ok());
    begin();
  }
  void begin() {
    recorder_ = std::make_unique<MetricsRecorder>(
        MetricsPorts{edge_, meter_, clock_, [this] { return projects_; }},
        MetricsOptions{.directory = root_,
                       .log = [this](const std::string& line) { log_ += line + "\n"; }});
  }
  void look_after(Duration span) {
    clock_.at += span;
    recorder_->look(clock_.at);
  }
  void begin_one() {
    meter_.containers["c1"] = {};
    recorder_->runs(instance(1), {"c1"});
    recorder_->look(clock_.at);
  }
  // So much is used each second from now on, looked at every ten.
  void use(Seconds span, double cores, double memory, std::uint64_t received) {
    for (Seconds done{0}; done < span; done += Seconds(10)) {
      ContainerCounters& it = meter_.containers["c1"];
      it.cpu_nanoseconds += cores * 1e10;
      it.memory_bytes = memory;
      it.received_bytes += received * 10;
      it.sent_bytes += received;
      look_after(Seconds(10));
    }
  }
  std::vector<MetricsSample> read(TimePoint since) {
    return recorder_->read(instance(1), since, clock_.at + Seconds(1));
  }
  MetricsSample all(TimePoint since) {
    MetricsSample sum;
    for (const auto& one : read(since)) sum.add(one);
    return sum;
  }

  SimEdge edge_;
  HandMeter meter_;
  HandClock clock_;
  std::vector<ProjectPtr> projects_;
  std::string log_;
  std::unique_ptr<MetricsRecorder> recorder_;
};

TEST_F(MetricsRecorderTest, TellsAveragesPeaksAndSumsByTheMinute) {
  recorder_->runs(instance(1), {"c1"});
  meter_.containers["c1"] = {.memory_bytes = 100};
  recorder_->look(clock_.at);
  use(Seconds(180), 0.5, 1000, 7);
  use(Seconds(60), 2, 3000, 7);
  const auto samples = read(kNoon);
  ASSERT_EQ(samples.size(), 5u) << "the last look began a minute";
  EXPECT_EQ(samples[1].at, kNoon + kMinute);
  EXPECT_EQ(samples[1].seconds, 60);
  EXPECT_EQ(samples[1].cpu_millicores, 500);
  const MetricsSample sum = all(kNoon);
  EXPECT_EQ(sum.seconds, 240);
  EXPECT_NEAR(sum.cpu_millicores, 875, 1);
  EXPECT_EQ(sum.cpu_peak_millicores, 2000);
  EXPECT_EQ(sum.memory_peak_bytes, 3000);
  EXPECT_NEAR(sum.memory_bytes, 1500, 1);
  EXPECT_EQ(sum.received_bytes, 240u * 7);
  EXPECT_EQ(sum.sent_bytes, 24u * 7);
  EXPECT_EQ(sum.replicas, 1);
  EXPECT_EQ(log_, "");
}

TEST_F(MetricsRecorderTest, ReplicasAddUpAndANewOneBeginsAtNothing) {
  meter_.containers["c1"] = {.cpu_nanoseconds = 5e12, .memory_bytes = 10, .received_bytes = 1000};
  recorder_->runs(instance(1), {"c1"});
  recorder_->look(clock_.at);
  meter_.containers["c2"] = {.cpu_nanoseconds = 9e12, .memory_bytes = 20, .received_bytes = 5000};
  recorder_->runs(instance(1), {"c1", "c2", "gone"});
  meter_.containers["c1"].cpu_nanoseconds += 1e10;
  look_after(Seconds(10));
  meter_.containers["c1"].cpu_nanoseconds += 1e10;
  meter_.containers["c2"].cpu_nanoseconds += 5e9;
  meter_.containers["c2"].received_bytes += 3;
  look_after(Seconds(10));
  const MetricsSample sum = all(kNoon);
  EXPECT_EQ(sum.replicas, 2);
  EXPECT_EQ(sum.cpu_peak_millicores, 1500);
  EXPECT_NEAR(sum.cpu_millicores, 1250, 1);
  EXPECT_EQ(sum.memory_peak_bytes, 30);
  EXPECT_EQ(sum.received_bytes, 3u);
}

TEST_F(MetricsRecorderTest, CountsAnswersAndTheirTimes) {
  const auto answered = [&](std::uint64_t good, std::uint64_t bad) {
    edge_.set_load({.instance_id = instance(1), .responses = {0, good, 0, 0, bad}});
  };
  answered(100, 10);
  recorder_->look(clock_.at);
  answered(150, 12);
  ReplicaMeasure measure{.instance_id = instance(1), .key = {}, .measure = {}};
  measure.measure.latency.add(20, 99);
  measure.measure.latency.add(900);
  recorder_->measured({measure});
  look_after(Seconds(10));
  answered(3, 0);  // a worker ended, or the proxy began anew
  look_after(Seconds(10));
  answered(5, 0);
  look_after(Seconds(70));
  const MetricsSample sum = all(kNoon);
  EXPECT_EQ(sum.responses, (std::array<std::uint64_t, 5>{0, 52, 0, 0, 2}));
  EXPECT_EQ(sum.latency.count(), 100u);
  EXPECT_NEAR(sum.latency.quantile(0.5), 20, 2);
  EXPECT_NEAR(sum.latency.quantile(1), 900, 90);
  EXPECT_EQ(sum.seconds, 0) << "nothing runs";
}

TEST_F(MetricsRecorderTest, WhatIsOverSurvivesAKill) {
  begin_one();
  use(Seconds(600), 1, 1000, 7);
  const MetricsSample before = all(kNoon);
  EXPECT_EQ(before.seconds, 600);
  begin();  // killed: only the minute that it was in is lost
  EXPECT_GE(all(kNoon).seconds, 540);
  EXPECT_LE(all(kNoon).seconds, 600);
}

TEST_F(MetricsRecorderTest, AStopLosesNothing) {
  begin_one();
  use(Seconds(40), 1, 1000, 7);
  recorder_->start();
  recorder_->stop();
  begin();
  EXPECT_EQ(all(kNoon).seconds, 40);
}

TEST_F(MetricsRecorderTest, QuartersOfAnHourAreWholeWhoeverMeasuredThem) {
  begin_one();
  use(Seconds(10 * 60), 1, 1000, 7);
  for (int kills = 0; kills < 3; ++kills) {  // each loses less than a minute
    begin();
    recorder_->runs(instance(1), {"c1"});
    use(Seconds(10 * 60), 1, 1000, 7);
  }
  use(Seconds(20 * 60), 1, 1000, 7);
  MetricsFiles files(root_);
  const auto quarters = files.read(kQuarters, instance(1), kNoon, clock_.at);
  ASSERT_EQ(quarters.size(), 4u);
  for (std::size_t i = 0; i < quarters.size(); ++i) {
    EXPECT_EQ(quarters[i].at, kNoon + static_cast<int>(i) * Seconds(900));
    EXPECT_GE(quarters[i].seconds, 900 - 2 * 70);
    EXPECT_LE(quarters[i].seconds, 900);
    EXPECT_NEAR(quarters[i].cpu_millicores, 1000, 1);
  }
  clock_.at += Seconds(3 * 86400);
  EXPECT_EQ(recorder_->read(instance(1), kNoon, kNoon + Seconds(3600)).size(), 4u) << "of long ago";
}

TEST_F(MetricsRecorderTest, WhoStandsStillIsWrittenAndForgotten) {
  begin_one();
  use(Seconds(120), 1, 1000, 7);
  recorder_->runs(instance(1), {});
  look_after(Seconds(1800));
  look_after(Seconds(1800));
  EXPECT_EQ(all(kNoon).seconds, 120);
  EXPECT_EQ(MetricsFiles(root_).read(kQuarters, instance(1), kNoon, clock_.at).size(), 1u);
}

TEST_F(MetricsRecorderTest, VolumesOfAProjectAreAddedUp) {
  auto project = std::make_shared<ProjectSnapshot>();
  for (int n = 0; n < 3; ++n) {
    auto volume = std::make_shared<Volume>();
    volume->id = VolumeId::make(TimePoint(Seconds(n)));
    volume->instance_id = instance(1);
    volume->used_bytes = 100 << n;
    if (n == 2) volume->deleted_at = kNoon;
    project->volumes[volume->id] = volume;
  }
  projects_ = {project};
  meter_.containers["c1"] = {};
  recorder_->runs(instance(1), {"c1"});
  recorder_->look(clock_.at);
  EXPECT_EQ(all(kNoon).volume_bytes, 300);
}

TEST_F(MetricsRecorderTest, AnEngineElsewhereIsToldOfOnce) {
  recorder_->runs(instance(1), {"far"});
  recorder_->look(clock_.at);
  look_after(Seconds(10));
  EXPECT_EQ(log_.find("unknown"), log_.rfind("unknown"));
  EXPECT_NE(log_.find("/sys/fs/cgroup"), std::string::npos) << log_;
}

// The kernel's files, as they are with each kind of engine.
class MetricsMeterTest : public Folder {
 protected:
  void write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  void expect_all() {
    write("/proc/77/net/dev",
          "Inter-|   Receive                            |  Transmit\n"
          " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n"
          "    lo: 9999999    10    0    0    0     0          0         0  9999999      10 0\n"
          "  eth0: 1500      20    0    0    0     0          0         0     2500      10 0\n"
          "  eth1:10 1 0 0 0 0 0 0 20 1 0\n");
    CgroupMeter meter(root_, root_ + "/proc");
    const auto seen = meter.read("abc");
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->cpu_nanoseconds, 5e9);
    EXPECT_EQ(seen->memory_bytes, 7000);
    EXPECT_EQ(seen->received_bytes, 1510u);
    EXPECT_EQ(seen->sent_bytes, 2520u);
    EXPECT_FALSE(meter.read("other"));
  }
  void unified(const std::string& at) {
    write(at + "/cpu.stat", "usage_usec 5000000\nuser_usec 1\nsystem_usec 2\n");
    write(at + "/memory.current", "10000\n");
    write(at + "/memory.stat", "anon 1\nactive_file 5\ninactive_file 3000\n");
    write(at + "/cgroup.procs", "77\n78\n");
    expect_all();
  }
  void separate(const std::string& at) {
    write("/cpuacct" + at + "/cpuacct.usage", "5000000000\n");
    write("/memory" + at + "/memory.usage_in_bytes", "10000\n");
    write("/memory" + at + "/memory.stat", "inactive_file 9\ntotal_inactive_file 3000\n");
    write("/memory" + at + "/cgroup.procs", "77\n78\n");
    expect_all();
  }
};

TEST_F(MetricsMeterTest, ReadsCgroupsOfVersionTwo) { unified("/docker/abc"); }
TEST_F(MetricsMeterTest, ReadsCgroupsOfVersionTwoUnderSystemd) {
  unified("/system.slice/docker-abc.scope");
}
TEST_F(MetricsMeterTest, ReadsCgroupsOfVersionOne) { separate("/docker/abc"); }
TEST_F(MetricsMeterTest, ReadsCgroupsOfVersionOneUnderSystemd) {
  separate("/system.slice/docker-abc.scope");
}

TEST_F(MetricsMeterTest, AContainerThatHasEndedHasNothing) {
  separate("/docker/abc");
  write("/memory/docker/abc/cgroup.procs", "");
  EXPECT_FALSE(CgroupMeter(root_, root_ + "/proc").read("abc"));
}

}  // namespace
}  // namespace gantry
