// simulate [--seeds N] [--seed S] [--volumes] [--jobs] [--mutants] [--known FILE]: storms by seed
// until one breaks an invariant; each of the planner's mutants until it is found out.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scheduler/mutation.hpp"
#include "tests/simulation/storm/jobs.hpp"
#include "tests/simulation/storm/storm.hpp"

namespace gantry::storm {
namespace {

std::size_t story_lines = 40;
Story about = Story::services;
constexpr std::uint64_t kMutantSeeds = 400;  // then it counts as survived

struct Options {
  std::uint64_t seeds = 200, first = 1;
  bool one = false, mutants = false;
  std::string known;
};

struct Tally {
  std::uint64_t seeds = 0, steps = 0, violations = 0;
};

// What came of a story.
struct Told {
  bool good = false;
  std::uint64_t steps = 0, hash = 0;
  std::string violation;
  std::deque<std::string> lines;
};

template <class S>
Told told_of(S storm, std::size_t lines) {
  storm.kept_lines = lines;
  const bool good = storm.run();
  return {good, storm.steps(), storm.hash(), storm.violation(), storm.story()};
}

Told play(std::uint64_t seed, Story story, std::size_t lines) {
  return story == Story::jobs ? told_of(JobStorm(seed), lines) : told_of(Storm(seed, story), lines);
}

void tell_violation(std::uint64_t seed, const Told& told) {
  std::string text;
  for (const std::string& line : told.lines) text += line + "\n";
  fmt::print("{}seed {} violates at {}\n", text, seed, told.violation);
  std::fflush(stdout);
}

bool run_seed(std::uint64_t seed, Tally& tally, bool quiet) {
  const Told told = play(seed, about, 0);
  ++tally.seeds;
  tally.steps += told.steps;
  if (told.good) return true;
  ++tally.violations;
  const Told again = play(seed, about, story_lines);  // the same, and it is told
  if (!quiet && !again.good) tell_violation(seed, again);
  return false;
}

// One process a core; each sends its tally home.
Tally run_all(const std::vector<std::uint64_t>& seeds, int workers) {
  int pipes[2];
  if (pipe(pipes) != 0) std::abort();
  for (int worker = 0; worker < workers; ++worker) {
    if (fork() != 0) continue;
    Tally tally;
    for (std::size_t i = static_cast<std::size_t>(worker); i < seeds.size();
         i += static_cast<std::size_t>(workers))
      if (!run_seed(seeds[i], tally, false) && tally.violations >= 10) break;
    const bool told = write(pipes[1], &tally, sizeof tally) == sizeof tally;
    _exit(told ? 0 : 1);
  }
  close(pipes[1]);
  Tally all, one;
  while (read(pipes[0], &one, sizeof one) == sizeof one) {
    all.seeds += one.seeds;
    all.steps += one.steps;
    all.violations += one.violations;
  }
  close(pipes[0]);
  for (int status = 0; wait(&status) > 0;)
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) ++all.violations;  // it crashed
  return all;
}

const char* name_of(Mutation mutation) {
  static constexpr const char* kNames[] = {"none",
                                           "proof_of_earlier_run",
                                           "drain_without_time",
                                           "mark_missing",
                                           "route_before_ready",
                                           "old_gone_before_new",
                                           "judge_ignored",
                                           "step_without_edge",
                                           "keeps_one_too_few",
                                           "lease_ignored",
                                           "kept_colour_stopped",
                                           "orphan_stays",
                                           "never_observed",
                                           "crash_while_watched",
                                           "host_released_early",
                                           "sleeps_while_busy",
                                           "work_not_cancelled",
                                           "window_without_end",
                                           "restart_without_end",
                                           "two_writers",
                                           "tick_lost",
                                           "runs_overlap",
                                           "replaced_not_awaited",
                                           "begins_unclaimed",
                                           "too_many_at_once"};
  return kNames[static_cast<int>(mutation)];
}

// Which seed finds it out; 0: none.
std::uint64_t hunt(Mutation mutation, const std::vector<std::uint64_t>& seeds, std::string& why) {
  const Story story = mutation == Mutation::two_writers  ? Story::volumes
                      : mutation > Mutation::two_writers ? Story::jobs
                                                         : about;
  for (const std::uint64_t seed : seeds) {
    present_mutation = mutation;
    const Told told = play(seed, story, 0);
    if (told.good) continue;
    why = told.violation;
    present_mutation = Mutation::none;
    if (play(seed, story, 0).good) return seed;  // else it says nothing of the mutant
  }
  return 0;
}

int hunt_all(const std::vector<std::uint64_t>& seeds, int workers) {
  const int last = static_cast<int>(Mutation::last_one);
  int killed = 0;
  std::vector<pid_t> running;
  const auto wait_one = [&] {
    int status = 0;
    if (wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) ++killed;
  };
  int under_way = 0;
  for (int number = 1; number < last; ++number) {
    if (under_way == workers) wait_one(), --under_way;
    ++under_way;
    if (fork() != 0) continue;
    const auto mutation = static_cast<Mutation>(number);
    std::string why;
    alarm(180);  // one that never ends is found out by that: the process dies of it
    const std::uint64_t seed = hunt(mutation, seeds, why);
    fmt::print("mutant {:<22} {} {}\n", name_of(mutation),
               seed == 0 ? "SURVIVED" : fmt::format("killed by seed {}", seed), why);
    std::fflush(stdout);
    _exit(seed == 0 ? 1 : 0);
  }
  while (under_way-- > 0) wait_one();
  return killed;
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool value = i + 1 < argc;
    if (word == "--seeds" && value) {
      options.seeds = std::strtoull(argv[++i], nullptr, 10);
    } else if (word == "--seed" && value) {
      options.one = true;
      options.first = std::strtoull(argv[++i], nullptr, 10);
    } else if (word == "--first" && value) {
      options.first = std::strtoull(argv[++i], nullptr, 10);
    } else if (word == "--story" && value) {
      story_lines = std::strtoull(argv[++i], nullptr, 10);
    } else if (word == "--known" && value) {
      options.known = argv[++i];
    } else if (word == "--volumes") {
      about = Story::volumes;
    } else if (word == "--jobs") {
      about = Story::jobs;
    } else if (word == "--mutants") {
      options.mutants = true;
    } else {
      fmt::print(stderr,
                 "usage: simulate [--seeds N] [--first S] [--seed S] [--story LINES] [--volumes] "
                 "[--jobs] [--mutants]\n");
      std::exit(2);
    }
  }
  return options;
}

