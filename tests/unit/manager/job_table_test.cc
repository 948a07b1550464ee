// What the runner does about each event in each phase of a job: the phase after it, and the calls that it
// makes.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

#include "unit/manager/world.h"

namespace cyborg::test {
namespace {

enum class Event {
  turn,           // the queue looks for work, and nothing is in the job's way
  answer,         // the database answers what was asked for the job
  away,           // it does not: unavailable
  broken,         // it does not, for another reason
  no_such_job,    // it has another job of that number
  unit_started,   // systemd answers
  systemd_away,   // it does not: unavailable
  cannot_start,   // it does not start the unit
  unit_ended,     // and left a result
  unit_vanished,  // and left none
  cancel,
  lost,         // the database came back without the job
  found_alive,  // the database came back, and systemd has the unit
  found_gone,   // the database came back, and systemd has no unit
  restart,      // of cyborgd; the database and systemd have answered
};
constexpr std::size_t kEvents = 15;
constexpr std::size_t kPhases = 8;

// A switch without default: whoever adds an enumerator has to add a row or a column here, and in the table.
constexpr std::size_t index_of(Event event) {
  switch (event) {
    case Event::turn:
    case Event::answer:
    case Event::away:
    case Event::broken:
    case Event::no_such_job:
    case Event::unit_started:
    case Event::systemd_away:
    case Event::cannot_start:
    case Event::unit_ended:
    case Event::unit_vanished:
    case Event::cancel:
    case Event::lost:
    case Event::found_alive:
    case Event::found_gone:
    case Event::restart:
      return static_cast<std::size_t>(event);
  }
  return kEvents;
}
constexpr const char* name_of(JobPhase phase) {
  switch (phase) {
    case JobPhase::gone:
      return "gone";
    case JobPhase::waiting:
      return "waiting";
    case JobPhase::pending:
      return "pending";
    case JobPhase::preparing:
      return "preparing";
    case JobPhase::launching:
      return "launching";
    case JobPhase::running:
      return "running";
    case JobPhase::returning:
      return "returning";
    case JobPhase::recording:
      return "recording";
  }
  return nullptr;
}
static_assert(index_of(Event::restart) + 1 == kEvents);
static_assert(static_cast<std::size_t>(JobPhase::recording) + 1 == kPhases);

class Subject {
 public:
  explicit Subject(JobPhase phase) {
    const bool behind = phase == JobPhase::waiting || phase == JobPhase::pending;
    if (behind) blocker_ = world_.add_run({world_.planned(JobKind::check, "", "one")}).front();
    NewJob backup = world_.planned(JobKind::backup, "a", "one");
    backup.details["retry"] = true;
    if (phase == JobPhase::waiting) backup.after_jobs = {blocker_};
    job_ = world_.add_run({backup}).front();
    world_.boot();
    bring(phase);
  }

  World& world() { return world_; }
  JobPhase phase() { return world_.manager().phase(job_); }

  // "PHASE: calls", after the event.
  std::string cause(Event event) {
    world_.turn();
    happen(event);
    world_.turn();
    std::string text = name_of(phase());
    for (const Calls* calls : {&world_.store().calls, &world_.systemd().calls}) {
      for (std::size_t i = 0; i < calls->size(); ++i) text += word_of(calls->at(i).what);
    }
    return text;
  }

  std::string end_of_all() {
    if (!world_.run_out()) return "it goes on for ever";
    if (!world_.all_ended()) return "a job does not end";
    return world_.violation();
  }

 private:
  // Not those that go their own way.
  static std::string word_of(const std::string& what) {
    for (const char* other :
         {"append_output", "set_timers", "update_jobs 1 running", "update_jobs 2 running"}) {
      if (what.starts_with(other)) return {};
    }
    return ", " + what.substr(0, what.find(' '));
  }

