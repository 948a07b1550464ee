// SPDX-License-Identifier: GPL-3.0-or-later
// The tables of properties, and what repeats them: the XML of the interfaces.
#include "core/properties.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>

#include "core/property_values.h"

namespace cyborg {
namespace {

std::string read(const std::string& path) {
  std::ifstream stream(std::string{CYBORG_SOURCE_DIR} + "/" + path);
  EXPECT_TRUE(stream) << path;
  return {std::istreambuf_iterator<char>(stream), {}};
}

// Name → D-Bus type, of what an expression with these two groups finds.
std::map<std::string, std::string> pairs(const std::string& text, const std::regex& form) {
  std::map<std::string, std::string> all;
  for (std::sregex_iterator it{text.begin(), text.end(), form}, end; it != end; ++it)
    all[(*it)[1]] = (*it)[2];
  return all;
}

TEST(PropertyTables, AreWhatTheInterfacesShow) {
  static const std::regex property{R"re(<property name="(\w+)" type="([^"]+)")re"};
  for (const ObjectKind kind : kObjectKinds) {
    std::map<std::string, std::string> rows;
    for (const auto& info : properties_of(kind)) {
      if (info.shown) rows[bus_name_of(info.key)] = info.shown;
    }
    const auto xml = pairs(read("dbus/org.cyborgbackup1." + bus_name_of(to_string(kind)) + ".xml"), property);
    EXPECT_EQ(rows, xml) << to_string(kind);
  }
}

TEST(PropertyTables, KeysOfAddAreInTheManual) {
  const std::string page = read("dbus/man/org.cyborgbackup1.5");
  for (const ObjectKind kind : kObjectKinds) {
    const auto begin = page.find("\\fBAdd" + bus_name_of(to_string(kind)) + "\\fR");
    const std::string section = std::regex_replace(
        page.substr(begin, page.find("\n.TP\n\\fB", begin) - begin), std::regex{R"(\\f[BIR])"}, " ");
    for (const auto& info : properties_of(kind)) {
      const std::regex key{"(^|\\W)" + std::string{info.key} + "(\\W|$)"};
      if (info.can_be_added()) {
        EXPECT_TRUE(std::regex_search(section, key)) << info.key << "\n" << section;
      }
    }
  }
}

TEST(PropertyTables, SayWhatEachIsFor) {
  for (const ObjectKind kind : kObjectKinds) {
    std::set<std::string> keys, options;
    for (const auto& info : properties_of(kind)) {
      EXPECT_TRUE(keys.insert(info.key).second) << info.key << " is there twice";
      if (info.access == Access::internal) continue;
      EXPECT_STRNE(info.sentence, "") << info.key;
      if (!info.option.empty()) {
        EXPECT_TRUE(options.insert(info.option).second) << info.option;
      }
    }
    EXPECT_TRUE(keys.contains("name") && keys.contains("enabled"));
  }
}

TEST(PropertyTables, NamesOfTheBusAreTheKeys) {
  for (const auto& [key, name] : {std::pair{"host_key", "HostKey"}, std::pair{"url", "Url"}}) {
    EXPECT_EQ(bus_name_of(key), name);
    EXPECT_TRUE(is_bus_name(name, key));
  }
  for (const char* other : {"Host_key", "HostKe", "HostKeys", "hostKey", "Hostkey", ""})
    EXPECT_FALSE(is_bus_name(other, "host_key")) << other;
}

Json::Value record_of(const std::string& object, const std::string& name) {
  for (const auto& record : property_records()) {
    if (record["object"] == object && record["name"] == name) return record;
  }
  return {};
}

TEST(PropertyRecords, SayWhatAFormHasToKnow) {
  const auto port = record_of("client", "port");
  EXPECT_EQ(port["type"], "number");
  EXPECT_EQ(port["signature"], "u");
  EXPECT_EQ(port["set"], "always");
  EXPECT_EQ(port["required"], false);
  EXPECT_EQ(port["default"], 22);
  EXPECT_EQ(port["minimum"], 1);
  EXPECT_EQ(port["maximum"], 65535);
  const auto transport = record_of("repository", "transport");
  EXPECT_EQ(transport["default"], "relay");
  ASSERT_EQ(transport["values"].size(), 2U);
  EXPECT_EQ(transport["values"][1], "direct");
  EXPECT_EQ(record_of("repository", "url")["set"], "add");
  EXPECT_EQ(record_of("repository", "ready")["set"], "no");
  EXPECT_EQ(record_of("policy", "clients")["of"], "client");
  EXPECT_EQ(record_of("policy", "clients")["required"], true);
  EXPECT_EQ(record_of("policy", "keep_daily")["set"], "always");
  EXPECT_EQ(record_of("policy", "keep")["set"], "no");
  EXPECT_TRUE(record_of("repository", "host_public_key").isNull());
}

// Each default is one of the values that are right.
TEST(PropertyRecords, DefaultsAreAmongTheValues) {
  for (const auto& record : property_records()) {
    if (!record.isMember("values") || record["required"].asBool()) continue;
    const auto& values = record["values"];
    EXPECT_NE(std::find(values.begin(), values.end(), record["default"]), values.end())
        << record.toStyledString();
  }
}

TEST(PropertyValues, OfACompoundComeBackFromTheirJson) {
  Retention keep;
  EXPECT_TRUE(json_of_set(keep).empty());
  keep.daily = 7;
  keep.within = "2d";
  keep.within_seconds = std::chrono::hours{48};
  const auto json = json_of_set(keep);
  EXPECT_EQ(json.getMemberNames(), (std::vector<std::string>{"keep_daily", "keep_within"}));
  const auto back = object_from_json<Retention>(json);
  EXPECT_EQ(std::tie(back.daily, back.within, back.within_seconds, back.last),
            std::tie(keep.daily, keep.within, keep.within_seconds, keep.last));
}

}  // namespace
}  // namespace cyborg
