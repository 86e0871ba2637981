// The secrets of one build, served to the engine over a session: a connection on which the engine
// is the client of our gRPC service (HTTP/2 over an upgraded HTTP/1.1 connection). Values stay in
// memory and enter no layer. A thread of its own while it lives.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "proto/result.hpp"

namespace gantry {

class BuildSession {
 public:
  virtual ~BuildSession() = default;
  virtual const std::string& id() const = 0;  // for "&session="
};

// Engine away: unavailable. `secrets`: id to value, any bytes, 500 KB at most (BuildKit's limit).
Result<std::unique_ptr<BuildSession>> open_build_session(
    const std::string& socket_path, std::map<std::string, std::string> secrets);

}  // namespace gantry
