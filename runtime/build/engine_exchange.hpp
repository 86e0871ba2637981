// One HTTP/1.1 exchange with the engine whose body is streamed both ways, and that can be broken
// off at any moment. Blocking; a connection of its own.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "proto/result.hpp"

namespace gantry {

// A connected unix socket; -1 when nobody answers.
int connect_unix(const std::string& path);

struct EngineExchange {
  std::string target;  // "/build?version=2&..."
  // The next piece of the request's body; empty at its end.
  std::function<Result<std::string>()> next;
  // The answer's body as it comes.
  std::function<void(std::string_view)> body;
  // Asked several times a second; an error breaks the exchange off and is its result.
  std::function<Result<>()> check;
};

// POSTs and gives the status. Not reached, broken off: unavailable "engine_unavailable".
Result<int> exchange(const std::string& socket_path, const EngineExchange&);

}  // namespace gantry
