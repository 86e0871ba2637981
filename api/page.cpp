#include "api/page.hpp"

#include <array>
#include <charconv>

#include <sodium.h>

#include "api/problem.hpp"
#include "proto/json.hpp"
#include "proto/percent.hpp"

namespace gantry::api {
namespace {

constexpr std::size_t kSealBytes = 16;
constexpr std::size_t kKeyMax = 200;

// Binds a sort key to this installation, list and filter; it guards against mistakes, it is not a
// secret.
std::string seal(const Request& request, const Context& context, std::string_view key) {
  std::string text = context.store.installation().str() + "\n" + request.path + "\n";
  for (const auto& [name, value] : request.query)
    if (name != "cursor" && name != "limit") text += name + "=" + value + "\n";
  text += key;
  std::string out(kSealBytes, '\0');
  crypto_generichash(reinterpret_cast<unsigned char*>(out.data()), out.size(),
                     reinterpret_cast<const unsigned char*>(text.data()), text.size(), nullptr, 0);
  return out;
}

std::string cursor_of(const Request& request, const Context& context, const std::string& key) {
  const std::string bytes = seal(request, context, key) + key;
  constexpr int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string out(sodium_base64_encoded_len(bytes.size(), variant), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), variant);
  out.pop_back();  // its NUL
  return out;
}

Result<std::string> key_of(const Request& request, const Context& context,
                           const std::string& cursor) {
  const Error bad = {Code::invalid,
                     "invalid_cursor",
                     "this cursor is not one of this list and filter: start again without it",
                     {{"?cursor", "invalid_cursor", "pass next_cursor as it was given"}}};
  std::array<unsigned char, kSealBytes + kKeyMax> bytes{};
  std::size_t length = 0;
  if (sodium_base642bin(bytes.data(), bytes.size(), cursor.data(), cursor.size(), nullptr, &length,
                        nullptr, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
      length <= kSealBytes)
    return bad;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), length);
  const std::string_view key = text.substr(kSealBytes);
  if (text.substr(0, kSealBytes) != seal(request, context, key)) return bad;
  return std::string(key);
}

std::string link_to(const Request& request, const std::string& cursor) {
  std::string link = "<" + request.path + "?";
  for (const auto& [name, value] : request.query)
    if (name != "cursor") link += percent_encode(name) + "=" + percent_encode(value) + "&";
  return link + "cursor=" + cursor + ">; rel=\"next\"";
}

}  // namespace

Result<int> read_limit(const Request& request, int fallback, int most) {
  const std::string* text = request.query_value("limit");
  if (text == nullptr) return fallback;
  int value = 0;
  const char* end = text->data() + text->size();
  const auto [rest, error] = std::from_chars(text->data(), end, value);
  if (error == std::errc() && rest == end && value >= 1 && value <= most) return value;
  return invalid_query("limit", "expected a number from 1 to " + std::to_string(most));
}

Result<PageRequest> read_page(const Request& request, const Context& context) {
  PageRequest wanted;
  const auto limit = read_limit(request, kPageDefault, kPageMax);
  if (!limit) return limit.error();
  wanted.limit = *limit;
  if (const std::string* cursor = request.query_value("cursor")) {
    auto key = key_of(request, context, *cursor);
    if (!key) return key.error();
    wanted.after = *key;
  }
  return wanted;
}

Response page(const Request& request, const Context& context, std::string items,
              const std::optional<std::string>& next) {
  Response response;
  const std::string cursor = next ? cursor_of(request, context, *next) : "";
  JsonObject(response.body)
      .raw("data", "[" + std::move(items) + "]")
      .text_or_null("next_cursor", cursor)
      .boolean("has_more", next.has_value());
  if (next) response.headers.emplace_back("Link", link_to(request, cursor));
  return response;
}

}  // namespace gantry::api
