#include "store/connection.hpp"

#include <chrono>

#include <poll.h>

#include "store/statements.hpp"

namespace gantry {
namespace {

using namespace std::chrono_literals;

// Parameters of ours in front: a conninfo's own settings come later and win. A URL takes them as
// its query.
std::string with_defaults(const std::string& database) {
  const bool url = database.rfind("postgres://", 0) == 0 || database.rfind("postgresql://", 0) == 0;
  if (!url)
    return "connect_timeout=3 tcp_user_timeout=5000 keepalives_idle=5 application_name=gantryd " +
           database;
  const char separator = database.find('?') == std::string::npos ? '?' : '&';
  if (database.find("connect_timeout=") != std::string::npos) return database;
  return database + separator + "connect_timeout=3&tcp_user_timeout=5000&keepalives_idle=5";
}

void stay_disconnected(pqxx::connection& connection) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  connection.inhibit_reactivation(true);
#pragma GCC diagnostic pop
}

// Closed by the other side while it was idle: something to read is its farewell.
bool is_alive(pqxx::connection& connection) {
  pollfd descriptor{connection.sock(), POLLIN | POLLRDHUP, 0};
  return ::poll(&descriptor, 1, 0) == 0;
}

}  // namespace

std::unique_ptr<pqxx::connection> connect(const std::string& database) {
  auto connection = std::make_unique<pqxx::connection>(with_defaults(database));
  stay_disconnected(*connection);
  pqxx::nontransaction session(*connection);
  session.exec(
      "set timezone = 'UTC'; set datestyle = 'ISO'; set bytea_output = 'hex'; "
      "set client_encoding = 'UTF8'; set client_min_messages = 'warning'; "
      "set statement_timeout = '10s'; set lock_timeout = '5s'; "
      "set idle_in_transaction_session_timeout = '60s'");
  return connection;
}

ConnectionPool::ConnectionPool(std::string database, int size)
    : database_(std::move(database)), size_(size) {}

Result<ConnectionPool::Lease> ConnectionPool::take() {
  std::unique_lock lock(mutex_);
  if (!freed_.wait_for(lock, 3s, [&] { return leased_ < size_; }))
    return Error{Code::unavailable, "database_busy",
                 "all connections to the database are in use: try again"};
  ++leased_;
  while (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    if (is_alive(*connection)) return Lease(*this, std::move(connection));
    pids_.erase(connection->backendpid());
  }
  lock.unlock();
  Lease lease(*this, nullptr);  // gives its place back when connecting fails
  try {
    lease.connection_ = connect(database_);
    prepare_statements(*lease.connection_);
    lease.fresh = true;
    lock.lock();
    pids_.insert(lease.connection_->backendpid());
    lock.unlock();
  } catch (const std::exception&) {
    return translate_exception();
  }
  return lease;
}

void ConnectionPool::give_back(std::unique_ptr<pqxx::connection> connection) {
  {
    const std::scoped_lock lock(mutex_);
    --leased_;
    if (connection && connection->is_open())
      idle_.push_back(std::move(connection));
    else if (connection)
      pids_.erase(connection->backendpid());
  }
  freed_.notify_one();
}

void ConnectionPool::drop_idle() {
  std::vector<std::unique_ptr<pqxx::connection>> dropped;
  const std::scoped_lock lock(mutex_);
  dropped.swap(idle_);
  for (const auto& connection : dropped) pids_.erase(connection->backendpid());
}

bool ConnectionPool::is_own(int backend_pid) const {
  const std::scoped_lock lock(mutex_);
  return pids_.contains(backend_pid);
}

ConnectionPool::Lease::Lease(ConnectionPool& pool, std::unique_ptr<pqxx::connection> connection)
    : pool_(&pool), connection_(std::move(connection)) {}
ConnectionPool::Lease::Lease(Lease&& other) noexcept
    : fresh(other.fresh),
      pool_(std::exchange(other.pool_, nullptr)),
      connection_(std::move(other.connection_)) {}
ConnectionPool::Lease::~Lease() {
  if (pool_ != nullptr) pool_->give_back(std::move(connection_));
}

}  // namespace gantry
