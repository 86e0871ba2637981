#include "api/tickets.hpp"

#include <array>

#include <sodium.h>

namespace gantry::api {
namespace {

constexpr std::size_t kMost = 4096;
constexpr std::size_t kRandomBytes = 32;

std::string hash_of(std::string_view ticket) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(ticket.data()),
                     ticket.size());
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

}  // namespace

std::string Tickets::sample() {
  constexpr int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::array<unsigned char, kRandomBytes> random{};
  std::array<char, sodium_base64_ENCODED_LEN(kRandomBytes, variant)> text{};
  randombytes_buf(random.data(), random.size());
  sodium_bin2base64(text.data(), text.size(), random.data(), random.size(), variant);
  return text.data();
}

void Tickets::forget_expired(TimePoint now) {
  std::erase_if(entries_, [&](const auto& entry) { return entry.second.expires_at <= now; });
}

Result<std::string> Tickets::issue(const SessionOrder& order, TimePoint now) {
  std::string ticket = sample();
  const std::scoped_lock lock(mutex_);
  forget_expired(now);
  if (entries_.size() >= kMost)
    return Error{Code::exhausted, "too_many_tickets",
                 "too many tickets wait to be used: each is good for 30 seconds"};
  entries_.insert_or_assign(hash_of(ticket), Entry{order, now + kLife});
  return ticket;
}

Result<SessionOrder> Tickets::redeem(std::string_view ticket, TimePoint now) {
  const std::scoped_lock lock(mutex_);
  forget_expired(now);
  auto node = entries_.extract(hash_of(ticket));
  if (node.empty())
    return Error{
        Code::not_found, "unknown_ticket",
        "the ticket was used, has expired (after 30 seconds) or never was: ask for a new one"};
  return std::move(node.mapped().order);
}

}  // namespace gantry::api
