#include "api/event_feed.hpp"

namespace gantry::api {

std::shared_ptr<EventFeed> EventFeed::of(Store& store) {
  auto feed = std::make_shared<EventFeed>();
  store.on_event([weak = std::weak_ptr<State>(feed->state_)] {
    const auto state = weak.lock();
    if (!state) return;
    const std::scoped_lock lock(state->mutex);
    for (const auto& wake : state->wakes) wake();
  });
  return feed;
}

std::shared_ptr<void> EventFeed::follow(std::function<void()> wake) {
  const std::scoped_lock lock(state_->mutex);
  const auto place = state_->wakes.insert(state_->wakes.end(), std::move(wake));
  return {nullptr, [state = state_, place](void*) {
            const std::scoped_lock inner(state->mutex);
            state->wakes.erase(place);
          }};
}

}  // namespace gantry::api
