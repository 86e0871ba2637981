// Reads one configuration file and prints the settings in force, each with its origin, and what is
// wrong or ignored. Exit 0, or 1 on an error in the file, 2 on wrong use.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

#include "proto/config_file.hpp"

namespace {

constexpr std::string_view kUsage =
    "usage: gantry_config_check FILE [--environment NAME] [--pull-request-of NAME]\n"
    "                           [--service NAME] [--json]\n";

struct Options {
  gantry::ConfigRequest request;
  bool json = false;
};

bool parse_options(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    std::optional<std::string>* value = nullptr;
    if (word == "--environment" || word == "-e") value = &options.request.environment;
    if (word == "--pull-request-of") value = &options.request.base_environment;
    if (word == "--service" || word == "-s") value = &options.request.service;
    if (value != nullptr) {
      if (++i == argc) return false;
      *value = argv[i];
    } else if (word == "--json") {
      options.json = true;
    } else if (word.substr(0, 1) == "-" || !options.request.file_name.empty()) {
      return false;
    } else {
      options.request.file_name = word;
    }
  }
  return !options.request.file_name.empty();
}

void print(const std::string& file, const gantry::ConfigResult& result) {
  if (result.ok())
    for (const auto& setting : result.effective)
      std::cout << setting.key << " = " << setting.value << "    # " << origin_line(setting.origin)
                << '\n';
  for (const auto& problem : result.problems) std::cout << config_line(file, problem) << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse_options(argc, argv, options)) {
    std::cerr << kUsage;
    return 2;
  }
  const std::string& file = options.request.file_name;
  std::ifstream input(file, std::ios::binary);
  if (!input) {
    std::cerr << "error: " << file << " cannot be read\n";
    return 2;
  }
  options.request.text.assign(std::istreambuf_iterator<char>(input), {});
  const gantry::ConfigResult result = gantry::read_config(options.request);
  if (options.json)
    std::cout << config_json(file, result) << '\n';
  else
    print(file, result);
  return result.ok() ? 0 : 1;
}
