// What a template's variables may hold beside references: ${{secret(32)}} and
// ${{secret(32, "alphabet")}}, made once, when the template is taken. Pure: the randomness is the
// caller's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proto/result.hpp"

namespace gantry {

// A number from 0 to below `bound`, each as likely.
using RandomBelow = std::function<std::uint32_t(std::uint32_t bound)>;

// Letters and digits, which need no quoting in a URL.
inline constexpr std::string_view kSecretAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

// The value with its secrets made, 32 characters where none are said; a literal $${{ stays as it
// is. Not to be read, or not 8 to 512 characters: Code::invalid "malformed_secret".
Result<std::string> fill_secrets(std::string_view value, const RandomBelow&);

// The services that a value's references name, in their order; "shared" is none.
std::vector<std::string> referenced_services(std::string_view value);

// ${{a.NAME}} becomes ${{b.NAME}} where `names` says a -> b.
std::string rename_services(std::string_view value,
                            const std::map<std::string, std::string, std::less<>>& names);

}  // namespace gantry
