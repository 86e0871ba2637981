// The installed program nixpacks as a writer of Dockerfiles. Blocking; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/build/recipe.hpp"

namespace gantry {

// The first of the folders that holds an executable of this name.
std::optional<std::string> find_program(std::string_view name,
                                        const std::vector<std::string>& folders);

// Runs it on the root directory; the context is what it writes into request.scratch. It fails:
// invalid "nixpacks_failed" with the end of its output.
Result<Recipe> with_nixpacks(const RecipeRequest&, const std::string& program);

}  // namespace gantry
