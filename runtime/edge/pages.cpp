#include "runtime/edge/config.hpp"

namespace gantry {
namespace {

// '%' is doubled because HAProxy reads the file as a log-format. No script, nothing from elsewhere.
constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
)";
constexpr std::string_view kStyle = R"(<style>
:root{color-scheme:light dark;--ink:#1c2430;--soft:#586274;--paper:#f7f8fa;--line:#d9dee6;--mark:#2f6f5e}
@media(prefers-color-scheme:dark){:root{--ink:#e8ebf0;--soft:#a3adbd;--paper:#14181f;--line:#2c3440;--mark:#7cc9b2}}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--paper);color:var(--ink);font:17px/1.55 system-ui,sans-serif}
main{max-width:34rem;padding:2rem;border-left:4px solid var(--mark)}
p{margin:.4rem 0;color:var(--soft)}
h1{margin:.2rem 0 .8rem;font-size:1.7rem;line-height:1.25;color:var(--ink)}
small{display:block;margin-top:1.6rem;padding-top:.8rem;border-top:1px solid var(--line);color:var(--soft)}
code{font:.95em ui-monospace,monospace;overflow-wrap:anywhere}
</style>
</head>
<body>
<main>
)";

struct Page {
  int status;
  std::string_view title;
  std::string_view text;
};

constexpr Page kPages[] = {
    {400, "That request could not be read",
     "Your browser or program sent something that is not valid HTTP."},
    {404, "Nothing is deployed here",
     "No service has this address. If it is yours, check that the name is spelled right and that "
     "the service still "
     "has this domain."},
    {408, "The request took too long to arrive", "Please try again."},
    {502, "The application gave no proper answer",
     "It closed the connection or sent something that is not HTTP. Its logs may say why."},
    {503, "The application is not ready",
     "It is starting, or none of its replicas is healthy at the moment. Please try again in a few "
     "seconds."},
    {504, "The application took too long to answer",
     "It received the request and has not answered in time. Its logs may say why."},
};

}  // namespace

std::map<std::string, std::string> error_pages() {
  std::map<std::string, std::string> pages;
  for (const auto& page : kPages) {
    std::string text(kHead);
    text += "<title>" + std::string(page.title) + "</title>\n" + std::string(kStyle);
    text += "<p>" + std::to_string(page.status) + "</p>\n<h1>" + std::string(page.title) +
            "</h1>\n<p>" + std::string(page.text) +
            "</p>\n<small>Request <code>%[unique-id]</code></small>\n";
    text += "</main>\n</body>\n</html>\n";
    pages[std::to_string(page.status) + ".html"] = text;
  }
  return pages;
}

}  // namespace gantry
