// Uploads on a real server, byte by byte where it matters: what is refused before its body, what is
// kept of a body that broke off, and what all of it costs.
#include <chrono>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "daemon/server.hpp"
#include "runtime/build/sha256.hpp"
#include "tests/support/api_fixture.hpp"
#include "tests/support/raw_peer.hpp"

namespace gantry::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::string bytes_of(std::size_t size, int seed) {
  std::string bytes(size, '\0');
  auto state = static_cast<std::uint32_t>(seed) * 2654435761U + 1;
  for (char& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

std::string digest_of(std::string_view bytes) { return "sha256:" + sha256_hex(bytes); }

// Of this process.
std::size_t resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
  return 0;
}

class Upload : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    options_.port = 0;
    options_.workers = 2;
  }
  void TearDown() override { server_.reset(); }

  Server& server() {
    if (!server_) {
      auto made = make_server(options_, context());
      if (!made) throw std::runtime_error(made.error().detail);
      server_ = std::move(*made);
      server_->start();
    }
    return *server_;
  }
  RawPeer connect() { return RawPeer(server().port()); }

  std::string head(const std::string& digest, const std::string& headers) const {
    return "PUT /v1/projects/shop/sources/" + digest +
           " HTTP/1.1\r\nHost: x\r\nContent-Type: application/gzip\r\nAuthorization: Bearer " +
           token_ + "\r\n" + headers + "\r\n";
  }
  static std::string length(std::size_t bytes) {
    return "Content-Length: " + std::to_string(bytes) + "\r\n";
  }
  HttpReply put(const std::string& bytes, std::size_t from = 0) {
    RawPeer peer = connect();
    peer.send(head(digest_of(bytes), length(bytes.size() - from) +
                                         "Upload-Offset: " + std::to_string(from) + "\r\n"));
    peer.send(std::string_view(bytes).substr(from));
    return peer.reply();
  }
  HttpReply state(const std::string& digest) {
    return http_get(server().port(), "x", "/v1/projects/shop/sources/" + digest,
                    "Authorization: Bearer " + token_ + "\r\n");
  }
  // Waits until nobody uploads it any more: a break is noticed a moment later.
  std::uint64_t received(const std::string& digest, std::uint64_t expected) {
    std::uint64_t last = 0;
    for (int i = 0; i < 300; ++i) {
      const auto reply = state(digest);
      last =
          reply.status == 200 ? Json::parse(reply.body)["received_bytes"].get<std::uint64_t>() : 0;
      if (last == expected) break;
      std::this_thread::sleep_for(milliseconds(10));
    }
    return last;
  }

  ServerOptions options_;
  std::unique_ptr<Server> server_;
};

