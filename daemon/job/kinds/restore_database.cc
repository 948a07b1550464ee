// SPDX-License-Identifier: GPL-3.0-or-later
// Loads dumps of an archive into a server on the client.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

#include "borg/result.h"
#include "job/borg/archive_listing.h"
#include "job/borg/repository_borg.h"
#include "job/client_script.h"
#include "job/kinds/restore.h"
#include "remote/dump_script.h"
#include "remote/load_script.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

struct Dump {
  std::int64_t size = 0;
  std::string mode = {}, owner = {};  // for a file that is a database
};

struct Dumps {
  std::map<std::string, Dump> databases;  // by name
  bool globals = false;
};

// Converts "-rw-r----- 33:33" for chmod and chown. The server's own jobs may read other users' files, but
// cannot give a copy to its owner.
Dump file_dump(const JobSpec& spec, const ArchiveItem& item) {
  constexpr std::size_t kMode = 10;
  Dump dump{item.size};
  if (!spec.dump.databases()->paths || item.source.size() <= kMode + 1) return dump;
  const auto bits = [&](std::size_t at) {
    std::string some;
    for (const char c : item.source.substr(at, 3)) {
      if (c == 'r' || c == 'w' || c == 'x') some += c;
    }
    return some;
  };
  dump.mode = fmt::format("u={},g={},o={}", bits(1), bits(4), bits(7));
  if (!spec.local) dump.owner = item.source.substr(kMode + 1);
  return dump;
}

Dumps dumps_of(JobContext& job) {
  const PolicyType type = *job.spec().dump.type;
  const std::string globals = path_of_database("", type);
  Dumps dumps;
  list_archive(job, [&](const ArchiveItem& item) {
    if (item.type != '-') return;
    if (!globals.empty() && item.path == globals) dumps.globals = true;
    const std::string name = database_of_path(item.path, type);
    if (!name.empty()) dumps.databases[name] = file_dump(job.spec(), item);
  });
  return dumps;
}

std::vector<std::string> names_of(const Dumps& dumps) {
  std::vector<std::string> names;
  for (const auto& [name, dump] : dumps.databases) names.push_back(name);
  return names;
}

// All requested dumps exist: otherwise nothing is loaded.
std::vector<Load> choose(const JobSpec& spec, const Dumps& dumps) {
  std::vector<Load> loads;
  const auto add = [&](const std::string& name, const std::string& target) {
    const auto dump = dumps.databases.find(name);
    const Dump file = dump == dumps.databases.end() ? Dump{} : dump->second;
    loads.push_back({name, target, static_cast<int>(loads.size()), file.mode, file.owner});
  };
  if (spec.restore.globals) {
    if (!dumps.globals) {
      throw Failure(ResultCode::database_not_in_archive,
                    fmt::format("{} are not in archive {}", dump_name(spec, ""), spec.archive));
    }
    add("", "");
  }
  for (const auto& [name, target] : spec.restore.databases) {
    if (!dumps.databases.contains(name)) {
      throw Failure(
          ResultCode::database_not_in_archive,
          fmt::format(
              "database \"{}\" is not in archive {}, which has: {}", name, spec.archive,
              dumps.databases.empty() ? "none" : fmt::format("{}", fmt::join(names_of(dumps), ", "))));
    }
    add(name, target);
  }
  if (spec.restore.all_databases) {
    for (const auto& [name, dump] : dumps.databases) {
      if (const char* own = spec.dump.databases()->not_with_all; own && name == own) continue;
      add(name, name);
    }
  }
  return loads;
}

class Loader {
 public:
  explicit Loader(JobContext& job) : job_(job), client_(job) {}

  // "missing", "empty" or "full".
  std::string look(const Load& load) {
    BorgEnd end;
    try {
      end = run(database_look_script(job_.spec(), load), "", nullptr);
    } catch (const Failure& failure) {
      rethrow(failure, load);
    }
    job_.throw_if_canceled();
    std::string word = end.output.substr(0, end.output.find('\n'));
    if (end.status != 0 || word.empty()) {
      throw Failure(ResultCode::load_failed, load_failure(job_.spec(), load, ResultCode::load_failed,
                                                          fmt::format("{}", fmt::join(end.said, "; "))));
    }
    return word;
  }

