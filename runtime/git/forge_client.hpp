// Requests to a forge's API. Blocking; thread-safe.
#pragma once

#include <memory>
#include <string>

#include "proto/git.hpp"

namespace gantry {

class ForgeApi {
 public:
  virtual ~ForgeApi() = default;
  // The answer's body. No token, or a forge without an API: Code::invalid "no_forge_api". Refused:
  // invalid "forge_refused"; what may pass: unavailable "forge_failed".
  virtual Result<std::string> send(const Repository&, const ForgeRequest&) = 0;
};

std::unique_ptr<ForgeApi> make_forge_api();

// Whether there is anybody to tell.
bool has_forge_api(const Repository&);

}  // namespace gantry
