// Sends one JSON text to a URL, once. Blocking; one thread at a time.
#pragma once

#include <stop_token>
#include <string>

#include "proto/result.hpp"

namespace gantry {

struct WebhookOptions {
  std::string url;          // http or https
  std::string secret = {};  // empty: not signed
  int timeout_seconds = 10;
};

// 2xx is success. Else unavailable "webhook_failed". Redirects are not followed. With a secret
// there is a header "X-Gantry-Signature: sha256=<hex of the body's HMAC-SHA256>".
Result<> post_webhook(const WebhookOptions&, const std::string& body, const std::stop_token&);

}  // namespace gantry
