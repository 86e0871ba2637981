#include "api/http.hpp"

#include <algorithm>

#include "api/percent.hpp"

namespace gantry::api {
namespace {

const std::string* find(const std::vector<std::pair<std::string, std::string>>& pairs,
                        std::string_view name) {
  const auto pair =
      std::find_if(pairs.begin(), pairs.end(), [&](const auto& p) { return p.first == name; });
  return pair == pairs.end() ? nullptr : &pair->second;
}

}  // namespace

const std::string* Request::header(std::string_view lower_case_name) const {
  return find(headers, lower_case_name);
}
const std::string* Request::query_value(std::string_view name) const { return find(query, name); }

void read_target(Request& request) {
  const std::string_view target = request.target;
  const auto mark = target.find('?');
  request.path = target.substr(0, mark);
  request.query.clear();
  if (mark == std::string_view::npos) return;
  std::string_view rest = target.substr(mark + 1);
  while (!rest.empty()) {
    const auto end = std::min(rest.find('&'), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (part.empty()) continue;
    const auto equals = part.find('=');
    const auto value = equals == std::string_view::npos ? "" : part.substr(equals + 1);
    request.query.emplace_back(decode_query(part.substr(0, equals)), decode_query(value));
  }
}

std::string_view name(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
  }
  return "";
}

}  // namespace gantry::api
