// Expected failures are values: what a caller can cause comes back as an Error. An exception means
// a bug or a broken machine. Owned by nobody, used on every thread; never logs.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace gantry {

// Protocol-agnostic; api/problem.cpp maps each to an HTTP status in one place.
enum class Code {
  invalid,          // 422, or 400 when the message itself cannot be read
  unauthenticated,  // 401
  forbidden,        // 403
  not_found,        // 404, also for what belongs to somebody else
  conflict,         // 409
  stale,            // 412: If-Match named another version
  exhausted,        // 409: a pool or a quota is used up
  unavailable,  // 503 with Retry-After: database or engine cannot be reached; trying again may help
  internal,     // 500
};

// One broken field of a request. `pointer` is an RFC 6901 JSON pointer ("/deploy/replicas").
struct FieldError {
  std::string pointer;
  std::string code;    // snake_case, stable
  std::string detail;  // a sentence that names the fix
};

struct Error {
  Code code = Code::internal;
  std::string reason;  // snake_case, stable, documented: what a program tests
  std::string detail;  // a sentence for a person: what is wrong and what to do
  std::vector<FieldError> fields = {};
};

inline Error invalid(std::string pointer, std::string reason, std::string detail) {
  return {Code::invalid, reason, detail, {{std::move(pointer), reason, detail}}};
}
inline Error not_found(std::string what) {
  return {Code::not_found, "not_found", "there is no " + std::move(what)};
}

struct Nothing {};

template <class T = Nothing>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  // REQUIRES: ok()
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(value()); }  // by value: `for (x : *f())` must not dangle
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  // REQUIRES: !ok()
  const Error& error() const {
    assert(!ok());
    return *std::get_if<1>(&state_);
  }

 private:
  T& value() {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  std::variant<T, Error> state_;
};

inline Result<> done() { return Nothing{}; }

}  // namespace gantry

// Leaves the calling function with the error of `expr`, else goes on.
#define GANTRY_TRY(expr)                                                              \
  do {                                                                                \
    if (auto gantry_result_ = (expr); !gantry_result_) return gantry_result_.error(); \
  } while (false)
