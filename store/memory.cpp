#include "store/memory.hpp"

#include <charconv>

namespace gantry {
namespace {

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

ProjectId project_id_of(const std::string& text) { return *ProjectId::parse(text); }

}  // namespace

DatabaseSnapshot DatabaseSnapshot::parse(const std::string& text) {
  DatabaseSnapshot snapshot;
  const auto first = text.find(':');
  const auto second = text.find(':', first + 1);
  const std::string_view view(text);
  snapshot.xmin = number(view.substr(0, first));
  snapshot.xmax = number(view.substr(first + 1, second - first - 1));
  std::string_view rest = view.substr(second + 1);
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    snapshot.running.insert(number(rest.substr(0, comma)));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  return snapshot;
}

ProjectPtr Memory::find(const std::string& project_id) const {
  const auto found = projects_.find(project_id_of(project_id));
  return found == projects_.end() ? nullptr : found->second;
}

ProjectPtr Memory::project(std::string_view id_or_name) const {
  const std::string key(id_or_name);
  const std::shared_lock lock(reading_);
  const auto named = project_by_name_.find(key);
  if (named != project_by_name_.end()) return find(named->second);
  return ProjectId::matches(key) ? find(key) : nullptr;
}

ProjectPtr Memory::project_of(const InstanceId& id) const {
  const std::shared_lock lock(reading_);
  const auto found = project_by_part_.find(id.str());
  return found == project_by_part_.end() ? nullptr : find(found->second);
}
ProjectPtr Memory::project_of(const EnvironmentId& id) const {
  const std::shared_lock lock(reading_);
  const auto found = project_by_part_.find(id.str());
  return found == project_by_part_.end() ? nullptr : find(found->second);
}
ProjectPtr Memory::project_of(const ServiceId& id) const {
  const std::shared_lock lock(reading_);
  const auto found = project_by_part_.find(id.str());
  return found == project_by_part_.end() ? nullptr : find(found->second);
}

std::vector<ProjectPtr> Memory::projects() const {
  const std::shared_lock lock(reading_);
  std::vector<ProjectPtr> all;
  all.reserve(projects_.size());
  for (const auto& [id, project] : projects_) all.push_back(project);
  return all;
}

bool Memory::counts(const Token& token) const {
  if (token.kind == TokenKind::account) return true;
  const auto project = projects_.find(token.project_id);
  return project != projects_.end() && project->second->environments.contains(token.environment_id);
}

std::optional<Token> Memory::use_token(const std::string& hash, TimePoint now) const {
  const std::shared_lock lock(reading_);
  auto token = tokens_.find_by_hash(hash);
  if (!token || !counts(*token)) return std::nullopt;
  if (!token->expires_at || now < *token->expires_at) tokens_.note_use(token->id, now);
  return token;
}

std::optional<Token> Memory::token(const TokenId& id) const {
  const std::shared_lock lock(reading_);
  auto token = tokens_.find(id);
  if (!token || !counts(*token)) return std::nullopt;
  return token;
}

std::vector<Token> Memory::tokens() const {
  const std::shared_lock lock(reading_);
  auto all = tokens_.all();
  std::erase_if(all, [&](const Token& token) { return !counts(token); });
  return all;
}

std::vector<Token> Memory::used_tokens() const {
  const std::shared_lock lock(reading_);
  return tokens_.used();
}

RolesPtr Memory::roles(const UserId& id) const {
  const std::shared_lock lock(reading_);
  return people_.find(id);
}

std::optional<User> Memory::user(const std::string& id_or_name) const {
  const std::shared_lock lock(reading_);
  const auto id = UserId::parse(id_or_name);
  if (!id) return people_.find_by_name(id_or_name);
  const RolesPtr roles = people_.find(*id);
  if (!roles) return std::nullopt;
  return roles->user;
}

std::vector<User> Memory::users() const {
  const std::shared_lock lock(reading_);
  return people_.all();
}

std::vector<Membership> Memory::members(const ProjectId& id) const {
  const std::shared_lock lock(reading_);
  return people_.members_of(id);
}

void Memory::apply(const Edit& edit, Changes& changes) {
  auto& newest = seen_[edit.row];
  if (edit.seq <= newest) return;
  newest = edit.seq;
  if (edit.token) {
    changes.tokens.push_back({edit.kind, edit.token});
    return;
  }
  if (edit.people) {
    changes.people.push_back(edit.people);
    return;
  }

  auto change = changes.projects.find(edit.project_id);
  if (change == changes.projects.end()) {
    std::shared_ptr<ProjectSnapshot> copy;
    const auto current = projects_.find(edit.project_id);
    if (current != projects_.end()) copy = std::make_shared<ProjectSnapshot>(*current->second);
    change = changes.projects.emplace(edit.project_id, std::move(copy)).first;
  }
  auto& project = change->second;
  if (edit.kind == Edit::Kind::delete_project) {
    project = nullptr;
    return;
  }
  if (edit.kind == Edit::Kind::create_project && !project)
    project = std::make_shared<ProjectSnapshot>();
  if (project) edit.apply(*project);  // else its project is gone, and it with it
}

// Whoever gets the lock publishes for all that wait for it: a project is copied once a batch, not
// once a commit.
void Memory::publish(std::uint64_t xid, const std::vector<Edit>& edits) {
  Waiting mine{xid, &edits};
  {
    const std::scoped_lock lock(queueing_);
    waiting_.push_back(&mine);
  }
  const std::scoped_lock lock(writing_);
  if (mine.taken) return;
  std::vector<Waiting*> batch;
  {
    const std::scoped_lock queue_lock(queueing_);
    batch.swap(waiting_);
  }
  for (Waiting* one : batch) one->taken = true;
  Changes changes;
  for (const Waiting* one : batch) {
    if (loading_) since_load_began_.push_back({one->xid, *one->edits});
    if (base_.sees(one->xid)) continue;
    for (const Edit& edit : *one->edits) apply(edit, changes);
  }
  if (changes.projects.empty() && changes.tokens.empty() && changes.people.empty()) return;
  make_indexes(changes);
  std::vector<ProjectPtr> old;  // destroyed after the lock
  const std::unique_lock read_lock(reading_);
  swap_in(changes, old);
}

void Memory::make_indexes(const Changes& changes) {
  for (const auto& [id, project] : changes.projects)
    if (project && !project->index)
      project->index = std::make_shared<const SnapshotIndex>(*project);
}

void Memory::swap_in(const Changes& changes, std::vector<ProjectPtr>& old) {
  for (const TokenChange& change : changes.tokens) {
    if (change.kind == Edit::Kind::drop_token)
      tokens_.drop(change.row->token.id);
    else
      tokens_.put(*change.row);
  }
  for (const auto& change : changes.people) change(people_);
  for (const auto& [id, project] : changes.projects) {
    auto& current = projects_[id];
    // An edit that changes what an index finds has dropped the snapshot's.
    const bool reindex = !current || !project || current->index != project->index ||
                         current->project.name != project->project.name;
    if (current && reindex) unindex(*current);
    old.push_back(std::move(current));
    current = project;
    if (!current)
      projects_.erase(id);
    else if (reindex)
      index(*current);
  }
}

void Memory::index(const ProjectSnapshot& snapshot) {
  const std::string& id = snapshot.project.id.str();
  project_by_name_[snapshot.project.name.str()] = id;
  for (const auto& [part, view] : snapshot.environments) project_by_part_[part.str()] = id;
  for (const auto& [part, view] : snapshot.services) project_by_part_[part.str()] = id;
  for (const auto& [part, view] : snapshot.instances) project_by_part_[part.str()] = id;
}

void Memory::unindex(const ProjectSnapshot& snapshot) {
  const auto named = project_by_name_.find(snapshot.project.name.str());
  // The name may have gone to another project, whose commit was published first.
  if (named != project_by_name_.end() && named->second == snapshot.project.id.str())
    project_by_name_.erase(named);
  for (const auto& [part, view] : snapshot.environments) project_by_part_.erase(part.str());
  for (const auto& [part, view] : snapshot.services) project_by_part_.erase(part.str());
  for (const auto& [part, view] : snapshot.instances) project_by_part_.erase(part.str());
}

void Memory::begin_load() {
  const std::scoped_lock lock(writing_);
  loading_ = true;
  since_load_began_.clear();
}

void Memory::abandon_load() {
  const std::scoped_lock lock(writing_);
  loading_ = false;
  since_load_began_.clear();
}

void Memory::replace(LoadedState loaded) {
  const std::scoped_lock lock(writing_);
  base_ = std::move(loaded.snapshot);
  seen_.clear();
  std::vector<ProjectPtr> old;  // destroyed after the lock
  const std::unique_lock read_lock(reading_);
  projects_.swap(loaded.projects);
  project_by_name_.clear();
  project_by_part_.clear();
  tokens_.replace(loaded.tokens);
  std::swap(people_, loaded.people);
  for (const auto& [id, project] : projects_) index(*project);
  // What the load did not see goes on top of it before anybody reads.
  loading_ = false;
  Changes changes;
  for (const Committed& committed : std::exchange(since_load_began_, {}))
    if (!base_.sees(committed.xid))
      for (const Edit& edit : committed.edits) apply(edit, changes);
  make_indexes(changes);
  swap_in(changes, old);
}

}  // namespace gantry
