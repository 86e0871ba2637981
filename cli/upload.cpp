#include "cli/upload.hpp"

#include <chrono>
#include <thread>

namespace gantry::cli {
namespace {

constexpr int kBarrenMax = 6;  // attempts in a row after which the server has no byte more
constexpr auto kPause = std::chrono::milliseconds(500);
constexpr auto kPauseMax = std::chrono::milliseconds(8000);

class Upload {
 public:
  Upload(Client& client, const Place& place, const Archive& archive, Progress& progress)
      : client_(client),
        archive_(archive),
        progress_(progress),
        path_(place.project_path() + "/sources/" + archive.digest) {}

  Uploaded run() {
    ask();
    if (complete_) return Uploaded::before;
    progress_.begin("Uploading...");
    while (!complete_) {
      const HttpReply reply = send();
      take(reply);
    }
    return Uploaded::now;
  }

 private:
  void ask() {
    const auto state = client_.find(path_);
    learn(state ? *state : Json());
  }

  void learn(const Json& state) {
    const auto received = static_cast<std::uint64_t>(state["received_bytes"].number());
    if (received > furthest_) barren_ = 0;
    furthest_ = std::max(furthest_, received);
    received_ = std::min(received, archive_.bytes);
    complete_ = state["complete"].boolean();
  }

  HttpReply send() {
    const FileBody rest{
        .descriptor = archive_.file.get(), .offset = received_, .size = archive_.bytes - received_};
    return client_.put_file(
        path_, rest,
        {"Content-Type: application/gzip", "Upload-Offset: " + std::to_string(received_)},
        [&](std::uint64_t sent) {
          progress_.show("Uploading " + bar_text(received_ + sent, archive_.bytes));
        });
  }

  // What an answer means: all of it is there, go on, or the end.
  void take(const HttpReply& reply) {
    if (reply.status / 100 == 2 && reply.trouble.empty()) {
      learn(Json::parse(reply.body).value_or(Json()));
      if (!complete_) pause(reply);
      return;
    }
    const Json problem = Json::parse(reply.body).value_or(Json());
    const std::string code = problem["code"].text();
    if (is_refused(reply.status, code)) throw refusal(reply, code);
    if (reply.status == 0 && !reply.may_pass) throw client_.failure_of(reply);
    pause(reply);
    try {
      ask();
    } catch (const Failure& failure) {
      if (failure.code != "unreachable") throw;
    }
  }

  // 409 is about what the server has got: it may hold more than we know, or still hold on to a
  // connection that broke. What was damaged on its way is sent once more.
  bool is_refused(int status, const std::string& code) {
    if (code == "source_too_large") return true;
    if (code == "digest_mismatch") return ++damaged_ > 1;
    return status / 100 == 4 && status != 409 && status != 408 && status != 429;
  }

  // An early answer closes the connection, so the sending side breaks too: the answer counts.
  Failure refusal(HttpReply reply, const std::string& code) const {
    reply.trouble.clear();
    Failure failure = client_.failure_of(reply);
    if (reply.status == 413 || code == "source_too_large")
      failure.hint = "the archive has " + bytes_text(archive_.bytes) +
                     ": leave files out with .gantryignore; --verbose shows what goes in";
    return failure;
  }

  void pause(HttpReply reply) {
    if (++barren_ < kBarrenMax) {
      std::this_thread::sleep_for(std::min(kPause * (1 << (barren_ - 1)), kPauseMax));
      return;
    }
    if (reply.status != 0) reply.trouble.clear();
    Failure failure = client_.failure_of(reply);
    failure.message = "the upload does not get on: " + failure.message;
    failure.hint = "run it again: it goes on at " + bytes_text(received_) + " of " +
                   bytes_text(archive_.bytes);
    throw failure;
  }

  Client& client_;
  const Archive& archive_;
  Progress& progress_;
  const std::string path_;
  std::uint64_t received_ = 0;
  std::uint64_t furthest_ = 0;
  bool complete_ = false;
  int barren_ = 0;
  int damaged_ = 0;
};

}  // namespace

Uploaded upload(Session& session, const Place& place, const Archive& archive, Progress& progress) {
  return Upload(session.client(), place, archive, progress).run();
}

}  // namespace gantry::cli
