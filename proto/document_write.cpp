// The canonical text: two blanks a level, keys in a fixed order, names ascending, words bare where
// YAML reads them back as they are and everything else in JSON's quotes, which YAML has too.
#include <algorithm>
#include <array>

#include "proto/document.hpp"
#include "proto/json.hpp"

namespace gantry {
namespace {

constexpr std::array<std::string_view, 10> kWords{"true", "false", "null", "yes", "no",
                                                  "on",   "off",   "y",    "n",   "none"};

bool is_plain(std::string_view text) {
  const auto letter = [](char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; };
  const auto fits = [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || std::string_view("_-./:").find(c) < 5;
  };
  if (text.empty() || text.size() > 200 || text.back() == ':' ||
      (!letter(text.front()) && text.front() != '/'))
    return false;
  if (!std::all_of(text.begin(), text.end(), fits)) return false;
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  return std::find(kWords.begin(), kWords.end(), lower) == kWords.end();
}

// JSON as YAML reads it: what that takes for a line break, or not at all, in its escaped form.
std::string escaped(const std::string& json) {
  std::string out;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const std::string_view rest = std::string_view(json).substr(i);
    const auto byte = static_cast<unsigned char>(json[i]);
    if (byte == 0x7f) {
      out += "\\u007f";
    } else if (byte == 0xc2 && rest.size() > 1 && static_cast<unsigned char>(rest[1]) < 0xa0) {
      constexpr std::string_view digits = "0123456789abcdef";
      const auto low = static_cast<unsigned char>(rest[1]);
      out += std::string("\\u00") + digits[low >> 4] + digits[low & 15];
      i += 1;
    } else if (rest.starts_with("\xe2\x80\xa8") || rest.starts_with("\xe2\x80\xa9")) {
      out += rest[2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else if (rest.starts_with("\xef\xbb\xbf")) {
      out += "\\ufeff";
      i += 2;
    } else {
      out += json[i];
    }
  }
  return out;
}

std::string scalar(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  std::string json;
  append_json_string(json, text);
  return escaped(json);
}

// JSON as it stands in a document: a plain word loses its quotes.
std::string of_json(const std::string& json) {
  const bool text = json.size() > 2 && json.front() == '"';
  const auto inner = text ? std::string_view(json).substr(1, json.size() - 2) : std::string_view();
  return is_plain(inner) ? std::string(inner) : escaped(json);
}

class Writer {
 public:
  void pair(int depth, std::string_view key, std::string_view value) {
    line(depth, std::string(key) + ": " + std::string(value));
  }
  void open(int depth, std::string_view key) { line(depth, std::string(key) + ":"); }
  void line(int depth, const std::string& text) {
    out.append(static_cast<std::size_t>(2 * depth), ' ').append(text) += '\n';
  }

  void variables(int depth, const char* key, const DocumentVariables& all) {
    if (all.empty()) return;
    open(depth, key);
    for (const auto& [name, variable] : all)
      pair(depth + 1, scalar(name),
           variable.preserve ? "{preserve: true}" : scalar(variable.value));
  }

  void volumes(int depth, const DocumentVolumes& all) {
    if (all.empty()) return;
    open(depth, "volumes");
    for (const auto& [name, volume] : all) {
      if (volume.mount_path.empty() && volume.size_bytes == 0) {
        pair(depth + 1, scalar(name), "{}");
        continue;
      }
      open(depth + 1, scalar(name));
      if (!volume.mount_path.empty()) pair(depth + 2, "mount_path", scalar(volume.mount_path));
      if (volume.size_bytes != 0) pair(depth + 2, "size_bytes", std::to_string(volume.size_bytes));
    }
  }

  // Dotted keys as levels: they are in order, so that what belongs together stands together.
  void settings(int depth, const SettingValues& values) {
    std::vector<std::string> levels;
    for (const auto& [path, json] : values) {
      std::vector<std::string> words;
      for (std::size_t at = 0; at <= path.size();) {
        const auto end = std::min(path.find('.', at), path.size());
        words.push_back(path.substr(at, end - at));
        at = end + 1;
      }
      std::size_t same = 0;
      while (same + 1 < words.size() && same < levels.size() && levels[same] == words[same]) ++same;
      levels.resize(same);
      for (; same + 1 < words.size(); ++same) {
        open(depth + static_cast<int>(same), words[same]);
        levels.push_back(words[same]);
      }
      pair(depth + static_cast<int>(same), words.back(), of_json(json));
    }
  }

  void service(const std::string& name, const DocumentService& one) {
    if (one == DocumentService()) return pair(1, scalar(name), "{}");
    open(1, scalar(name));
    if (!one.from_template.empty()) pair(2, "template", scalar(one.from_template));
    settings(2, one.settings);
    variables(2, "variables", one.variables);
    if (!one.domains.empty()) open(2, "domains");
    for (const std::string& host : one.domains) line(3, "- " + scalar(host));
    volumes(2, one.volumes);
    if (one.split) {
      open(2, "split");
      pair(3, "service", scalar(one.split->service));
      pair(3, "percent", std::to_string(one.split->percent));
    }
    if (one.tcp_proxy) {
      open(2, "tcp_proxy");
      pair(3, "port", std::to_string(one.tcp_proxy->port));
      pair(3, "target_port", std::to_string(one.tcp_proxy->target_port));
    }
  }

  std::string out;
};

}  // namespace

std::string write_document(const Document& document) {
  Writer writer;
  if (!document.project.empty()) writer.pair(0, "project", scalar(document.project));
  if (!document.environment.empty()) writer.pair(0, "environment", scalar(document.environment));
  writer.variables(0, "shared", document.shared);
  if (!document.services.empty()) writer.open(0, "services");
  for (const auto& [name, service] : document.services) writer.service(name, service);
  writer.volumes(0, document.volumes);
  return writer.out.empty() ? "{}\n" : writer.out;
}

}  // namespace gantry
