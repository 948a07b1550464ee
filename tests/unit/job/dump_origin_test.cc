// SPDX-License-Identifier: GPL-3.0-or-later
// Dumps: the information in them, and the meaning of a tool's failure.
#include "job/database/dump_origin.h"

#include <gtest/gtest.h>

#include "core/policy_types.h"

namespace cyborg {
namespace {

// As pg_dump writes it: a sign, then the bytes.
std::string number(int value) {
  std::string text(1, '\0');
  for (int i = 0; i < 4; ++i) text += static_cast<char>((value >> (8 * i)) & 0xFF);
  return text;
}
std::string text(const std::string& value) {
  return number(static_cast<int>(value.size())) + value;
}

std::string head(int format, const std::string& server, const std::string& tool) {
  std::string made = "PGDMP";
  for (const int byte : {1, format, 0, 4, 8, 1}) made += static_cast<char>(byte);
  made += format >= 15 ? std::string(1, '\1') : number(-1);
  for (int i = 0; i < 7; ++i) made += number(i);
  made += text("shop") + text(server) + text(tool) + number(1) + text("SET client_encoding = 'LATIN1';\n");
  return made;
}

TEST(DumpOrigin, OfPostgresqlIsInItsHeader) {
  for (const int format : {14, 15, 16}) {
    const auto origin = postgresql_origin(head(format, "15.3 (Debian 15.3-0)", "15.3"));
    ASSERT_TRUE(origin) << format;
    EXPECT_EQ(origin->major, 15);
    EXPECT_EQ(origin->server, "15.3 (Debian 15.3-0)");
    EXPECT_EQ(origin->encoding, "LATIN1");
  }
  // A newer pg_dump writes dumps that an older pg_restore cannot read.
  EXPECT_EQ(postgresql_origin(head(16, "15.3", "17.2"))->major, 17);
  EXPECT_EQ(postgresql_origin(head(16, "17.2", "17.2"))->major, 17);
}

TEST(DumpOrigin, OfPostgresqlThatIsNoneIsNone) {
  const std::string good = head(15, "15.3", "15.3");
  EXPECT_FALSE(postgresql_origin(""));
  EXPECT_FALSE(postgresql_origin("-- SQL"));
  EXPECT_FALSE(postgresql_origin("PGDMP"));
  for (std::size_t size = 0; size < good.find("15.3"); ++size) {
    EXPECT_FALSE(postgresql_origin(good.substr(0, size))) << size;
  }
}

TEST(DumpOrigin, OfMysqlIsInItsComments) {
  const auto maria = mysql_origin(
      "-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB\n--\n-- Server version\t11.8.2-MariaDB-1\n");
  ASSERT_TRUE(maria);
  EXPECT_EQ(std::pair(maria->major, maria->minor), std::pair(11, 8));
  EXPECT_FALSE(maria->foreign);
  const auto mysql = mysql_origin("-- MySQL dump 10.13  Distrib 8.0.36\n-- Server version\t8.0.36\n");
  ASSERT_TRUE(mysql);
  EXPECT_TRUE(mysql->foreign);
  EXPECT_FALSE(mysql_origin("CREATE TABLE x (y int);\n"));
}

TEST(DumpFiles, AreKnownByTheirPlaces) {
  using Kind = DumpFile::Kind;
  struct Row {
    const char* type;
    const char* path;
    Kind kind;
    const char* database;
  };
  for (const auto& row : {
           Row{"postgresql", "postgresql/shop.dump", Kind::database, "shop"},
           Row{"postgresql", "postgresql/globals.sql", Kind::globals, ""},
           Row{"postgresql", "postgresql/globals.dump", Kind::database, "globals"},
           Row{"postgresql", "postgresql/a%2fb%20c%25é.dump", Kind::database, "a/b c%é"},
           Row{"postgresql", "postgresql", Kind::other, ""},
           Row{"postgresql", "mysql/shop.sql", Kind::other, ""},
           Row{"mysql", "mysql/shop.sql", Kind::database, "shop"},
           Row{"mysql", "mysql/grants.sql", Kind::globals, ""},
           Row{"mysql", "mysql/.sql", Kind::other, ""},
       }) {
    const DumpFile file = dump_file(*parse_policy_type(row.type), row.path);
    EXPECT_EQ(file.kind, row.kind) << row.path;
    EXPECT_EQ(file.database, row.database) << row.path;
    EXPECT_EQ(file.path, row.path);
  }
}

TEST(Versions, AreTheNewestThereIs) {
  const std::vector<std::string> all{"9.6", "13", "17", "15", "x"};
  EXPECT_EQ(newest_version(all), 17);
  EXPECT_EQ(newest_version({}), 0);
  EXPECT_EQ(mariadb_version("mariadbd  Ver 10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu"),
            (std::pair{10, 11}));
  EXPECT_FALSE(mariadb_version("no"));
}

TEST(Globals, LeaveOutWhatIsOfAnotherMachine) {
  for (const char* line :
       {"CREATE TABLESPACE fast OWNER postgres LOCATION '/fast';", "GRANT CREATE ON TABLESPACE fast TO app;",
        "\\restrict abc", "\\! id", "ALTER ROLE app SET default_tablespace TO 'fast';"}) {
    EXPECT_FALSE(globals_line(line)) << line;
  }
  for (const char* line :
       {"CREATE ROLE app;", "ALTER ROLE app SET search_path TO 'a';", "", "SET x = 'y';"}) {
    EXPECT_EQ(globals_line(line), line) << line;
  }
}

TEST(Globals, DoNotSayWhoGrantedARole) {
  EXPECT_EQ(globals_line("GRANT a TO \"b c\" WITH INHERIT TRUE GRANTED BY postgres;"),
            "GRANT a TO \"b c\" WITH INHERIT TRUE;");
  EXPECT_EQ(globals_line("GRANT \" GRANTED BY \" TO b GRANTED BY x;"), "GRANT \" GRANTED BY \" TO b;");
}

TEST(Failures, OfTheServerAreNotTheDumps) {
  for (const char* said :
       {"pg_restore: error: could not execute query: ERROR:  extension \"postgis\" is not available",
        "ERROR 1286 (42000) at line 5: Unknown storage engine 'ROCKSDB'",
        "could not write: No space left on device"}) {
    EXPECT_FALSE(missing_here(said).empty()) << said;
  }
  EXPECT_EQ(missing_here("ERROR:  relation \"item\" does not exist"), "");
  EXPECT_EQ(missing_here("pg_restore: error: could not read from input file: end of file"), "");
}

TEST(Names, AreQuotedForSql) {
  EXPECT_EQ(sql_name("a`b", '`'), "`a``b`");
  EXPECT_EQ(sql_name("it's", '\''), "'it''s'");
}

}  // namespace
}  // namespace cyborg
