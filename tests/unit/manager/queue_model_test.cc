// SPDX-License-Identifier: GPL-3.0-or-later
// The queue, through all interleavings of small configurations: answers of the database and of systemd, ends
// of jobs, timers, and a few misfortunes at any point between them. A state that was visited before is not
// explored again.
//
// In each state: no two jobs write to one repository, none was started twice, no ended job runs, and no
// result belongs to another job. From each state, if no more misfortunes happen: every job ends, so no job
// and no wake-up was lost.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <unordered_set>

#include "unit/manager/world.h"

namespace cyborg::test {
namespace {

enum class Kind {
  store_answers,
  systemd_answers,
  timer,
  job_ends,
  // The misfortunes; each configuration permits a number of each.
  job_is_killed,
  connection_is_lost,  // the job fails, and may be retried
  store_is_away,       // one call fails, and nothing else: a table was locked for too long
  answer_is_lost,      // one call is done, and fails
  outage,              // all calls fail, and then the database is back
  systemd_is_away,
  start_is_lost,  // the job runs to its end, although its start seems to fail
  cancel,
  restart,
  failover,  // the database returns to its initial state
  run,       // somebody starts a run
};
constexpr std::size_t kKinds = static_cast<std::size_t>(Kind::run) + 1;
constexpr std::array<const char*, kKinds> kNames{
    "the store answers", "systemd answers",   "a timer",
    "a job ends",        "a job is killed",   "a connection is lost",
    "the store is away", "an answer is lost", "an outage",
    "systemd is away",   "a start is lost",   "cancel",
    "restart",           "failover",          "run"};

struct Event {
  Kind kind;
  std::int64_t job = 0;
};

using Budget = std::array<int, kKinds>;

struct Configuration {
  const char* title;
  void (*fill)(World&);
  std::vector<std::pair<Kind, int>> misfortunes;
  bool slow = false;  // answers may take longer than timers
};

std::string text_of(const std::vector<Event>& events) {
  std::string text;
  for (const auto& [kind, job] : events) {
    text += kNames[static_cast<std::size_t>(kind)];
    text += job != 0 ? fmt::format(" {}; ", job) : std::string{"; "};
  }
  return text;
}

class Path {
 public:
  explicit Path(const Configuration& configuration) : slow_(configuration.slow) {
    for (const auto& [kind, times] : configuration.misfortunes) left_[static_cast<std::size_t>(kind)] = times;
    configuration.fill(world_);
    beginning_ = world_.database;
    beginning_.jobs.clear();
    beginning_.runs.clear();
    beginning_.last_job = 0;
    world_.boot();
    rest();
  }

  World& world() { return world_; }

  std::vector<Event> possible() {
    std::vector<Event> events;
    const bool store = !world_.store().calls.empty();
    const bool systemd = !world_.systemd().calls.empty();
    if (store) events.push_back({Kind::store_answers});
    if (systemd) events.push_back({Kind::systemd_answers});
    for (const auto& [key, timer] : world_.clock.timers) {
      if (key.starts_with("forget ") || (!slow_ && (store || systemd))) continue;
      events.push_back({Kind::timer});
      break;
    }
    for (const auto& [job, unit] : world_.machine.units) {
      if (!unit.ended) events.push_back({Kind::job_ends, job});
      for (const Kind kind : {Kind::job_is_killed, Kind::connection_is_lost}) {
        if (!unit.ended && has(kind)) events.push_back({kind, job});
      }
    }
    for (const Kind kind : {Kind::store_is_away, Kind::answer_is_lost, Kind::outage}) {
      if (has(kind) && store) events.push_back({kind});
    }
    if (has(Kind::systemd_is_away) && systemd) events.push_back({Kind::systemd_is_away});
    if (has(Kind::start_is_lost) && systemd && world_.systemd().calls.at(0).what.starts_with("start_job"))
      events.push_back({Kind::start_is_lost});
    if (has(Kind::cancel)) {
      for (const auto& [job, as_known] : world_.manager().state().unfinished) {
        events.push_back({Kind::cancel, job});
      }
    }
    if (has(Kind::restart)) events.push_back({Kind::restart});
    if (has(Kind::failover)) events.push_back({Kind::failover});
    // Only there are numbers reused.
    if (has(Kind::run) && failed_over_) events.push_back({Kind::run});
    return events;
  }

