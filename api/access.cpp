#include "api/access.hpp"

#include "api/authority.hpp"
#include "api/lookup.hpp"
#include "api/problem.hpp"
#include "api/reach.hpp"

namespace gantry::api {
namespace {

bool has_ended(const Token& token, TimePoint now) {
  return token.expires_at && *token.expires_at <= now;
}

// Nothing when it is of another scheme.
std::optional<std::string_view> bearer(const std::string& header) {
  constexpr std::string_view scheme = "bearer ";
  if (header.size() <= scheme.size()) return std::nullopt;
  for (std::size_t i = 0; i < scheme.size(); ++i)
    if ((header[i] | 0x20) != (scheme[i] | 0x20)) return std::nullopt;
  return std::string_view(header).substr(scheme.size());
}

Error invalid_token() {
  return {Code::unauthenticated, "invalid_token",
          "this token is not valid: it was mistyped, revoked or belongs to another installation"};
}

// Both headers may be there, as when a proxy adds its own Authorization; two tokens may not.
Result<std::string_view> secret_of(const Request& request) {
  const std::string* authorization = request.header("authorization");
  const std::string* project = request.header("project-access-token");
  const auto token = authorization != nullptr ? bearer(*authorization) : std::nullopt;
  if (token && project != nullptr && *token != *project)
    return Error{Code::unauthenticated, "tokens_differ",
                 "Authorization and Project-Access-Token carry different tokens: send one of them"};
  if (token) return *token;
  if (project != nullptr) return std::string_view(*project);
  if (authorization != nullptr) return invalid_token();
  return Error{Code::unauthenticated, "token_required",
               "send a token: \"Authorization: Bearer gty_...\""};
}

RolesPtr roles_now(const Context& whole, const Token& token) {
  if (token.user_id.empty() || whole.people == nullptr) return nullptr;
  return whole.people->roles(token.user_id);
}

// Looks at the token and its user's roles before each read; told of every commit, it wakes its
// reader only at the end.
class GuardedStream final : public Stream {
 public:
  GuardedStream(std::shared_ptr<Store> reach, std::shared_ptr<Stream> stream, const Context& whole,
                Token token, RolesPtr roles)
      : reach_(std::move(reach)),
        stream_(std::move(stream)),
        whole_(whole),
        feed_(whole.event_feed),
        token_(std::move(token)),
        roles_(std::move(roles)) {}

  void on_ready(std::function<void()> wake) override {
    following_ = feed_->follow([this, wake] {
      if (is_over()) wake();
    });
    stream_->on_ready(std::move(wake));
  }
  bool read(std::string& out) override {
    if (has_ended(token_, whole_.clock.now()) || is_over()) return false;
    return stream_->read(out);
  }

 private:
  bool is_over() const {
    if (!whole_.store.token(token_.id)) return true;
    const RolesPtr now = roles_now(whole_, token_);
    if (now == roles_) return false;
    return !now || !roles_ || now->projects != roles_->projects;
  }

  const std::shared_ptr<Store> reach_;  // before the stream, which reads from it
  const std::shared_ptr<Stream> stream_;
  const Context& whole_;  // outlives every stream
  const std::shared_ptr<EventFeed> feed_;
  const Token token_;
  const RolesPtr roles_;
  std::shared_ptr<void> following_;
};

}  // namespace

Result<Token> token_of(const Request& request, const Context& whole) {
  const auto secret = secret_of(request);
  if (!secret) return secret.error();
  auto token = whole.store.verify_token(*secret);
  if (!token) return invalid_token();
  if (has_ended(*token, whole.clock.now()))
    return Error{Code::unauthenticated, "token_expired",
                 "this token expired at " + format_time(*token->expires_at) + ": create another"};
  return *std::move(token);
}

Result<Caller> Caller::of(const Request& request, Context& whole) {
  auto token = token_of(request, whole);
  if (!token) return token.error();
  Caller caller;
  caller.token_ = *std::move(token);
  const bool of_user = !caller.token_.user_id.empty();
  if (caller.token_.kind == TokenKind::account && !of_user) return caller;
  RolesPtr roles = roles_now(whole, caller.token_);
  if (of_user && !roles) return invalid_token();
  caller.authority_ = std::make_shared<const Authority>(caller.token_, roles);
  caller.reach_ = std::make_shared<ReachableStore>(whole.store, caller.token_, roles, whole.people);
  if (caller.token_.kind == TokenKind::project && caller.reach_->projects().empty())
    return invalid_token();  // its environment is deleted, or its user has no role there
  caller.context_ = std::make_shared<Context>(Context{.store = *caller.reach_,
                                                      .logs = whole.logs,
                                                      .build_logs = whole.build_logs,
                                                      .sources = whole.sources,
                                                      .clock = whole.clock,
                                                      .options = whole.options,
                                                      .ready = whole.ready,
                                                      .image_present = whole.image_present,
                                                      .port_free = whole.port_free,
                                                      .port_trouble = whole.port_trouble,
                                                      .metrics = whole.metrics,
                                                      .report = whole.report,
                                                      .jobs = whole.jobs,
                                                      .run_logs = whole.run_logs,
                                                      .jobs_asked = whole.jobs_asked,
                                                      .backups = whole.backups,
                                                      .event_feed = whole.event_feed,
                                                      .git = whole.git,
                                                      .volume_files = whole.volume_files,
                                                      .instance_metrics = whole.instance_metrics,
                                                      .tickets = whole.tickets,
                                                      .templates = whole.templates,
                                                      .people = whole.people,
                                                      .audit = whole.audit,
                                                      .authority = caller.authority_});
  return caller;
}

Result<> Caller::permit(const Request& request, const Endpoint& endpoint, Context& whole) {
  if (!authority_ || endpoint.permission == Permission::view) return done();
  if (endpoint.permission == Permission::self && authority_->is_user()) return done();
  if (endpoint.permission == Permission::edit && !authority_->roles()) return done();
  const auto place = find_named(request, endpoint.pattern, seen(whole));
  if (!place) return place.error();
  return authority_->may(endpoint.permission, *place);
}

std::shared_ptr<Stream> Caller::guard(std::shared_ptr<Stream> stream, const Context& whole) const {
  return std::make_shared<GuardedStream>(reach_, std::move(stream), whole, token_,
                                         authority_ ? authority_->roles() : nullptr);
}

Response unauthenticated(const Request& request, const Error& error) {
  Response response = problem(error, request);
  response.headers.emplace_back("WWW-Authenticate",
                                error.reason == "token_required"
                                    ? R"(Bearer realm="gantry")"
                                    : R"(Bearer realm="gantry", error="invalid_token")");
  return response;
}

}  // namespace gantry::api
