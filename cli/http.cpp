#include "cli/http.hpp"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include <curl/curl.h>
#include <unistd.h>

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

struct Reading {
  const HttpCall& call;
  std::uint64_t at = 0;  // of the part
};

std::size_t on_wanted(char* buffer, std::size_t size, std::size_t count, void* user) {
  Reading& reading = *static_cast<Reading*>(user);
  const FileBody& file = *reading.call.file;
  const auto room = std::min<std::uint64_t>(size * count, file.size - reading.at);
  const ssize_t got = ::pread(file.descriptor, buffer, static_cast<std::size_t>(room),
                              static_cast<off_t>(file.offset + reading.at));
  if (got < 0 || (got == 0 && room > 0)) return CURL_READFUNC_ABORT;
  reading.at += static_cast<std::uint64_t>(got);
  if (reading.call.on_sent) reading.call.on_sent(reading.at);
  return static_cast<std::size_t>(got);
}

int on_seek(void* user, curl_off_t offset, int origin) {
  if (origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  static_cast<Reading*>(user)->at = static_cast<std::uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

void set_body(CURL* curl, Reading& reading) {
  const HttpCall& call = reading.call;
  if (call.file) {
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(call.file->size));
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_wanted);
    curl_easy_setopt(curl, CURLOPT_READDATA, &reading);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, &reading);
  } else if (!call.body.empty()) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call.body.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
  }
  if (call.stall_seconds > 0) {
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, call.stall_seconds);
  }
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
  Reading reading{call};
  set_body(curl, reading);
  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  reply.status = static_cast<int>(status);
  if (code != CURLE_OK) reply.trouble = *trouble != '\0' ? trouble : curl_easy_strerror(code);
  reply.may_pass = code == CURLE_COULDNT_CONNECT || code == CURLE_SEND_ERROR ||
                   code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING ||
                   code == CURLE_PARTIAL_FILE ||
                   (call.stall_seconds > 0 && code == CURLE_OPERATION_TIMEDOUT);
  return reply;
}

}  // namespace gantry::cli
