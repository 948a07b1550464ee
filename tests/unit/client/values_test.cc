// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/values.h"

#include <gtest/gtest.h>
#include <json/reader.h>

#include <sstream>

#include "client/bus/objects.h"
#include "client/commands/commands.h"
#include "client/failure.h"

namespace cyborg::client {
namespace {

Json::Value parse(const std::string& text) {
  Json::Value json;
  std::istringstream(text) >> json;
  return json;
}

std::string usage_error(const std::function<void()>& call) {
  try {
    call();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.status, kUsage);
    return failure.what();
  }
  return "no error";
}

TEST(Assignment, HasAKeyAndAWayToChangeIt) {
  EXPECT_EQ(parse_assignment("port=22").key, "port");
  EXPECT_EQ(parse_assignment("jump=a=b").value, "a=b");
  EXPECT_EQ(parse_assignment("timeout=").value, "");
  EXPECT_EQ(parse_assignment("clients+=web").how, Assignment::How::add);
  EXPECT_EQ(parse_assignment("clients-=web").how, Assignment::How::remove);
  EXPECT_EQ(parse_assignment("clients-=web").key, "clients");
  EXPECT_EQ(usage_error([] { parse_assignment("port"); }), "port: KEY=VALUE is expected");
  EXPECT_EQ(usage_error([] { parse_assignment("=22"); }), "=22: KEY=VALUE is expected");
  EXPECT_EQ(usage_error([] { parse_assignment("+=22"); }), "+=22: KEY=VALUE is expected");
}

TEST(Value, IsJsonIfItReadsAsJson) {
  EXPECT_EQ(parse_value("true"), parse("true"));
  EXPECT_EQ(parse_value("12"), parse("12"));
  EXPECT_EQ(parse_value("-1.5"), parse("-1.5"));
  EXPECT_EQ(parse_value(R"(["a", "b"])"), parse(R"(["a", "b"])"));
  EXPECT_EQ(parse_value(R"("12")"), Json::Value("12"));
}

TEST(Value, IsTextOtherwise) {
  for (const char* text :
       {"", "/srv", "007", "+1", "1.2.3", "10min", "yes", "[ab", "{", "\"", "null", "1 2", "-"})
    EXPECT_EQ(parse_value(text), Json::Value(text)) << text;
}

TEST(Variables, AKeyThatComesAgainMakesAList) {
  EXPECT_EQ(parse_variables({"folders=/a", "folders=/b,c", "user=me"}),
            parse(R"({"folders": ["/a", "/b,c"], "user": "me"})"));
  EXPECT_EQ(parse_variables({R"(folders=["/a"])", "folders=/b"}), parse(R"({"folders": ["/a", "/b"]})"));
}

TEST(Variables, FoldersAreAListEvenIfThereIsOne) {
  EXPECT_EQ(parse_variables({"folders=/a", "port=1", "port=2"}),
            parse(R"({"folders": ["/a"], "port": [1, 2]})"));
}

TEST(Variables, TextIsTextWhateverItLooksLike) {
  EXPECT_EQ(parse_variables({"command=true", "user=007", "databases=2024"}),
            parse(R"({"command": "true", "user": "007", "databases": ["2024"]})"));
}

TEST(Variables, APasswordIsNoArgument) {
  EXPECT_EQ(usage_error([] { parse_variables({"password=x"}); }),
            "password: everybody can read the arguments of a program");
}

TEST(Rate, IsInKibibytesASecond) {
  EXPECT_EQ(parse_rate("500"), 500u);
  EXPECT_EQ(parse_rate("500K"), 500u);
  EXPECT_EQ(parse_rate("10M"), 10240u);
  EXPECT_EQ(parse_rate("1.5MiB"), 1536u);
  EXPECT_EQ(parse_rate("1G"), 1048576u);
  for (const char* text : {"", "M", "10X", "-1", "1e99", "10 M"})
    EXPECT_EQ(usage_error([&] { parse_rate(text); }),
              std::string(text) + ": a rate such as 500K, 10M or 1G (a second) is expected");
}

Json::Value properties(const std::vector<std::string>& assignments, const std::string& current = "{}") {
  return to_json(parse_properties(kPolicyNoun.keys, assignments, parse(current)));
}

TEST(Properties, HaveTheTypesOfTheApi) {
  const auto map = parse_properties(kClientNoun.keys, {"port=2222", "local=yes", "address=web.example"}, {});
  EXPECT_EQ(std::string(map.at("port").peekValueType()), "u");
  EXPECT_EQ(std::string(map.at("local").peekValueType()), "b");
  EXPECT_EQ(std::string(map.at("address").peekValueType()), "s");
  EXPECT_EQ(usage_error([] { properties({"enabled=maybe"}); }), "enabled=maybe: yes or no is expected");
  EXPECT_EQ(usage_error([] { properties({"type+=x"}); }), "type is no list: only type=VALUE can change it");
}

TEST(Properties, ListsAreReplacedOrChanged) {
  const std::string current = R"({"clients": ["web", "db"], "exclude": ["a"]})";
  EXPECT_EQ(properties({"clients=x,y", "clients=z"}, current), parse(R"({"clients": ["x", "y", "z"]})"));
  EXPECT_EQ(properties({"clients+=x", "clients-=db"}, current), parse(R"({"clients": ["web", "x"]})"));
  EXPECT_EQ(properties({"exclude=*.o,x", "exclude=[b]"}, current), parse(R"({"exclude": ["*.o,x", "[b]"]})"));
  EXPECT_EQ(properties({"exclude="}, current), parse(R"({"exclude": []})"));
}

TEST(Properties, SingleVariablesLeaveTheOthersAsTheyAre) {
  EXPECT_EQ(properties({"var.folders=/b"}, R"({"variables": {"folders": ["/a"], "user": "me"}})"),
            parse(R"({"variables": {"folders": ["/b"], "user": "me"}})"));
}

TEST(Properties, AnUnknownKeyIsForTheServiceToRefuse) {
  EXPECT_EQ(properties({"colour=red"}), parse(R"({"colour": "red"})"));
}

TEST(ObjectPath, IsEscapedAsSystemdDoes) {
  EXPECT_EQ(object_path(kClientNoun, "web-1.a"), "/org/cyborgbackup1/client/web_2d1_2ea");
}

// CLI11 checks the names of options when they are added, and releases differ in what they accept.
TEST(Commands, AreAcceptedByTheParser) {
  for (const char* noun :
       {"client", "repository", "schedule", "policy", "job", "archive", "settings", "ssh-key"}) {
    const char* arguments[] = {"cyborgctl", noun, "--help"};
    EXPECT_EQ(run(3, arguments), kDone);
  }
  const char* unknown[] = {"cyborgctl", "nonsense"};
  EXPECT_EQ(run(2, unknown), kUsage);
}

TEST(Commands, SayWhatANumberHasToBe) {
  struct Row {
    std::vector<const char*> arguments;
    const char* said;
  };
  for (Row row : {
           Row{{"job", "show", "abc"}, "ID: \"abc\" is no whole number from 1"},
           Row{{"job", "show", "0"}, "ID: \"0\" is no whole number from 1"},
           Row{{"job", "log", "1.5"}, "ID: \"1.5\" is no whole number from 1"},
           Row{{"job", "cancel", "1", "0x2"}, "ID: \"0x2\" is no whole number from 1"},
           Row{{"job", "list", "--limit", "-3"}, "--limit: \"-3\" is no whole number from 1"},
           Row{{"job", "list", "--run", "18446744073709551616"}, "--run: \"18446744073709551616\" is no"},
           Row{{"client", "add", "a", "--port", "65536"},
               "--port: \"65536\" is no whole number from 1 to 65535"},
           Row{{"policy", "next", "a", "--count", ""}, "--count: \"\" is no whole number from 1 to 1000"},
           Row{{"policy", "add", "a", "--keep-last", "x"}, "--keep-last: \"x\" is no whole number from 0 to"},
       }) {
    row.arguments.insert(row.arguments.begin(), "cyborgctl");
    testing::internal::CaptureStderr();
    EXPECT_EQ(run(static_cast<int>(row.arguments.size()), row.arguments.data()), kUsage) << row.said;
    const std::string said = testing::internal::GetCapturedStderr();
    EXPECT_NE(said.find(row.said), std::string::npos) << said;
  }
}

TEST(BusError, BecomesAnExitStatusAndAHint) {
  const auto status = [](const char* name) { return from_bus(compat::make_error(name, "x")).status; };
  EXPECT_EQ(status("org.cyborgbackup1.Error.InvalidArgument"), kUsage);
  EXPECT_EQ(status("org.cyborgbackup1.Error.NoSuchJob"), kNotFound);
  EXPECT_EQ(status("org.cyborgbackup1.Error.Unavailable"), kUnreachable);
  EXPECT_EQ(status("org.freedesktop.DBus.Error.AccessDenied"), kRefused);
  EXPECT_EQ(status("org.freedesktop.DBus.Error.ServiceUnknown"), kUnreachable);
  EXPECT_EQ(status("org.freedesktop.DBus.Error.Spawn.ChildExited"), kUnreachable);
  EXPECT_EQ(status("org.example.Whatever"), kFailed);
  const auto own_hint = from_bus(
      compat::make_error("org.cyborgbackup1.Error.InUse", "it has history\nhint: --force removes it"));
  EXPECT_STREQ(own_hint.what(), "it has history");
  EXPECT_EQ(own_hint.hint, "--force removes it");
}

}  // namespace
}  // namespace cyborg::client
