// What a container has used so far, from its cgroup on this machine: a few small files, and no call
// of the engine, whose answer would cost a hundred times as much. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace gantry {

struct ContainerCounters {
  double cpu_nanoseconds = 0;                        // since its start
  double memory_bytes = 0;                           // now, without the page cache that gives way
  std::uint64_t received_bytes = 0, sent_bytes = 0;  // since its start, without the loopback
};

class ContainerMeter {
 public:
  virtual ~ContainerMeter() = default;
  // Nothing: it does not run, or not here.
  virtual std::optional<ContainerCounters> read(const std::string& container_id) = 0;
};

class CgroupMeter final : public ContainerMeter {
 public:
  explicit CgroupMeter(std::string cgroups = "/sys/fs/cgroup", std::string proc = "/proc")
      : cgroups_(std::move(cgroups)), proc_(std::move(proc)) {}
  std::optional<ContainerCounters> read(const std::string& container_id) override;

 private:
  const std::string cgroups_, proc_;
  std::size_t layout_ = 0;  // that fitted last
};

}  // namespace gantry
