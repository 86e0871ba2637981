#include "daemon/carrier.hpp"

#include <array>
#include <thread>

namespace gantry {
namespace {

constexpr std::size_t kBlock = 64 * 1024;
constexpr Seconds kGoodbye{5};
constexpr int kNormal = 1000;  // RFC 6455, 7.4.1
constexpr std::string_view kLeft = "the client left";

}  // namespace

void Carrier::refuse(const Error& error) {
  SessionControl control;
  control.error = error;
  (void)peer_->send(control);
  (void)peer_->send_close(kNormal);
  peer_->finish(kGoodbye);
  std::array<char, 4096> scrap{};
  while (peer_->read(scrap) > 0) {
  }
}

std::string Carrier::carry(std::unique_ptr<Execution> far) {
  {
    const std::scoped_lock lock(mutex_);
    far_ = std::move(far);
    if (cancelled_) far_->cancel();
  }
  SessionControl started;
  started.started = true;
  (void)peer_->send(started);
  std::thread inward([this] {
    carry_in();
    const std::scoped_lock lock(mutex_);
    inward_over_ = true;
    gone_.notify_one();
  });
  conclude(carry_out());
  std::unique_lock lock(mutex_);
  // The last words are on their way: who still sends is heard, but not for ever.
  gone_.wait_for(lock, kGoodbye, [this] { return inward_over_; });
  lock.unlock();
  peer_->cancel();
  inward.join();
  lock.lock();
  const auto ended = std::move(far_);  // its own container is removed outside of the lock
  std::string outcome = outcome_;
  lock.unlock();
  return outcome;
}

// The far end's thread.
Result<> Carrier::carry_out() {
  for (;;) {
    auto bytes = far_->read();
    if (!bytes) return bytes.error();
    if (bytes->bytes.empty()) return done();
    const Channel channel = bytes->stream == ExecStream::error ? Channel::error : Channel::output;
    if (!peer_->send(channel, bytes->bytes))
      return Error{Code::unavailable, "peer_gone", std::string(kLeft)};
  }
}

void Carrier::conclude(const Result<>& carried) {
  const auto code = carried ? far_->exit_code() : Result<int>(carried.error());
  ended_ = true;
  if (carried)
    far_->cancel();
  else
    end_far();
  SessionControl last;
  if (code)
    last.exit_code = *code;
  else
    last.error = code.error();
  {
    const std::scoped_lock lock(mutex_);
    if (outcome_.empty())
      outcome_ = code ? "exit code " + std::to_string(*code) : code.error().detail;
  }
  (void)peer_->send(last);
  (void)peer_->send_close(kNormal);
}

Result<> Carrier::take(Channel channel, std::string_view bytes) {
  if (channel != Channel::input)
    return Error{Code::invalid, "protocol_error", "a client writes to the input only"};
  if (ended_ || input_over_) return done();
  if (bytes.empty()) {
    input_over_ = true;
    return far_->close_input();
  }
  // Nobody reads it any more: what is still to come is dropped, and the end is told by the output.
  if (!far_->write(bytes)) input_over_ = true;
  return done();
}

Result<> Carrier::take(const SessionControl& control) {
  if (control.resize && !ended_)
    (void)far_->resize({control.resize->columns, control.resize->rows});
  return control.input_end ? take(Channel::input, "") : done();
}

// The client's thread: until it closes, goes away or says what nobody understands.
void Carrier::carry_in() {
  const Error left{Code::unavailable, "peer_gone", std::string(kLeft)};
  SessionReader reader(
      websocket::Side::client,
      {.data = [this](Channel channel, std::string_view bytes) { return take(channel, bytes); },
       .control = [this](const SessionControl& control) { return take(control); },
       .ping =
           [&](std::string_view payload) {
             return peer_->send_pong(payload) || ended_ ? done() : Result<>(left);
           },
       .close = [&] { return Result<>(left); }});
  std::string buffer(kBlock, '\0');
  std::size_t kept = 0;
  std::string why(kLeft);
  for (;;) {
    const std::size_t got = peer_->read(std::span(buffer).subspan(kept));
    if (got == 0) break;
    const std::span<char> all(buffer.data(), kept + got);
    const auto taken = reader.feed(all);
    if (!taken) {
      why = taken.error().detail;
      break;
    }
    kept = all.size() - *taken;
    std::copy(all.end() - static_cast<std::ptrdiff_t>(kept), all.end(), buffer.begin());
  }
  if (ended_) return;
  {
    const std::scoped_lock lock(mutex_);
    if (outcome_.empty()) outcome_ = why;
  }
  end_far();
}

// The program may go on without its connection: it is told to end, once.
void Carrier::end_far() {
  far_->cancel();
  if (!killed_.exchange(true)) far_->kill();
}

void Carrier::cancel(const std::string& why) {
  const std::scoped_lock lock(mutex_);
  if (cancelled_) return;
  cancelled_ = true;
  if (outcome_.empty()) outcome_ = why;
  peer_->cancel();
  if (far_ && !ended_) far_->cancel();
}

}  // namespace gantry
