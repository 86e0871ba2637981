// One client's connection: reads requests, has them answered, writes the answers. Coroutines on an
// io thread; blocking work goes to the workers. Included by server.cpp, session.cpp and
// upload.hpp only.
#pragma once

#include <atomic>

#include <boost/asio.hpp>

#include "api/http.hpp"
#include "daemon/server.hpp"

namespace gantry {

// What all sessions share; outlives them.
struct Shared {
  explicit Shared(const ServerOptions& o, api::Context& c)
      : options(o),
        context(c),
        workers(static_cast<std::size_t>(o.workers)),
        uploaders(static_cast<std::size_t>(o.uploaders)) {}
  ServerOptions options;
  api::Context& context;
  boost::asio::thread_pool workers;
  boost::asio::thread_pool uploaders;  // a disk that is slow to sync keeps no worker busy
  std::atomic<std::uint64_t> requests{0}, shed{0};
  std::atomic<int> waiting{0}, connections{0};
  std::atomic<int> fresh{0};  // connections that have not sent their first request yet
  std::atomic<int> answering{
      0};  // requests that were read and not fully answered, streams included
  std::atomic<int> streaming{0};  // of these, streams
  std::atomic<int> uploads{0};    // bodies that are being taken piece by piece
  std::atomic<bool> stopping{false};
  std::atomic<std::uint64_t> next_request{0};
};

// Until the peer or the daemon ends it.
boost::asio::awaitable<void> session(boost::asio::ip::tcp::socket, boost::asio::io_context&,
                                     Shared&);

}  // namespace gantry
