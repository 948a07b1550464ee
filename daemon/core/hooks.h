// Hooks: commands of an administrator's before and after a job's own work. Pure: what they are, when they
// run, what they are told, and what their failure means.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "core/environment.h"
#include "core/error.h"
#include "core/job_spec.h"
#include "core/model.h"

namespace cyborg {

// From properties ([{"when": "before", "command": "sync"}]) and the database; names what is wrong.
Expected<std::vector<Hook>> hooks_from_json(const Json::Value& list);
Json::Value to_json(const std::vector<Hook>& hooks);

// Those of a job of this kind.
std::vector<Hook> hooks_of(const std::vector<Hook>& hooks, JobKind kind);

// Does it run after a job that ended like this? (Not those before.)
bool runs_after(const Hook& hook, JobState state);

// What a hook is told: the job's facts, and after the job its result.
Environment hook_environment(const JobSpec& spec, const JobResult* result);

// What a hook that ended with `status` (-1: its time was over) means; empty: it worked.
std::string hook_failure(const Hook& hook, int status, const std::string& last_words);
// A failed hook changes the result as it declares.
void apply_hook_failure(const Hook& hook, const std::string& failure, JobResult& result);

}  // namespace cyborg
