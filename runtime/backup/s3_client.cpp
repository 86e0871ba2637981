#include "runtime/backup/s3_client.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <thread>

#include <curl/curl.h>

#include "proto/percent.hpp"
#include "runtime/build/sha256.hpp"

namespace gantry::s3 {
namespace {

constexpr std::size_t kAnswerMax = 80 * 1024 * 1024;
constexpr long kConnectSeconds = 10;

void start_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

std::size_t take_body(char* data, std::size_t, std::size_t size, void* to) {
  auto& body = static_cast<Answer*>(to)->body;
  if (body.size() + size > kAnswerMax) return 0;
  body.append(data, size);
  return size;
}

std::size_t take_header(char* data, std::size_t, std::size_t size, void* to) {
  std::string_view line(data, size);
  while (line.ends_with('\r') || line.ends_with('\n')) line.remove_suffix(1);
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  std::string key(line.substr(0, colon));
  std::transform(key.begin(), key.end(), key.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  line.remove_prefix(colon + 1);
  while (line.starts_with(' ')) line.remove_prefix(1);
  static_cast<Answer*>(to)->headers[key] = std::string(line);
  return size;
}

struct Upload {
  std::string_view left;
};
std::size_t give_body(char* to, std::size_t, std::size_t room, void* from) {
  auto& upload = *static_cast<Upload*>(from);
  const std::size_t size = std::min(room, upload.left.size());
  std::copy_n(upload.left.data(), size, to);
  upload.left.remove_prefix(size);
  return size;
}

// curl may want to begin again on a new connection.
int rewind_body(void* from, curl_off_t, int) {
  (void)from;
  return CURL_SEEKFUNC_FAIL;
}

struct Header {
  ~Header() { curl_slist_free_all(list); }
  void add(const std::string& line) { list = curl_slist_append(list, line.c_str()); }
  curl_slist* list = nullptr;
};

bool worth_repeating(const Answer& answer) {
  constexpr std::array statuses{408, 429, 500, 502, 503, 504};
  if (std::find(statuses.begin(), statuses.end(), answer.status) != statuses.end()) return true;
  // S3 says 200 before it knows whether it can put the parts together.
  return answer.status == 200 && answer.body.find("<Error>") != std::string::npos &&
         answer.body.find("<Code>InternalError") != std::string::npos;
}

std::string first(const std::vector<std::string>& texts) { return texts.empty() ? "" : texts[0]; }

Error refusal(const Answer& answer, const std::string& bucket) {
  const std::string code = first(elements(answer.body, "Code"));
  const std::string message = first(elements(answer.body, "Message")).substr(0, 200);
  const std::string said = "the store answered " + std::to_string(answer.status) +
                           (code.empty() ? "" : " " + code) +
                           (message.empty() ? "" : ": " + message);
  if (code == "RequestTimeTooSkewed")
    return {Code::unavailable, "destination_clock",
            said + ": this machine's clock and the store's differ: set it"};
  if (answer.status == 507 || code.find("StorageFull") != std::string::npos ||
      code.find("QuotaExceeded") != std::string::npos)
    return {Code::exhausted, "destination_full", said};
  if (answer.status == 403 || answer.status == 401)
    return {Code::forbidden, "destination_refused",
            said + ": check the access key and what it may do in bucket " + bucket};
  if (answer.status >= 500 || answer.status == 429 || answer.status == 408)
    return {Code::unavailable, "destination_unavailable", said};
  return {Code::conflict, "destination_refused", said};
}

}  // namespace

struct Client::Handle {
  Handle() { start_curl(), curl = curl_easy_init(); }
  ~Handle() { curl_easy_cleanup(curl); }
  CURL* curl;
};

Client::Client(const S3Options& options) : options_(options), handle_(std::make_unique<Handle>()) {}
Client::~Client() = default;

Result<Answer> Client::once(const Call& call) {
  const std::size_t scheme = options_.endpoint.find("://") + 3;
  const std::string authority = options_.endpoint.substr(scheme);
  Unsigned request;
  request.method = call.method;
  request.host = options_.path_style ? authority : options_.bucket + "." + authority;
  request.path = "/" +
                 (options_.path_style ? options_.bucket + (call.key.empty() ? "" : "/") : "") +
                 percent_encode(call.key, "/");
  request.query = call.query;
  request.headers = call.headers;
  request.payload_hash = sha256_hex(call.body);
  Header headers;
  for (const auto& [key, value] :
       sign(request, {options_.access_key_id, options_.secret_access_key, options_.region},
            options_.clock->now()))
    headers.add(key + ": " + value);
  for (const auto& [key, value] : call.headers) headers.add(key + ": " + value);
  for (const char* unwanted : {"Expect:", "Content-Type:"}) headers.add(unwanted);
  const std::string query = query_string(call.query);
  const std::string url = options_.endpoint.substr(0, scheme) + request.host + request.path +
                          (query.empty() ? "" : "?" + query);
  Answer answer;
  Upload upload{call.body};
  CURL* curl = handle_->curl;
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options_.timeout_seconds));
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.list);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer);
  if (call.method == "HEAD") curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  if (call.method == "PUT" || call.method == "POST") {
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body);
    curl_easy_setopt(curl, CURLOPT_READDATA, &upload);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, rewind_body);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
  }
  if (call.method != "HEAD" && call.method != "GET")
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK)
    return Error{Code::unavailable, "destination_unavailable",
                 "the connection to " + request.host + " broke: " + curl_easy_strerror(code)};
  answer.status = static_cast<int>(status);
  return answer;
}

Result<Answer> Client::ask(const Call& call) {
  std::chrono::milliseconds pause(options_.first_pause_milliseconds);
  for (int attempt = 1;; ++attempt, pause *= 2) {
    auto answer = once(call);
    const bool again = !answer || worth_repeating(*answer);
    if (!again && (answer->status / 100 == 2 || answer->status == 404 || answer->status == 416) &&
        answer->body.find("<Code>NoSuchBucket") == std::string::npos)
      return answer;
    if (!again || attempt >= options_.attempts)
      return answer ? refusal(*answer, options_.bucket) : answer.error();
    std::this_thread::sleep_for(pause);
  }
}

std::vector<std::string> elements(std::string_view xml, std::string_view tag) {
  const std::string open = "<" + std::string(tag) + ">", close = "</" + std::string(tag) + ">";
  std::vector<std::string> found;
  for (std::size_t at = xml.find(open); at != std::string_view::npos; at = xml.find(open, at)) {
    at += open.size();
    const std::size_t end = xml.find(close, at);
    if (end == std::string_view::npos) break;
    std::string text(xml.substr(at, end - at));
    constexpr std::array<std::array<std::string_view, 2>, 6> entities{{{"&lt;", "<"},
                                                                       {"&gt;", ">"},
                                                                       {"&quot;", "\""},
                                                                       {"&#34;", "\""},
                                                                       {"&apos;", "'"},
                                                                       {"&amp;", "&"}}};
    for (const auto& [from, to] : entities)
      for (std::size_t i = text.find(from); i != std::string::npos; i = text.find(from, i + 1))
        text.replace(i, from.size(), to);
    found.push_back(std::move(text));
  }
  return found;
}

}  // namespace gantry::s3
