// Desired state in memory: one immutable snapshot a project, replaced copy-on-write after each
// commit. Owned by PgStore; thread-safe; readers hold a lock only while they copy a pointer. Never
// does SQL.
//
// Commits may be published in another order than they took place. Each edit carries the sequence
// number of its event, drawn while its row was locked, so for one row numbers ascend in the order
// of commits: an edit older than what the row has seen is dropped. A full load carries the database
// snapshot it was read in: edits of transactions which that snapshot already saw are dropped, and
// those published while it was being read are applied again on top.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "proto/snapshot.hpp"
#include "proto/store.hpp"
#include "store/people_table.hpp"
#include "store/token_table.hpp"

namespace gantry {

// What one committed write does to a project's snapshot, to the tokens, or to people.
struct Edit {
  enum class Kind { change, create_project, delete_project, put_token, drop_token };
  ProjectId project_id;
  std::string row;       // identity of the row written
  std::int64_t seq = 0;  // of its event
  std::function<void(ProjectSnapshot&)> apply;
  Kind kind = Kind::change;
  std::shared_ptr<const TokenRow> token = {};
  std::function<void(PeopleTable&)> people = {};
};

// pg_current_snapshot(): which transactions a reader saw.
struct DatabaseSnapshot {
  std::uint64_t xmin = 0;
  std::uint64_t xmax = 0;
  std::unordered_set<std::uint64_t> running;
  static DatabaseSnapshot parse(const std::string& text);  // "10:20:10,14"
  bool sees(std::uint64_t xid) const { return xid < xmax && !running.contains(xid); }
};

struct LoadedState {
  DatabaseSnapshot snapshot;
  std::map<ProjectId, ProjectPtr> projects;
  std::vector<TokenRow> tokens;
  PeopleTable people = {};
};

class Memory {
 public:
  ProjectPtr project(std::string_view id_or_name) const;
  ProjectPtr project_of(const InstanceId&) const;
  ProjectPtr project_of(const EnvironmentId&) const;
  ProjectPtr project_of(const ServiceId&) const;
  std::vector<ProjectPtr> projects() const;

  // A project token counts only while its environment is there.
  std::optional<Token> use_token(const std::string& hash, TimePoint now) const;
  std::optional<Token> token(const TokenId&) const;
  std::vector<Token> tokens() const;
  std::vector<Token> used_tokens() const;

  RolesPtr roles(const UserId&) const;
  std::optional<User> user(const std::string& id_or_name) const;
  std::vector<User> users() const;
  std::vector<Membership> members(const ProjectId&) const;

  void publish(std::uint64_t xid, const std::vector<Edit>& edits);

  // Around a full load: begin_load before its database snapshot is taken, then replace or abandon.
  // One at a time.
  void begin_load();
  void replace(LoadedState);
  void abandon_load();

 private:
  struct Committed {
    std::uint64_t xid;
    std::vector<Edit> edits;
  };
  // A commit to publish; on the stack of who brought it, who waits until it is taken and published.
  struct Waiting {
    std::uint64_t xid;
    const std::vector<Edit>* edits;
    bool taken = false;  // guarded by writing_
  };
  struct TokenChange {
    Edit::Kind kind;
    std::shared_ptr<const TokenRow> row;
  };
  struct Changes {
    std::map<ProjectId, std::shared_ptr<ProjectSnapshot>> projects;  // null: the project is gone
    std::vector<TokenChange> tokens;
    std::vector<std::function<void(PeopleTable&)>> people;
  };

  void apply(const Edit&, Changes&);
  static void make_indexes(const Changes&);
  // REQUIRES: both mutexes
  void swap_in(const Changes&, std::vector<ProjectPtr>& old);
  void index(const ProjectSnapshot&);
  void unindex(const ProjectSnapshot&);
  ProjectPtr find(const std::string& project_id) const;
  bool counts(const Token&) const;

  std::mutex queueing_;  // guards the next; taken last
  std::vector<Waiting*> waiting_;

  std::mutex writing_;  // serialises publish and replace; guards the next four
  DatabaseSnapshot base_;
  std::unordered_map<std::string, std::int64_t>
      seen_;  // row to the newest seq applied since the load
  bool loading_ = false;
  std::vector<Committed> since_load_began_;

  mutable std::shared_mutex reading_;  // guards the rest, which is written under both
  std::map<ProjectId, ProjectPtr> projects_;
  std::unordered_map<std::string, std::string> project_by_name_;
  std::unordered_map<std::string, std::string>
      project_by_part_;  // instance, environment, service ids
  TokenTable tokens_;
  PeopleTable people_;
};

}  // namespace gantry
