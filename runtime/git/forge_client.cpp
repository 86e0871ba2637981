#include "runtime/git/forge_client.hpp"

#include <mutex>

#include <curl/curl.h>

#include "proto/git_url.hpp"
#include "runtime/build/files.hpp"

namespace gantry {
namespace {

constexpr std::size_t kAnswerMax = 4 * 1024 * 1024;
constexpr long kConnectSeconds = 5;
constexpr long kSeconds = 15;

std::size_t take_body(char* data, std::size_t, std::size_t size, void* to) {
  auto& body = *static_cast<std::string*>(to);
  if (body.size() + size > kAnswerMax) return 0;
  body.append(data, size);
  return size;
}

struct FreeHandle {
  void operator()(CURL* it) const { curl_easy_cleanup(it); }
};
struct Headers {
  ~Headers() { curl_slist_free_all(list); }
  void add(const std::string& line) { list = curl_slist_append(list, line.c_str()); }
  curl_slist* list = nullptr;
};

std::string api_of(const Repository& repository) {
  if (!repository.api_url.empty()) return repository.api_url;
  const auto url = parse_repository_url(repository.url);
  return url ? api_url_of(repository.forge, url->scheme, url->host) : std::string();
}

std::string authorization(const Repository& repository) {
  switch (repository.forge) {
    case Forge::gitlab:
      return "PRIVATE-TOKEN: " + repository.token;
    case Forge::gitea:
      return "Authorization: token " + repository.token;
    case Forge::github:
    case Forge::bitbucket:
    case Forge::plain:
      break;
  }
  return "Authorization: Bearer " + repository.token;
}

Error refusal(long status, const std::string& body) {
  const std::string said =
      "the forge answered " + std::to_string(status) + ": " + shown(body.substr(0, 200));
  const bool passes = status == 429 || status >= 500 || status == 408;
  return {passes ? Code::unavailable : Code::invalid, passes ? "forge_failed" : "forge_refused",
          said};
}

class CurlForge final : public ForgeApi {
 public:
  CurlForge() {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  }

  Result<std::string> send(const Repository& repository, const ForgeRequest& request) override {
    if (!has_forge_api(repository))
      return Error{Code::invalid, "no_forge_api", "there is no access token for the forge's API"};
    const std::unique_ptr<CURL, FreeHandle> handle(curl_easy_init());
    if (!handle) return Error{Code::unavailable, "forge_failed", "there is no room for a request"};
    const std::string url = api_of(repository) + request.path;
    Headers headers;
    headers.add(authorization(repository));
    headers.add("Content-Type: application/json");
    headers.add("Accept: application/json");
    std::string body;
    CURL* const curl = handle.get();
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.list);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "gantry");
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, kSeconds);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    if (!request.body.empty()) {
      curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
      curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
    }
    const CURLcode failed = curl_easy_perform(curl);
    if (failed != CURLE_OK)
      return Error{Code::unavailable, "forge_failed",
                   std::string("the forge cannot be reached: ") + curl_easy_strerror(failed)};
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status / 100 != 2) return refusal(status, body);
    return body;
  }
};

}  // namespace

bool has_forge_api(const Repository& repository) {
  return !repository.token.empty() && !api_of(repository).empty();
}

std::unique_ptr<ForgeApi> make_forge_api() { return std::make_unique<CurlForge>(); }

}  // namespace gantry
