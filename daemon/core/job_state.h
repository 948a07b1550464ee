// SPDX-License-Identifier: GPL-3.0-or-later
// The states of a job. All knowledge about a state is in its row of the table.
#pragma once

#include <array>
#include <string_view>

#include "core/enum_table.h"

namespace cyborg {

enum class JobState {
  waiting,
  pending,
  starting,
  running,
  successful,
  warning,
  failed,
  error,
  canceled,
  skipped,
};

struct JobStateTraits {
  JobState state;
  const char* name;    // in the database, on the bus, in JSON and on the command line
  const char* about;   // for people
  bool live = false;   // its process is, or may be, at work
  bool ended = false;  // the job stays in this state
  bool good = false;   // it did what it was for
  bool bad = false;    // it was to do it, and did not
};

inline constexpr std::array kJobStates{
    JobStateTraits{JobState::waiting, "waiting", "for a predecessor"},
    JobStateTraits{JobState::pending, "pending", "ready; the reason says what it still waits for"},
    JobStateTraits{
        .state = JobState::starting, .name = "starting", .about = "its unit is being started", .live = true},
    JobStateTraits{.state = JobState::running, .name = "running", .about = "it is at work", .live = true},
    JobStateTraits{.state = JobState::successful,
                   .name = "successful",
                   .about = "all of it was done",
                   .ended = true,
                   .good = true},
    JobStateTraits{.state = JobState::warning,
                   .name = "warning",
                   .about = "done, with warnings",
                   .ended = true,
                   .good = true},
    JobStateTraits{.state = JobState::failed,
                   .name = "failed",
                   .about = "it ran, and did not work",
                   .ended = true,
                   .bad = true},
    JobStateTraits{
        .state = JobState::error, .name = "error", .about = "it could not run", .ended = true, .bad = true},
    JobStateTraits{
        .state = JobState::canceled, .name = "canceled", .about = "somebody stopped it", .ended = true},
    JobStateTraits{.state = JobState::skipped,
                   .name = "skipped",
                   .about = "a predecessor did not succeed",
                   .ended = true},
};
static_assert(is_complete<&JobStateTraits::state>(kJobStates));

constexpr const JobStateTraits& traits_of(JobState state) {
  return row_of(kJobStates, state);
}
constexpr const char* to_string(JobState state) {
  return traits_of(state).name;
}
constexpr bool is_live(JobState state) {
  return traits_of(state).live;
}
constexpr bool is_ended(JobState state) {
  return traits_of(state).ended;
}
constexpr bool is_good(JobState state) {
  return traits_of(state).good;
}
constexpr bool is_bad(JobState state) {
  return traits_of(state).bad;
}

constexpr bool parse(std::string_view text, JobState& state) {
  const JobStateTraits* row = row_named(kJobStates, text);
  if (row) state = row->state;
  return row != nullptr;
}

// For the text of a record: also false for an unknown state.
constexpr bool is_good(std::string_view name) {
  const JobStateTraits* row = row_named(kJobStates, name);
  return row && row->good;
}
constexpr bool is_bad(std::string_view name) {
  const JobStateTraits* row = row_named(kJobStates, name);
  return row && row->bad;
}

}  // namespace cyborg
