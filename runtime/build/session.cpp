#include "runtime/build/session.hpp"

#include <array>
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/id.hpp"
#include "runtime/build/engine_exchange.hpp"

namespace gantry {
namespace {

constexpr std::string_view kSecret = "/moby.buildkit.secrets.v1.Secrets/GetSecret";
constexpr std::string_view kHealth = "/grpc.health.v1.Health/Check";
constexpr const char* kOk = "0";
constexpr const char* kNotFound = "5";
constexpr const char* kUnimplemented = "12";

// One call of the engine's.
struct Call {
  std::string path, request;
  std::string reply;  // framed
  std::size_t sent = 0;
};

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

// A gRPC message: a flag (not compressed), its length, its bytes.
std::string framed(const std::string& message) {
  std::string out(1, '\0');
  const auto size = static_cast<std::uint32_t>(message.size());
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>((size >> shift) & 0xff);
  return out + message;
}

// Field 1 of the message in a frame, a string.
std::string secret_id(std::string_view request) {
  constexpr std::size_t head = 5;
  if (request.size() < head + 2 || request[head] != 0x0a) return {};
  request.remove_prefix(head + 1);
  std::size_t length = 0;
  for (int shift = 0; !request.empty() && shift < 28; shift += 7) {
    const auto byte = static_cast<unsigned char>(request.front());
    request.remove_prefix(1);
    length |= static_cast<std::size_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) break;
  }
  return std::string(request.substr(0, length));
}

nghttp2_nv pair(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

class Http2Session final : public BuildSession {
 public:
  Http2Session(int fd, std::string id, std::map<std::string, std::string> secrets)
      : id_(std::move(id)), secrets_(std::move(secrets)), fd_(fd), wake_(eventfd(0, EFD_CLOEXEC)) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_server_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
  }
  ~Http2Session() override {
    const std::uint64_t one = 1;
    stopping_ = true;
    (void)!write(wake_, &one, sizeof one);
    if (thread_.joinable()) thread_.join();
    nghttp2_session_del(session_);
    close(wake_);
    close(fd_);
  }

  void start(const std::string& early) {
    thread_ = std::thread([this, early] { run(early); });
  }
  const std::string& id() const override { return id_; }

 private:
  // ---- the thread ----

  void run(const std::string& early) {
    std::array<std::uint8_t, 16384> in;
    if (!take(reinterpret_cast<const std::uint8_t*>(early.data()), early.size())) return;
    while (!stopping_) {
      std::array<pollfd, 2> pollers{{{fd_, POLLIN, 0}, {wake_, POLLIN, 0}}};
      if (poll(pollers.data(), pollers.size(), -1) < 0 && errno != EINTR) return;
      if (pollers[0].revents == 0) continue;
      const ssize_t got = recv(fd_, in.data(), in.size(), 0);
      if (got <= 0 || !take(in.data(), static_cast<std::size_t>(got))) return;
    }
  }

  bool take(const std::uint8_t* data, std::size_t size) {
    if (size > 0 && nghttp2_session_mem_recv(session_, data, size) < 0) return false;
    for (;;) {
      const std::uint8_t* out = nullptr;
      const ssize_t count = nghttp2_session_mem_send(session_, &out);
      if (count <= 0) return count == 0;
      for (ssize_t sent = 0; sent < count;) {
        const ssize_t some =
            send(fd_, out + sent, static_cast<std::size_t>(count - sent), MSG_NOSIGNAL);
        if (some <= 0) return false;
        sent += some;
      }
    }
  }

  void answer(std::int32_t stream, Call& call) {
    std::string message;
    const char* status = kUnimplemented;
    if (call.path == kHealth) {
      status = kOk;
      message = "\x08\x01";  // SERVING
    } else if (call.path == kSecret) {
      const auto found = secrets_.find(secret_id(call.request));
      status = found == secrets_.end() ? kNotFound : kOk;
      if (found != secrets_.end()) {
        message = "\x0a";
        append_varint(message, found->second.size());
        message += found->second;
      }
    }
    const std::string_view code(status);
    if (code != kOk) {
      const std::array<nghttp2_nv, 3> head{pair(":status", "200"),
                                           pair("content-type", "application/grpc"),
                                           pair("grpc-status", code)};
      nghttp2_submit_response(session_, stream, head.data(), head.size(), nullptr);
      return;
    }
    call.reply = framed(message);
    const std::array<nghttp2_nv, 2> head{pair(":status", "200"),
                                         pair("content-type", "application/grpc")};
    nghttp2_data_provider body{};
    body.source.ptr = &call;
    body.read_callback = read_reply;
    nghttp2_submit_response(session_, stream, head.data(), head.size(), &body);
  }

  // ---- nghttp2's callbacks; `user` is this ----

  static Http2Session& self(void* user) { return *static_cast<Http2Session*>(user); }
  static int on_begin(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    self(user).calls_[frame->hd.stream_id];
    return 0;
  }
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t, void* user) {
    const std::string_view key(reinterpret_cast<const char*>(name), name_size);
    if (key == ":path")
      self(user).calls_[frame->hd.stream_id].path.assign(reinterpret_cast<const char*>(value),
                                                         value_size);
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* data,
                     std::size_t size, void* user) {
    constexpr std::size_t request_max = 64 * 1024;
    std::string& request = self(user).calls_[stream].request;
    if (request.size() + size <= request_max)
      request.append(reinterpret_cast<const char*>(data), size);
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    const bool carries = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (carries && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
      self(user).answer(frame->hd.stream_id, self(user).calls_[frame->hd.stream_id]);
    return 0;
  }
  static int on_close(nghttp2_session*, std::int32_t stream, std::uint32_t, void* user) {
    self(user).calls_.erase(stream);
    return 0;
  }
  static ssize_t read_reply(nghttp2_session* session, std::int32_t stream, std::uint8_t* out,
                            std::size_t room, std::uint32_t* flags, nghttp2_data_source* source,
                            void*) {
    Call& call = *static_cast<Call*>(source->ptr);
    const std::size_t count = std::min(room, call.reply.size() - call.sent);
    std::memcpy(out, call.reply.data() + call.sent, count);
    call.sent += count;
    if (call.sent == call.reply.size()) {
      *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
      const nghttp2_nv trailer = pair("grpc-status", kOk);
      nghttp2_submit_trailer(session, stream, &trailer, 1);
    }
    return static_cast<ssize_t>(count);
  }

  const std::string id_;
  const std::map<std::string, std::string> secrets_;
  const int fd_, wake_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, Call> calls_;  // by stream; the thread's only
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

Error unavailable(const std::string& what) {
  return {Code::unavailable, "engine_unavailable", "the container engine " + what};
}

}  // namespace

Result<std::unique_ptr<BuildSession>> open_build_session(
    const std::string& socket_path, std::map<std::string, std::string> secrets) {
  const int fd = connect_unix(socket_path);
  if (fd < 0) return unavailable("does not answer at " + socket_path);
  const std::string id = new_ulid(system_clock().now());
  auto session = std::make_unique<Http2Session>(fd, id, std::move(secrets));
  std::string head =
      "POST /session HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
      "Content-Length: 0\r\nX-Docker-Expose-Session-Uuid: " +
      id +
      "\r\nX-Docker-Expose-Session-Name: gantry\r\nX-Docker-Expose-Session-Sharedkey: gantry\r\n"
      "X-Docker-Expose-Session-Grpc-Method: " +
      std::string(kSecret) + "\r\nX-Docker-Expose-Session-Grpc-Method: " + std::string(kHealth) +
      "\r\n\r\n";
  if (send(fd, head.data(), head.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(head.size()))
    return unavailable("broke the session off");
  std::string reply;
  std::array<char, 4096> in;
  for (std::size_t end; (end = reply.find("\r\n\r\n")) == std::string::npos;) {
    pollfd poller{fd, POLLIN, 0};
    const ssize_t got = poll(&poller, 1, 10'000) == 1 ? recv(fd, in.data(), in.size(), 0) : -1;
    if (got <= 0 || reply.size() > 16384) return unavailable("did not open a session");
    reply.append(in.data(), static_cast<std::size_t>(got));
  }
  if (reply.compare(0, 12, "HTTP/1.1 101") != 0)
    return unavailable("refused a session: " + reply.substr(0, reply.find("\r\n")));
  session->start(reply.substr(reply.find("\r\n\r\n") + 4));
  return std::unique_ptr<BuildSession>(std::move(session));
}

}  // namespace gantry
