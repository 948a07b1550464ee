// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/fields.h"
#include "core/utf8.h"

#include <gtest/gtest.h>

#include "unit/json_text.h"

namespace cyborg {
namespace {

using test::contains;
using test::json;

// All that an object may have.
struct Everything {
  std::string text = "before";
  bool flag = false;
  std::int64_t number = 7;
  std::vector<std::string> list{"before"};
  Json::Value object{Json::objectValue};
  std::string span = "1h";
  std::chrono::seconds seconds{3600};

  Expected<void> read(const Json::Value& value) {
    Fields fields{value};
    fields.text("text", text, [](const std::string& given) -> std::string_view {
      return given == "bad" ? "something better" : "";
    });
    fields.flag("flag", flag);
    fields.number("number", number, 1, 100);
    fields.list("list", list,
                [](const std::string& given) -> std::string_view { return given.empty() ? "a word" : ""; });
    fields.object("object", object);
    fields.span("span", span, seconds);
    return fields.finish();
  }
};

TEST(Fields, AbsentFieldsStayAsTheyAre) {
  Everything it;
  ASSERT_TRUE(it.read(json("{}")));
  EXPECT_EQ(it.text, "before");
  EXPECT_EQ(it.number, 7);
  EXPECT_EQ(it.list, std::vector<std::string>{"before"});
  EXPECT_EQ(it.seconds.count(), 3600);
}

TEST(Fields, GivenFieldsAreTaken) {
  Everything it;
  ASSERT_TRUE(it.read(json(R"({"text":"ä b","flag":true,"number":100,"list":["x","y","x"],
                               "object":{"a":1},"span":"2h 30min"})")));
  EXPECT_EQ(it.text, "ä b");
  EXPECT_TRUE(it.flag);
  EXPECT_EQ(it.number, 100);
  EXPECT_EQ(it.list, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(it.object["a"].asInt(), 1);
  EXPECT_EQ(it.span, "2h 30min");
  EXPECT_EQ(it.seconds.count(), 9000);
}

TEST(Fields, OneTextIsAListOfOneAndAnEmptySpanIsNone) {
  Everything it;
  ASSERT_TRUE(it.read(json(R"({"list":"x","span":""})")));
  EXPECT_EQ(it.list, std::vector<std::string>{"x"});
  EXPECT_EQ(it.span, "");
  EXPECT_EQ(it.seconds.count(), 0);
}

TEST(Fields, WhatIsWrongIsNamedWithItsValueAndWhatWouldBeRight) {
  struct Row {
    const char* given;
    const char* said;
  };
  for (const auto& row : {
           Row{R"({"text":5})", R"(text "5": expected a text)"},
           Row{R"({"text":["a"]})", R"(text "["a"]": expected a text)"},
           Row{R"({"text":null})", R"(text "null": expected a text)"},
           Row{R"({"text":"bad"})", R"(text "bad": expected something better)"},
           Row{R"({"text":"a\u0001b"})", "text without control characters"},
           Row{R"({"text":"a\u0000b"})", "text without control characters"},
           Row{R"({"text":"a\nb"})", "text without control characters"},
           Row{R"({"text":"a\u007fb"})", "text without control characters"},
           Row{R"({"flag":"yes"})", R"(flag "yes": expected true or false)"},
           Row{R"({"flag":1})", R"(flag "1": expected true or false)"},
           Row{R"({"number":0})", R"(number "0": expected a number in 1-100)"},
           Row{R"({"number":101})", R"(number "101": expected a number in 1-100)"},
           Row{R"({"number":-1})", R"(number "-1": expected)"},
           Row{R"({"number":18446744073709551615})", R"(number "18446744073709551615": expected)"},
           Row{R"({"number":"5"})", R"(number "5": expected a number)"},
           Row{R"({"number":1.5})", R"(expected a number)"},
           Row{R"({"number":true})", R"(number "true": expected a number)"},
           Row{R"({"list":5})", R"(list "5": expected a list of texts)"},
           Row{R"({"list":{}})", R"(list "{}": expected a list of texts)"},
           Row{R"({"list":["a",5]})", R"(list "5": expected a text)"},
           Row{R"({"list":["a",""]})", R"(list "": expected a word)"},
           Row{R"({"list":["a\u0000"]})", "expected valid UTF-8"},
           Row{R"({"object":[]})", R"(object "[]": expected an object of variables)"},
           Row{R"({"object":"a"})", R"(object "a": expected an object of variables)"},
           Row{R"({"span":"soon"})", R"(span "soon": expected a time span such as)"},
           Row{R"({"span":10})", R"(span "10": expected a time span such as)"},
           Row{R"({"span":"-1h"})", R"(span "-1h": expected a time span such as)"},
           Row{R"({"colour":"red"})", R"(unknown field "colour")"},
           Row{R"({"Text":"x"})", R"(unknown field "Text")"},
           Row{R"({"":"x"})", R"(unknown field "")"},
       }) {
    Everything it;
    const auto read = it.read(json(row.given));
    ASSERT_FALSE(read) << row.given;
    EXPECT_EQ(read.error().code, ErrorCode::invalid_argument) << row.given;
    EXPECT_TRUE(contains(read.error().message, row.said)) << row.given << ": " << read.error().message;
    EXPECT_EQ(it.text, "before") << row.given;
    EXPECT_EQ(it.number, 7) << row.given;
    EXPECT_EQ(it.list, std::vector<std::string>{"before"}) << row.given;
    EXPECT_EQ(it.span, "1h") << row.given;
  }
}

TEST(Fields, TheFirstWrongFieldIsTheOneThatIsNamed) {
  Everything it;
  const auto read = it.read(json(R"({"flag":1,"number":0,"unknown":1})"));
  ASSERT_FALSE(read);
  EXPECT_TRUE(contains(read.error().message, "flag")) << read.error().message;
}

TEST(Fields, AnUnknownFieldGetsTheListOfThoseThatExist) {
  Everything it;
  const auto read = it.read(json(R"({"colour":"red"})"));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().hint, "the fields are: flag, list, number, object, span, text");
}

TEST(Fields, TextThatIsNotUtf8IsRefused) {
  for (const char* text : {"\xff", "a\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80"}) {
    Everything it;
    Json::Value value{Json::objectValue};
    value["text"] = text;
    EXPECT_FALSE(it.read(value));
    Json::Value list{Json::objectValue};
    list["list"].append(text);
    EXPECT_FALSE(it.read(list));
  }
}

TEST(Utf8, IsAcceptedAndRefusedAsTheStandardSays) {
  struct Row {
    std::string text;
    bool valid;
  };
  for (const auto& row : {
           Row{"", true},
           Row{"plain", true},
           Row{"\xc2\x80", true},
           Row{"\xdf\xbf", true},
           Row{"\xe0\xa0\x80", true},
           Row{"\xed\x9f\xbf", true},
           Row{"\xee\x80\x80", true},
           Row{"\xf0\x90\x80\x80", true},
           Row{"\xf4\x8f\xbf\xbd", true},
           Row{"\xef\xbf\xbd", true},
           Row{"\x80", false},
           Row{"\xc1\xbf", false},
           Row{"\xc2", false},
           Row{"\xc2\x41", false},
           Row{"\xe0\x9f\xbf", false},
           Row{"\xe2\x82", false},
           Row{"\xed\xa0\x80", false},
           Row{"\xf0\x8f\xbf\xbf", false},
           Row{"\xf4\x90\x80\x80", false},
           Row{"\xf5\x80\x80\x80", false},
           Row{"\xf0\x9f\x98", false},
           Row{"ok\xfe", false},
           // Noncharacters, which sd-bus refuses.
           Row{"\xef\xb7\x8f", true},
           Row{"\xef\xb7\x90", false},
           Row{"\xef\xb7\xaf", false},
           Row{"\xef\xb7\xb0", true},
           Row{"\xef\xbf\xbe", false},
           Row{"\xef\xbf\xbf", false},
           Row{"\xf0\x9f\xbf\xbe", false},
           Row{"\xf4\x8f\xbf\xbf", false},
       }) {
    EXPECT_EQ(is_valid_utf8(row.text), row.valid) << testing::PrintToString(row.text);
  }
}

TEST(Names, AreSafeInUnitsPathsAndArchives) {
  for (const char* name : {"a", "0", "web", "web-1", "a.b_c-d", "7zip"}) EXPECT_TRUE(is_valid_name(name));
  EXPECT_TRUE(is_valid_name(std::string(63, 'a')));
  EXPECT_FALSE(is_valid_name(std::string(64, 'a')));
  for (const char* name : {"", "A", "-a", ".a", "..", "_a", "a b", "a/b", "a@b", "a:b", "a\n", "ä", "a%i"}) {
    EXPECT_FALSE(is_valid_name(name)) << name;
    const auto checked = check_name("client", name);
    ASSERT_FALSE(checked);
    EXPECT_TRUE(contains(checked.error().message, std::string{"client name \""} + name + "\": expected"));
  }
}

}  // namespace
}  // namespace cyborg
