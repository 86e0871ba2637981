#include "store/token_table.hpp"

#include <utility>

namespace gantry {

Token TokenTable::Entry::token() const {
  Token token = row.token;
  const TimePoint used{TimePoint::duration(last_use->load(std::memory_order_relaxed))};
  if (used > token.last_used_at.value_or(TimePoint())) token.last_used_at = used;
  return token;
}

void TokenTable::put(const TokenRow& row) {
  auto& entry = entries_[row.token.id];
  entry.row = row;
  if (!entry.last_use) entry.last_use = std::make_shared<LastUse>(0);
  id_by_hash_[row.hash] = row.token.id;
}

void TokenTable::drop(const TokenId& id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  id_by_hash_.erase(found->second.row.hash);
  entries_.erase(found);
}

void TokenTable::replace(const std::vector<TokenRow>& rows) {
  const auto before = std::exchange(entries_, {});
  id_by_hash_.clear();
  for (const TokenRow& row : rows) {
    if (const auto old = before.find(row.token.id); old != before.end())
      entries_[row.token.id].last_use = old->second.last_use;
    put(row);
  }
}

std::optional<Token> TokenTable::find(const TokenId& id) const {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return std::nullopt;
  return found->second.token();
}

std::optional<Token> TokenTable::find_by_hash(const std::string& hash) const {
  const auto found = id_by_hash_.find(hash);
  if (found == id_by_hash_.end()) return std::nullopt;
  return find(found->second);
}

std::vector<Token> TokenTable::all() const {
  std::vector<Token> tokens;
  tokens.reserve(entries_.size());
  for (const auto& [id, entry] : entries_) tokens.push_back(entry.token());
  return tokens;
}

void TokenTable::note_use(const TokenId& id, TimePoint now) const {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  found->second.last_use->store(now.time_since_epoch().count(), std::memory_order_relaxed);
}

std::vector<Token> TokenTable::used() const {
  std::vector<Token> tokens;
  for (const auto& [id, entry] : entries_) {
    Token token = entry.token();
    if (token.last_used_at != entry.row.token.last_used_at) tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace gantry
