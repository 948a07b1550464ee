// SPDX-License-Identifier: GPL-3.0-or-later
// Each failure that a script can tell is a reason that says what failed and what to do.
#include <gtest/gtest.h>

#include <string>

#include "core/policy_types.h"
#include "job/borg/borg_run.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

JobSpec spec() {
  JobSpec spec;
  spec.client = "web";
  spec.repository = "vault";
  spec.roots = {"/etc", "/srv"};
  spec.target = {"web.example", 22, "root", "", ""};
  spec.dump.type = PolicyType::postgresql;
  spec.restore.guest = spec.restore.guest_name = "g";
  return spec;
}

struct Told {
  std::string code, message;
  JobState state = JobState::successful;
};

Told told(ScriptFailure word, const std::string& detail) {
  BorgEnd end;
  end.started = true;
  end.status = kScriptFailed;
  end.script_failure = {word, detail};
  try {
    check_script(end, spec(), "root");
  } catch (const Failure& failure) {
    return {failure.code().word(), failure.what(), failure.state()};
  }
  return {};
}

TEST(ScriptFailureReasons, AreThereForEachWordAndNameTheClient) {
  for (const auto& row : script_failures()) {
    const Told reason = told(row.word, "1");
    EXPECT_EQ(reason.code, row.name);
    EXPECT_NE(reason.state, JobState::successful) << row.name;
    if (row.word == ScriptFailure::repository_swapped) continue;
    EXPECT_NE(reason.message.find("web"), std::string::npos) << row.name << ": " << reason.message;
  }
}

TEST(ScriptFailureReasons, SayWhatFailedAndWhatToDo) {
  EXPECT_EQ(
      told(ScriptFailure::no_memory_directory, "/dev/shm").message,
      "web has no file system in memory where the job may write (/dev/shm was looked at), and the database's "
      "password goes to no disk: mount a tmpfs there");
  EXPECT_EQ(told(ScriptFailure::borg_broken, "No module named borg").message,
            "borg is installed on web, and does not run (No module named borg): install it anew there");
  EXPECT_EQ(
      told(ScriptFailure::no_key, "/k").message,
      "the key of client web for repository vault could not be made or read (/k): see the job's output; a "
      "damaged file is to be removed by hand");
  EXPECT_EQ(told(ScriptFailure::no_borg, "").message, "borg is not installed on web: prepare the client");
  EXPECT_EQ(told(ScriptFailure::no_borg, "").state, JobState::error);
  EXPECT_EQ(told(ScriptFailure::source_missing, "1").message,
            "/srv does not exist on web, or cannot be read");
  EXPECT_EQ(told(ScriptFailure::source_missing, "all").message, "none of the folders exists on web");
  EXPECT_EQ(told(ScriptFailure::source_missing, "1").state, JobState::failed);
}

}  // namespace
}  // namespace cyborg
