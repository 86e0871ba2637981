// Server-sent events out of pieces of bytes (WHATWG HTML 9.2). Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace gantry::cli {

struct StreamEvent {
  std::string id;    // the last one seen, also of earlier events
  std::string type;  // "message" when the event names none
  std::string data;
};

class StreamReader {
 public:
  explicit StreamReader(std::function<void(const StreamEvent&)> on_event)
      : on_event_(std::move(on_event)) {}
  void feed(std::string_view bytes);

 private:
  void take_line(std::string_view line);

  std::function<void(const StreamEvent&)> on_event_;
  std::string line_;
  StreamEvent event_;
  bool has_data_ = false;
};

}  // namespace gantry::cli
