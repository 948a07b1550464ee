// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/bus/job_watch.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <memory>

#include "client/bus/jobs.h"
#include "client/format/text.h"
#include "dbus/names.h"

namespace cyborg::client {
namespace {

constexpr std::uint64_t kTick = 1'000'000;  // microseconds
constexpr std::uint32_t kLogPage = 1000;
// After a job has ended: ticks until its last lines are asked for, and until that is given up.
constexpr int kTicksUntilAsking = 2;
constexpr int kTicksUntilGivingUp = 60;

const std::array<std::string, 3> kMatches{
    std::string("type='signal',sender='org.cyborgbackup1',path='/org/cyborgbackup1',"
                "interface='org.cyborgbackup1.Manager'"),
    std::string("type='signal',sender='org.cyborgbackup1',path_namespace='/org/cyborgbackup1/job',"
                "interface='org.freedesktop.DBus.Properties',member='PropertiesChanged'"),
    std::string("type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
                "member='NameOwnerChanged',arg0='org.cyborgbackup1'"),
};

std::string who(const Json::Value& record) {
  const auto client = record["client"].asString();
  return printable(client.empty() ? record["repository"].asString() : client);
}

Style style_of(std::uint8_t priority) {
  if (priority <= 3) return Style::bad;
  return priority == 4 ? Style::attention : Style::plain;
}

// Blocks SIGINT and SIGTERM while it exists, so that the loop handles them.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGTERM);
    sigprocmask(SIG_BLOCK, &mask, &before_);
  }
  ~BlockedSignals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_{};
};

void check(int result) {
  if (result < 0) throw Failure(kFailed, fmt::format("event loop: error {}", -result));
}

}  // namespace

JobWatch::JobWatch(Context& context, Watch mode) : context_(context), mode_(mode), screen_(context.live()) {
  if (mode_ == Watch::none) return;
  for (const auto& rule : kMatches) {
    subscriptions_.push_back(compat::add_match(context_.bus().bus(), rule, [this](sdbus::Message& message) {
      guarded([&] { on_signal(message); });
    }));
  }
}

JobWatch::~JobWatch() = default;

template <typename Step>
int JobWatch::guarded(Step step) noexcept {
  try {
    step();
  } catch (...) {
    failure_ = std::current_exception();
  }
  if (loop_ && (failure_ || is_done())) sd_event_exit(loop_, 0);
  return 0;
}

void JobWatch::on_signal(sdbus::Message& message) {
  const auto member = compat::member(message);
  if (member == "NameOwnerChanged") on_owner_changed(message);
  if (member == "PropertiesChanged") on_properties_changed(message);
  if (member == "JobOutput") on_output(message);
  if (member == "JobRemoved") {
    std::uint64_t id = 0;
    message >> id;
    if (const auto job = jobs_.find(id); job != jobs_.end()) job->second.known = false;
    wake();
  }
}

void JobWatch::on_owner_changed(sdbus::Message& message) {
  std::string name, before, after;
  message >> name >> before >> after;
  const bool was_away = std::exchange(away_, after.empty());
  if (away_ && !was_away) screen_.note("cyborgd has stopped; the jobs go on, waiting for it to come back");
  // The state known so far may have changed without a signal.
  for (auto& [id, job] : jobs_) {
    job.known = job.ended && job.log_ended;
    job.followed = false;
  }
  wake();
}

void JobWatch::on_properties_changed(sdbus::Message& message) {
  std::string interface;
  VariantMap changed;
  message >> interface >> changed;
  const auto job = jobs_.find(job_of_path(compat::path(message)));
  if (interface != names::kJobInterface || job == jobs_.end()) return;
  auto& record = job->second.record;
  const auto state = record["state"];
  const auto news = with_snake_keys(to_json(changed));
  for (const auto& key : news.getMemberNames()) record[key] = news[key];
  if (news.isMember("bytes")) job->second.rate.add(record["bytes"].asUInt64(), context_.now());
  if (record["state"] != state) {
    job->second.known = false;
    wake();
  }
  show_progress();
}

void JobWatch::on_output(sdbus::Message& message) {
  std::uint64_t id = 0, first = 0;
  Lines lines;
  bool end = false;
  message >> id >> first >> lines >> end;
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || mode_ != Watch::follow) return;
  auto& job = found->second;
  if (first > job.next_line) read_log(id, job);  // lines printed while cyborgd or this connection was away
  show_lines(job, first, lines);
  if (end) job.log_ended = true;
}

