// Taking one copy and giving it back: the stages in a row, each of them checked. What counts as a
// good backup is said here and nowhere else. Blocking; nothing is logged.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "proto/backup.hpp"
#include "runtime/backup/destination.hpp"
#include "runtime/backup/vault.hpp"
#include "runtime/exec.hpp"

namespace gantry {

struct Copied {
  std::int64_t bytes = 0;         // plain
  std::int64_t stored_bytes = 0;  // as it lies there
  std::string sha256;             // of the plain bytes
};

// What is copied. finish() says whether all of it came: a program's exit code.
class Origin : public ByteSource {
 public:
  virtual Result<> finish() = 0;
};

// Ends it, whatever it does: also the program, where an Execution can do that.
template <class E>
void break_off(E& execution) {
  if constexpr (requires { execution.kill(); }) execution.kill();
  execution.cancel();
}

// The output of a program in a container. Its exit code other than 0: conflict "program_failed"
// with the end of what it said; broken off: unavailable "stream_broken"; stopped: "interrupted".
std::unique_ptr<Origin> origin_of(std::unique_ptr<Execution>, std::string what, std::stop_token);

// Copies all of it, sealed, to `key`, and then reads it again from there. Succeeds only when the
// origin ended well, something came, the size at the destination is what was sent, and what is read
// again opens, and has the same bytes. Otherwise nothing is left at `key`.
Result<Copied> take_copy(Origin&, const VaultKey&, Destination&, const std::string& key,
                         const std::string& label);

// Reads all of a copy and forgets it. Errors: those of open_from(), conflict "checksum_differs",
// not_found.
Result<> check_copy(const Copied&, const VaultKey&, Destination&, const std::string& key,
                    const std::string& label);

// The plain bytes of a copy. Its end is an error when size or checksum differ.
Result<std::unique_ptr<ByteSource>> open_copy(const Copied&, const VaultKey&, Destination&,
                                              const std::string& key, const std::string& label);

// What nobody wanted is checked all the same: reads to the end.
Result<> read_to_end(ByteSource&);

// Runs a program in a container to its end: what it wrote, at most 4 MiB. `input` is its input.
// Errors as origin_of(); one of the input itself goes before.
Result<std::string> run_in(Exec&, const ExecSpec&, const std::string& what, ByteSource* input,
                           std::stop_token);

// The same with one that runs already.
Result<std::string> finish_run(Execution&, const std::string& what, ByteSource* input,
                               std::stop_token);

}  // namespace gantry
