// Pull requests of a repository, and the hooks that tell of them.
#include <charconv>

#include "api/authority.hpp"
#include "api/body.hpp"
#include "api/nearest.hpp"
#include "api/reply.hpp"
#include "api/repository_parts.hpp"
#include "api/write.hpp"

namespace gantry::api {
namespace {

constexpr std::size_t kHookBytes = 8 * 1024 * 1024;

Error too_large() { return invalid("", "hook_too_large", "a hook's body has at most 8 MiB"); }

class HookIntake final : public Intake {
 public:
  HookIntake(GitDesk& desk, Repository repository, const Request& request)
      : desk_(desk), repository_(std::move(repository)) {
    request_.headers = request.headers;
  }

  Result<> write(std::string_view piece) override {
    if (request_.body.size() + piece.size() > kHookBytes) return too_large();
    request_.body += piece;
    return done();
  }

  Result<Response> finish() override {
    GANTRY_TRY(desk_.take_hook(repository_, request_));
    Response response;
    response.status = 202;
    response.body = R"({"accepted":true})";
    return response;
  }

 private:
  GitDesk& desk_;
  const Repository repository_;
  HookRequest request_;
};

}  // namespace

// Who does not know the id learns nothing; the signature decides about the rest.
Result<std::unique_ptr<Intake>> post_hook(const Request& request, Context& context) {
  const auto desk = git_of(context);
  if (!desk) return desk.error();
  const auto id = RepositoryId::parse(request.path_parameters[0]);
  if (!id) return not_found("hook of this name");
  auto repository = (*desk)->ledger().repository(*id);
  if (!repository && repository.error().code == Code::not_found)
    return not_found("hook of this name");
  if (!repository) return repository.error();
  return std::unique_ptr<Intake>(
      std::make_unique<HookIntake>(**desk, *std::move(repository), request));
}

Answer list_pulls(const Request& request, Context& context) {
  const auto place = find_project(request, context);
  if (!place) return place.error();
  const auto repository = find_repository(request, context, *place);
  if (!repository) return repository.error();
  const auto all = context.git->ledger().pulls(repository->id);
  if (!all) return all.error();
  std::string items;
  for (const Pull& one : *all) {
    if (!items.empty()) items += ',';
    append_json(items, one);
  }
  return unversioned(request, "{\"data\":[" + items + "]}");
}

Answer allow_pull(const Request& request, Context& context, Transaction&) {
  const auto place = find_project(request, context);
  if (!place) return place.error();
  const auto repository = find_repository(request, context, *place);
  if (!repository) return repository.error();
  auto body = Fields::read(request, {});
  if (!body) return body.error();
  GANTRY_TRY(body->check());
  const std::string& text = request.path_parameters[2];
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    return not_found("pull request " + clipped(text));
  // Its code gets the base environment's variables.
  if (const auto* base = place->project->environment(repository->previews.base))
    GANTRY_TRY(may(context, Permission::edit, *place->project, *base));
  GitLedger& ledger = context.git->ledger();
  const auto known = ledger.pull(repository->id, number);
  if (!known) return known.error();
  if (known->fork && repository->forge == Forge::bitbucket)
    return Error{
        Code::conflict, "fork_not_fetched",
        "Bitbucket gives nothing to fetch a fork's pull request by: push its branch to the "
        "repository itself, and open the pull request from there"};
  const auto pull = is_dry_run(request) ? known : ledger.allow_pull(repository->id, number);
  if (!pull) return pull.error();
  context.git->nudge();
  std::string out;
  append_json(out, *pull);
  return unversioned(request, std::move(out));
}

}  // namespace gantry::api