  void happen(const Event& event) {
    --left_[static_cast<std::size_t>(event.kind)];
    switch (event.kind) {
      case Kind::store_answers:
        world_.store().calls.answer(std::size_t{0});
        break;
      case Kind::systemd_answers:
        world_.systemd().calls.answer(std::size_t{0});
        break;
      case Kind::timer:
        world_.clock.advance();
        break;
      case Kind::job_ends:
        world_.systemd().end(event.job, world_.systemd().stopping.contains(event.job) ? JobState::canceled
                                                                                      : JobState::successful);
        break;
      case Kind::job_is_killed:
        world_.systemd().end(event.job, std::nullopt, "signal");
        break;
      case Kind::connection_is_lost:
        world_.machine.next_code = "connection-lost";
        world_.systemd().end(event.job, JobState::failed);
        world_.machine.next_code.clear();
        break;
      case Kind::store_is_away:
        world_.store().calls.answer(std::size_t{0}, Outcome::away);
        break;
      case Kind::answer_is_lost:
        world_.store().calls.answer(std::size_t{0}, Outcome::lost);
        world_.database_away();
        world_.database_back();
        break;
      case Kind::outage:
        world_.database_away();
        world_.database_back();
        break;
      case Kind::systemd_is_away:
        world_.systemd().calls.answer(std::size_t{0}, Outcome::away);
        break;
      case Kind::start_is_lost:
        world_.systemd().calls.answer(std::size_t{0}, Outcome::lost);
        break;
      case Kind::cancel:
        canceled_.push_back(event.job);
        world_.manager().cancel_job(event.job, [](const Expected<void>&) {});
        break;
      case Kind::restart:
        world_.restart();
        break;
      case Kind::failover:
        failed_over_ = true;
        world_.database_away();
        world_.database = beginning_;
        world_.database_back();
        break;
      case Kind::run:
        world_.manager().run_policy("small", {{}, 0, false, "test", "", ""},
                                    [](const Expected<RunAnswer>&) {});
        break;
    }
    rest();
  }

  // Does a step that is no misfortune. False: nothing is left to do.
  bool go_well() {
    for (const auto& event : possible()) {
      if (event.kind > Kind::job_ends) break;
      happen(event);
      return true;
    }
    return false;
  }

  std::string jobs() {
    std::string text;
    for (const auto& [id, job] : world_.database.jobs) {
      text += fmt::format("job {} {} ({}), ", id, to_string(job.state), job.reason);
    }
    return text;
  }

  // Everything that affects the next steps, except the remaining misfortunes.
  std::string situation() {
    std::string text;
    for (const auto& [id, job] : world_.database.jobs) {
      text += fmt::format("{}{}{}{} ", id, to_string(job.kind), job.client, to_string(job.state));
    }
    for (const auto& [id, job] : world_.manager().state().unfinished) {
      text += fmt::format("{}{}{}{} ", id, to_string(job.kind), job.client, to_string(job.state));
    }
    for (std::size_t i = 0; i < world_.store().calls.size(); ++i)
      text += world_.store().calls.at(i).what + ";";
    for (std::size_t i = 0; i < world_.systemd().calls.size(); ++i)
      text += world_.systemd().calls.at(i).what + ";";
    std::map<std::pair<Microseconds, std::uint64_t>, std::string> timers;
    for (const auto& [key, timer] : world_.clock.timers) {
      if (!key.starts_with("forget ")) timers[{timer.due, timer.order}] = key;
    }
    for (const auto& [due, key] : timers) text += key + ",";
    for (const auto& [id, unit] : world_.machine.units) {
      text +=
          fmt::format("{}{}{}{} ", id, to_string(unit.spec.kind), unit.spec.client, unit.ended ? "-" : "+");
    }
    for (const auto& [id, result] : world_.machine.directories) {
      text += fmt::format("{}{} ", id,
                          result ? result->message.substr(0, result->message.find_last_of(' ')) : "");
    }
    return text + fmt::format("{} {}", fmt::join(world_.systemd().stopping, ","), fmt::join(canceled_, ","));
  }
  std::string digest() { return situation() + fmt::format(" {}", fmt::join(left(), ",")); }