std::vector<std::uint64_t> seeds_of(const Options& options) {
  std::vector<std::uint64_t> seeds;
  std::ifstream known(options.known);
  for (std::string line; std::getline(known, line);)
    if (const auto seed = std::strtoull(line.c_str(), nullptr, 10); seed != 0)
      seeds.push_back(seed);
  for (std::uint64_t i = 0; i < options.seeds; ++i) seeds.push_back(options.first + i);
  return seeds;
}

}  // namespace
}  // namespace gantry::storm

int main(int argc, char** argv) {
  using namespace gantry::storm;
  const Options options = parse(argc, argv);
  const int workers = static_cast<int>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  const auto begin = std::chrono::steady_clock::now();
  Tally tally;
  if (options.one) {
    const Told told = play(options.first, about, story_lines);
    tally = {1, told.steps, told.good ? 0U : 1U};
    if (!told.good) tell_violation(options.first, told);
    fmt::print("seed {} story {:016x}\n", options.first, told.hash);
  } else {
    tally = run_all(seeds_of(options), workers);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::string mutants = "-";
  const int all = static_cast<int>(gantry::Mutation::last_one) - 1;
  int killed = all;
  if (options.mutants) {
    Options hunting = options;
    hunting.seeds = kMutantSeeds;
    killed = hunt_all(seeds_of(hunting), workers);
    mutants = fmt::format("{}/{}", killed, all);
  }
  fmt::print("simulate: seeds={} steps={} steps_per_second={:.0f} violations={} mutants={}\n",
             tally.seeds, tally.steps, static_cast<double>(tally.steps) / took.count(),
             tally.violations, mutants);
  return tally.violations == 0 && killed == all ? 0 : 1;
}
