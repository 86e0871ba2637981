// The builder's port on uploaded archives: unpacks, reads the configuration, chooses or writes the
// Dockerfile, has the engine build it. Owned by the daemon; thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/build/builder.hpp"
#include "runtime/build/image_engine.hpp"
#include "runtime/build/recipe.hpp"
#include "runtime/build/unpack.hpp"
#include "runtime/logs.hpp"

namespace gantry {

struct SourceBuilderOptions {
  InstallationId installation_id;
  std::string sources;  // SourceOptions::directory
  std::string work;     // "<data_dir>/builds": emptied at the start
  int concurrency = 2;  // builds at once; the others wait
  // Sources that stay unpacked between prepare() and build(); the others are unpacked again.
  std::size_t kept_folders = 8;
  Seconds deadline{30 * 60};              // of one build on the engine
  std::uint64_t log_bytes = 16ULL << 20;  // of one build
  UnpackLimits unpack = {};
  // Images: what is kept of each instance, and of all. Above the high mark (0: there is none) the
  // oldest go until the low one is reached.
  int keep_images = 5;
  std::uint64_t images_high_bytes = 40ULL << 30;
  std::uint64_t images_low_bytes = 30ULL << 30;
  std::uint64_t cache_bytes = 20ULL << 30;  // of the engine's build cache; 0: no limit
  std::vector<std::string> program_folders{"/usr/local/bin", "/usr/bin"};
  Detector detect = detect_build;
  const Clock* clock = &system_clock();
  // Of an instance in the environment of a pull request: the name of the environment that it was
  // copied from; of another one, and without this: nothing.
  std::function<Result<std::optional<std::string>>(const InstanceId&)> preview_base = nullptr;
};

// `build_logs` and `engine` outlive it. In the logs a deployment's build is ReplicaKey{id, 0, 0},
// its pre-deploy command ReplicaKey{id, 0, 1} (see build_log.hpp): they are no replicas' logs.
std::unique_ptr<Builder> make_source_builder(SourceBuilderOptions, Logs& build_logs,
                                             ImageEngine& engine);

}  // namespace gantry
