// The port People on the store's memory and connections.
#include "store/open_ledger.hpp"
#include "store/people_rows.hpp"
#include "store/transaction.hpp"

namespace gantry {
namespace {

class PgPeople final : public People {
 public:
  explicit PgPeople(PgStore& store) : store_(store) {}

  RolesPtr roles(const UserId& id) const override { return store_.memory().roles(id); }
  std::optional<User> user(std::string_view id_or_name) const override {
    return store_.memory().user(std::string(id_or_name));
  }
  std::vector<User> users() const override { return store_.memory().users(); }
  std::vector<Membership> members(const ProjectId& id) const override {
    return store_.memory().members(id);
  }
  Result<std::vector<Invitation>> invitations(const ProjectId&) override;
  Result<Invitation> invitation(const ProjectId&, const InvitationId&) override;
  Result<std::vector<Event>> events(const EventFilter& filter, const Reach& reach,
                                    const std::string& after, int limit) override {
    return store_.events_within(filter, reach, after, limit);
  }
  PeopleVerbs& within(Transaction& transaction) override {
    return dynamic_cast<PgTransaction&>(transaction);
  }

 private:
  PgStore& store_;
};

Result<std::vector<Invitation>> PgPeople::invitations(const ProjectId& id) {
  return with_connection(
      store_.pool(), [&](pqxx::connection& connection) -> Result<std::vector<Invitation>> {
        pqxx::nontransaction work(connection);
        std::vector<Invitation> found;
        for (const auto& row :
             work.exec_params(std::string("select ") + kInvitationColumns +
                                  " from invitations where project_id = $1 order by "
                                  "id",
                              id.str()))
          found.push_back(invitation_from(row));
        return found;
      });
}

Result<Invitation> PgPeople::invitation(const ProjectId& project, const InvitationId& id) {
  return with_connection(store_.pool(), [&](pqxx::connection& connection) -> Result<Invitation> {
    pqxx::nontransaction work(connection);
    const auto rows = work.exec_params(std::string("select ") + kInvitationColumns +
                                           " from invitations where project_id = $1 and id = $2",
                                       project.str(), id.str());
    if (rows.empty()) return not_found("invitation " + id.str());
    return invitation_from(rows[0]);
  });
}

}  // namespace

std::unique_ptr<People> open_people(Store& store) {
  return std::make_unique<PgPeople>(dynamic_cast<PgStore&>(store));
}

}  // namespace gantry
