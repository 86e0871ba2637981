#include "cli/http.hpp"

#include <stdexcept>

#include <curl/curl.h>

namespace gantry::cli {

struct Http::Handle {
  CURL* curl = nullptr;
};

namespace {

constexpr long kConnectTimeoutMs = 5000;

struct Sink {
  CURL* curl;
  const HttpCall& call;
  HttpReply& reply;
};

std::size_t on_bytes(char* data, std::size_t size, std::size_t count, void* user) {
  const Sink& sink = *static_cast<Sink*>(user);
  long status = 0;
  curl_easy_getinfo(sink.curl, CURLINFO_RESPONSE_CODE, &status);
  const std::string_view bytes(data, size * count);
  if (sink.call.on_data && status / 100 == 2) return sink.call.on_data(bytes) ? bytes.size() : 0;
  sink.reply.body += bytes;
  return bytes.size();
}

struct Headers {
  curl_slist* list = nullptr;
  ~Headers() { curl_slist_free_all(list); }
};

}  // namespace

Http::Http() : handle_(std::make_unique<Handle>()) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  handle_->curl = curl_easy_init();
  if (handle_->curl == nullptr) throw std::runtime_error("libcurl does not start");
}

Http::~Http() { curl_easy_cleanup(handle_->curl); }

HttpReply Http::call(const HttpCall& call) {
  CURL* const curl = handle_->curl;
  HttpReply reply;
  Sink sink{curl, call, reply};
  Headers headers;
  for (const std::string& header : call.headers)
    headers.list = curl_slist_append(headers.list, header.c_str());
  headers.list = curl_slist_append(headers.list, "Expect:");
  char trouble[CURL_ERROR_SIZE] = "";
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_URL, call.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.list);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, call.timeout_seconds);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, trouble);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "gantry/" GANTRY_VERSION);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &sink);
  if (!call.body.empty()) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call.body.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
  }
  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  reply.status = static_cast<int>(status);
  if (code != CURLE_OK) reply.trouble = *trouble != '\0' ? trouble : curl_easy_strerror(code);
  reply.may_pass = code == CURLE_COULDNT_CONNECT || code == CURLE_SEND_ERROR ||
                   code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING ||
                   code == CURLE_PARTIAL_FILE;
  return reply;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view plain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (plain.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    out += '%';
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

}  // namespace gantry::cli
