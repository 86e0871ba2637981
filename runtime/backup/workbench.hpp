// Throw-away containers: where a restore is tried. One may be in use by one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "runtime/exec.hpp"

namespace gantry {

// Dropped: killed and removed, with its disk.
class ThrowAway {
 public:
  virtual ~ThrowAway() = default;
  virtual const std::string& container_id() const = 0;
  // The end of what it wrote, for a person.
  virtual std::string last_words() const = 0;
};

class Workbench {
 public:
  virtual ~Workbench() = default;
  // Runs; whether it is of use by now is another question.
  virtual Result<std::unique_ptr<ThrowAway>> start(const OneOffSpec&) = 0;
};

// On the one-off containers of an engine; `container_of` names the one of a session.
std::unique_ptr<Workbench> make_workbench(
    Exec&, std::function<std::string(const SessionId&)> container_of);

}  // namespace gantry
