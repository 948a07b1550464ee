// SPDX-License-Identifier: GPL-3.0-or-later
// database_server.h's PostgreSQL.
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "job/database/database_server.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

constexpr const char* kVersions = "/usr/lib/postgresql";
// A name that no role in a dump has, since the roles of the dump are created beside it.
constexpr const char* kUser = "cyborg verification";
constexpr const char* kDatabase = "verification";

int installed_version() {
  std::vector<std::string> complete;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator{kVersions, none}) {
    const std::string bin = entry.path().string() + "/bin/";
    bool all = true;
    for (const char* tool : {"initdb", "postgres", "psql", "pg_restore"}) {
      all = all && ::access((bin + tool).c_str(), X_OK) == 0;
    }
    if (all) complete.push_back(entry.path().filename());
  }
  return newest_version(complete);
}

class PostgresqlServer final : public DatabaseServer {
 public:
  PostgresqlServer(JobContext& job, const std::string& place)
      : DatabaseServer(job, place), version_(installed_version()) {
    const std::string data = directory() + "/data";
    const ToolEnd made = run({program("initdb"), "--pgdata=" + data, fmt::format("--username={}", kUser),
                              "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"});
    if (made.status != 0) {
      throw Failure(ResultCode::database_server,
                    fmt::format("a {} to load dumps into cannot be made: {}", name(),
                                made.said.empty() ? "no reason given" : made.said.back()));
    }
    // Its data need not survive a crash.
    launch({program("postgres"),
            "-D",
            data,
            "-k",
            directory(),
            "-c",
            "listen_addresses=",
            "-c",
            "fsync=off",
            "-c",
            "full_page_writes=off",
            "-c",
            "synchronous_commit=off",
            "-c",
            "wal_level=minimal",
            "-c",
            "max_wal_senders=0",
            "-c",
            "shared_memory_type=mmap",
            "-c",
            "dynamic_shared_memory_type=mmap",
            "-c",
            "jit=off",
            "-c",
            "max_connections=20",
            "-c",
            "logging_collector=on",
            "-c",
            "log_directory=" + directory(),
            "-c",
            "log_filename=server.log",
            "-c",
            "log_min_messages=fatal"},
           psql("postgres", {"-c", "select 1"}), directory() + "/server.log");
  }
  ~PostgresqlServer() override { stop(SIGQUIT); }

  std::string name() const override { return fmt::format("PostgreSQL {}", version_); }

  std::string refusal(std::string_view head) const override {
    const auto origin = postgresql_origin(head);
    if (!origin || origin->major <= version_) return {};
    return fmt::format("it is of PostgreSQL {}, and this server has {}: install postgresql-{}", origin->major,
                       version_, origin->major);
  }
  std::string excuse(std::string_view) const override { return {}; }

  ToolEnd load_globals(const std::string& file) override {
    const std::string kept = file + ".kept";
    std::ifstream from{file};
    std::ofstream to{kept};
    for (std::string line; std::getline(from, line);) {
      if (const auto here = globals_line(line)) to << *here << '\n';
    }
    to.close();
    if (!to) throw Failure(ResultCode::disk_full, fmt::format("{} cannot be written", kept), JobState::error);
    return run(psql("postgres", {"-v", "ON_ERROR_STOP=1", "-f", kept}));
  }

  ToolEnd load_database(const DumpFile&, const std::string& file, std::string_view head) override {
    const auto origin = postgresql_origin(head);
    const std::string encoding = origin && !origin->encoding.empty() ? origin->encoding : "UTF8";
    // Whether this machine has the database's locale is not part of the proof.
    ToolEnd dropped = run(psql("postgres", {"-c", fmt::format("drop database if exists {}", kDatabase)}));
    if (dropped.status != 0) return dropped;
    ToolEnd made = run(
        psql("postgres", {"-c", fmt::format("create database {} template template0 locale 'C' encoding {}",
                                            kDatabase, sql_name(encoding, '\''))}));
    if (made.status != 0) return made;
    return run({program("pg_restore"), "-h", directory(), "-U", kUser, "-d", kDatabase, "--exit-on-error",
                "--no-tablespaces", "--no-subscriptions", file});
  }

  LoadedCount count(const DumpFile&) override {
    constexpr const char* kCount =
        "select count(*), coalesce(sum((xpath('/row/c/text()', query_to_xml(format('select count(*) as c "
        "from only %I.%I',"
        " n.nspname, c.relname), false, true, '')))[1]::text::bigint), 0)"
        " from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'm') and "
        "c.relpersistence <> 't'"
        " and n.nspname not in ('pg_catalog', 'information_schema')";
    const ToolEnd answer = run(psql(kDatabase, {"-F", " ", "-c", kCount}));
    LoadedCount counted;
    const char* end = answer.output.data() + answer.output.size();
    const auto tables = std::from_chars(answer.output.data(), end, counted.tables);
    if (answer.status != 0 || tables.ec != std::errc{} || tables.ptr == end ||
        std::from_chars(tables.ptr + 1, end, counted.rows).ec != std::errc{}) {
      throw Failure(ResultCode::database_server, "the rows of a loaded database could not be counted",
                    JobState::failed);
    }
    return counted;
  }

 private:
  std::string program(const char* tool) const {
    return fmt::format("{}/{}/bin/{}", kVersions, version_, tool);
  }
  std::vector<std::string> psql(const char* database, std::vector<std::string> more) const {
    std::vector<std::string> words{program("psql"), "-XAtq", "-h", directory(), "-U", kUser, "-d", database};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  int version_;
};

}  // namespace

std::unique_ptr<DatabaseServer> make_postgresql(JobContext& job, const std::string& directory) {
  return std::make_unique<PostgresqlServer>(job, directory);
}

std::string missing_postgresql() {
  return installed_version() > 0 ? std::string{}
                                 : "there is no PostgreSQL on this server: install postgresql";
}

}  // namespace cyborg
