// A server that says who it is and then sends back every byte, and clients for it. Never used
// outside tests.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace gantry {

class TcpEcho {
 public:
  // "127.0.1.1"; says `name` and a line feed to everybody who connects.
  TcpEcho(const std::string& host, int port, std::string name);
  ~TcpEcho();
  TcpEcho(const TcpEcho&) = delete;

 private:
  void accept_all();
  void serve(int fd) const;

  const std::string name_;
  int listener_ = -1;
  std::mutex mutex_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
  std::vector<int> connections_;
  std::thread acceptor_;
};

// A listener on 127.0.0.1, as any other program's; -1: the port is taken.
int listen_on(int port);

// A connection to a port of 127.0.0.1 behind which a TcpEcho is.
class EchoClient {
 public:
  explicit EchoClient(int port);
  ~EchoClient();
  EchoClient(const EchoClient&) = delete;

  const std::string& name() const { return name_; }  // who answers; empty: nobody
  // Whether these bytes come back; false: it is cut.
  bool echoes(const std::string& bytes);

 private:
  int fd_ = -1;
  std::string name_;
};

}  // namespace gantry
