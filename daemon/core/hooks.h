// SPDX-License-Identifier: GPL-3.0-or-later
// Hooks: commands of the administrator before and after a job's own work. Pure: their definition, when they
// run, their environment, and the effect of their failure.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "core/environment.h"
#include "core/error.h"
#include "core/job_spec.h"
#include "core/model.h"

namespace cyborg {

// Reads hooks from properties ([{"when": "before", "command": "sync"}]) or the database.
Expected<std::vector<Hook>> hooks_from_json(const Json::Value& list);
Json::Value to_json(const std::vector<Hook>& hooks);

// The hooks for jobs of this kind.
std::vector<Hook> hooks_of(const std::vector<Hook>& hooks, JobKind kind);

// Whether the hook runs after a job that ended in this state. (Never true for hooks before.)
bool runs_after(const Hook& hook, JobState state);

// The environment of a hook: the job's facts, and after the job its result.
Environment hook_environment(const JobSpec& spec, const JobResult* result);

// The failure of a hook that ended with `status` (-1: it timed out); empty if it succeeded.
std::string hook_failure(const Hook& hook, int status, const std::string& last_words);
// Changes the result by a failed hook, according to its declared effect.
void apply_hook_failure(const Hook& hook, const std::string& failure, JobResult& result);

}  // namespace cyborg
