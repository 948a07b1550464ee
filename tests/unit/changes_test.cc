#include "client/format/changes.h"

#include <gtest/gtest.h>
#include <json/reader.h>

#include <sstream>

#include "client/format/records.h"

namespace cyborg::client {
namespace {

constexpr std::uint64_t kHour = 3600 * std::uint64_t{1'000'000};
constexpr std::uint64_t kNow = 1'795'376'000 * std::uint64_t{1'000'000};

Trouble trouble(const std::string& client, Wrong wrong = Wrong::failed, const std::string& why = "failed") {
  Trouble one;
  one.wrong = wrong;
  one.client = client;
  one.text = client + ": " + why;
  return one;
}

Trouble fresh(const std::string& client) {
  Trouble one = trouble(client, Wrong::unprotected, "never");
  one.fresh = true;
  return one;
}

// One who asks again and again; what is remembered goes through a file in between.
class Asker {
 public:
  std::vector<std::string> ask(std::uint64_t hours, const std::vector<Trouble>& troubles,
                               bool complete = true) {
    const auto changes = changes_since(told_, troubles, complete, kNow + hours * kHour);
    std::istringstream(json_text(changes.told)) >> told_;
    return changes.lines;
  }
  Json::Value told_;
};

using Lines = std::vector<std::string>;

TEST(Changes, AreSaidOnce) {
  Asker asker;
  EXPECT_EQ(asker.ask(0, {}), Lines{});
  EXPECT_EQ(asker.ask(1, {trouble("web")}), Lines{"new: web: failed"});
  EXPECT_EQ(asker.ask(2, {trouble("web")}), Lines{});
  EXPECT_EQ(asker.ask(3, {trouble("web", Wrong::failed, "failed otherwise")}), Lines{})
      << "another reason is no other state";
  EXPECT_EQ(asker.ask(4, {trouble("web"), trouble("db", Wrong::late, "late")}), Lines{"new: db: late"});
  EXPECT_EQ(asker.ask(5, {trouble("db", Wrong::late, "late")}), Lines{"over: web: failed (for 4h)"});
  EXPECT_EQ(asker.ask(6, {}), Lines{"over: db: late (for 2h)"});
  EXPECT_EQ(asker.ask(7, {}), Lines{});
  EXPECT_EQ(asker.ask(8, {trouble("web")}), Lines{"new: web: failed"}) << "it came back";
}

TEST(Changes, WhatLastsIsSaidOnceADay) {
  Asker asker;
  asker.ask(0, {trouble("web")});
  asker.ask(10, {trouble("web"), trouble("db")});
  EXPECT_EQ(asker.ask(23, {trouble("web"), trouble("db")}), Lines{});
  EXPECT_EQ(asker.ask(24, {trouble("web"), trouble("db")}), Lines{"day 2: web: failed"});
  EXPECT_EQ(asker.ask(25, {trouble("web"), trouble("db")}), Lines{});
  EXPECT_EQ(asker.ask(40, {trouble("web"), trouble("db")}), Lines{}) << "all of them together, once a day";
  EXPECT_EQ(asker.ask(48, {trouble("web", Wrong::failed, "differently"), trouble("db")}),
            (Lines{"day 3: web: differently", "day 2: db: failed"}));
  // The machine was off for days.
  EXPECT_EQ(asker.ask(240, {trouble("web"), trouble("db")}),
            (Lines{"day 11: web: failed", "day 10: db: failed"}));
  EXPECT_EQ(asker.ask(241, {trouble("db")}), Lines{"over: web: failed (for 1 week 3 days)"});
}

TEST(Changes, WhatWasNeverTriedIsSaidAfterADay) {
  Asker asker;
  EXPECT_EQ(asker.ask(0, {fresh("web"), fresh("db"), fresh("mail")}), Lines{});
  EXPECT_EQ(asker.ask(3, {fresh("db"), trouble("mail", Wrong::unprotected, "never")}),
            Lines{"new: mail: never"})
      << "the first backup of web succeeded, that of mail did not";
  EXPECT_EQ(asker.ask(24, {fresh("db")}), (Lines{"new: db: never", "over: mail: never (for 1 day)"}));
  EXPECT_EQ(asker.ask(25, {}), Lines{"over: db: never (for 1 day 1h)"});
}

TEST(Changes, WhatCannotBeSeenIsNotOver) {
  Asker asker;
  asker.ask(0, {trouble("web"), trouble("", Wrong::database, "no database")}, false);
  const auto away = trouble("", Wrong::unreachable, "no cyborgd");
  EXPECT_EQ(asker.ask(1, {away}, false), Lines{"new: : no cyborgd"});
  EXPECT_EQ(asker.ask(2, {trouble("", Wrong::database, "no database")}, false),
            Lines{"over: : no cyborgd (for 1h)"});
  EXPECT_EQ(asker.ask(3, {trouble("web")}), Lines{"over: : no database (for 3h)"});
  EXPECT_EQ(asker.ask(4, {}), Lines{"over: web: failed (for 4h)"});
}

TEST(Changes, AClockThatWasWrongHidesNothing) {
  Asker asker;
  EXPECT_EQ(asker.ask(1000, {trouble("web")}), Lines{"new: web: failed"});
  EXPECT_EQ(asker.ask(0, {trouble("web"), trouble("db")}), Lines{"new: db: failed"});
  EXPECT_EQ(asker.ask(24, {trouble("web"), trouble("db")}),
            (Lines{"day 2: web: failed", "day 2: db: failed"}));
}

TEST(Changes, WhatIsRememberedMayBeAnything) {
  for (const char* text :
       {"5", "[]", R"({"troubles": 3})", R"({"troubles": {"x": 1}, "reminded": "y"})",
        R"({"troubles": {"failed policy= client=web repository= ": {"since": "x", "told": 5}}})"}) {
    Asker asker;
    std::istringstream(text) >> asker.told_;
    EXPECT_EQ(asker.ask(0, {trouble("web")}), Lines{"new: web: failed"}) << text;
  }
}

}  // namespace
}  // namespace cyborg::client
