#include "daemon/server.hpp"

#include <map>
#include <thread>

#include "daemon/log.hpp"
#include "daemon/session.hpp"

namespace gantry {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

class BeastServer final : public Server {
 public:
  BeastServer(const ServerOptions& options, api::Context& context) : shared_(options, context) {
    for (int i = 0; i < options.io_threads; ++i)
      contexts_.push_back(std::make_unique<asio::io_context>(1));
    acceptor_ = std::make_unique<tcp::acceptor>(*contexts_[0]);
  }
  ~BeastServer() override { stop(); }

  Result<> listen() {
    boost::system::error_code error;
    const tcp::endpoint endpoint(asio::ip::make_address(shared_.options.address, error),
                                 static_cast<unsigned short>(shared_.options.port));
    if (!error) acceptor_->open(endpoint.protocol(), error);
    if (!error) acceptor_->set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_->bind(endpoint, error);
    if (!error) acceptor_->listen(1024, error);
    if (!error) return done();
    const std::string where = shared_.options.address + ":" + std::to_string(shared_.options.port);
    return Error{
        Code::conflict, "address_in_use", "cannot listen on " + where + ": " + error.message(), {}};
  }

  void start() override {
    asio::co_spawn(*contexts_[0], accept(), asio::detached);
    for (auto& context : contexts_)
      threads_.emplace_back([&io = *context] {
        const auto guard = asio::make_work_guard(io);
        io.run();
      });
  }

  // In order: what has connected by now is let in, requests are answered (10 s at most; a
  // connection that sends nothing is waited for 1 s, and so is an upload, which can go on
  // elsewhere), then the rest is closed. The workers end last: who waits for one is still there.
  void stop() override {
    if (shared_.stopping.exchange(true) || threads_.empty()) return;
    asio::post(*contexts_[0], [this] { empty_backlog(); });
    constexpr int kFresh = 100, kAll = 1000;
    for (int i = 0; i < kAll; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      const bool patient = i < kFresh;
      const int going_on = shared_.streaming + (patient ? 0 : shared_.uploads.load());
      if (closed_ && shared_.waiting == 0 && shared_.answering <= going_on &&
          (shared_.fresh == 0 || !patient))
        break;
    }
    for (auto& context : contexts_) context->stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    shared_.workers.join();
    shared_.uploaders.join();
  }

  int port() const override {
    boost::system::error_code ignored;
    return acceptor_->local_endpoint(ignored).port();
  }

  ServerCounters counters() const override {
    return {shared_.requests, shared_.shed, static_cast<std::uint64_t>(shared_.connections.load())};
  }

 private:
  // The kernel's queue holds connections that their clients believe in.
  void empty_backlog() {
    boost::system::error_code error;
    acceptor_->non_blocking(true, error);
    for (std::size_t next = 0; !error; ++next) {
      tcp::socket socket(*contexts_[0]);
      acceptor_->accept(socket, error);
      if (!error) welcome(std::move(socket), next);
    }
    acceptor_->close(error);
    closed_ = true;
  }

  void welcome(tcp::socket socket, std::size_t number) {
    asio::io_context& io = *contexts_[number % contexts_.size()];
    auto one = session(std::move(socket), io, shared_);
    asio::co_spawn(io, std::move(one), asio::detached);
  }

  asio::awaitable<void> accept() {
    for (std::size_t next = 0;; ++next) {
      boost::system::error_code error;
      auto token = asio::redirect_error(asio::use_awaitable, error);
      tcp::socket socket = co_await acceptor_->async_accept(token);
      if (error && shared_.stopping) co_return;
      if (error) {
        log::warn("accept failed detail=\"" + error.message() + "\"");
        asio::steady_timer pause(*contexts_[0]);
        pause.expires_after(std::chrono::milliseconds(50));  // out of descriptors: let some go
        co_await pause.async_wait(token);
        continue;
      }
      if (shared_.connections >= shared_.options.max_connections) {
        ++shared_.shed;
        continue;  // the socket closes
      }
      welcome(std::move(socket), next);
    }
  }

  Shared shared_;
  std::vector<std::unique_ptr<asio::io_context>> contexts_;
  std::unique_ptr<tcp::acceptor> acceptor_;
  std::vector<std::thread> threads_;
  std::atomic<bool> closed_{false};  // nobody new is let in
};

}  // namespace

Result<std::unique_ptr<Server>> make_server(const ServerOptions& options, api::Context& context) {
  auto server = std::make_unique<BeastServer>(options, context);
  if (auto listening = server->listen(); !listening) return listening.error();
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace gantry
