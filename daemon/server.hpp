// The HTTP/1.1 listener: sessions are coroutines on the io threads, handlers ordinary functions. A
// hot handler (memory only) runs where it was read; any other hops once to a worker. Limits:
// headers 16 KiB, body 1 MiB, 60 s for a request to arrive, a bounded number of requests waiting
// for a worker (above it: 503). Uploads are taken piece by piece and have 60 s
// of silence.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "api/http.hpp"

namespace gantry {

class Sessions;

struct ServerOptions {
  std::string address = "127.0.0.1";
  int port = 7070;
  int io_threads = 2;
  int workers = 8;
  int max_connections = 1024;
  int max_waiting = 512;  // requests that wait for a worker
  int request_seconds = 60;
  std::uint64_t body_bytes = 1024 * 1024;
  std::uint64_t upload_bytes = 1024ULL * 1024 * 1024;  // of one uploaded body
  int max_uploads = 16;                                // at once; above it: 503
  int uploaders = 4;                                   // threads that write them
  int idle_seconds = 60;                               // of silence within an upload
  Sessions* sessions = nullptr;                        // where tickets lead; outlives the server
};

struct ServerCounters {
  std::uint64_t requests = 0, shed = 0, connections = 0;
};

class Server {
 public:
  virtual ~Server() = default;
  virtual void start() = 0;
  // Stops accepting, lets requests under way finish (10 s at most), closes the rest, joins.
  virtual void stop() = 0;
  virtual int port() const = 0;
  virtual ServerCounters counters() const = 0;
};

// Binds at once; the address taken: Code::conflict "address_in_use".
Result<std::unique_ptr<Server>> make_server(const ServerOptions&, api::Context&);

}  // namespace gantry
