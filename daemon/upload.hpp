// Bodies that are taken piece by piece: who sends one is admitted or refused by its head alone, and
// never more than a piece of it is in memory. Included by session.cpp and upload.cpp only.
#pragma once

#include <optional>

#include "daemon/exchange.hpp"
#include "daemon/session.hpp"

namespace gantry {

// The endpoint, when it is one that takes the request's body piece by piece.
std::optional<api::Match> upload_of(const RequestParser& head);

// From the head that was read to the answer. False: the connection is at its end. One piece at a
// time goes to an uploader's thread, so a slow disk slows the peer. When the peer breaks off, or
// sends nothing for `idle_seconds`, what it has sent is handed over and the intake dropped.
boost::asio::awaitable<bool> take_upload(PeerStream&, boost::beast::flat_buffer&, Shared&,
                                         RequestParser& head, api::Match);

}  // namespace gantry