  // Throws Failure unless all of it was loaded.
  void load(const Load& load) {
    const JobSpec& spec = job_.spec();
    job_.output().line(6, fmt::format("loading {}", load_name(spec, load)));
    const RepositoryBorg repository{job_, RepositoryBorg::Where::client};
    const std::string relay = spec.local ? std::string{} : random_relay();
    BorgEnd end;
    try {
      end = run(load_script(spec, relay, load), relay, repository.serve());
    } catch (const Failure& failure) {
      rethrow(failure, load);
    }
    const JobResult result = repository.judge(BorgVerb::extract, end);
    job_.throw_if_canceled();
    if (result.state == JobState::successful) return;
    throw Failure(result.code, fmt::format("{} was not loaded: {}", load_name(spec, load), result.message),
                  JobState::failed);
  }

 private:
  BorgEnd run(const std::string& script, const std::string& relay, Serve* serve) {
    const JobSpec& spec = job_.spec();
    const std::string secret = dump_secret(spec, job_.database_password()) + "\n";
    said_.clear();
    BorgEnd end;
    if (spec.local) {
      LocalBorg borg;
      borg.command = {"sh", "-c", script};
      borg.base_dir = server_borg_directory();
      borg.serve = serve;
      borg.second_line = secret;
      end = run_local(job_, borg);
    } else {
      const RemoteBorg borg{script, job_.passphrase() + "\n" + secret, relay, serve};
      end = run_remote(job_, client_.session(), spec.target.user, borg);
    }
    said_ = fmt::format("{}", fmt::join(end.said, "; "));
    if (!job_.canceled()) check_script(end, spec, spec.target.user);
    return end;
  }

  // check_script() does not know about databases.
  [[noreturn]] void rethrow(const Failure& failure, const Load& load) {
    if (failure.code() != ResultCode::load_failed && failure.code() != ResultCode::database_exists)
      throw failure;
    throw Failure(failure.code(), load_failure(job_.spec(), load, failure.code(), said_), JobState::failed);
  }

  JobContext& job_;
  ClientShell client_;
  std::string said_;
};

std::string joined(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

JobResult dry_run(JobContext& job, Loader& loader, const Dumps& dumps, const std::vector<Load>& loads) {
  const JobSpec& spec = job.spec();
  JobResult result = make_result(ResultCode::ok, "");
  result.facts["databases"] = Json::Value{Json::arrayValue};
  std::int64_t bytes = 0;
  std::vector<std::string> names, in_the_way;
  for (const auto& load : loads) {
    names.push_back(load_name(spec, load));
    if (load.name.empty()) continue;
    const std::string state = loader.look(load);
    const std::int64_t size = dumps.databases.at(load.name).size;
    bytes += size;
    if (state == "full") in_the_way.push_back(load.target);
    Json::Value row{Json::objectValue};
    row["name"] = load.name;
    row["target"] = load.target;
    row["bytes"] = Json::Int64{size};
    row["there"] = state;
    result.facts["databases"].append(std::move(row));
  }
  result.facts["bytes"] = Json::Int64{bytes};
  result.facts["existing"] = static_cast<Json::UInt64>(in_the_way.size());
  result.message =
      fmt::format("{}: dumps of {} bytes would be loaded on {}; {}", joined(names), bytes, spec.client,
                  in_the_way.empty() ? std::string{"nothing is in the way"}
                                     : fmt::format("there already, and not empty: {}", joined(in_the_way)));
  return result;
}

}  // namespace

JobResult restore_databases(JobContext& job) {
  const JobSpec& spec = job.spec();
  job.output().line(6, fmt::format("restore of databases in archive {} from {} to {}", spec.archive,
                                   repository_name(spec), spec.client));
  const Dumps dumps = dumps_of(job);
  const std::vector<Load> loads = choose(spec, dumps);
  Loader loader{job};
  if (spec.dry_run) return dry_run(job, loader, dumps, loads);
  // Before the first one is touched: none of the others may exist.
  if (spec.restore.conflict != "overwrite" && loads.size() > 1) {
    for (const auto& load : loads) {
      if (load.name.empty() || loader.look(load) != "full") continue;
      throw Failure(ResultCode::database_exists, load_failure(spec, load, ResultCode::database_exists, ""));
    }
  }
  JobResult result = make_result(ResultCode::ok, "");
  result.facts["databases"] = Json::Value{Json::arrayValue};
  std::vector<std::string> done;
  for (const auto& load : loads) {
    try {
      loader.load(load);
    } catch (const Failure& failure) {
      if (done.empty() || job.canceled()) throw;
      throw Failure(failure.code(), fmt::format("{}; before it: {}", failure.what(), joined(done)),
                    failure.state());
    }
    done.push_back(load_name(spec, load));
    if (!load.name.empty()) result.facts["databases"].append(load.target);
  }
  result.borg_status = 0;
  result.message = fmt::format("{} of archive {} restored to {}", joined(done), spec.archive, spec.client);
  return result;
}

}  // namespace cyborg
