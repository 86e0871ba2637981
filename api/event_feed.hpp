// Wakes every open event stream when the store has committed an event. One per Context;
// thread-safe. It never reads events itself: each stream reads from its own cursor, so a wake-up
// that comes twice costs one query.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>

#include "proto/store.hpp"

namespace gantry::api {

class EventFeed {
 public:
  // Registers with the store once; the registration outlives the feed harmlessly.
  static std::shared_ptr<EventFeed> of(Store&);

  // `wake` is called from the committing thread and must not block, until the handle is dropped.
  std::shared_ptr<void> follow(std::function<void()> wake);

 private:
  struct State {
    std::mutex mutex;
    std::list<std::function<void()>> wakes;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace gantry::api
