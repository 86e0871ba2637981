// Turns the engine's answer to a build, line by line, into what a person reads and what came of it.
// Pure.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "proto/result.hpp"
#include "runtime/build/trace.hpp"

namespace gantry {

class Narrator {
 public:
  using Sink = std::function<void(std::string_view)>;  // whole lines with their ends
  explicit Narrator(Sink sink) : sink_(std::move(sink)) {}

  void feed(std::string_view bytes);
  void finish();  // what is left of lines without an end
  // After an answer with this status: the image's id, or invalid "build_failed".
  Result<std::string> outcome(int status) const;

 private:
  struct Step {
    int number = 0;
    TraceVertex vertex;
    std::map<int, std::string> partial;  // by stream
    std::deque<std::string> newest;      // of its output
    bool told = false, ended = false;
  };
  void line(std::string_view json);
  void vertex(const TraceVertex&);
  void log(const TraceLog&);
  void say(Step&, const std::string& text);
  void output(Step&, double at, std::string text);
  std::string why() const;

  Sink sink_;
  std::string pending_;
  std::map<std::string, Step> steps_;  // by digest
  std::string failed_;                 // digest of the step that failed
  std::string image_id_, error_, refusal_;
  int numbers_ = 0;
};

}  // namespace gantry
