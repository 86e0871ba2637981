// Numbers in what the proxy prints. Pure.
#pragma once

#include <charconv>
#include <cstdint>
#include <string_view>

namespace gantry {

// The decimal number at the front of `text`; 0 when there is none: the proxy leaves such columns
// empty.
template <class Int = int>
Int leading_number(std::string_view text) {
  Int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace gantry
