// SPDX-License-Identifier: GPL-3.0-or-later
// The reaction of the runner to each event in each phase of a job: the next phase, and the calls that it
// makes.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

#include "unit/manager/world.h"

namespace cyborg::test {
namespace {

enum class Event {
  turn,           // the queue looks for work, and no limit is in the job's way
  answer,         // the database answers what was asked for the job
  away,           // it does not: unavailable
  broken,         // it does not, for another reason
  no_such_job,    // it has another job of that number
  unit_started,   // systemd answers
  systemd_away,   // it does not: unavailable
  cannot_start,   // it does not start the unit
  unit_ended,     // and left a result
  unit_vanished,  // and left no result
  cancel,
  lost,         // the database came back without the job
  found_alive,  // the database came back, and systemd has the unit
  found_gone,   // the database came back, and systemd has no unit
  restart,      // of cyborgd; the database and systemd have answered
};
constexpr std::size_t kEvents = 15;
constexpr std::size_t kPhases = 8;

// A switch without default: a new enumerator needs a row or a column here, and in the table.
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
    if (phase == JobPhase::pending) {
      world_.database.configuration.settings["max_jobs"] = "1";
      world_.add_run({world_.planned(JobKind::check, "", "two")});
    }
    if (phase == JobPhase::returning) world_.machine.started_twice_is_wrong = false;
    if (phase == JobPhase::waiting)
      blocker_ = world_.add_run({world_.planned(JobKind::check, "", "one")}).front();
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

  // The violation in the end, if everything else goes well; empty if there is none.
  std::string end_of_all() {
    world_.manager().set_setting("max_jobs", "16", [](const Expected<void>&) {});
    if (!world_.run_out()) return "it goes on for ever";
    if (!world_.all_ended()) return "a job does not end";
    return world_.violation();
  }