void JobWatch::show_lines(Job& job, std::uint64_t first, const Lines& lines) {
  const auto colour = context_.colour();
  const auto prefix = several_clients_ ? who(job.record) + ": " : std::string{};
  std::string text;
  for (const auto& line : lines) {
    if (first++ < job.next_line) continue;  // shown before
    text += prefix + styled(printable(line.get<2>()), style_of(line.get<1>()), colour) + '\n';
  }
  job.next_line = std::max(job.next_line, first);
  job.quiet_ticks = 0;
  if (!context_.json && !text.empty()) screen_.print(text);
}

void JobWatch::read_log(std::uint64_t id, Job& job) {
  while (true) {
    const auto [lines, end] =
        context_.bus().query<Lines, bool>(manager(), "ReadJobLog", id, job.next_line, kLogPage);
    show_lines(job, job.next_line, lines);
    if (end) job.log_ended = true;
    if (end || lines.empty()) return;
  }
}

void JobWatch::refresh() {
  if (away_) return;
  for (auto& [id, job] : jobs_) {
    if (!job.known) refresh(id, job);
  }
  std::string first;
  for (const auto& [id, job] : jobs_) {
    const auto name = who(job.record);
    if (first.empty()) first = name;
    several_clients_ = several_clients_ || name != first;
  }
  show_progress();
}

void JobWatch::refresh(std::uint64_t id, Job& job) try {
  const auto before = job.record["state"].asString();
  job.record = get_job(context_.bus(), id);
  job.known = true;
  const auto state = job.record["state"].asString();
  if (!job.log_ended && !job.followed) start_log(id, job);
  if (is_ended(job.record)) {
    if (!std::exchange(job.ended, true)) report_end(id, job);
  } else if (mode_ == Watch::follow && state != before && !context_.quiet && !context_.json) {
    screen_.print(styled(describe_job(job.record), Style::faint, context_.colour()) + '\n');
  }
} catch (const Failure& failure) {
  if (failure.status != kUnreachable) throw;
  job.known = false;  // the next tick tries again
}

// While the job lives, its lines come as signals; those of an ended job are read.
void JobWatch::start_log(std::uint64_t id, Job& job) {
  if (is_ended(job.record)) {
    read_log(id, job);
  } else {
    context_.bus().query<>(manager(), "FollowJob", id, job.next_line);
    job.followed = true;
  }
}

void JobWatch::tick() {
  if (away_) return;
  refresh();
  for (auto& [id, job] : jobs_) {
    if (!job.ended || job.log_ended || ++job.quiet_ticks < kTicksUntilAsking) continue;
    read_log(id, job);
    if (job.quiet_ticks > kTicksUntilGivingUp) job.log_ended = true;
  }
}

void JobWatch::report_end(std::uint64_t id, const Job& job) {
  static_cast<void>(id);
  if (context_.quiet || context_.json) return;
  const auto style = render("state", job.record["state"], 0).style;
  screen_.print(styled(describe_job(job.record), style, context_.colour()) + '\n');
}

void JobWatch::show_progress() {
  if (!screen_.live()) return;
  std::vector<ProgressJob> active;
  for (const auto& [id, job] : jobs_) {
    const auto& record = job.record;
    if (job.ended || is_ended(record)) continue;
    const auto reason = printable(record["reason"].asString());
    const auto state = record["state"].asString();
    active.push_back({who(record), reason.empty() ? state : state + ", " + reason, record["files"].asUInt64(),
                      record["bytes"].asUInt64(), job.rate.rate(), record["current_path"].asString()});
    if (is_live(record)) active.back().state = "running";
  }
  if (active.empty()) {
    screen_.clear();
  } else {
    screen_.show(progress_line(active, jobs_.size(), screen_.width()));
  }
}

bool JobWatch::is_done() const {
  return std::ranges::all_of(jobs_, [](const auto& job) { return job.second.ended && job.second.log_ended; });
}