 private:
  bool has(Kind kind) const { return left_[static_cast<std::size_t>(kind)] > 0; }
  std::vector<int> left() const {
    return {left_.begin() + static_cast<int>(Kind::job_is_killed), left_.end()};
  }

  // Finishes independent work: the output of ended jobs, and the timers of policies.
  void rest() {
    world_.turn();
    for (bool again = true; again;) {
      again = false;
      for (Calls* calls : {&world_.store().calls, &world_.systemd().calls}) {
        for (const char* what : {"append_output", "set_timers"}) {
          if (!calls->has(what)) continue;
          calls->answer(what);
          again = true;
        }
      }
      world_.turn();
    }
  }

  const bool slow_;
  World world_;
  Database beginning_;
  Budget left_{};
  std::vector<std::int64_t> canceled_;
  bool failed_over_ = false;
};

class Search {
 public:
  explicit Search(const Configuration& configuration) : configuration_(configuration) {}

  // Returns the first path to a violation, or an empty text.
  std::string run() {
    std::deque<std::vector<Event>> open{{}};
    while (!open.empty()) {
      const std::vector<Event> events = std::move(open.front());
      open.pop_front();
      for (const auto& event : walk(events)->possible()) {
        auto longer = events;
        longer.push_back(event);
        const auto path = walk(longer);
        if (!seen_.insert(path->digest()).second) continue;
        if (std::string wrong = look(*path); !wrong.empty())
          return fmt::format("{}, after: {}", wrong, text_of(longer));
        open.push_back(std::move(longer));
      }
    }
    return {};
  }

  std::size_t states() const { return seen_.size(); }

 private:
  std::unique_ptr<Path> walk(const std::vector<Event>& events) {
    auto path = std::make_unique<Path>(configuration_);
    for (const auto& event : events) path->happen(event);
    return path;
  }

  // Returns the violation now, or in the end if everything goes well from now on.
  std::string look(Path& path) {
    std::vector<std::string> passed;
    for (int i = 0; i < 500; ++i) {
      if (std::string wrong = path.world().violation(); !wrong.empty()) return wrong;
      std::string situation = path.situation();
      // From here on it was explored before.
      if (good_.contains(situation)) break;
      passed.push_back(std::move(situation));
      if (path.go_well()) continue;
      if (!path.world().all_ended()) return path.jobs() + "for ever";
      break;
    }
    if (passed.size() == 500) return path.jobs() + "no rest";
    good_.insert(passed.begin(), passed.end());
    return {};
  }

