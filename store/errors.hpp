// The one place where pqxx's exceptions become values. No SQL text gets out; it goes to nobody.
#pragma once

#include <exception>
#include <utility>

#include "proto/result.hpp"

namespace gantry {

// Call inside a catch block: the exception being handled, as an Error.
Error translate_exception();

Error database_unreachable();

template <class F>
auto translated(F&& body) -> decltype(body()) {
  try {
    return std::forward<F>(body)();
  } catch (const std::exception&) {
    return translate_exception();
  }
}

}  // namespace gantry