 private:
  // Without calls that run independently.
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
        // A job that the database calls pending was started by a daemon that died before it could record
        // that.
        if (phase() == JobPhase::pending) {
          world_.machine.start(
              job_spec(world_.manager().state().fleet, world_.manager().state().unfinished.at(job_)).value(),
              {});
        }
        return look_again();
      case Event::found_gone:
        world_.machine.units.erase(job_);
        if (phase() == JobPhase::pending) world_.machine.directories[job_];
        return look_again();
      case Event::restart:
        world_.crash();
        world_.construct();
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

const std::array<Row, kPhases>& table();

TEST(JobTable, EachEventInEachPhase) {
  for (std::size_t phase = 0; phase < kPhases; ++phase) {
    for (std::size_t event = 0; event < kEvents; ++event) {
      const Cell& cell = table().at(phase).at(event);
      Subject subject{static_cast<JobPhase>(phase)};
      ASSERT_EQ(subject.phase(), static_cast<JobPhase>(phase));
      const std::string title = fmt::format("{} × event {}", name_of(static_cast<JobPhase>(phase)), event);
      ASSERT_NE(cell.after, nullptr) << title;
      ASSERT_NE(cell.why, nullptr) << title;
      EXPECT_EQ(subject.cause(static_cast<Event>(event)), cell.after) << title << " (" << cell.why << ")";
      EXPECT_EQ(subject.end_of_all(), "") << title;
    }
  }
}

const std::array<Row, kPhases>& table() {
  static const std::array<Row, kPhases> rows{{
      // gone
      {{{"gone", "it has ended"},
        {"gone", "nothing was asked of the database"},
        {"gone", "nothing was asked of the database"},
        {"gone", "nothing was asked of the database"},
        {"gone", "nothing was asked of the database"},
        {"gone", "systemd was not asked for a start"},
        {"gone", "systemd was not asked for a start"},
        {"gone", "systemd was not asked for a start"},
        {"gone", "its end is known"},
        {"gone", "its end is known"},
        {"gone, get_job", "the caller is told that it has ended, if it ever was"},
        {"gone", "nothing is known of it here"},
        {"gone", "its end is recorded"},
        {"gone", "its end is recorded"},
        {"gone", "its end is recorded"}}},
      // waiting
      {{{"waiting", "a predecessor has not ended"},
        {"waiting", "nothing was asked of the database"},
        {"waiting", "nothing was asked of the database"},
        {"waiting", "nothing was asked of the database"},
        {"waiting", "nothing was asked of the database"},
        {"waiting", "systemd was not asked for a start"},
        {"waiting", "systemd was not asked for a start"},
        {"waiting", "systemd was not asked for a start"},
        {"waiting", "no unit was started for it, or its end is known"},
        {"waiting", "no unit was started for it, or its end is known"},
        {"recording, finish_job", "it never runs"},
        {"gone", "it is dropped"},
        {"waiting", "no unit was started for it"},
        {"waiting", "no unit was started for it"},
        {"waiting", "the database has it as it was"}}},
      // pending
      {{{"preparing, get_secret", "its turn has come"},
        {"pending", "nothing was asked of the database"},
        {"pending", "nothing was asked of the database"},
        {"pending", "nothing was asked of the database"},
        {"pending", "nothing was asked of the database"},
        {"pending", "systemd was not asked for a start"},
        {"pending", "systemd was not asked for a start"},
        {"pending", "systemd was not asked for a start"},
        {"pending", "no unit was started for it, or its end is known"},
        {"pending", "no unit was started for it, or its end is known"},
        {"recording, finish_job", "it never runs"},
        {"gone", "it is dropped"},
        {"running", "it was started, and that was not stored"},
        {"recording, finish_job", "it was started, and left nothing"},
        {"pending", "the database has it as it was"}}},
      // preparing
      {{{"preparing, get_secret", "it has its place in the queue"},
        {"launching, start_job", "it has what it needs"},
        {"pending", "it is put off"},
        {"pending", "it is put off"},
        {"launching, start_job", "the end of it finds out"},
        {"preparing, get_secret", "systemd was not asked for a start"},
        {"preparing, get_secret", "systemd was not asked for a start"},
        {"preparing, get_secret", "systemd was not asked for a start"},
        {"preparing, get_secret", "no unit was started for it, or its end is known"},
        {"preparing, get_secret", "no unit was started for it, or its end is known"},
        {"recording, get_secret, finish_job", "it never runs, and the answer is not waited for"},
        {"gone, get_secret", "it is dropped"},
        {"preparing, get_secret", "no unit was started for it"},
        {"preparing, get_secret", "no unit was started for it"},
        {"preparing, get_secret", "it begins anew"}}},
      // launching
      {{{"launching, start_job", "it has its place in the queue"},
        {"launching, start_job", "nothing was asked of the database"},
        {"launching, start_job", "nothing was asked of the database"},
        {"launching, start_job", "nothing was asked of the database"},
        {"launching, start_job", "nothing was asked of the database"},
        {"running", "it runs"},
        {"pending", "it is put off"},
        {"recording, finish_job", "it cannot run"},
        {"launching, start_job", "cannot be: systemd answers first"},
        {"launching, start_job", "cannot be: systemd answers first"},
        {"launching, start_job", "it is stopped when it runs"},
        {"gone, start_job", "it is dropped, and its unit known as a stranger"},
        {"launching, start_job", "the answer tells"},
        {"launching, start_job", "the answer tells"},
        {"preparing, get_secret", "systemd had not got the call, and it begins anew"}}},
      // running
      {{{"running", "it has its place in the queue"},
        {"running", "nothing was asked of the database"},
        {"running", "nothing was asked of the database"},
        {"running", "nothing was asked of the database"},
        {"running", "nothing was asked of the database"},
        {"running", "systemd has answered"},
        {"running", "systemd has answered"},
        {"running", "systemd has answered"},
        {"recording, finish_job", "its result is recorded"},
        {"recording, finish_job", "it was interrupted"},
        {"running, stop_job", "its end follows"},
        {"gone", "it is dropped, and its unit known as a stranger"},
        {"running", "it goes on"},
        {"recording, finish_job", "it was interrupted"},
        {"running", "it is adopted"}}},
      // returning
      {{{"returning, update_jobs", "it has its place until that is stored"},
        {"pending", "it waits for its next attempt"},
        {"returning", "it is tried again later"},
        {"returning", "it is tried again later"},
        {"gone", "it is dropped"},
        {"returning, update_jobs", "systemd was not asked for a start"},
        {"returning, update_jobs", "systemd was not asked for a start"},
        {"returning, update_jobs", "systemd was not asked for a start"},
        {"returning, update_jobs", "its end is known"},
        {"returning, update_jobs", "its end is known"},
        {"returning, update_jobs", "it is canceled when that is stored"},
        {"gone, update_jobs", "it is dropped"},
        {"returning, update_jobs", "its end is known"},
        {"returning, update_jobs", "its end is known"},
        {"returning, update_jobs", "its result is found again"}}},
      // recording
      {{{"recording, finish_job", "it has its place until that is stored"},
        {"gone", "it is recorded"},
        {"recording", "it is tried again later"},
        {"recording", "it is tried again later"},
        {"gone, load", "it is dropped, and the database looked at"},
        {"recording, finish_job", "systemd was not asked for a start"},
        {"recording, finish_job", "systemd was not asked for a start"},
        {"recording, finish_job", "systemd was not asked for a start"},
        {"recording, finish_job", "its end is known"},
        {"recording, finish_job", "its end is known"},
        {"recording, finish_job", "it has ended"},
        {"recording, finish_job", "the answer tells whether it was lost or recorded"},
        {"recording, finish_job", "its end is known"},
        {"recording, finish_job", "its end is known"},
        {"recording, finish_job", "its result is found again"}}},
  }};
  return rows;
}

}  // namespace
}  // namespace cyborg::test
