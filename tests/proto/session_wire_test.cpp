#include "proto/session_wire.hpp"

#include <gtest/gtest.h>

namespace gantry {
namespace {

using websocket::Head;
using websocket::Mask;
using websocket::Opcode;
using websocket::Side;

std::string frame(Opcode opcode, std::string payload, const std::optional<Mask>& mask = {}) {
  const Head head(opcode, payload.size(), mask);
  if (mask) websocket::apply_mask(payload, *mask, 0);
  return std::string(head.bytes()) + payload;
}

constexpr Mask kMask{0x37, 0xfa, 0x21, 0x3d};

struct Heard {
  std::vector<std::pair<Channel, std::string>> data;
  std::vector<SessionControl> controls;
  int ends = 0, pings = 0, closes = 0;
};

// Feeds `bytes` in pieces of `step` as a connection would; the error's reason.
std::string hear(Side from, std::string bytes, std::size_t step, Heard& heard) {
  SessionReader reader(from, {.data =
                                  [&](Channel channel, std::string_view part) {
                                    if (part.empty()) ++heard.ends;
                                    if (!heard.data.empty() && heard.data.back().first == channel)
                                      heard.data.back().second += part;
                                    else
                                      heard.data.emplace_back(channel, part);
                                    return done();
                                  },
                              .control =
                                  [&](const SessionControl& control) {
                                    heard.controls.push_back(control);
                                    return done();
                                  },
                              .ping =
                                  [&](std::string_view) {
                                    ++heard.pings;
                                    return done();
                                  },
                              .close =
                                  [&] {
                                    ++heard.closes;
                                    return done();
                                  }});
  std::string pending;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    pending += bytes.substr(at, step);
    const auto taken = reader.feed(pending);
    if (!taken) return taken.error().reason;
    pending.erase(0, *taken);
  }
  return "";
}

TEST(ProtoWebSocket, AnswersTheKeyOfTheRfc) {
  EXPECT_EQ(websocket::accept_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(ProtoWebSocket, WritesTheExamplesOfTheRfc) {
  EXPECT_EQ(frame(Opcode::text, "Hello"), "\x81\x05Hello");
  EXPECT_EQ(frame(Opcode::text, "Hello", kMask),
            std::string("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"));
  EXPECT_EQ(Head(Opcode::binary, 256, {}).bytes(), std::string_view("\x82\x7e\x01\x00", 4));
  EXPECT_EQ(Head(Opcode::binary, 65536, {}).bytes(),
            std::string_view("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10));
}

TEST(ProtoSessionWire, EveryByteOnEveryChannelInPiecesOfEverySize) {
  std::string every(1, '\0');
  for (int i = 0; i < 70000; ++i) every += static_cast<char>(i * 7);
  for (const std::size_t step : {1UL, 2UL, 3UL, 7UL, 300UL, 65536UL, 1000000UL}) {
    for (const Side side : {Side::client, Side::server}) {
      const std::optional<Mask> mask = side == Side::client ? std::optional(kMask) : std::nullopt;
      const std::string bytes =
          frame(Opcode::binary, every, mask) + frame(Opcode::ping, "p", mask) +
          frame(Opcode::binary, std::string("\x03{\"exit\":3}"), mask) +
          frame(Opcode::binary, std::string(1, '\1'), mask) + frame(Opcode::close, "", mask);
      Heard heard;
      ASSERT_EQ(hear(side, bytes, step, heard), "") << step;
      ASSERT_EQ(heard.data.size(), 2U);
      EXPECT_EQ(heard.data[0].first, Channel::input);
      EXPECT_EQ(heard.data[0].second, every.substr(1));
      EXPECT_EQ(heard.data[1], std::pair(Channel::output, std::string()));
      EXPECT_EQ(heard.ends, 1);
      ASSERT_EQ(heard.controls.size(), 1U);
      EXPECT_EQ(heard.controls[0].exit_code, 3);
      EXPECT_EQ(heard.pings, 1);
      EXPECT_EQ(heard.closes, 1);
    }
  }
}

TEST(ProtoSessionWire, FragmentsAreOneMessage) {
  const std::string bytes = std::string(
                                "\x02\x02\x01"
                                "a",
                                4) +
                            std::string("\x89\x00", 2) +
                            std::string(
                                "\x80\x01"
                                "b",
                                3);
  Heard heard;
  EXPECT_EQ(hear(Side::server, bytes, 1, heard), "");
  ASSERT_EQ(heard.data.size(), 1U);
  EXPECT_EQ(heard.data[0].second, "ab");
  EXPECT_EQ(heard.pings, 1);
}

TEST(ProtoSessionWire, RefusesWhatIsNone) {
  const auto reason = [](Side from, const std::string& bytes) {
    Heard heard;
    return hear(from, bytes, 1, heard);
  };
  for (const std::string& bytes :
       {frame(Opcode::binary, "\1a"),                  // a client that does not mask
        frame(Opcode::text, "\1a", kMask),             // text
        frame(Opcode::binary, "\4a", kMask),           // no such channel
        frame(Opcode::binary, "", kMask),              // no channel
        frame(Opcode::binary, "\3{\"exit\":", kMask),  // no JSON
        frame(Opcode::binary, "\3{\"resize\":{\"columns\":0,\"rows\":1}}", kMask),
        frame(Opcode::binary, "\3{\"resize\":{\"columns\":1}}", kMask),
        frame(Opcode::binary, "\3{\"what\":1}", kMask),
        frame(Opcode::binary, "\3" + std::string(5000, ' '), kMask),
        std::string("\x83\x80\0\0\0\0", 6),   // an opcode that there is not
        std::string("\xc2\x80\0\0\0\0", 6),   // a reserved bit
        std::string("\x80\x80\0\0\0\0", 6),   // nothing to continue
        std::string("\x09\x80\0\0\0\0", 6)})  // a ping in fragments
    EXPECT_EQ(reason(Side::client, bytes), "protocol_error");
  EXPECT_EQ(reason(Side::server, frame(Opcode::binary, "\1a", kMask)), "protocol_error");
}

TEST(ProtoSessionWire, ControlsComeBack) {
  SessionControl control;
  control.resize = SessionControl::Size{.columns = 101, .rows = 33};
  control.input_end = true;
  control.exit_code = 137;
  control.started = true;
  control.error = Error{Code::unavailable, "start_failed", "there is no \"x\""};
  const auto read = parse_session_control(session_control_json(control));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->resize->columns, 101);
  EXPECT_EQ(read->resize->rows, 33);
  EXPECT_TRUE(read->input_end && read->started);
  EXPECT_EQ(read->exit_code, 137);
  EXPECT_EQ(read->error->reason, "start_failed");
  EXPECT_EQ(read->error->detail, "there is no \"x\"");
  for (const char* wrong :
       {"", "[]", "1", "{\"input\":\"begin\"}", "{\"exit\":\"3\"}", "{\"error\":3}"})
    EXPECT_FALSE(parse_session_control(wrong).ok()) << wrong;
}

}  // namespace
}  // namespace gantry
