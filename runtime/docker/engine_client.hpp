// HTTP to the engine's unix socket: blocking calls with timeouts on pooled keep-alive connections,
// and streams that one thread of the client carries. Owned by the driver; thread-safe; knows no
// noun of the engine.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "proto/result.hpp"
#include "proto/time.hpp"

namespace gantry::docker {

enum class Verb { get, head, post, del };

struct EngineRequest {
  Verb verb = Verb::get;
  std::string target;  // below the version: "/containers/json?all=1"
  std::string body = {};
  Duration timeout = Seconds(30);
};

struct EngineReply {
  int status = 0;
  std::string body;
  bool ok() const { return status >= 200 && status < 300; }
};

// Called on the client's thread: must not block and never call the client.
struct StreamSink {
  std::function<void(std::string_view)> bytes;
  std::function<void()> end;  // once, unless the stream was dropped before
};

class EngineClient {
 public:
  virtual ~EngineClient() = default;

  // Any status is a reply. Cannot be reached, broken off, timed out: Code::unavailable
  // "engine_unavailable". A call that broke off may have been carried out.
  virtual Result<EngineReply> call(const EngineRequest&) = 0;

  // Returns once the head of a 2xx reply is there; dropping the handle ends the stream. Another
  // status comes back as status_error().
  virtual Result<std::shared_ptr<void>> open(const EngineRequest&, StreamSink) = 0;
};

std::unique_ptr<EngineClient> make_engine_client(std::string socket_path);

// A refused request as an Error: 404 not_found, 409 conflict, 400 invalid "engine_refused", 503
// unavailable, else internal "engine_error"; `detail` is the engine's text.
Error status_error(const EngineReply&);

}  // namespace gantry::docker
