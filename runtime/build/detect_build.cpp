// The bridge from the builder to the detector.
#include "runtime/build/recipe.hpp"

namespace gantry {

Result<DetectedBuild> detect_build(const DetectRequest&) {
  return invalid("", "not_detected",
                 "there is no Dockerfile: add one, or name it with build.dockerfilePath");
}

}  // namespace gantry
