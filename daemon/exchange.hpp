// What every exchange of a session needs: hop to a worker, send, refuse. Coroutines on an io
// thread. Included by session.cpp and upload.cpp only, beside its own source.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>

#include <boost/asio.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "api/http.hpp"
#include "daemon/wire.hpp"

namespace gantry {

using PeerStream =
    boost::beast::basic_stream<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;
using RequestParser = boost::beast::http::request_parser<boost::beast::http::string_body>;

// Counts one while it lives, or until it is let go.
class Count {
 public:
  explicit Count(std::atomic<int>& counter) : counter_(&counter), before_(counter.fetch_add(1)) {}
  ~Count() { let_go(); }
  Count(const Count&) = delete;
  Count& operator=(const Count&) = delete;
  void let_go() {
    if (counter_ != nullptr) --*counter_;
    counter_ = nullptr;
  }
  int before() const { return before_; }  // how many there were when it came

 private:
  std::atomic<int>* counter_;
  const int before_;
};

// The one bridge to blocking code: values and exceptions come home on the caller's executor.
boost::asio::awaitable<void> offload(boost::asio::thread_pool&, std::function<void()> job);

// A problem that the API is not asked for; a 503 says when to come back.
api::Response refused(int status, const std::string& code, const std::string& detail);

boost::asio::awaitable<void> send(PeerStream&, const api::Response&, wire::Framing,
                                  std::chrono::seconds patience);

// "100 Continue" for who waits for it before the body (RFC 9110, 10.1.1).
boost::asio::awaitable<void> invite(PeerStream&, const RequestParser& head);

// After a refusal the peer may still be sending: what it sends is read away for a moment, so that
// it sees the answer and not a reset.
boost::asio::awaitable<void> linger(PeerStream&);

}  // namespace gantry
