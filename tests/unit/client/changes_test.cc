// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/format/changes.h"

#include <gtest/gtest.h>
#include <json/reader.h>

#include <sstream>

#include "client/format/records.h"

namespace cyborg::client {
namespace {

constexpr std::uint64_t kHour = 3600 * std::uint64_t{1'000'000};
constexpr std::uint64_t kNow = 1'795'376'000 * std::uint64_t{1'000'000};

Problem problem(const std::string& client, ProblemKind kind = ProblemKind::failed,
                const std::string& why = "failed") {
  Problem one;
  one.kind = kind;
  one.client = client;
  one.text = client + ": " + why;
  return one;
}

Problem fresh(const std::string& client) {
  Problem one = problem(client, ProblemKind::unprotected, "never");
  one.fresh = true;
  return one;
}

// Asks repeatedly; the remembered state passes through a file in between.
class Asker {
 public:
  std::vector<std::string> ask(std::uint64_t hours, const std::vector<Problem>& problems,
                               bool complete = true) {
    const auto changes = changes_since(told_, problems, complete, kNow + hours * kHour);
    std::istringstream(json_text(changes.told)) >> told_;
    return changes.lines;
  }
  Json::Value told_;
};

using Lines = std::vector<std::string>;

TEST(Changes, AreSaidOnce) {
  Asker asker;
  EXPECT_EQ(asker.ask(0, {}), Lines{});
  EXPECT_EQ(asker.ask(1, {problem("web")}), Lines{"new: web: failed"});
  EXPECT_EQ(asker.ask(2, {problem("web")}), Lines{});
  EXPECT_EQ(asker.ask(3, {problem("web", ProblemKind::failed, "failed otherwise")}), Lines{})
      << "another reason is no other state";
  EXPECT_EQ(asker.ask(4, {problem("web"), problem("db", ProblemKind::late, "late")}), Lines{"new: db: late"});
  EXPECT_EQ(asker.ask(5, {problem("db", ProblemKind::late, "late")}), Lines{"over: web: failed (for 4h)"});
  EXPECT_EQ(asker.ask(6, {}), Lines{"over: db: late (for 2h)"});
  EXPECT_EQ(asker.ask(7, {}), Lines{});
  EXPECT_EQ(asker.ask(8, {problem("web")}), Lines{"new: web: failed"}) << "it came back";
}

TEST(Changes, WhatLastsIsSaidOnceADay) {
  Asker asker;
  asker.ask(0, {problem("web")});
  asker.ask(10, {problem("web"), problem("db")});
  EXPECT_EQ(asker.ask(23, {problem("web"), problem("db")}), Lines{});
  EXPECT_EQ(asker.ask(24, {problem("web"), problem("db")}), Lines{"day 2: web: failed"});
  EXPECT_EQ(asker.ask(25, {problem("web"), problem("db")}), Lines{});
  EXPECT_EQ(asker.ask(40, {problem("web"), problem("db")}), Lines{}) << "all of them together, once a day";
  EXPECT_EQ(asker.ask(48, {problem("web", ProblemKind::failed, "differently"), problem("db")}),
            (Lines{"day 3: web: differently", "day 2: db: failed"}));
  // The machine was off for days.
  EXPECT_EQ(asker.ask(240, {problem("web"), problem("db")}),
            (Lines{"day 11: web: failed", "day 10: db: failed"}));
  EXPECT_EQ(asker.ask(241, {problem("db")}), Lines{"over: web: failed (for 1 week 3 days)"});
}

TEST(Changes, WhatWasNeverTriedIsSaidAfterADay) {
  Asker asker;
  EXPECT_EQ(asker.ask(0, {fresh("web"), fresh("db"), fresh("mail")}), Lines{});
  EXPECT_EQ(asker.ask(3, {fresh("db"), problem("mail", ProblemKind::unprotected, "never")}),
            Lines{"new: mail: never"})
      << "the first backup of web succeeded, that of mail did not";
  EXPECT_EQ(asker.ask(24, {fresh("db")}), (Lines{"new: db: never", "over: mail: never (for 1 day)"}));
  EXPECT_EQ(asker.ask(25, {}), Lines{"over: db: never (for 1 day 1h)"});
}

TEST(Changes, WhatCannotBeSeenIsNotOver) {
  Asker asker;
  asker.ask(0, {problem("web"), problem("", ProblemKind::database, "no database")}, false);
  const auto away = problem("", ProblemKind::unreachable, "no cyborgd");
  EXPECT_EQ(asker.ask(1, {away}, false), Lines{"new: : no cyborgd"});
  EXPECT_EQ(asker.ask(2, {problem("", ProblemKind::database, "no database")}, false),
            Lines{"over: : no cyborgd (for 1h)"});
  EXPECT_EQ(asker.ask(3, {problem("web")}), Lines{"over: : no database (for 3h)"});
  EXPECT_EQ(asker.ask(4, {}), Lines{"over: web: failed (for 4h)"});
}

TEST(Changes, AClockThatWasWrongHidesNothing) {
  Asker asker;
  EXPECT_EQ(asker.ask(1000, {problem("web")}), Lines{"new: web: failed"});
  EXPECT_EQ(asker.ask(0, {problem("web"), problem("db")}), Lines{"new: db: failed"});
  EXPECT_EQ(asker.ask(24, {problem("web"), problem("db")}),
            (Lines{"day 2: web: failed", "day 2: db: failed"}));
}

TEST(Changes, WhatIsRememberedMayBeAnything) {
  for (const char* text :
       {"5", "[]", R"({"troubles": 3})", R"({"troubles": {"x": 1}, "reminded": "y"})",
        R"({"troubles": {"failed policy= client=web repository= ": {"since": "x", "told": 5}}})"}) {
    Asker asker;
    std::istringstream(text) >> asker.told_;
    EXPECT_EQ(asker.ask(0, {problem("web")}), Lines{"new: web: failed"}) << text;
  }
}

}  // namespace
}  // namespace cyborg::client
