// A unix socket before the engine's, whose replies a test can lose after the engine did its work.
#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace gantry::testing {

class CuttingProxy {
 public:
  explicit CuttingProxy(std::string engine_socket);
  ~CuttingProxy();
  const std::string& socket() const { return path_; }

  // The next connection whose request holds this text is closed once the engine has answered,
  // without the answer.
  void cut_reply_to(const std::string& text);
  int cuts() const { return cuts_; }
  void drop_all();                      // every connection that is open now
  void be_silent() { silent_ = true; }  // accepts and never answers

 private:
  void accept_all();
  void serve(int client);
  bool is_to_be_cut(const std::string& request);

  const std::string engine_;
  const std::string path_;
  int listener_ = -1;
  std::atomic<bool> silent_ = false;
  std::atomic<int> cuts_ = 0;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::string cut_;
  std::set<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace gantry::testing
