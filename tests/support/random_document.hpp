// Documents of every shape that may be applied one after the other: a small pool of names, so that
// services, volumes and domains come, change, move and go. The same seed gives the same document.
#pragma once

#include <random>

#include "proto/document.hpp"

namespace gantry::testing {

struct RandomDocumentOptions {
  std::string project = "shop";
  std::string environment = "production";
};

gantry::Document random_document(std::mt19937& random, const RandomDocumentOptions& = {});

// Any UTF-8 that a variable may hold, the ugly parts more often.
std::string random_value(std::mt19937& random);

}  // namespace gantry::testing
