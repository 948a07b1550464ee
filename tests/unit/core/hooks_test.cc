// SPDX-License-Identifier: GPL-3.0-or-later
// Hooks: which are accepted, when they run, their environment, and the effect of their failure.
#include "core/hooks.h"
#include "remote/hook_script.h"

#include <gtest/gtest.h>
#include <json/reader.h>

#include <memory>

namespace cyborg {
namespace {

Json::Value parse(const std::string& text) {
  Json::Value json;
  const std::unique_ptr<Json::CharReader> reader{Json::CharReaderBuilder{}.newCharReader()};
  std::string errors;
  EXPECT_TRUE(reader->parse(text.data(), text.data() + text.size(), &json, &errors)) << errors;
  return json;
}

std::string refusal(const std::string& text) {
  const auto hooks = hooks_from_json(parse(text));
  return hooks ? "" : hooks.error().message;
}

TEST(Hooks, AreReadAndWrittenAlike) {
  const auto hooks = hooks_from_json(parse(
      R"([{"command": "sync"}, {"when": "failure", "where": "server", "command": "tell me",
           "timeout": "10s", "effect": "warn", "kinds": ["backup", "prune"]}])"));
  ASSERT_TRUE(hooks) << hooks.error().message;
  EXPECT_EQ((*hooks)[0].when, "before");
  EXPECT_EQ((*hooks)[0].where, "client");
  EXPECT_EQ((*hooks)[0].timeout_seconds, kHookTimeout);
  EXPECT_EQ((*hooks)[1].timeout_seconds, std::chrono::seconds{10});
  const auto again = hooks_from_json(to_json(*hooks));
  ASSERT_TRUE(again);
  EXPECT_EQ(to_json(*again), to_json(*hooks));
}

TEST(Hooks, WhatIsWrongIsNamed) {
  EXPECT_EQ(refusal(R"([{"when": "during", "command": "x"}])"),
            "when \"during\": expected before, after, success or failure");
  EXPECT_EQ(refusal(R"([{"command": "x", "effect": "explode"}])"),
            "effect \"explode\": expected fail, warn or ignore");
  EXPECT_EQ(refusal(R"([{"when": "before"}])"), "hooks: a hook has no command");
  EXPECT_NE(refusal(R"([{"command": "x", "user": "root"}])").find("user"), std::string::npos);
  EXPECT_NE(refusal(R"(["x"])").find("objects"), std::string::npos);
  EXPECT_NE(refusal(R"([{"command": "x", "kinds": ["prune"]}])").find("cannot run on the client"),
            std::string::npos);
  EXPECT_NE(refusal(R"([{"command": "x", "timeout": "soon"}])").find("soon"), std::string::npos);
}

TEST(Hooks, AreForBackupsUnlessTheySayOtherwise) {
  const auto hooks = hooks_from_json(
      parse(R"([{"command": "a"}, {"command": "b", "where": "server", "kinds": ["prune", "restore"]}])"));
  ASSERT_TRUE(hooks);
  EXPECT_EQ(hooks_of(*hooks, JobKind::backup).size(), 1U);
  EXPECT_EQ(hooks_of(*hooks, JobKind::backup)[0].command, "a");
  EXPECT_EQ(hooks_of(*hooks, JobKind::prune)[0].command, "b");
  EXPECT_TRUE(hooks_of(*hooks, JobKind::compact).empty());
}

TEST(Hooks, RunAfterWhatTheyAreFor) {
  const auto runs = [](const char* when, JobState state) {
    Hook hook;
    hook.when = when;
    return runs_after(hook, state);
  };
  for (const JobState state :
       {JobState::successful, JobState::warning, JobState::failed, JobState::error, JobState::canceled}) {
    const bool good = state == JobState::successful || state == JobState::warning;
    EXPECT_FALSE(runs("before", state));
    EXPECT_TRUE(runs("after", state));
    EXPECT_EQ(runs("success", state), good);
    EXPECT_EQ(runs("failure", state), !good);
  }
}

TEST(Hooks, AFailureHasItsDeclaredEffect) {
  struct Row {
    const char* effect;
    JobState before, after;
  };
  for (const auto& [effect, before, after] : {Row{"fail", JobState::successful, JobState::failed},
                                              Row{"warn", JobState::successful, JobState::warning},
                                              Row{"ignore", JobState::successful, JobState::successful},
                                              Row{"warn", JobState::failed, JobState::failed},
                                              Row{"fail", JobState::canceled, JobState::canceled}}) {
    Hook hook;
    hook.effect = effect;
    JobResult result;
    result.state = before;
    apply_hook_failure(hook, "it broke", result);
    EXPECT_EQ(result.state, after) << effect;
  }
}

TEST(Hooks, AreToldFactsAndResultThroughTheOneQuoting) {
  JobSpec spec;
  spec.job = 7;
  spec.policy = "etc";
  JobResult result;
  result.state = JobState::failed;
  result.message = "it's $(broken)";
  result.archive["nfiles"] = 12;
  const auto environment = hook_environment(spec, &result);
  Hook hook;
  hook.command = "echo 'a b' \"$CYBORG_STATE\"";
  const std::string script = hook_script(hook, environment);
  EXPECT_NE(script.find("export CYBORG_JOB='7'\n"), std::string::npos) << script;
  EXPECT_NE(script.find("export CYBORG_STATE='failed'\n"), std::string::npos);
  EXPECT_NE(script.find("export CYBORG_FILES='12'\n"), std::string::npos);
  EXPECT_NE(script.find("export CYBORG_MESSAGE='it'\\''s $(broken)'\n"), std::string::npos) << script;
  EXPECT_EQ(hook_environment(spec, nullptr).size(), 7U);
}

TEST(Hooks, AFailureSaysWhichAndHow) {
  Hook hook;
  hook.command = "stop-it";
  EXPECT_EQ(hook_failure(hook, 0, "x"), "");
  EXPECT_EQ(hook_failure(hook, 3, "no such thing"),
            "hook \"stop-it\" (before, on the client) ended with status 3: no such thing");
  EXPECT_EQ(hook_failure(hook, -1, ""), "hook \"stop-it\" (before, on the client) was ended after 300 s");
}

}  // namespace
}  // namespace cyborg
