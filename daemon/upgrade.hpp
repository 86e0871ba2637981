// GET /v1/sessions/{ticket}: from HTTP to WebSocket. The connection leaves the io thread here.
// Included by session.cpp only, beside its own source.
#pragma once

#include "daemon/exchange.hpp"
#include "daemon/session.hpp"

namespace gantry {

// Whether a request is for this door.
bool opens_session(const RequestParser& head);

// Hands the connection over to the sessions, or answers why not. What is left of it is at its end.
boost::asio::awaitable<void> open_session(PeerStream&, boost::beast::flat_buffer&, Shared&,
                                          const RequestParser& head);

}  // namespace gantry
