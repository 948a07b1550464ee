// SPDX-License-Identifier: GPL-3.0-or-later
// database_server.h's MariaDB.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "job/database/database_server.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

constexpr const char* kUser = "cyborg verification";
constexpr std::array<std::string_view, 2> kOwn{"mysql", "sys"};

std::string find_program(const char* name) {
  for (const char* directory : {"/usr/sbin/", "/usr/bin/"}) {
    std::string path = directory + std::string{name};
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

// The system database of a dump is not the same as that of the server that loads it.
std::string database_name(const DumpFile& dump) {
  const bool own = std::ranges::find(kOwn, dump.database) != kOwn.end();
  return own ? "verified " + dump.database : dump.database;
}

class MariadbServer final : public DatabaseServer {
 public:
  MariadbServer(JobContext& job, const std::string& place) : DatabaseServer(job, place) {
    const ToolEnd version = run({find_program("mariadbd"), "--no-defaults", "--version"});
    version_ = mariadb_version(version.output).value_or(version_);
    const std::string data = directory() + "/data";
    // Unless this is forced, it would look up names that nobody needs.
    const ToolEnd made =
        run({find_program("mariadb-install-db"), "--no-defaults", "--force", "--datadir=" + data,
             "--auth-root-authentication-method=normal", "--skip-name-resolve", "--skip-test-db",
             "--skip-log-bin", "--tmpdir=" + directory()});
    if (made.status != 0) {
      throw Failure(ResultCode::database_server,
                    fmt::format("a {} to load dumps into cannot be made: {}", name(),
                                made.said.empty() ? made.output.substr(0, 200) : made.said.back()));
    }
    // Its data need not survive a crash.
    const std::string log = directory() + "/server.log";
    launch(
        {find_program("mariadbd"), "--no-defaults", "--datadir=" + data, "--socket=" + socket(),
         "--skip-networking", "--skip-log-bin", "--skip-name-resolve", "--skip-symbolic-links",
         "--tmpdir=" + directory(), "--secure-file-priv=" + directory(), "--pid-file=" + directory() + "/pid",
         "--log-error=" + log, "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0",
         "--innodb-use-native-aio=0", "--max-allowed-packet=1G", "--lower-case-table-names=0"},
        client("root", {"-e", "select 1"}), log);
    // The dump's root replaces that of this server.
    const std::string user = sql_name(kUser, '\'') + "@'localhost'";
    const ToolEnd admitted = run(client(
        "root", {"-e", fmt::format("create user {0}; grant all on *.* to {0} with grant option", user)}));
    if (admitted.status != 0)
      throw Failure(ResultCode::database_server, fmt::format("a {} did not take a user", name()));
  }
  ~MariadbServer() override { stop(SIGTERM); }

  std::string name() const override { return fmt::format("MariaDB {}.{}", version_.first, version_.second); }

  std::string refusal(std::string_view head) const override {
    const auto origin = mysql_origin(head);
    if (!origin || origin->foreign || std::pair{origin->major, origin->minor} <= version_) return {};
    return fmt::format(
        "it is of MariaDB {}.{}, and this server has {}.{}: install a newer mariadb-server-core",
        origin->major, origin->minor, version_.first, version_.second);
  }

  std::string excuse(std::string_view head) const override {
    const auto origin = mysql_origin(head);
    return origin && origin->foreign ? fmt::format("it is of MySQL {}.{}, and this server has MariaDB",
                                                   origin->major, origin->minor)
                                     : std::string{};
  }

  // It also contains the users that every server has.
  ToolEnd load_globals(const std::string& file) override {
    ToolEnd end = run(client({"--force", "mysql"}), file);
    std::erase_if(end.said, [](const std::string& line) { return is_harmless(line); });
    if (end.said.empty()) end.status = 0;
    return end;
  }

  ToolEnd load_database(const DumpFile& dump, const std::string& file, std::string_view) override {
    const std::string database = database_name(dump);
    ToolEnd made =
        run(client({"-e", fmt::format("create database if not exists {}", sql_name(database, '`'))}));
    if (made.status != 0) return made;
    return run(client({"--default-character-set=utf8mb4", "--max-allowed-packet=1G", database}), file);
  }

  LoadedCount count(const DumpFile& dump) override {
    const std::string database = database_name(dump);
    const std::string of = sql_name(database, '\'');
    const ToolEnd tables = run(client(
        {"-e", fmt::format("select concat('select count(*) from `', replace(table_schema, '`', '``'), '`.`',"
                           " replace(table_name, '`', '``'), '`;') from information_schema.tables"
                           " where table_schema = {} and table_type = 'BASE TABLE'",
                           of)}));
    if (tables.status != 0) throw cannot_count();
    if (tables.output.empty()) return {};
    const std::string statements = directory() + "/count.sql";
    std::ofstream{statements} << tables.output;
    const ToolEnd rows = run(client({}), statements);
    if (rows.status != 0) throw cannot_count();
    LoadedCount counted;
    const char* at = rows.output.data();
    const char* end = at + rows.output.size();
    while (at < end) {
      std::int64_t number = 0;
      const auto read = std::from_chars(at, end, number);
      if (read.ec != std::errc{}) throw cannot_count();
      counted.rows += number;
      ++counted.tables;
      at = read.ptr + 1;
    }
    return counted;
  }

 private:
  static Failure cannot_count() {
    return {ResultCode::database_server, "the rows of a loaded database could not be counted",
            JobState::failed};
  }
  static bool is_harmless(const std::string& line) {
    return line.find("Operation CREATE USER failed") != std::string::npos ||
           line.find("Operation CREATE ROLE failed") != std::string::npos ||
           line.find("ERROR") == std::string::npos;
  }
  std::string socket() const { return directory() + "/socket"; }
  std::vector<std::string> client(std::vector<std::string> more) const {
    return client(kUser, std::move(more));
  }
  std::vector<std::string> client(const std::string& user, std::vector<std::string> more) const {
    std::vector<std::string> words{find_program("mariadb"), "--no-defaults", "--socket=" + socket(),
                                   "--user=" + user, "-NBr"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  std::pair<int, int> version_;
};

}  // namespace

std::unique_ptr<DatabaseServer> make_mariadb(JobContext& job, const std::string& directory) {
  return std::make_unique<MariadbServer>(job, directory);
}

std::string missing_mariadb() {
  for (const char* program : {"mariadbd", "mariadb-install-db", "mariadb"}) {
    if (find_program(program).empty()) {
      return "there is no MariaDB on this server: install mariadb-server-core and mariadb-client-core";
    }
  }
  return {};
}

}  // namespace cyborg
