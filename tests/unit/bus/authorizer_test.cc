// SPDX-License-Identifier: GPL-3.0-or-later
#include "bus/authorizer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace cyborg::bus {
namespace {

const std::filesystem::path kBusFiles{CYBORG_SOURCE_DIR "/dbus"};

std::string content(const std::filesystem::path& path) {
  std::ifstream file{path};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Returns the first group of all matches of the pattern.
std::vector<std::string> all(const std::string& text, const std::string& pattern) {
  const std::regex form{pattern};
  std::vector<std::string> found;
  for (std::sregex_iterator it{text.begin(), text.end(), form}, end; it != end; ++it) {
    found.push_back((*it)[1].str());
  }
  return found;
}

// interface.method of every method in the XML.
std::set<std::string> methods() {
  std::set<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(kBusFiles)) {
    if (entry.path().extension() != ".xml") continue;
    const std::string text = content(entry.path());
    const auto interfaces = all(text, "<interface name=\"([^\"]+)\"");
    EXPECT_EQ(interfaces.size(), 1U) << entry.path();
    for (const auto& method : all(text, "<method name=\"([^\"]+)\""))
      found.insert(interfaces.at(0) + "." + method);
  }
  return found;
}

TEST(PermissionTable, HasARowForEachMethodAndNoOther) {
  std::set<std::string> rows;
  for (const auto& row : permission_table()) {
    EXPECT_TRUE(rows.insert(std::string{row.interface} + "." + std::string{row.member}).second)
        << "twice: " << row.member;
  }
  EXPECT_EQ(rows, methods());
  EXPECT_GT(rows.size(), 20U);
}

TEST(PermissionTable, HasOnlyActionsThatPolkitIsTold) {
  const auto declared = all(content(kBusFiles / "org.cyborgbackup1.policy"), "<action id=\"([^\"]+)\"");
  std::set<std::string> used;
  for (const auto& row : permission_table()) used.insert(std::string{row.action});
  EXPECT_EQ(used, std::set<std::string>(declared.begin(), declared.end()));
}

// The XML states the action of each method; the table must agree with it.
TEST(PermissionTable, AgreesWithTheDescriptionOfEachMethod) {
  for (const auto& row : permission_table()) {
    const std::string text = content(kBusFiles / (std::string{row.interface} + ".xml"));
    const std::size_t method = text.find("<method name=\"" + std::string{row.member} + "\"");
    ASSERT_NE(method, std::string::npos) << row.member;
    const std::size_t open = text.rfind("<!--", method);
    const std::size_t close = text.find("-->", open);
    const std::size_t before = text.rfind("</method>", method);
    // A method without a comment of its own is described by the one before.
    if (before != std::string::npos && before > open && text.find("<!--", before) > method) continue;
    const std::string said = text.substr(open + 4, close - open - 4);
    const std::string action{row.action.substr(row.action.rfind('.') + 1)};
    EXPECT_TRUE(said.starts_with(" " + action)) << row.member << ": " << said;
  }
}

TEST(PermissionTable, NobodyMayCallWhatIsNotInIt) {
  EXPECT_FALSE(action_of("org.cyborgbackup1.Manager", "Shell"));
  EXPECT_FALSE(action_of("org.cyborgbackup1.Manager", ""));
  EXPECT_FALSE(action_of("org.cyborgbackup1.Client", "AddClient"));
  EXPECT_EQ(action_of("org.cyborgbackup1.Manager", "ExportKey"), "org.cyborgbackup1.secrets");
}

}  // namespace
}  // namespace cyborg::bus
