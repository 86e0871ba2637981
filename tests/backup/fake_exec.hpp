// Containers with a database in them that understands "dump", "restore", "inspect", "check",
// "health" and "tar": small and whole. Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "proto/backup.hpp"
#include "proto/template.hpp"
#include "runtime/exec.hpp"

namespace gantry::testing {

struct FakeDatabase {
  Manifest tables;
  std::size_t padding = 0;  // bytes of a dump beside its rows
};

// How a program behaves that is not as it should be.
struct FakeFault {
  std::string program;          // "dump"
  std::size_t after_bytes = 0;  // of its output
  int exit_code = 137;
  std::string says = {};     // on its error output
  bool loses_a_row = false;  // of a restore: says 0 and is wrong
};

class FakeExec final : public Exec {
 public:
  Result<std::unique_ptr<Execution>> exec(const ExecSpec&) override;
  Result<std::unique_ptr<Execution>> run(const OneOffSpec&) override;
  Result<int> sweep_one_offs(Duration) override { return 0; }

  std::map<std::string, FakeDatabase> databases() const;
  void set(const std::string& container, FakeDatabase);
  void fault(std::optional<FakeFault>);
  // Called before a program begins; may block.
  std::function<void(const std::string& program)> on_program = nullptr;

  std::atomic<int> dumps_now{0}, most_dumps{0}, one_offs{0};
  std::vector<ExecSpec> programs() const;  // in the order in which they began
  std::vector<OneOffSpec> runs() const;

 private:
  friend class FakeExecution;
  friend class FakeOneOff;
  mutable std::mutex mutex_;
  std::map<std::string, FakeDatabase> databases_;
  std::optional<FakeFault> fault_;
  std::vector<ExecSpec> programs_;
  std::vector<OneOffSpec> runs_;
};

// The container of a one-off.
std::string one_off_container(const SessionId&);

std::string dump_of(const FakeDatabase&);
std::optional<FakeDatabase> read_dump(const std::string&);

// Of "fake": a database whose tools are those of FakeExec.
const TemplateService* fake_template(std::string_view from_template);

}  // namespace gantry::testing