  void bring(JobPhase phase) {
    switch (phase) {
      case JobPhase::waiting:
      case JobPhase::pending:
      case JobPhase::running:
        return world_.settle();
      case JobPhase::preparing:
        return world_.settle("get_secret");
      case JobPhase::launching:
        return world_.settle("start_job");
      case JobPhase::returning:
        world_.settle();
        world_.machine.next_code = "connection-lost";
        world_.systemd().end(job_, JobState::failed);
        world_.machine.next_code.clear();
        return;
      case JobPhase::recording:
        world_.settle();
        return world_.systemd().end(job_, JobState::successful);
      case JobPhase::gone:
        world_.settle();
        world_.systemd().end(job_, JobState::successful);
        return world_.settle();
    }
  }

  void answer(Outcome outcome) {
    for (const char* what : {"get_secret", "update_jobs", "finish_job"}) {
      if (world_.store().calls.has(what)) return world_.store().calls.answer(what, outcome);
    }
  }
  void systemd_answers(Outcome outcome) {
    if (world_.systemd().calls.has("start_job")) world_.systemd().calls.answer("start_job", outcome);
  }
  void unit_ends(std::optional<JobState> state) {
    if (world_.machine.runs(job_)) return world_.systemd().end(job_, state, state ? "" : "signal");
    world_.systemd().on_job_ended(job_, "");
  }
  void look_again() {
    world_.database_back();
    for (const char* what : {"load", "set_timers", "list_jobs"}) {
      for (Calls* calls : {&world_.store().calls, &world_.systemd().calls}) {
        if (calls->has(what)) calls->answer(what);
      }
      world_.turn();
    }
  }

  void happen(Event event) {
    switch (event) {
      case Event::turn:
        world_.manager().set_setting("max_jobs", "16", [](const Expected<void>&) {});
        world_.turn();
        return world_.store().calls.answer("set_setting");
      case Event::answer:
        return answer(Outcome::good);
      case Event::away:
        return answer(Outcome::away);
      case Event::broken:
        return answer(Outcome::broken);
      case Event::no_such_job:
        world_.database.jobs.erase(job_);
        return answer(Outcome::good);
      case Event::unit_started:
        return systemd_answers(Outcome::good);
      case Event::systemd_away:
        return systemd_answers(Outcome::away);
      case Event::cannot_start:
        return systemd_answers(Outcome::broken);
      case Event::unit_ended:
        return unit_ends(JobState::successful);
      case Event::unit_vanished:
        return unit_ends(std::nullopt);
      case Event::cancel:
        return world_.manager().cancel_job(job_, [](const Expected<void>&) {});
      case Event::lost:
        world_.database.jobs.erase(job_);
        return look_again();
      case Event::found_alive:
        return look_again();
      case Event::found_gone:
        world_.machine.units.erase(job_);
        return look_again();
      case Event::restart:
        world_.crash();
        world_.boot();
        return look_again();
    }
  }

  World world_;
  std::int64_t blocker_ = 0, job_ = 0;
};

struct Cell {
  const char* after;  // the phase, and the calls that wait for their answers
  const char* why;    // it is so
};
using Row = std::array<Cell, kEvents>;

constexpr const char* kNotAsked = "nothing was asked of it: nothing happens";

const std::array<Row, kPhases>& table();

TEST(JobTable, EachEventInEachPhase) {
  for (std::size_t phase = 0; phase < kPhases; ++phase) {
    for (std::size_t event = 0; event < kEvents; ++event) {
      const Cell& cell = table().at(phase).at(event);
      Subject subject{static_cast<JobPhase>(phase)};
      ASSERT_EQ(subject.phase(), static_cast<JobPhase>(phase));
      const std::string title = fmt::format("{} × event {}", name_of(static_cast<JobPhase>(phase)), event);
      if (getenv("PRINT")) {
        const std::string got = subject.cause(static_cast<Event>(event));
        fmt::print("{}|{}|{}|{}\n", phase, event, got, subject.end_of_all());
        continue;
      }
      ASSERT_NE(cell.after, nullptr) << title;
      ASSERT_NE(cell.why, nullptr) << title;
      EXPECT_EQ(subject.cause(static_cast<Event>(event)), cell.after) << title << " (" << cell.why << ")";
      EXPECT_EQ(subject.end_of_all(), "") << title;
    }
  }
}

const std::array<Row, kPhases>& table() {
  static const std::array<Row, kPhases> rows{};
  return rows;
}

}  // namespace
}  // namespace cyborg::test
