// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/job_kind.h"

#include <gtest/gtest.h>

#include <set>

#include "core/job_state.h"

namespace cyborg {
namespace {

TEST(JobKind, IsKnownByItsNameAndNoOtherWord) {
  std::set<std::string> names;
  for (const auto& row : kJobKinds) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    JobKind kind{};
    EXPECT_TRUE(parse(row.name, kind)) << row.name;
    EXPECT_EQ(kind, row.kind);
    EXPECT_STREQ(to_string(kind), row.name);
    EXPECT_NE(std::string_view{row.about}, "") << row.name;
  }
  JobKind kind = JobKind::verify;
  EXPECT_FALSE(parse("Backup", kind));
  EXPECT_FALSE(parse("", kind));
  EXPECT_EQ(kind, JobKind::verify) << "what is no name changes nothing";
}

// What is promised of kinds, and must not follow from a slip in a row.
TEST(JobKind, WhatChangesARepositoryHoldsItAlone) {
  for (const auto& row : kJobKinds) {
    if (row.is_maintenance || row.removes_data) {
      EXPECT_TRUE(row.writes_repository) << row.name;
    }
    if (row.writes_repository) {
      EXPECT_TRUE(row.has_repository) << row.name;
    }
    if (row.removes_data) {
      EXPECT_TRUE(row.is_maintenance) << row.name << ": no client may take data away";
    }
    if (row.occupies_client) {
      EXPECT_TRUE(row.on_client) << row.name;
    }
    if (row.passphrases != Passphrases::none) {
      EXPECT_TRUE(row.has_repository) << row.name;
    }
  }
  EXPECT_FALSE(writes_repository(JobKind::restore)) << "it would wait for a long backup";
  EXPECT_FALSE(traits_of(JobKind::restore).tried_again) << "somebody waits for it, and may have gone";
}

TEST(JobKind, AHookRunsOnTheClientOnlyWhereTheJobSpeaksToIt) {
  for (const auto& row : kJobKinds) {
    if (row.is_maintenance) {
      EXPECT_NE(row.hooks, HookPlaces::client_and_server) << row.name;
    }
  }
}

TEST(JobState, IsAtWorkOrOverAndAnEndIsGoodBadOrNeither) {
  std::set<std::string> names;
  for (const auto& row : kJobStates) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    JobState state{};
    EXPECT_TRUE(parse(row.name, state)) << row.name;
    EXPECT_EQ(state, row.state);
    EXPECT_FALSE(row.live && row.ended) << row.name;
    EXPECT_FALSE(row.good && row.bad) << row.name;
    if (row.good || row.bad) {
      EXPECT_TRUE(row.ended) << row.name;
    }
    EXPECT_EQ(is_good(std::string_view{row.name}), is_good(row.state));
    EXPECT_EQ(is_bad(std::string_view{row.name}), is_bad(row.state));
  }
  EXPECT_FALSE(is_good("")) << "a job that has no state yet";
  EXPECT_FALSE(is_good("perfect"));
}

TEST(EnumTable, NamesItsAlternatives) {
  EXPECT_EQ(alternatives(kJobKinds, [](const JobKindTraits& row) { return row.is_preparation; }),
            "prepare-client or prepare-repository");
  EXPECT_EQ(alternatives(
                kJobKinds, [](const JobKindTraits& row) { return row.is_maintenance; }, "and"),
            "prune, compact and check");
  EXPECT_EQ(alternatives(kJobKinds, [](const JobKindTraits& row) { return row.one_reader; }), "catalog");
  EXPECT_EQ(alternatives(kJobKinds, [](const JobKindTraits&) { return false; }), "");
}

enum class Colour { red, green, blue };
struct Row {
  Colour colour;
};
static_assert(is_complete<&Row::colour>(std::array{Row{Colour::red}, Row{Colour::green}, Row{Colour::blue}}));
static_assert(!is_complete<&Row::colour>(std::array{Row{Colour::red}, Row{Colour::green}}), "one is missing");
static_assert(!is_complete<&Row::colour>(std::array{Row{Colour::green}, Row{Colour::red}, Row{Colour::blue}}),
              "in another order");

}  // namespace
}  // namespace cyborg
