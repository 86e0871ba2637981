// The tokens in memory, and when each was last used. Owned by Memory, whose lock it is read and
// changed under; note_use alone may run beside readers. Never does SQL and never holds a secret.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "proto/model.hpp"

namespace gantry {

struct TokenRow {
  Token token;
  std::string hash;
};

class TokenTable {
 public:
  void put(const TokenRow&);
  void drop(const TokenId&);
  // Other rows, the uses of those that stay.
  void replace(const std::vector<TokenRow>&);

  std::optional<Token> find(const TokenId&) const;
  std::optional<Token> find_by_hash(const std::string& hash) const;
  std::vector<Token> all() const;  // by id

  void note_use(const TokenId&, TimePoint now) const;
  // Those that were used since their row was written or read.
  std::vector<Token> used() const;

 private:
  using LastUse = std::atomic<TimePoint::rep>;
  struct Entry {
    TokenRow row;
    std::shared_ptr<LastUse> last_use;
    Token token() const;  // with its last use
  };
  std::map<TokenId, Entry> entries_;
  std::unordered_map<std::string, TokenId> id_by_hash_;
};

}  // namespace gantry
