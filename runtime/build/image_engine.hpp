// What the builder needs of a container engine: a context in, an image out. Blocking; thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "proto/model.hpp"
#include "runtime/build/context.hpp"

namespace gantry {

struct ImageOrder {
  std::string name;        // as which it is tagged
  std::string dockerfile;  // its path in the context
  std::map<std::string, std::string> arguments;
  std::map<std::string, std::string> secrets;  // id to value
  bool no_cache = false;
  Seconds deadline{30 * 60};
};

struct StoredImage {
  std::string name;
  std::uint64_t bytes = 0;
  TimePoint created_at{};
};

class ImageEngine {
 public:
  virtual ~ImageEngine() = default;

  // `sink` gets the output as it comes, in pieces of any length; never after the return. Errors as
  // Builder::build says them, and "cancelled" when it was stopped.
  using Sink = std::function<void(std::string_view bytes)>;
  virtual Result<> build(const ImageOrder&, BuildContext&, const Sink& sink, std::stop_token) = 0;

  // Images whose name begins with `prefix`.
  virtual Result<std::vector<StoredImage>> list(const std::string& prefix) = 0;

  // Only the name, and what nothing else needs. One that is gone, or in use: not an error.
  virtual Result<> remove(const std::string& name) = 0;

  // Of what builds may use again, the least recently used goes until so much is left.
  virtual Result<> trim_cache(std::uint64_t bytes) = 0;
};

}  // namespace gantry
