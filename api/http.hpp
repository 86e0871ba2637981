// What a handler sees of HTTP: values. No Beast here; daemon/server.cpp translates.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/event_feed.hpp"
#include "api/tickets.hpp"
#include "proto/audit.hpp"
#include "proto/people.hpp"
#include "proto/store.hpp"
#include "proto/time.hpp"
#include "runtime/backup/backups.hpp"
#include "runtime/build/sources.hpp"
#include "runtime/logs.hpp"
#include "runtime/metrics.hpp"
#include "runtime/volume_files.hpp"

namespace gantry {
class GitDesk;
class Templates;
class JobLedger;
}  // namespace gantry

namespace gantry::api {

class Authority;

enum class Method { get, post, put, patch, del };

// What a route asks of its caller. The first is what a route has that forgot to say: it does not
// build. A project token may view and edit within its environment, a user what its roles say, see
// authority.hpp; an operator's token may do everything.
enum class Permission {
  missing,
  open,     // nothing: /livez, /readyz, /v1/openapi.yaml
  view,     // looks at a project; shows no secrets
  edit,     // works in an environment: deploys, variables, commands, data
  manage,   // changes what a project is made of: environments, names, what is deleted
  own,      // decides about a project and what cannot be had back
  share,    // decides who may: in a project, or in one environment of it
  self,     // anybody who is somebody: one's own tokens, new projects
  operate,  // the installation
};

struct Request {
  Method method = Method::get;
  std::string target;  // path and query as received
  std::string path;    // percent-decoded per segment by the router, not here
  std::vector<std::pair<std::string, std::string>> query;    // decoded
  std::vector<std::pair<std::string, std::string>> headers;  // names lower-case
  std::string body;
  std::string request_id;
  // Filled in by dispatch.
  std::vector<std::string> path_parameters;  // in the order of the pattern's {names}, decoded
  std::string token_id;
  std::string_view pattern;  // of the endpoint

  const std::string* header(std::string_view lower_case_name) const;
  const std::string* query_value(std::string_view name) const;
};

// A body that goes on (server-sent events). The session calls read() on a worker thread whenever
// `wake` was called, writes what it got, and ends when read() returns false. A comment is sent
// every 15 s of silence.
class Stream {
 public:
  virtual ~Stream() = default;
  virtual bool read(std::string& out) = 0;
  // Called once, before the first read; `wake` may be called from any thread, also after the
  // stream's end.
  virtual void on_ready(std::function<void()> wake) = 0;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::shared_ptr<const std::string>
      shared_body;                 // instead of body: a cached text, sent without a copy
  std::shared_ptr<Stream> stream;  // instead of body
  std::string reason = {};         // of a problem: its code
};

// Where the API meets the rest: ports only.
struct Context {
  Store& store;
  Logs& logs;
  Logs& build_logs;  // ordinal 0 of a deployment: its build; 1: its pre-deploy command
  Sources& sources;
  const Clock& clock;
  struct Options {
    std::string base_domain = "localhost";
    int edge_port = 8080;
    std::string url_scheme = "http";
    Seconds volume_grace{7 * 24 * 3600};  // between a volume's deletion and its purge
    struct Ports {
      int first = 20000, last = 20999;  // of the edge, for services; first 0: none
    } tcp_ports;
  } options;
  std::function<Result<>()> ready;  // nothing when the daemon can serve: database and migrations
  // Whether the engine has an image; empty: nobody knows.
  std::function<bool(const std::string& image)> image_present = nullptr;
  // Whether nobody listens on a port of the edge's address yet; empty: nobody knows.
  std::function<bool(int port)> port_free = nullptr;
  // Why nobody can connect to an instance's port at the edge; nothing: all is well.
  std::function<std::optional<std::string>(const InstanceId&)> port_trouble = nullptr;
  std::function<std::string()> metrics;  // OpenMetrics text of the daemon's own
  // Told of what must never happen (an exception in a handler), with the request id; the answer
  // says only "internal".
  std::function<void(const std::string& request_id, std::string_view what)> report = nullptr;
  JobLedger* jobs = nullptr;              // none: 503, as are the logs of runs
  Logs* run_logs = nullptr;               // under log_key()
  std::function<void()> jobs_asked = {};  // somebody asked for a run, or for its end
  Backups* backups = nullptr;             // none: 503
  std::shared_ptr<EventFeed> event_feed = EventFeed::of(store);  // wakes the open event streams
  GitDesk* git = nullptr;                                        // none: 503
  VolumeFiles* volume_files = nullptr;  // none: nobody can look into volumes
  Metrics* instance_metrics = nullptr;  // none: 503
  std::shared_ptr<Tickets> tickets = std::make_shared<Tickets>();  // of sessions to come
  std::shared_ptr<const Templates> templates = nullptr;            // null: none
  People* people = nullptr;                                        // none: there are no users
  Audit* audit = nullptr;                                          // none: nothing is kept
  std::shared_ptr<const Authority> authority = nullptr;            // null: may everything
};

// A body that is taken piece by piece, each on a worker thread, one at a time. Dropped before
// finish(): the rest never came.
class Intake {
 public:
  virtual ~Intake() = default;
  virtual Result<> write(std::string_view piece) = 0;
  virtual Result<Response> finish() = 0;
};
using Receiver = Result<std::unique_ptr<Intake>> (*)(const Request&, Context&);

using Handler = Response (*)(const Request&, Context&);

// No route without a permission: routes.cpp does not build with one. `hot` handlers only read
// memory and run on the io thread.
struct Endpoint {
  Method method;
  std::string_view pattern;  // "/v1/projects/{project}"
  Permission permission;
  Handler handler;
  bool hot = false;
  std::string_view query =
      {};  // the query parameters it knows, separated by blanks; handlers that write know dry_run
  Receiver receiver = nullptr;  // instead of a handler: it takes its body piece by piece
};

const std::vector<Endpoint>& endpoints();

// The endpoint of a method and path; when there is none, why: 404, or 405 with the allowed methods.
struct Match {
  const Endpoint* endpoint = nullptr;
  std::vector<std::string> parameters;
  std::string allow;  // "GET, PATCH" when only the method was wrong
};
Match match(Method, std::string_view path);

// Splits `target` into path (left as it is) and query (decoded). The server calls it before
// match().
void read_target(Request&);

std::string_view name(Method);  // "GET"

// Authenticates, checks limits, runs the handler, turns every error and exception into a problem.
// `matched` is what match() gave for this request. Never throws.
Response dispatch(Request, Match matched, Context&);

// The same for an endpoint with a receiver, before its body is read: the intake, or the answer that
// makes the body superfluous.
struct Admission {
  std::unique_ptr<Intake> intake;
  Response refusal;
  Request request;  // for the answer
  const Endpoint* endpoint = nullptr;
};
Admission admit(Request, Match matched, Context&);
// Hands a piece to the intake. Never throws.
Result<> take(Admission&, std::string_view piece, Context&);
// The answer: the intake's when everything was taken and its sender still may, who is asked again,
// since a body may take hours; else the problem. The intake is gone before
// anybody hears of it, so that whoever sends again finds its place free. Never throws.
Response conclude(Admission&, const Result<>& taken, Context&);

}  // namespace gantry::api
