// SPDX-License-Identifier: GPL-3.0-or-later
#include "unit/manager/fake_outside.h"

#include <fmt/format.h>
#include <json/reader.h>

#include <algorithm>
#include <memory>

namespace cyborg::test {
namespace {

JobSpec parse_spec(const std::string& text) {
  Json::Value json;
  const Json::CharReaderBuilder builder;
  const std::unique_ptr<Json::CharReader> reader{builder.newCharReader()};
  std::string errors;
  reader->parse(text.data(), text.data() + text.size(), &json, &errors);
  return job_spec_from_json(json).value();
}

std::string repository_of(const JobSpec& spec) {
  return spec.repository_path.empty() ? "" : spec.repository_host.address + ":" + spec.repository_path;
}

}  // namespace

JobResult Machine::result_of(const JobSpec& spec, JobState state) const {
  JobResult result;
  result.state = state;
  const std::string usual = state == JobState::successful ? "ok" : "test";
  result.code = AnyCode{next_code.empty() ? usual : next_code};
  result.message = identity_of(spec);
  result.attempt = spec.attempt;
  return result;
}

bool Machine::runs(std::int64_t job) const {
  const auto unit = units.find(job);
  return unit != units.end() && !unit->second.ended;
}

void Machine::start(JobSpec spec, std::set<std::string> credentials) {
  const std::int64_t job = spec.job;
  for (const auto& [other, unit] : units) {
    if (unit.ended || lost.contains(other) || !writes_repository(spec.kind) ||
        !writes_repository(unit.spec.kind))
      continue;
    if (repository_of(unit.spec) == repository_of(spec))
      violations.push_back(fmt::format("jobs {} and {} write to {}", other, job, repository_of(spec)));
  }
  std::string start = fmt::format("{} {}", job, identity_of(spec));
  if (started_twice_is_wrong && std::ranges::find(starts, start) != starts.end())
    violations.push_back(fmt::format("job {} was started twice", start));
  starts.push_back(std::move(start));
  directories[job];
  units[job] = {std::move(spec), std::move(credentials), false, {}};
}

void Machine::end(std::int64_t job, std::optional<JobState> state, const std::string& service_result) {
  Unit& unit = units.at(job);
  if (state) directories[job] = result_of(unit.spec, *state);
  const bool good = state == JobState::successful || state == JobState::warning;
  if (good && service_result.empty()) {
    units.erase(job);
    return;
  }
  unit.ended = true;
  unit.service_result = service_result.empty() ? "exit-code" : service_result;
}

std::map<std::string, FakeClock::Timer>::iterator FakeClock::next(std::string_view except) {
  auto first = timers.end();
  for (auto timer = timers.begin(); timer != timers.end(); ++timer) {
    if (!except.empty() && timer->first.starts_with(except)) continue;
    const auto rank = [](const Timer& one) { return std::pair{one.due, one.order}; };
    if (first == timers.end() || rank(timer->second) < rank(first->second)) first = timer;
  }
  return first;
}

void FakeClock::turn() {
  for (;;) {
    if (!posted_.empty()) {
      const auto call = std::move(posted_.front());
      posted_.pop_front();
      call();
      continue;
    }
    const auto timer = next("");
    if (timer == timers.end() || timer->second.due > now_) return;
    const auto call = std::move(timer->second.call);
    timers.erase(timer);
    call();
  }
}

bool FakeClock::advance(std::string_view except) {
  const auto timer = next(except);
  if (timer == timers.end()) return false;
  now_ = std::max(now_, timer->second.due);
  turn();
  return true;
}

void FakeSystemd::start_job(const UnitSpec& unit, std::map<std::string, std::string> credentials,
                            Done<void> done) {
  const std::int64_t job = job_of_unit(unit.name);
  JobSpec spec = parse_spec(credentials.at("spec"));
  std::set<std::string> names;
  for (const auto& [name, content] : credentials) names.insert(name);
  calls.add(fmt::format("start_job {}", job), [this, job, spec, names, done](Outcome outcome) {
    if (outcome == Outcome::broken) return done(fail(ErrorCode::failed, "no unit"));
    if (outcome == Outcome::away) return done(fail(ErrorCode::unavailable, "systemd is away"));
    if (live_.contains(job) || machine_.units.contains(job))
      return done(fail(ErrorCode::failed, "was started already"));
    machine_.start(spec, names);
    if (outcome == Outcome::lost) {
      // It ended before systemd could be asked again: a unit that still exists would count as a start.
      machine_.end(job, JobState::successful);
      return done(fail(ErrorCode::unavailable, "systemd was away"));
    }
    live_.insert(job);
    done({});
  });
}

void FakeSystemd::stop_job(std::int64_t job, Done<void> done) {
  calls.add<void>(fmt::format("stop_job {}", job), std::move(done), [this, job]() -> Expected<void> {
    if (machine_.runs(job)) stopping.insert(job);
    return {};
  });
}

void FakeSystemd::list_jobs(Done<std::vector<JobUnit>> done) {
  calls.add<std::vector<JobUnit>>("list_jobs", std::move(done), [this]() {
    std::vector<JobUnit> units;
    for (const auto& [job, unit] : machine_.units) {
      units.push_back({job, unit.ended, unit.service_result, unit.spec.attempt});
      if (!unit.ended) live_.insert(job);
    }
    return units;
  });
}

void FakeSystemd::forget_job(std::int64_t job) {
  const auto unit = machine_.units.find(job);
  if (unit != machine_.units.end() && unit->second.ended) machine_.units.erase(unit);
}

void FakeSystemd::set_timers(std::map<std::string, std::string>, Done<void> done) {
  calls.add<void>("set_timers", std::move(done), []() -> Expected<void> { return {}; });
}

void FakeSystemd::next_elapses(std::vector<std::string>, unsigned, Done<std::vector<Microseconds>> done) {
  calls.add<std::vector<Microseconds>>("next_elapses", std::move(done),
                                       []() { return std::vector<Microseconds>{1, 2}; });
}

void FakeSystemd::end(std::int64_t job, std::optional<JobState> state, const std::string& service_result) {
  machine_.end(job, state, service_result);
  stopping.erase(job);
  const auto unit = machine_.units.find(job);
  const std::string why = unit != machine_.units.end() ? unit->second.service_result : "";
  if (live_.erase(job) > 0) on_job_ended(job, why);
}

Expected<std::optional<JobResult>> FakeFiles::read_result(std::int64_t job) {
  if (unreadable) return fail(ErrorCode::failed, "result.json: is not a JSON object");
  const auto directory = machine_.directories.find(job);
  return directory == machine_.directories.end() ? std::nullopt : directory->second;
}

void FakeFiles::clear_result(std::int64_t job) {
  if (const auto directory = machine_.directories.find(job); directory != machine_.directories.end())
    directory->second.reset();
}

std::string FakeFiles::set_aside(std::int64_t job) {
  const auto directory = machine_.directories.find(job);
  if (directory == machine_.directories.end()) return {};
  machine_.set_aside.push_back(directory->second ? directory->second->message : "");
  machine_.directories.erase(directory);
  return fmt::format("{}.lost", job);
}

std::vector<std::int64_t> FakeFiles::list() {
  std::vector<std::int64_t> jobs;
  for (const auto& [job, result] : machine_.directories) jobs.push_back(job);
  return jobs;
}

std::string FakeSecrets::random_uuid() {
  return fmt::format("{:08x}-0000-4000-8000-000000000000", ++made);
}

}  // namespace cyborg::test
