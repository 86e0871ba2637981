#include "cli/websocket.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include <curl/curl.h>
#include <poll.h>
#include <sodium.h>
#include <sys/socket.h>

#include "cli/failure.hpp"
#include "cli/json.hpp"

namespace gantry::cli {

struct WebSocket::Connection {
  CURL* curl = nullptr;
  std::array<char, CURL_ERROR_SIZE> trouble{};
  ~Connection() { curl_easy_cleanup(curl); }
};

namespace {

constexpr long kConnectTimeoutMs = 5000;
constexpr long kReadBytes = 256L * 1024;
constexpr std::size_t kHeadMost = 64 * 1024;

std::string random_key() {
  std::array<unsigned char, 16> bytes{};
  std::array<char, sodium_base64_ENCODED_LEN(16, sodium_base64_VARIANT_ORIGINAL)> text{};
  randombytes_buf(bytes.data(), bytes.size());
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  return text.data();
}

// "http://host:7070/base" -> "host:7070"
std::string authority_of(const std::string& url) {
  const auto begin = url.find("://") + 3;
  return url.substr(begin, url.find('/', begin) - begin);
}

std::string base_path_of(const std::string& url) {
  const auto slash = url.find('/', url.find("://") + 3);
  return slash == std::string::npos ? "" : url.substr(slash);
}

Failure refused(const std::string& head, const std::string& body) {
  const Json problem = Json::parse(body).value_or(Json());
  const std::string code = problem["code"].text();
  if (!code.empty()) return {problem["detail"].text(), code, ""};
  return {"the server opens no session: " + head.substr(0, head.find('\r')), "bad_answer",
          "does a proxy in between let WebSockets through?"};
}

}  // namespace

WebSocket::WebSocket(const std::string& server_url, const std::string& path)
    : connection_(std::make_unique<Connection>()) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  if (sodium_init() < 0) throw Failure{"no random numbers", "internal", ""};
  CURL* const curl = connection_->curl = curl_easy_init();
  const std::string url = server_url;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE,
                   kReadBytes);  // else it reads 16 KiB at once
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPIDLE, 20L);
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPINTVL, 10L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, connection_->trouble.data());
  curl_socket_t descriptor = CURL_SOCKET_BAD;
  const CURLcode code = curl_easy_perform(curl);
  if (code == CURLE_OK) curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &descriptor);
  if (descriptor == CURL_SOCKET_BAD) {
    const char* const why = connection_->trouble.data();
    throw Failure{
        "cannot reach " + server_url + ": " + (*why != '\0' ? why : curl_easy_strerror(code)),
        "unreachable", ""};
  }
  descriptor_ = descriptor;
  // A program here that is killed leaves at once, also when the server takes nothing from it: else
  // its end would wait behind what is still to be sent.
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  shake_hands(authority_of(server_url), base_path_of(server_url) + path);
}

WebSocket::~WebSocket() = default;

void WebSocket::shake_hands(const std::string& host, const std::string& path) {
  const std::string key = random_key();
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: " + host +
                              "\r\nConnection: Upgrade\r\nUpgrade: "
                              "websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
                              key + "\r\nUser-Agent: gantry/" GANTRY_VERSION "\r\n\r\n";
  const Failure gone{"the server closed the connection", "unreachable", ""};
  if (!send_all(request)) throw gone;
  std::string answer;
  std::array<char, 4096> block{};
  while (answer.find("\r\n\r\n") == std::string::npos) {
    const std::size_t got = receive(block);
    if (got == 0 || answer.size() > kHeadMost) throw gone;
    answer.append(block.data(), got);
  }
  const auto end = answer.find("\r\n\r\n") + 4;
  const std::string head = answer.substr(0, end);
  early_ = answer.substr(end);
  if (head.compare(0, 12, "HTTP/1.1 101") != 0) {
    std::string body = std::move(early_);
    early_.clear();
    for (std::size_t got = 0; body.size() < kHeadMost && (got = receive(block)) > 0;)
      body.append(block.data(), got);
    throw refused(head, body);
  }
  if (head.find(websocket::accept_of(key)) == std::string::npos)
    throw Failure{"the server does not speak WebSocket", "bad_answer", ""};
}

// Also when it was cancelled: then the next call tells.
bool WebSocket::wait_for(short events) const {
  pollfd one{.fd = descriptor_, .events = events, .revents = 0};
  while (::poll(&one, 1, -1) < 0 && errno == EINTR) {
  }
  return true;
}

std::size_t WebSocket::receive(std::span<char> to) {
  if (!early_.empty()) {
    const std::size_t size = std::min(to.size(), early_.size());
    std::memcpy(to.data(), early_.data(), size);
    early_.erase(0, size);
    return size;
  }
  for (;;) {
    std::size_t got = 0;
    CURLcode code = CURLE_OK;
    {
      const std::scoped_lock lock(connection_mutex_);
      code = curl_easy_recv(connection_->curl, to.data(), to.size(), &got);
    }
    if (code == CURLE_OK) return got;
    if (code != CURLE_AGAIN || !wait_for(POLLIN)) return 0;
  }
}

bool WebSocket::send_all(std::string_view bytes) {
  while (!bytes.empty()) {
    std::size_t sent = 0;
    CURLcode code = CURLE_OK;
    {
      const std::scoped_lock lock(connection_mutex_);
      code = curl_easy_send(connection_->curl, bytes.data(), bytes.size(), &sent);
    }
    bytes.remove_prefix(sent);
    if (code == CURLE_AGAIN && wait_for(POLLOUT)) continue;
    if (code != CURLE_OK) return false;
  }
  return true;
}

// Who sends is one thread mostly; a pong may come in between frames, never within.
bool WebSocket::send_frame(websocket::Opcode opcode, std::string_view first,
                           std::span<char> second) {
  websocket::Mask mask{};
  randombytes_buf(mask.data(), mask.size());
  const websocket::Head head(opcode, first.size() + second.size(), mask);
  std::string begin(head.bytes());
  begin += first;
  websocket::apply_mask(std::span(begin).subspan(begin.size() - first.size()), mask, 0);
  websocket::apply_mask(second, mask, first.size());
  const std::scoped_lock lock(sending_);
  return send_all(begin) && send_all({second.data(), second.size()});
}

bool WebSocket::send(Channel channel, std::span<char> bytes) {
  const char number = static_cast<char>(channel);
  return send_frame(websocket::Opcode::binary, {&number, 1}, bytes);
}

bool WebSocket::send(const SessionControl& control) {
  std::string json = session_control_json(control);
  return send(Channel::control, json);
}

bool WebSocket::send_pong(std::string_view payload) {
  std::string copy(payload);
  return send_frame(websocket::Opcode::pong, "", copy);
}

void WebSocket::cancel() { ::shutdown(descriptor_, SHUT_RDWR); }

}  // namespace gantry::cli