TEST_F(Upload, ComesSlowlyAndTheConnectionServesOn) {
  const std::string bytes = bytes_of(700'000, 1);
  RawPeer peer = connect();
  const std::string request = head(digest_of(bytes), length(bytes.size()));
  peer.send(request.substr(0, 30));
  std::this_thread::sleep_for(milliseconds(20));
  peer.send(request.substr(30) + bytes.substr(0, 10));
  for (std::size_t at = 10; at < bytes.size(); at += 90'000) {
    std::this_thread::sleep_for(milliseconds(5));
    peer.send(std::string_view(bytes).substr(at, 90'000));
  }
  const auto reply = peer.reply();
  EXPECT_EQ(reply.status, 201) << reply.body;
  EXPECT_NE(reply.header("x-request-id"), "");
  EXPECT_EQ(
      Json::parse(reply.body),
      Json({{"digest", digest_of(bytes)}, {"received_bytes", bytes.size()}, {"complete", true}}));
  for (const char* path : {"/livez", "/livez"}) {
    peer.send(std::string("GET ") + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(peer.reply().status, 200) << "on the same connection";
  }
  EXPECT_EQ(put(bytes).status, 200) << "it is there already";
}

TEST_F(Upload, ABodyAndTheNextRequestInOneWrite) {
  const std::string bytes = bytes_of(1000, 2);
  RawPeer peer = connect();
  peer.send(head(digest_of(bytes), length(bytes.size())) + bytes +
            "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(peer.reply().status, 201);
  EXPECT_EQ(peer.reply().body, R"({"status":"ok"})");
}

TEST_F(Upload, WithoutABodyIsAnEmptyArchive) {
  RawPeer peer = connect();
  peer.send(head(digest_of(""), length(0)));
  EXPECT_EQ(peer.reply().status, 201);
  peer.send(head(digest_of("x"), ""));
  EXPECT_EQ(peer.reply().status, 422);
}

TEST_F(Upload, WhatCameBeforeABreakIsKeptToTheLastByte) {
  const std::string bytes = bytes_of(1'000'000, 3);
  const std::string digest = digest_of(bytes);
  constexpr std::size_t first = 300'001;
  constexpr std::size_t second = 300'002;
  {
    RawPeer peer = connect();
    peer.send(head(digest, length(bytes.size())));
    peer.send(std::string_view(bytes).substr(0, first));
  }
  EXPECT_EQ(received(digest, first), first);
  EXPECT_EQ(put(bytes).status, 409);
  {
    RawPeer peer = connect();
    peer.send(head(digest, length(bytes.size() - first) + "Upload-Offset: 300001\r\n"));
    peer.send(std::string_view(bytes).substr(first, 1));
    EXPECT_EQ(peer.wait(milliseconds(100)), false) << "nothing to say yet";
    peer.reset();
  }
  EXPECT_EQ(received(digest, second), second);
  const auto reply = put(bytes, second);
  EXPECT_EQ(reply.status, 201) << reply.body;
}

TEST_F(Upload, ComesInChunks) {
  const std::string bytes = bytes_of(600'000, 4);
  RawPeer peer = connect();
  peer.send(head(digest_of(bytes), "Transfer-Encoding: chunked\r\n"));
  std::size_t size = 1;
  for (std::size_t at = 0; at < bytes.size(); at += size, size = size * 3 + 1) {
    std::ostringstream chunk;
    const std::string part = bytes.substr(at, size);
    chunk << std::hex << part.size() << "\r\n" << part << "\r\n";
    peer.send(chunk.str());
  }
  peer.send("0\r\n\r\n");
  const auto reply = peer.reply();
  EXPECT_EQ(reply.status, 201) << reply.body;
}

TEST_F(Upload, ChunksBeyondTheLimitAreRefused) {
  options_.upload_bytes = 100'000;
  RawPeer peer = connect();
  peer.send(head(digest_of("x"), "Transfer-Encoding: chunked\r\n"));
  const std::string chunk = "7530\r\n" + bytes_of(30'000, 5) + "\r\n";
  for (int i = 0; i < 4; ++i) peer.send(chunk);
  const auto reply = peer.reply();
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(Json::parse(reply.body)["code"], "source_too_large");
}

TEST_F(Upload, TooLargeIsSaidAtOnce) {
  RawPeer peer = connect();
  peer.send(head(digest_of("x"), length(1024ULL * 1024 * 1024 + 1)));
  const auto reply = peer.reply();
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(Json::parse(reply.body)["code"], "source_too_large");
  EXPECT_NE(reply.body.find("1024 MiB"), std::string::npos) << reply.body;
}

TEST_F(Upload, AnOrdinaryBodyKeepsItsLimit) {
  for (const std::string& body :
       {length(1024 * 1024 + 1), "Transfer-Encoding: chunked\r\n\r\n100001\r\n" +
                                     std::string(1024 * 1024 + 1, 'x') + "\r\n0\r\n"}) {
    RawPeer peer = connect();
    peer.send("POST /v1/projects HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token_ +
              "\r\nContent-Type: application/json\r\n" + body + "\r\n");
    const auto reply = peer.reply();
    EXPECT_EQ(reply.status, 413);
    EXPECT_EQ(Json::parse(reply.body)["code"], "body_too_large");
  }
}

TEST_F(Upload, WhoIsRefusedHearsItBeforeTheBody) {
  const std::string digest = digest_of("x");
  const std::string body = length(100'000'000);
  const std::string put = "PUT /v1/projects/";
  const std::string end = " HTTP/1.1\r\nHost: x\r\n" + body;
  const std::string key = "Authorization: Bearer " + token_ + "\r\n\r\n";
  const std::vector<std::pair<int, std::string>> cases = {
      {401, put + "shop/sources/" + digest + end + "\r\n"},
      {401, put + "shop/sources/" + digest + end + "Authorization: Bearer gty_x\r\n\r\n"},
      {404, put + "nobody/sources/" + digest + end + key},
      {422, put + "shop/sources/md5:1" + end + key},
      {422, put + "shop/sources/" + digest + end + "Upload-Offset: x\r\n" + key},
      {409, put + "shop/sources/" + digest + end + "Upload-Offset: 7\r\n" + key},
      {400, put + "shop/sources/" + digest + "?dry_run=true" + end + key},
      {405, "POST /v1/projects/shop/sources/" + digest + " HTTP/1.1\r\nHost: x\r\n\r\n"},
  };
  for (const auto& [status, request] : cases) {
    RawPeer peer = connect();
    peer.send(request);
    const auto reply = peer.reply();
    EXPECT_EQ(reply.status, status) << request << reply.body;
    EXPECT_NE(reply.header("x-request-id"), "");
  }
  EXPECT_EQ(state(digest).status, 404) << "nothing was begun";
}

TEST_F(Upload, WhoSendsOnAfterARefusalStillHearsIt) {
  RawPeer peer = connect();
  peer.send("PUT /v1/projects/shop/sources/" + digest_of("x") +
            " HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n");
  const std::string piece = bytes_of(1'000'000, 6);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(peer.send(piece)) << "reset in the midst of " << i;
  EXPECT_EQ(peer.reply().status, 401);
}

TEST_F(Upload, WhoAsksIsInvitedOnceItIsAdmitted) {
  const std::string bytes = bytes_of(100'000, 7);
  const std::string expects = length(bytes.size()) + "Expect: 100-Continue\r\n";
  {
    RawPeer peer = connect();
    peer.send(head(digest_of(bytes), expects));
    EXPECT_EQ(peer.line(), "HTTP/1.1 100 Continue");
    EXPECT_EQ(peer.line(), "");
    peer.send(bytes);
    EXPECT_EQ(peer.reply().status, 201);
  }
  token_ = "gty_wrong";
  RawPeer peer = connect();
  peer.send(head(digest_of(bytes), expects));
  EXPECT_EQ(peer.reply().status, 401) << "and no invitation before it";
}

TEST_F(Upload, AWrongDigestCanBeSentAgainAtOnce) {
  const std::string bytes = bytes_of(300'000, 8);
  for (int i = 0; i < 20; ++i) {
    std::string wrong = bytes;
    wrong[static_cast<std::size_t>(i)] ^= 1;
    RawPeer peer = connect();
    peer.send(head(digest_of(bytes), length(bytes.size())));
    peer.send(wrong);
    const auto reply = peer.reply();
    ASSERT_EQ(reply.status, 422) << i << reply.body;
    ASSERT_EQ(Json::parse(reply.body)["code"], "digest_mismatch");
  }
  EXPECT_EQ(put(bytes).status, 201);
}

TEST_F(Upload, SilenceEndsIt) {
  options_.idle_seconds = 1;
  const std::string bytes = bytes_of(1000, 9);
  RawPeer peer = connect();
  peer.send(head(digest_of(bytes), length(bytes.size())));
  peer.send(std::string_view(bytes).substr(0, 400));
  const auto begun = steady_clock::now();
  EXPECT_TRUE(peer.closed(milliseconds(5000)));
  EXPECT_GT(steady_clock::now() - begun, milliseconds(900));
  EXPECT_EQ(received(digest_of(bytes), 400), 400U);
  EXPECT_EQ(put(bytes, 400).status, 201);
}

TEST_F(Upload, SlownessIsNotSilence) {
  options_.idle_seconds = 1;
  const std::string bytes = bytes_of(6, 10);
  RawPeer peer = connect();
  peer.send(head(digest_of(bytes), length(bytes.size())));
  for (const char byte : bytes) {
    std::this_thread::sleep_for(milliseconds(400));
    peer.send(std::string(1, byte));
  }
  EXPECT_EQ(peer.reply().status, 201);
}

TEST_F(Upload, AStopDoesNotWaitForIt) {
  const std::string bytes = bytes_of(1'000'000, 11);
  RawPeer peer = connect();
  peer.send(head(digest_of(bytes), length(bytes.size())));
  peer.send(std::string_view(bytes).substr(0, 500'000));
  EXPECT_EQ(received(digest_of(bytes), 262'144), 262'144U) << "the first piece";
  const auto begun = steady_clock::now();
  server().stop();
  EXPECT_LT(steady_clock::now() - begun, std::chrono::seconds(4));
  server_.reset();
  const auto kept = received(digest_of(bytes), 262'144);
  EXPECT_EQ(kept, 262'144U);
  EXPECT_EQ(put(bytes, kept).status, 201) << "the next daemon takes the rest";
}

TEST_F(Upload, AHundredMegabytesCostNoMemory) {
  const std::string block = bytes_of(1024 * 1024, 12);
  Sha256 sum;
  for (int i = 0; i < 100; ++i) sum.add(block);
  RawPeer peer = connect();
  peer.send(head("sha256:" + sum.hex(), length(100 * block.size())));
  const std::size_t before = resident_kib();
  std::size_t most = before;
  for (int i = 0; i < 100; ++i) {
    peer.send(block);
    most = std::max(most, resident_kib());
  }
  const auto reply = peer.reply();
  EXPECT_EQ(reply.status, 201) << reply.body;
  EXPECT_LT(std::max(most, resident_kib()) - before, 16U * 1024);
}

TEST_F(Upload, FortyAtOnceLeaveRoomForOthers) {
  std::vector<RawPeer> peers;
  std::vector<std::string> bodies;
  for (int i = 0; i < 40; ++i) {
    bodies.push_back(bytes_of(400'000, 100 + i));
    peers.push_back(connect());
    peers.back().send(head(digest_of(bodies.back()), length(bodies.back().size())));
    peers.back().send(std::string_view(bodies.back()).substr(0, 200'000));
  }
  for (const char* path : {"/livez", "/readyz"}) {
    const auto begun = steady_clock::now();
    EXPECT_EQ(http_get(server().port(), "x", path).status, 200) << path;
    EXPECT_LT(steady_clock::now() - begun, milliseconds(1000)) << path;
  }
  int taken = 0;
  int refused = 0;
  for (std::size_t i = 0; i < peers.size(); ++i) {
    peers[i].send(std::string_view(bodies[i]).substr(200'000));
    const auto reply = peers[i].reply();
    taken += reply.status == 201 ? 1 : 0;
    if (reply.status != 503) continue;
    ++refused;
    EXPECT_EQ(reply.header("retry-after"), "1");
    EXPECT_EQ(Json::parse(reply.body)["code"], "overloaded");
    bodies.push_back(bodies[i]);
  }
  EXPECT_EQ(taken, 16);
  EXPECT_EQ(refused, 24);
  for (std::size_t i = 40; i < bodies.size(); ++i) EXPECT_EQ(put(bodies[i]).status, 201);
}

TEST_F(Upload, TheRefusedTakeNobodysPlace) {
  options_.max_uploads = 2;
  std::vector<RawPeer> strangers;
  for (int i = 0; i < 8; ++i) {
    strangers.push_back(connect());
    strangers.back().send("PUT /v1/projects/shop/sources/" + digest_of("x") +
                          " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
    strangers.back().wait(milliseconds(1000));
  }
  EXPECT_EQ(put(bytes_of(1000, 13)).status, 201) << "while they linger";
}

}  // namespace
}  // namespace gantry::testing
