// Arguments of variables and scale. Pure.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gantry::cli {

// "K=V": split at the first '='; the value is taken as it is. Throws Failure (kUnreadable).
std::pair<std::string, std::string> parse_pair(const std::string& text);

// Why `value` looks as if the caller's shell had put nothing where a variable stood, such as
// "https://.up.example.com"; nothing when it looks whole.
std::optional<std::string> emptied(const std::string& value);

// `replicas N`, `replicas=N`, `N`; `option`: the value of --replicas. Nothing when no number was
// given. Throws Failure (kUnreadable).
std::optional<int> parse_scale(const std::vector<std::string>& words,
                               const std::optional<std::string>& option);

}  // namespace gantry::cli
