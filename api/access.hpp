// The door of every request: who asks, what there is for them, and whether they may.
#pragma once

#include "api/http.hpp"

namespace gantry::api {

class Caller {
 public:
  // Code::unauthenticated when the request has no token that counts.
  static Result<Caller> of(const Request&, Context&);
  static Caller anonymous() { return {}; }

  const std::string& token_id() const { return token_.id.str(); }  // empty: anonymous
  // The context that handlers get: all but the operator's has the store of its world.
  Context& seen(Context& whole) { return context_ ? *context_ : whole; }
  // 404 for what the path names and the caller does not see; else 403 for what it sees and may not.
  Result<> permit(const Request&, const Endpoint&, Context& whole);
  // The same stream, which ends when the caller's token does, or its roles change.
  std::shared_ptr<Stream> guard(std::shared_ptr<Stream>, const Context& whole) const;

 private:
  Token token_;
  std::shared_ptr<const Authority> authority_;  // null: the operator's
  std::shared_ptr<Store> reach_;                // with it
  std::shared_ptr<Context> context_;            // with that store
};

// Whose token the request carries; Code::unauthenticated when it is none that counts.
Result<Token> token_of(const Request&, const Context&);
// 401 with its challenge.
Response unauthenticated(const Request&, const Error&);

}  // namespace gantry::api
