// SPDX-License-Identifier: GPL-3.0-or-later
// The table of the words, and the scripts that say them.
#include "remote/words.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "core/result_code.h"

namespace cyborg {
namespace {

namespace fs = std::filesystem;

std::string without_comments(const fs::path& path) {
  std::ifstream file{path};
  std::string text, line;
  while (std::getline(file, line)) {
    const auto first = line.find_first_not_of(" \t");
    if (first == std::string::npos || line[first] == '#' || line.substr(first).starts_with("//")) continue;
    text += line + "\n";
  }
  // The line breaks of C++ literals.
  return std::regex_replace(text, std::regex{R"(\\n)"}, "\n");
}

// By word, the files that report it: NAME of NAME.sh, or a source that composes such a line.
std::map<std::string, std::set<std::string>> said(const std::string& verbs) {
  std::map<std::string, std::set<std::string>> words;
  const std::regex call{"\\b(?:" + verbs + R"re() +((?:no-)?[a-z]+(?:-[a-z]+)*)\b)re"};
  for (const auto& entry : fs::directory_iterator{fs::path{CYBORG_SOURCE_DIR} / "daemon/remote"}) {
    const fs::path& path = entry.path();
    if (path.extension() != ".sh" && path.extension() != ".cc") continue;
    if (path.filename() == "words.cc") continue;
    const std::string name = path.extension() == ".sh" ? path.stem().string() : path.filename().string();
    const std::string text = without_comments(path);
    for (std::sregex_iterator match{text.begin(), text.end(), call}, end; match != end; ++match) {
      words[(*match)[1]].insert(name);
    }
  }
  return words;
}

template <typename Rows>
std::map<std::string, std::set<std::string>> table(const Rows& rows) {
  std::map<std::string, std::set<std::string>> words;
  for (const auto& row : rows) {
    std::istringstream names{std::string{row.said_by}};
    words[std::string{row.name}] = {std::istream_iterator<std::string>{names}, {}};
  }
  return words;
}

TEST(ScriptWords, AreThoseThatTheScriptsSay) {
  auto expected = table(script_notes());
  // At the end of a script, or from outside it, a failure is reported by `say`.
  expected["repository-swapped"] = {"tell_ssh"};
  expected["snapshot-full"] = {"snapshot_make"};
  EXPECT_EQ(said("say"), expected);
}

TEST(ScriptWords, OfFailuresAreThoseThatTheScriptsEndWith) {
  auto found = said("die|fail|refuse");
  found["repository-swapped"].insert("tell_ssh");
  found["snapshot-full"].insert("snapshot_make");
  EXPECT_EQ(found, table(script_failures()));
}

TEST(ScriptWords, OfFailuresAreCodesOfResults) {
  for (const auto& row : script_failures()) EXPECT_TRUE(AnyCode{std::string{row.name}}.row()) << row.name;
}

TEST(ScriptWords, AreReadWithTheirDetail) {
  for (const auto& row : script_notes()) {
    const auto note = read_note(std::string{row.name} + " a  b");
    ASSERT_TRUE(note) << row.name;
    EXPECT_EQ(note->word, row.word);
    EXPECT_EQ(note->detail, "a  b");
    EXPECT_EQ(to_string(row.word), row.name);
    EXPECT_FALSE(row.meaning.empty()) << row.name;
    EXPECT_FALSE(read_failure(row.name)) << row.name;
  }
  for (const auto& row : script_failures()) {
    const auto failure = read_failure(row.name);
    ASSERT_TRUE(failure) << row.name;
    EXPECT_EQ(failure->word, row.word);
    EXPECT_EQ(failure->detail, "");
    EXPECT_FALSE(row.meaning.empty()) << row.name;
    EXPECT_FALSE(read_note(row.name)) << row.name;
  }
  for (const char* line : {"", " ", "start", "started2", "no", "snapshot-"}) {
    EXPECT_FALSE(read_note(line)) << line;
    EXPECT_FALSE(read_failure(line)) << line;
  }
}

}  // namespace
}  // namespace cyborg
