// Exec in memory, for tests: programs are functions of a test's choice, each on a thread of its
// own, with pipes of bounded size. Containers are those that a test says run. Thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "runtime/exec.hpp"

namespace gantry {

// What a program has of the world.
class SimProgramIo {
 public:
  virtual ~SimProgramIo() = default;
  virtual std::string read() = 0;  // empty: its input has ended
  // False: nobody reads, or it is killed.
  virtual bool write(ExecStream, std::string_view) = 0;
  virtual TerminalSize terminal() = 0;
  // Until it is killed.
  virtual void sleep() = 0;
};
// Its exit code.
using SimProgram = std::function<int(SimProgramIo&, const std::vector<std::string>& argv)>;

class SimExec final : public Exec {
 public:
  SimExec();
  ~SimExec() override;

  // ---- the test's side ----
  void add_program(const std::string& name, SimProgram);
  void add_container(const std::string& id);   // it runs
  void kill_container(const std::string& id);  // and all programs in it with it
  std::size_t one_offs() const;                // containers of run() that are there
  void leave_one_off();                        // as an earlier daemon would have

  Result<std::unique_ptr<Execution>> exec(const ExecSpec&) override;
  Result<std::unique_ptr<Execution>> run(const OneOffSpec&) override;
  Result<int> sweep_one_offs(Duration age) override;

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace gantry