int JobWatch::exit_status() const {
  int status = kDone;
  const auto of_kind = [](const auto& job, const char* kind) { return job.second.record["kind"] == kind; };
  const bool backups = std::ranges::any_of(jobs_, [&](const auto& job) { return of_kind(job, "backup"); });
  for (const auto& job : jobs_) {
    const auto state = job.second.record["state"].asString();
    // The exit status is about the backup; a failure to catalog it is minor.
    const bool minor = state == "warning" || (backups && of_kind(job, "catalog"));
    if (state != "successful") status = std::max<int>(status, minor ? kWarnings : kUnsuccessful);
  }
  return status;
}

int JobWatch::on_refresh(sd_event_source*, void* self) {
  auto& watch = *static_cast<JobWatch*>(self);
  return watch.guarded([&] { watch.refresh(); });
}

int JobWatch::on_tick(sd_event_source* source, std::uint64_t, void* self) {
  auto& watch = *static_cast<JobWatch*>(self);
  sd_event_source_set_time_relative(source, kTick);
  sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
  return watch.guarded([&] { watch.tick(); });
}

int JobWatch::on_interrupt(sd_event_source*, const struct signalfd_siginfo*, void* self) {
  auto& watch = *static_cast<JobWatch*>(self);
  return watch.guarded([&] { watch.interrupted(); });
}

void JobWatch::interrupted() const {
  std::string left;
  for (const auto& [id, job] : jobs_) {
    if (!job.ended) left += fmt::format(" {}", id);
  }
  throw Failure(kInterrupted, left.empty() ? "interrupted" : "interrupted; these jobs go on:" + left,
                left.empty() ? "" : "cyborgctl job cancel" + left + " stops them");
}

// Asks for news from the loop, not from a signal's handler: once, however many signals there were.
void JobWatch::wake() const {
  if (refresh_) sd_event_source_set_enabled(refresh_, SD_EVENT_ONESHOT);
}

void JobWatch::run_loop() {
  const BlockedSignals blocked;
  check(sd_event_new(&loop_));
  const std::unique_ptr<sd_event, decltype(&sd_event_unref)> loop(loop_, sd_event_unref);
  check(sd_event_add_signal(loop_, nullptr, SIGINT, on_interrupt, this));
  check(sd_event_add_signal(loop_, nullptr, SIGTERM, on_interrupt, this));
  check(sd_event_add_defer(loop_, &refresh_, on_refresh, this));
  check(sd_event_add_time_relative(loop_, nullptr, CLOCK_MONOTONIC, kTick, 0, on_tick, this));
  const compat::LoopAttachment attachment(context_.bus().bus(), loop_);
  const int code = sd_event_loop(loop_);
  refresh_ = sd_event_source_disable_unref(refresh_);
  loop_ = nullptr;
  screen_.clear();
  if (failure_) std::rethrow_exception(std::exchange(failure_, {}));
  if (code == compat::LoopAttachment::kBusLost)
    throw Failure(kUnreachable, "the system bus has gone away; the jobs go on",
                  "cyborgctl job list shows them");
  check(code);
}

int JobWatch::wait(const std::vector<std::uint64_t>& ids) {
  for (const auto id : ids) jobs_[id].log_ended = mode_ != Watch::follow;
  if (!jobs_.empty()) run_loop();
  return exit_status();
}

std::vector<Json::Value> JobWatch::records() const {
  std::vector<Json::Value> result;
  for (const auto& [id, job] : jobs_) result.push_back(job.record);
  return result;
}

void report_jobs(Context& context, JobWatch& watch, Watch mode, std::optional<std::uint64_t> run,
                 const std::vector<std::uint64_t>& jobs) {
  if (mode != Watch::none) context.status = watch.wait(jobs);
  Json::Value list(Json::arrayValue);
  std::string ids;
  for (const auto id : jobs) {
    if (mode == Watch::none) list.append(Json::Value::UInt64{id});
    ids += fmt::format(" {}", id);
  }
  for (const auto& record : watch.records()) list.append(record);
  if (context.json) {
    Json::Value answer(Json::objectValue);
    if (run) answer["run"] = Json::Value::UInt64{*run};
    answer["jobs"] = std::move(list);
    context.print_json(answer);
  } else if (mode == Watch::none) {
    const auto what = fmt::format("{}{}", jobs.size() == 1 ? "job" : "jobs", ids.empty() ? ": none" : ids);
    context.say(run ? fmt::format("run {}, {}", *run, what) : what);
  }
}

}  // namespace cyborg::client
