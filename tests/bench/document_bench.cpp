// Documents of 1,000 and of 10,000 services: planned, applied, planned again, one change staged and
// applied, everything removed. Through the API and a real store, without an engine. Prints how many
// times as much processor time ten times as many services take, and ends with 1 when that is more
// than the first argument (15: sorting has its logarithm). The second one: how many services are
// few. Time on the clock stands beside it: most of that is the database's.
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <iomanip>
#include <iostream>

#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

const std::string kEnvironment = "/v1/projects/shop/environments/production";

std::string name_of(int n) { return "s" + std::to_string(n); }

// Each refers to the one before it and to what all share; every tenth has a domain.
std::string document_of(int services, const std::string& level) {
  std::string text = "project: shop\nshared: {LEVEL: " + level + "}\nservices:\n";
  for (int n = 0; n < services; ++n) {
    text +=
        "  " + name_of(n) + ": {source: {image: a}, variables: {A: \"1\", B: \"${{shared.LEVEL}}\"";
    if (n % 50 != 0) text += ", C: \"${{" + name_of(n - 1) + ".A}}\"";
    text += "}";
    if (n % 10 == 0) text += ", domains: [" + name_of(n) + ".example.com]";
    text += "}\n";
  }
  return text;
}

struct Part {
  std::string name;
  double clock_ms = 0, processor_ms = 0;
};

// Of this process.
double processor_ms() { return static_cast<double>(std::clock()) * 1000.0 / CLOCKS_PER_SEC; }

class Bench : public ApiTest {
 public:
  void TestBody() override {}

  std::vector<Part> measure(int services) {
    SetUp();
    (void)del(kEnvironment + "/staged");
    parts_.clear();
    const std::string first = document_of(services, "info"),
                      second = document_of(services, "debug");
    const Json all = Json::array({"*"});
    start();
    asked("plan", post(kEnvironment + "/plan", {{"document", first}}));
    asked("apply", post(kEnvironment + "/apply", {{"document", first}, {"confirm", all}}));
    asked("plan of nothing", post(kEnvironment + "/plan", {{"document", first}}));
    asked("plan of a shared variable", post(kEnvironment + "/plan", {{"document", second}}));
    asked("apply of a shared variable", post(kEnvironment + "/apply", {{"document", second}}));
    asked("a change staged",
          put(kEnvironment + "/services/s7/variables/A?stage=true", {{"value", "2"}}));
    asked("staged, shown", get(kEnvironment + "/staged"));
    asked("staged, applied", post(kEnvironment + "/staged/apply", Json::object()));
    asked("document", get(kEnvironment + "/document"));
    asked("removed",
          post(kEnvironment + "/apply", {{"document", "project: shop"}, {"confirm", all}}));
    return parts_;
  }

 private:
  void asked(const std::string& part, const api::Response& response) {
    const double processor = processor_ms() - processor_since_;
    const std::chrono::duration<double, std::milli> clock =
        std::chrono::steady_clock::now() - since_;
    if (response.status / 100 != 2)
      throw std::runtime_error(part + ": " + response.body.substr(0, 1000));
    parts_.push_back({part, clock.count(), processor});
    std::cerr << part << ": " << clock.count() << " ms, " << processor << " ms of the processor\n";
    start();
  }
  void start() {
    since_ = std::chrono::steady_clock::now();
    processor_since_ = processor_ms();
  }
  std::chrono::steady_clock::time_point since_;
  double processor_since_ = 0;
  std::vector<Part> parts_;
};

}  // namespace
}  // namespace gantry::testing

int main(int argc, char** argv) {
  const double most = argc > 1 ? std::atof(argv[1]) : 15;
  const int few = argc > 2 ? std::atoi(argv[2]) : 1000;
  const auto small = gantry::testing::Bench().measure(few);
  const auto large = gantry::testing::Bench().measure(10 * few);
  bool fits = true;
  std::cout << std::fixed << std::setprecision(1)
            << "part\tms, few\tms, many\tprocessor ms, few\tprocessor ms, many\tratio\n";
  for (std::size_t i = 0; i < small.size(); ++i) {
    const double ratio = large[i].processor_ms / small[i].processor_ms;
    fits = fits && ratio <= most;
    std::cout << small[i].name << "\t" << small[i].clock_ms << "\t" << large[i].clock_ms << "\t"
              << small[i].processor_ms << "\t" << large[i].processor_ms << "\t" << ratio
              << (ratio <= most ? "" : "\ttoo much") << "\n";
  }
  return fits ? 0 : 1;
}
