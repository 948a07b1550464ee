// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/event_log.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "dbus/names.h"
#include "sd/log.h"

namespace cyborg {
namespace {

using namespace names;
using sd::Priority;

std::map<std::string, std::string> fields_of(const Job& job) {
  std::map<std::string, std::string> fields{{kFieldJob, fmt::to_string(job.id)},
                                            {kFieldRun, fmt::to_string(job.run)},
                                            {kFieldKind, to_string(job.kind)},
                                            {kFieldState, to_string(job.state)}};
  if (!job.policy.empty()) fields[kFieldPolicy] = job.policy;
  if (!job.client.empty()) fields[kFieldClient] = job.client;
  if (!job.repository.empty()) fields[kFieldRepository] = job.repository;
  return fields;
}

std::string subject(const Job& job) {
  std::string text = fmt::format("job {} ({}", job.id, to_string(job.kind));
  if (!job.policy.empty()) text += fmt::format(" of policy {}", job.policy);
  if (!job.client.empty()) text += fmt::format(" on {}", job.client);
  if (!job.repository.empty()) text += fmt::format(" with {}", job.repository);
  return text + ")";
}

std::string text_of(const AccessRequest& request) {
  std::string text = fmt::format("{} asked for {}", request.actor, request.method);
  for (const auto& [kind, name] : request.about) text += fmt::format(", {} {}", kind, name);
  return text;
}

std::map<std::string, std::string> fields_of(const AccessRequest& request) {
  std::map<std::string, std::string> fields{
      {kFieldActor, request.actor}, {kFieldMethod, request.method}, {kFieldAction, request.action}};
  for (const auto& [kind, field] : {std::pair{"job", kFieldJob},
                                    {"policy", kFieldPolicy},
                                    {"client", kFieldClient},
                                    {"repository", kFieldRepository}}) {
    if (const auto found = request.about.find(kind); found != request.about.end())
      fields[field] = found->second;
  }
  return fields;
}

struct Ending {
  const char* message_id;
  Priority priority;
};

Ending ending_of(JobState state) {
  switch (state) {
    case JobState::successful:
      return {kMessageJobSuccessful, Priority::info};
    case JobState::warning:
      return {kMessageJobWarning, Priority::warning};
    case JobState::canceled:
      return {kMessageJobCanceled, Priority::notice};
    case JobState::skipped:
      return {kMessageJobSkipped, Priority::warning};
    case JobState::error:
      return {kMessageJobError, Priority::error};
    case JobState::failed:
      return {kMessageJobFailed, Priority::error};
    case JobState::waiting:
    case JobState::pending:
    case JobState::starting:
    case JobState::running:
      break;  // no ends
  }
  return {kMessageJobFailed, Priority::error};
}

}  // namespace

void JournalLog::job_started(const Job& job) {
  sd::log_event(kMessageJobStarted, Priority::info, subject(job) + " started", fields_of(job));
}

void JournalLog::job_ended(const Job& job) {
  const Ending ending = ending_of(job.state);
  std::string text = fmt::format("{} ended: {}", subject(job), to_string(job.state));
  if (!job.reason.empty()) text += ": " + job.reason;
  sd::log_event(ending.message_id, ending.priority, text, fields_of(job));
}

void JournalLog::database(bool available, const std::string& reason) {
  if (available)
    return sd::log_event(kMessageDatabaseBack, Priority::notice, "the database is available", {});
  sd::log_event(kMessageDatabaseAway, Priority::error, "the database is away: " + reason, {});
}

void JournalLog::granted(const AccessRequest& request) {
  sd::log_event(kMessageAccessGranted, Priority::info, text_of(request), fields_of(request));
}

void JournalLog::denied(const AccessRequest& request) {
  sd::log_event(kMessageAccessDenied, Priority::warning,
                fmt::format("{}: refused, {} is not granted", text_of(request), request.action),
                fields_of(request));
}

void JournalLog::job_moved(const Job& job) {
  if (!spdlog::should_log(spdlog::level::debug)) return;
  spdlog::debug("{} is {}{}{}", subject(job), to_string(job.state), job.reason.empty() ? "" : ": ",
                job.reason);
}

void JournalLog::history_forgotten(std::int64_t jobs) {
  spdlog::info("{} jobs older than keep_history were removed from the history", jobs);
}

void JournalLog::trouble(const std::string& message) {
  spdlog::error("{}", message);
}

}  // namespace cyborg
