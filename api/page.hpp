// Keyset pages: {"data":[...],"next_cursor":...,"has_more":...} and a Link to the next one. A
// cursor is opaque, carries the sort key of the last item and is valid only for the list and filter
// that gave it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/http.hpp"

namespace gantry::api {

inline constexpr int kPageDefault = 50;
inline constexpr int kPageMax = 200;

// `limit` and `cursor` of the query.
Result<PageRequest> read_page(const Request&, const Context&);

// A whole number of the query, `fallback` when absent.
Result<int> read_limit(const Request&, int fallback, int most);

// `items`: the JSON of the items, separated by commas. `next`: the sort key of the last one when
// there are more.
Response page(const Request&, const Context&, std::string items,
              const std::optional<std::string>& next);

// A page of a range in memory that is ordered by key. key(item) gives the sort key, write(out,
// item) appends JSON.
template <class Range, class Key, class Write>
Response page_of(const Request& request, const Context& context, const PageRequest& wanted,
                 const Range& range, Key key, Write write) {
  std::string items;
  std::string last;
  int count = 0;
  for (const auto& item : range) {
    if (wanted.after && key(item) <= *wanted.after) continue;
    if (count == wanted.limit) return page(request, context, std::move(items), last);
    if (count++ > 0) items += ',';
    write(items, item);
    last = key(item);
  }
  return page(request, context, std::move(items), std::nullopt);
}

}  // namespace gantry::api
