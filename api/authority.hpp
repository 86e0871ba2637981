// What a caller may do with what it sees. Made by access.cpp once a request; immutable; answers
// from memory in constant time.
#pragma once

#include "api/http.hpp"
#include "api/lookup.hpp"

namespace gantry::api {

class Authority {
 public:
  // Of a project token, or of a user's: then with its roles.
  Authority(Token token, RolesPtr roles) : token_(std::move(token)), roles_(std::move(roles)) {}

  const Token& token() const { return token_; }
  const RolesPtr& roles() const { return roles_; }  // null: of nobody
  bool is_user() const { return token_.kind == TokenKind::account; }

  // In an environment; without one in the project, where who may edit a part of it may edit what
  // belongs to none. Code::forbidden with the reason and the fix.
  Result<> may(Permission, const ProjectSnapshot&, const EnvironmentView*) const;
  // About all that a path names. A service is in all its environments.
  Result<> may(Permission, const Place&) const;
  // Whether it decides about people: a project's owner everywhere in it, also where its own role is
  // a smaller one; an environment's owner there, and not about owners of the project.
  Result<> may_share(const ProjectSnapshot&, const EnvironmentView*) const;
  bool owns(const ProjectSnapshot&) const;  // as a whole

 private:
  std::optional<Role> role_in(const ProjectSnapshot&, const EnvironmentView*, Permission) const;

  Token token_;
  RolesPtr roles_;
};

// What the caller of a handler may: everything, where the context does not say.
Result<> may(const Context&, Permission, const ProjectSnapshot&, const EnvironmentView&);
// The same about what belongs to no environment.
Result<> may(const Context&, Permission, const ProjectSnapshot&);
// As Authority::may_share; no environment: in the whole project.
Result<> may_share(const Context&, const ProjectSnapshot&, const EnvironmentView*);
// Who acts, for a person's eyes: the user's name, else that of the token.
std::string actor_name(const Request&, const Context&);
// Whether a token that once might work in an environment still may.
bool may_still_edit(const People*, const Token&, const ProjectSnapshot&, const EnvironmentId&);

}  // namespace gantry::api
