// Whether a hook comes from who knows its secret: over the bytes as they came, before anything in
// them is read. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/forge.hpp"
#include "proto/time.hpp"

namespace gantry {

struct HookRequest {
  std::vector<std::pair<std::string, std::string>> headers;  // names lower-case
  std::string body;
  const std::string* header(std::string_view lower_case_name) const;
};

struct SignedHook {
  std::string type;      // "push", "Merge Request Hook" ...
  std::string delivery;  // of this delivery alone; made of the body where the forge gives none
};

// GitHub: X-Hub-Signature-256. Bitbucket: X-Hub-Signature. Gitea and Forgejo: X-Gitea-Signature.
// GitLab: webhook-signature with webhook-id and webhook-timestamp (Standard Webhooks), else
// X-Gitlab-Token. Code::unauthenticated "signature_missing", "bad_signature", or "stale_delivery":
// signed more than 5 minutes away from `now`.
Result<SignedHook> verify_hook(Forge, std::string_view secret, const HookRequest&, TimePoint now);

// For a forge's form. GitLab's may be given as its secret token or as its signing token.
std::string new_hook_secret(Forge);

std::string hmac_sha256_hex(std::string_view key, std::string_view text);

}  // namespace gantry
