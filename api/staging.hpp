// Changes that are collected instead of made: what a request with stage=true comes down to.
#pragma once

#include <vector>

#include "api/planning.hpp"
#include "proto/staged.hpp"

namespace gantry::api {

// An environment with what waits in it.
struct StagedPlace {
  Place place;
  std::vector<StagedChange> staged;
  Document document;  // as it is with all of it
};
// What is staged does not fit any more: Code::invalid "invalid_document".
Result<StagedPlace> staged_at(Place, Transaction&);
// .../environments/{environment}...
Result<StagedPlace> find_staged_environment(const Request&, const Context&, Transaction&);

// One of its services, which may itself only be staged.
struct StagedService : StagedPlace {
  std::string name;
  bool live = false;  // it is there, too
  const DocumentService& service() const { return document.services.at(name); }
  bool is_worker() const;
};
// .../services/{service}... It is staged that it goes: Code::conflict "staged_removal".
Result<StagedService> find_staged_service(const Request&, const Context&, Transaction&);

// Keeps them, and answers with all that is staged and what it would do: 202. What could not be
// applied together with the rest is an error, and nothing is kept; with allow_unresolved=true it
// may become so later.
Answer stage(const Request&, Context&, Transaction&, const StagedPlace&, std::vector<StagedChange>);
// Forgets what is staged of `path` and below it.
Result<> unstage_below(Transaction&, StagedPlace&, const std::string& path);

// ---- the effects of requests with stage=true, by the name of what they stand in for ----

// staged_variables.cpp
Answer stage_variable(const Request&, Context&, Transaction&);
Answer stage_variable_removal(const Request&, Context&, Transaction&);
Answer stage_variables(const Request&, Context&, Transaction&);
Answer stage_shared_variable(const Request&, Context&, Transaction&);
Answer stage_shared_variable_removal(const Request&, Context&, Transaction&);
Answer stage_shared_variables(const Request&, Context&, Transaction&);

// staged_services.cpp
Answer stage_settings(const Request&, Context&, Transaction&);
Answer stage_scale(const Request&, Context&, Transaction&);
Answer stage_service(const Request&, Context&, Transaction&);
Answer stage_instance(const Request&, Context&, Transaction&);
Answer stage_service_removal(const Request&, Context&, Transaction&);

// staged_edge.cpp
Answer stage_domain(const Request&, Context&, Transaction&);
Answer stage_domain_removal(const Request&, Context&, Transaction&);
Answer stage_domain_move(const Request&, Context&, Transaction&);
Answer stage_traffic(const Request&, Context&, Transaction&);
Answer stage_traffic_removal(const Request&, Context&, Transaction&);
Answer stage_tcp_proxy(const Request&, Context&, Transaction&);
Answer stage_tcp_proxy_removal(const Request&, Context&, Transaction&);

// staged_volumes.cpp
Answer stage_volume(const Request&, Context&, Transaction&);
Answer stage_volume_change(const Request&, Context&, Transaction&);
Answer stage_volume_removal(const Request&, Context&, Transaction&);
Answer stage_attachment(const Request&, Context&, Transaction&);
Answer stage_detachment(const Request&, Context&, Transaction&);

// Why the request of a pattern cannot be staged: a sentence.
std::string_view why_not_staged(std::string_view pattern);

}  // namespace gantry::api
