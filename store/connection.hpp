// The pool of connections to PostgreSQL. Owned by PgStore; thread-safe. A lease belongs to one
// thread. Only store/ sees pqxx.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "proto/result.hpp"

namespace gantry {

// Connects within 3 s or throws pqxx::broken_connection. The session speaks UTC and ISO dates,
// gives up on a statement after 10 s, and never reconnects by itself.
std::unique_ptr<pqxx::connection> connect(const std::string& database);

class ConnectionPool {
 public:
  ConnectionPool(std::string database, int size);

  class Lease {
   public:
    Lease(ConnectionPool& pool, std::unique_ptr<pqxx::connection> connection);
    ~Lease();
    Lease(Lease&&) noexcept;
    Lease& operator=(Lease&&) = delete;
    pqxx::connection& operator*() const { return *connection_; }
    bool fresh = false;  // connected for this lease, so that nothing can have broken it since

   private:
    friend class ConnectionPool;
    ConnectionPool* pool_;
    std::unique_ptr<pqxx::connection> connection_;
  };

  // Waits up to 3 s for a free one ("database_busy"); connects when there is none yet.
  Result<Lease> take();
  // All idle ones are closed: one was found broken, so the others are too.
  void drop_idle();
  // Whether a notification's sender is one of our own connections.
  bool is_own(int backend_pid) const;

 private:
  void give_back(std::unique_ptr<pqxx::connection>);

  const std::string database_;
  const int size_;
  mutable std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<pqxx::connection>> idle_;
  int leased_ = 0;
  std::set<int> pids_;
};

// Runs `body(connection)`; once more on a new connection when the first, which had been idle, was
// broken. For reads and for whatever has no effect before it fails.
template <class F>
auto with_connection(ConnectionPool& pool, F&& body)
    -> decltype(body(std::declval<pqxx::connection&>()));

}  // namespace gantry

#include "store/errors.hpp"

namespace gantry {

template <class F>
auto with_connection(ConnectionPool& pool, F&& body)
    -> decltype(body(std::declval<pqxx::connection&>())) {
  for (;;) {
    auto lease = pool.take();
    if (!lease) return lease.error();
    try {
      return body(**lease);
    } catch (const pqxx::broken_connection&) {
      if (lease->fresh) return database_unreachable();
      pool.drop_idle();
    } catch (const std::exception&) {
      return translate_exception();
    }
  }
}

// The same in a transaction of its own; committed when `body` succeeds.
template <class F>
auto with_work(ConnectionPool& pool, F&& body) -> decltype(body(std::declval<pqxx::work&>())) {
  return with_connection(pool, [&](pqxx::connection& connection) {
    pqxx::work work(connection);
    auto result = body(work);
    if (result) work.commit();
    return result;
  });
}

}  // namespace gantry
