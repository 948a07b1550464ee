// SPDX-License-Identifier: GPL-3.0-or-later
// A borg repository with two passphrases, of which a preparation finds out the valid one.
#include "fixture.h"

namespace cyborg::store::test {
namespace {

class PassphraseTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    add_objects();
    prepare("");
  }
  // Ends a preparation with this word; empty: it had only one passphrase.
  void prepare(const std::string& found, JobState state = JobState::successful, bool dry_run = false) {
    static int number = 0;
    NewRun run = new_run("00000000-0000-4000-8000-0000000c" + std::to_string(1000 + number++));
    run.jobs.erase(run.jobs.begin());
    run.jobs.pop_back();
    if (dry_run) run.jobs[0].details["dry_run"] = true;
    JobResult end = result(state);
    if (!found.empty()) end.facts["passphrase"] = found;
    if (state == JobState::successful) end.facts["borg_id"] = kId;
    finish(good(ask<CreatedRun>(&Store::create_run, run)).jobs.at(0).id, end);
  }
  Expected<void> put(const std::string& sealed, const std::string& mark = "") {
    return ask<void>(&Store::put_repository, load().repositories.at(1), false,
                     std::vector<Secret>{{new_passphrase_key(kWebUrl), sealed, mark}});
  }
  // The stored state: the passphrase that works, the other one, and whether the repository is ready.
  std::string stored() {
    std::string text;
    for (const auto& key : {passphrase_key(kWebUrl), new_passphrase_key(kWebUrl)}) {
      const auto secret = good(ask<std::optional<Secret>>(&Store::get_secret, key));
      text += (secret ? secret->sealed : "-") + " ";
    }
    return text + (load().borg_repositories.at(0).ready ? "ready" : "not ready");
  }
};

TEST_F(PassphraseTest, a_new_one_replaces_the_other_when_it_opens_the_repository) {
  EXPECT_EQ(stored(), "sealed - ready");
  good(put("new"));
  EXPECT_EQ(stored(), "sealed new not ready");
  prepare("", JobState::failed);
  prepare("new", JobState::successful, true);
  EXPECT_EQ(stored(), "sealed new not ready") << "neither an interruption nor a test decides";
  prepare("new");
  EXPECT_EQ(stored(), "new - ready");
}

TEST_F(PassphraseTest, one_that_does_not_is_forgotten) {
  good(put("new"));
  good(put("another"));
  prepare("old");
  EXPECT_EQ(stored(), "sealed - ready");
}

TEST_F(PassphraseTest, one_that_borg_may_have_is_kept_until_that_is_known) {
  good(put("new", kChanging));
  for (const char* mark : {"", kChanging}) {
    const auto refused = put("another", mark);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::in_use);
    EXPECT_NE(refused.error().hint.find("repository prepare vault"), std::string::npos);
  }
  EXPECT_EQ(stored(), "sealed new not ready");
  prepare("none", JobState::failed);
  EXPECT_EQ(stored(), "sealed new not ready");
  good(put("another"));
  EXPECT_FALSE(put("generated", kChanging)) << "the one that was given was not tried yet";
  prepare("new");
  EXPECT_EQ(stored(), "another - ready");
  good(put("generated", kChanging));
}

}  // namespace
}  // namespace cyborg::store::test
