// SPDX-License-Identifier: GPL-3.0-or-later
// cyborgd: builds the parts, connects them, runs the loop.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "bus/service.h"
#include "main/config.h"
#include "main/event_log.h"
#include "main/vault.h"
#include "manager/manager.h"
#include "sd/job_files.h"
#include "sd/log.h"
#include "sd/loop.h"
#include "sd/systemd.h"
#include "store/postgres_store.h"

namespace cyborg {
namespace {

// The LSB exit statuses, which systemd shows by name.
enum Exit { kOk = 0, kFailure = 1, kInvalidArgument = 2, kNotConfigured = 6 };

// Tests override these directories to run the daemon beside others.
std::string place(const char* variable, const std::string& otherwise) {
  const char* value = std::getenv(variable);
  return value ? value : otherwise;
}

int run(const Config& config, Sealer sealer) {
  sd::Loop loop;
  Paths paths;
  paths.runner = place("CYBORG_RUNNER", paths.runner);
  paths.jobs = place("STATE_DIRECTORY", "/var/lib/cyborg") + "/jobs";
  paths.credentials = place("RUNTIME_DIRECTORY", "/run/cyborg") + "/credentials";
  paths.database = config.database;
  paths.database_remote = store::is_remote(config.database);
  sd::SystemdOptions options;
  options.credentials = paths.credentials;
  options.timers = place("CYBORG_TIMERS", options.timers);
  options.stamps = place("CYBORG_STAMPS", options.stamps);
  sd::SystemdManager systemd{loop, options};
  sd::StateJobFiles files{loop, paths.jobs};
  Vault vault{std::move(sealer)};
  JournalLog log;
  bus::BusService bus{loop.handle(), log};
  Manager* manager = nullptr;
  const auto store = store::PostgresStore::make(
      {config.database, config.node}, [&loop](std::function<void()> call) { loop.post(std::move(call)); },
      [&manager](bool available, const std::string& reason) { manager->on_availability(available, reason); });
  Manager the_manager{{{*store, systemd, files, loop, bus, vault, log}}, paths};
  manager = &the_manager;
  bus.serve(the_manager);
  store->start();
  // A unit that starts after cyborgd finds it answering; while the database is away, cyborgd answers with
  // errors.
  the_manager.on_loaded = [&loop] {
    loop.cancel("ready");
    loop.ready("serving");
  };
  loop.after("ready", std::chrono::seconds{5}, [&loop] { loop.ready("serving; the database is away"); });
  const int code = loop.run();
  loop.stopping();
  return code;
}

int start(int argc, char** argv) {
  if (argc == 2 && std::string_view{argv[1]} == "--version") {
    fmt::print("cyborgd {}\n", CYBORG_VERSION);
    return kOk;
  }
  if (argc > 1) {
    fmt::print(stderr, "cyborgd: unknown argument \"{}\"; it takes only --version\n", argv[1]);
    return kInvalidArgument;
  }
  sd::init_log();
  const std::string path = place("CYBORG_CONFIG", "/etc/cyborg/cyborgd.conf");
  const auto config = read_config(path);
  if (!config) {
    spdlog::error("{}: {}", path, config.error().message);
    return kNotConfigured;
  }
  spdlog::set_level(spdlog::level::from_str(config->log_level));
  auto sealer = Vault::open_sealer();
  if (!sealer) {
    spdlog::error("{} ({})", sealer.error().message, sealer.error().hint);
    return kNotConfigured;
  }
  return run(*config, std::move(*sealer));
}

}  // namespace
}  // namespace cyborg

int main(int argc, char** argv) {
  try {
    return cyborg::start(argc, argv);
  } catch (const std::exception& error) {
    spdlog::error("cyborgd cannot go on: {}", error.what());
    return 1;
  }
}