  const Configuration& configuration_;
  std::unordered_set<std::string> seen_, good_;
};

void two_writers(World& world) {
  world.add_run({world.planned(JobKind::backup, "a", "one")});
  world.add_run({world.planned(JobKind::prune, "b", "one")});
}

void a_backup(World& world) {
  world.add_run({world.planned(JobKind::backup, "a", "one")});
}

// A preparation of the client and one of the repository, then a backup, then a prune.
void a_chain(World& world) {
  std::vector<NewJob> jobs{
      world.planned(JobKind::prepare_client, "a", ""), world.planned(JobKind::prepare_repository, "a", "one"),
      world.planned(JobKind::backup, "a", "one"), world.planned(JobKind::prune, "a", "one")};
  jobs[2].after = {0, 1};
  jobs[3].after = {2};
  world.add_run(std::move(jobs));
}

// Two jobs, one after the other.
void a_pair(World& world) {
  std::vector<NewJob> jobs{world.planned(JobKind::prepare_client, "a", ""),
                           world.planned(JobKind::backup, "a", "one")};
  jobs[1].after = {0};
  world.add_run(std::move(jobs));
}

// Three clients, two repositories.
void three_clients(World& world) {
  world.add_run({world.planned(JobKind::backup, "a", "one"), world.planned(JobKind::backup, "b", "one"),
                 world.planned(JobKind::backup, "c", "two")});
}

// Readers, beside a writer.
void readers(World& world) {
  world.add_run({world.planned(JobKind::catalog, "a", "one"), world.planned(JobKind::verify, "b", "one"),
                 world.planned(JobKind::check, "", "one")});
}

void other_kinds(World& world) {
  world.add_run({world.planned(JobKind::restore, "a", "one"), world.planned(JobKind::compact, "", "one"),
                 world.planned(JobKind::list, "", "two"), world.planned(JobKind::withdraw, "b", "two")});
}

// A job that is retried when it fails.
void a_scheduled_backup(World& world) {
  world.machine.started_twice_is_wrong = false;
  NewJob job = world.planned(JobKind::backup, "a", "one");
  job.details["retry"] = true;
  world.add_run({job});
}

const std::vector<Configuration> kConfigurations{
    {"a locked table", two_writers, {{Kind::store_is_away, 2}}},
    {"a locked table for long", a_backup, {{Kind::store_is_away, 2}}, true},
    {"lost answers", a_pair, {{Kind::answer_is_lost, 2}}},
    {"lost answers of a slow database", a_pair, {{Kind::answer_is_lost, 1}}, true},
    {"an outage", two_writers, {{Kind::outage, 1}, {Kind::job_is_killed, 1}}},
    {"systemd is away", two_writers, {{Kind::systemd_is_away, 1}, {Kind::start_is_lost, 1}}},
    {"a restart in a chain", a_chain, {{Kind::restart, 1}}},
    {"a kill and two restarts", a_pair, {{Kind::job_is_killed, 1}, {Kind::restart, 2}}},
    {"a restart beside a slow database", a_backup, {{Kind::job_is_killed, 1}, {Kind::restart, 1}}, true},
    {"a cancel and a lost answer", a_pair, {{Kind::cancel, 1}, {Kind::answer_is_lost, 1}}},
    {"a cancel and a locked table", two_writers, {{Kind::cancel, 1}, {Kind::store_is_away, 1}}},
    {"a cancel and a restart", two_writers, {{Kind::cancel, 1}, {Kind::restart, 1}}},
    {"three clients", three_clients, {{Kind::restart, 1}}},
    {"readers", readers, {{Kind::restart, 1}}},
    {"other kinds", other_kinds, {{Kind::store_is_away, 1}}},
    {"another attempt",
     a_scheduled_backup,
     {{Kind::connection_is_lost, 2}, {Kind::cancel, 1}, {Kind::restart, 1}}},
    {"another attempt and lost answers",
     a_scheduled_backup,
     {{Kind::connection_is_lost, 1}, {Kind::answer_is_lost, 1}},
     true},
    {"a failover", a_backup, {{Kind::failover, 1}, {Kind::run, 1}}},
    {"a failover of two", two_writers, {{Kind::failover, 1}, {Kind::run, 1}}},
};

class Model : public testing::TestWithParam<Configuration> {};

TEST_P(Model, HoldsInEachStateAndComesToAnEnd) {
  Search search{GetParam()};
  EXPECT_EQ(search.run(), "");
  EXPECT_GT(search.states(), 20U);
  RecordProperty("states", static_cast<int>(search.states()));
}

INSTANTIATE_TEST_SUITE_P(Queue, Model, testing::ValuesIn(kConfigurations), [](const auto& one) {
  std::string title = one.param.title;
  std::ranges::replace(title, ' ', '_');
  return title;
});

}  // namespace
}  // namespace cyborg::test
