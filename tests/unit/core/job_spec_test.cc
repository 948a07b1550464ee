// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/job_spec.h"

#include <gtest/gtest.h>

#include "core/policy_types.h"
#include "unit/json_text.h"

namespace cyborg {
namespace {

using test::contains;
using test::json;

JobSpec full_spec() {
  JobSpec spec;
  spec.job = 9'007'199'254'740'993;  // not a double
  spec.run = 7;
  spec.kind = JobKind::restore;
  spec.policy = "p";
  spec.client = "web";
  spec.repository = "vault";
  spec.target = {"10.0.0.2", 2222, "admin", "SHA256:x", "u@jump:99"};
  spec.ssh_public_key = "ssh-ed25519 AAAA cyborg";
  spec.repository_host = {"vault", 22, "backup", "SHA256:y", ""};
  spec.repository_path = "/srv/with \"quotes\" and\nlines";
  spec.encryption = "repokey-blake2";
  spec.append_only = true;
  spec.direct = {true, true, "ssh-ed25519 AAAA", "ssh-ed25519 BBBB",
                 "command=\"x\",restrict ssh-ed25519 BBBB"};
  spec.borg_id = std::string(64, 'a');
  spec.archive = "p-web-2026-01-01T00:00:00Z";
  spec.roots = {"/", "/ä"};
  spec.any_root = true;
  spec.patterns = {"+ a", "- b"};
  spec.exclude = {"*.tmp", ""};
  spec.exclude_if_present = {".no"};
  spec.exclude_caches = true;
  spec.snapshot = true;
  spec.snapshot_size = 25;
  spec.one_file_system = true;
  spec.compression = "auto,zstd,3";
  spec.upload_limit = std::int64_t{1} << 40;
  spec.files_cache_suffix = "p";
  spec.restore.paths = {"etc/fstab"};
  spec.restore.directory = "/tmp/x";
  return spec;
}

TEST(JobSpecJson, ComesBackAsItWas) {
  const Json::Value written = to_json(full_spec());
  const auto read = job_spec_from_json(written);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(to_json(*read), written);
  EXPECT_EQ(read->job, full_spec().job);
  EXPECT_EQ(read->kind, JobKind::restore);
  EXPECT_EQ(read->target.jump, "u@jump:99");
  EXPECT_EQ(read->repository_host.user, "backup");
  EXPECT_EQ(read->repository_path, full_spec().repository_path);
  EXPECT_EQ(read->patterns, full_spec().patterns);
  EXPECT_EQ(read->exclude, full_spec().exclude);
  EXPECT_EQ(read->exclude_if_present, full_spec().exclude_if_present);
  EXPECT_TRUE(read->exclude_caches);
  EXPECT_TRUE(read->snapshot);
  EXPECT_EQ(read->snapshot_size, 25);
}

TEST(JobSpecJson, EachKindHasAWord) {
  for (const auto kind :
       {JobKind::prepare_client, JobKind::prepare_repository, JobKind::backup, JobKind::restore}) {
    JobSpec spec;
    spec.kind = kind;
    EXPECT_EQ(job_spec_from_json(to_json(spec))->kind, kind);
    JobKind parsed{};
    EXPECT_TRUE(parse(to_string(kind), parsed));
    EXPECT_EQ(parsed, kind);
  }
}

TEST(JobSpecJson, ADumpHasTheVariablesOfItsType) {
  JobSpec spec = full_spec();
  spec.dump.type = PolicyType::mysql;
  spec.dump.values = {{"databases", {"a", "2"}}, {"port", {"3307"}}};
  const auto read = job_spec_from_json(to_json(spec));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->dump.type, PolicyType::mysql);
  EXPECT_EQ(read->dump.values, spec.dump.values);
  // As a policy has them.
  Json::Value written = to_json(spec);
  written["dump"] = json(R"({"type":"vm","guests":["a"],"quiesce":true,"port":7,"user":""})");
  const auto other = job_spec_from_json(written);
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_EQ(other->dump.names(), std::vector<std::string>{"a"});
  EXPECT_EQ(other->dump.text("quiesce"), "yes");
  EXPECT_EQ(other->dump.values.size(), 2U);
  for (const char* bad : {R"({"type":"mongodb"})", R"({"type":"rootfs"})", R"({"type":"mysql","user":{}})"}) {
    written["dump"] = json(bad);
    EXPECT_FALSE(job_spec_from_json(written)) << bad;
  }
}

TEST(JobSpecJson, AVerificationThatNobodyKnowsIsRefused) {
  JobSpec spec = full_spec();
  spec.kind = JobKind::verify;
  for (const char* good : {"compare", "read", "mysql", "postgresql"}) {
    spec.verify = good;
    EXPECT_TRUE(job_spec_from_json(to_json(spec))) << good;
  }
  for (const char* bad : {"", "mongodb", "piped", "rootfs"}) {
    spec.verify = bad;
    EXPECT_FALSE(job_spec_from_json(to_json(spec))) << bad;
  }
}

TEST(JobSpecJson, AFieldThatIsMissingIsNamed) {
  const Json::Value written = to_json(full_spec());
  for (const auto& key : written.getMemberNames()) {
    Json::Value less = written;
    less.removeMember(key);
    const auto read = job_spec_from_json(less);
    ASSERT_FALSE(read) << key;
    // For a target, the part that is missed first.
    const std::string named = key == "target" || key == "repository_host" ? "address"
                              : key == "dump"                             ? "type"
                              : key == "direct"                           ? "used"
                              : key == "restore"                          ? "conflict"
                                                                          : key;
    EXPECT_TRUE(contains(read.error().message, "\"" + named + "\"")) << key << ": " << read.error().message;
  }
}

TEST(JobSpecJson, AFieldOfAnotherTypeIsNamed) {
  const Json::Value written = to_json(full_spec());
  for (const auto& key : written.getMemberNames()) {
    Json::Value other = written;
    other[key] = written[key].isString() ? Json::Value{5} : Json::Value{"text"};
    EXPECT_FALSE(job_spec_from_json(other)) << key;
  }
  Json::Value list = written;
  list["roots"].append(5);
  EXPECT_FALSE(job_spec_from_json(list));
  Json::Value kind = written;
  kind["kind"] = "dream";
  EXPECT_FALSE(job_spec_from_json(kind));
  Json::Value port = written;
  port["target"]["port"] = "22";
  EXPECT_FALSE(job_spec_from_json(port));
}

TEST(JobSpecJson, WhatIsNoObjectIsRefused) {
  for (const char* text : {"null", "[]", "5", "\"x\"", "{}"}) {
    EXPECT_FALSE(job_spec_from_json(json(text))) << text;
    EXPECT_FALSE(job_result_from_json(json(text))) << text;
  }
}

TEST(JobResultJson, ComesBackAsItWas) {
  JobResult result;
  result.state = JobState::warning;
  result.code = ResultCode::borg_warning;
  result.message = "2 files could not be read";
  result.warnings = {"/a b: denied", "/c"};
  result.borg_status = 1;
  result.archive = json(R"({"id":"x","original_size":5})");
  result.facts = json(R"({"addresses":["10.0.0.1"]})");
  const auto read = job_result_from_json(to_json(result));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(to_json(*read), to_json(result));
  EXPECT_EQ(read->state, JobState::warning);
  EXPECT_EQ(read->warnings, result.warnings);
}

TEST(JobResultJson, HasTheTokenOfTheAttemptUnlessAnEarlierVersionWroteIt) {
  JobResult result;
  result.state = JobState::successful;
  EXPECT_EQ(job_result_from_json(to_json(result))->attempt, "");
  result.attempt = "3f9c01d2a7b4-8c1e22f0";
  EXPECT_EQ(job_result_from_json(to_json(result))->attempt, result.attempt);
  Json::Value wrong = to_json(result);
  wrong["attempt"] = 5;
  EXPECT_FALSE(job_result_from_json(wrong));
  JobSpec spec;
  EXPECT_EQ(job_spec_from_json(to_json(spec))->attempt, "");
  spec.attempt = result.attempt;
  EXPECT_EQ(job_spec_from_json(to_json(spec))->attempt, result.attempt);
}

TEST(JobResultJson, AStateThatIsNotAnEndIsRefused) {
  for (const auto state : {JobState::waiting, JobState::pending, JobState::starting, JobState::running}) {
    JobResult result;
    result.state = state;
    const auto read = job_result_from_json(to_json(result));
    ASSERT_FALSE(read) << to_string(state);
    EXPECT_TRUE(contains(read.error().message, "is not an end")) << read.error().message;
  }
}

TEST(JobResultJson, AFieldThatIsMissingOrOfAnotherTypeIsNamed) {
  const Json::Value written = to_json(JobResult{});
  for (const auto& key : written.getMemberNames()) {
    Json::Value less = written;
    less.removeMember(key);
    const auto read = job_result_from_json(less);
    ASSERT_FALSE(read) << key;
    EXPECT_TRUE(contains(read.error().message, "\"" + key + "\"")) << read.error().message;
    Json::Value other = written;
    other[key] = written[key].isString() ? Json::Value{5} : Json::Value{"text"};
    EXPECT_FALSE(job_result_from_json(other)) << key;
  }
}

}  // namespace
}  // namespace cyborg
