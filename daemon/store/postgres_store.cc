// SPDX-License-Identifier: GPL-3.0-or-later
// Passes operations to workers, and their results back to the event loop.
#include "store/postgres_store.h"

#include <fmt/format.h>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <utility>

#include "store/migrate.h"
#include "store/operations.h"
#include "store/worker.h"

namespace cyborg::store {

namespace {

// Sets up the schema and the database role of jobs, which may have been created since the last time.
Expected<void> set_up(Connection& db) {
  if (auto migrated = migrate(db); !migrated) return migrated;
  auto admitted = db.run("select catalog.admit()");
  if (!admitted) return std::unexpected(admitted.error());
  return {};
}

class Workers final : public PostgresStore {
 public:
  Workers(Config config, Poster post, OnAvailability on_availability)
      : config_(std::move(config)),
        post_(std::move(post)),
        on_availability_(std::move(on_availability)),
        state_({"store-state", config_.conninfo, true, [](Connection& db) { return set_up(db); },
                [this](bool connected, const std::string& reason) { report(connected, reason); }}),
        history_({"store-history", config_.conninfo, false, {}, {}}),
        output_({"store-output", config_.conninfo, false, {}, {}}) {}

  // All at once, so that the daemon does not wait for one after the other.
  ~Workers() override {
    *alive_ = false;
    for (WorkerThread* worker : {&state_, &history_, &output_}) worker->ask_to_stop();
    for (WorkerThread* worker : {&state_, &history_, &output_}) worker->stop();
  }

  void start() override {
    state_.start();
    history_.start();
    output_.start();
  }

  void load(Done<Snapshot> done) override { submit(state_, std::move(done), store::load); }
  void put_schedule(Schedule schedule, bool create, Done<void> done) override {
    submit(state_, std::move(done), store::put_schedule, std::move(schedule), create);
  }
  void put_repository(Repository repository, bool create, std::vector<Secret> secrets,
                      Done<void> done) override {
    submit(state_, std::move(done), store::put_repository, std::move(repository), create, std::move(secrets));
  }
  void put_client(Client client, bool create, Done<void> done) override {
    submit(state_, std::move(done), store::put_client, std::move(client), create);
  }
  void put_policy(Policy policy, bool create, std::vector<Secret> secrets, Done<void> done) override {
    submit(state_, std::move(done), store::put_policy, std::move(policy), create, std::move(secrets));
  }
  void remove_schedule(std::string name, bool force, Done<std::vector<Policy>> done) override {
    submit(state_, std::move(done), store::remove_schedule, std::move(name), force);
  }
  void remove_repository(std::string name, bool force, Done<std::vector<Policy>> done) override {
    submit(state_, std::move(done), store::remove_repository, std::move(name), force);
  }
  void remove_client(std::string name, bool force, Done<std::vector<Policy>> done) override {
    submit(state_, std::move(done), store::remove_client, std::move(name), force);
  }
  void remove_policy(std::string name, bool force, Done<std::vector<Policy>> done) override {
    submit(state_, std::move(done), store::remove_policy, std::move(name), force);
  }
  void forget_keys(std::vector<std::string> borg_urls, Done<void> done) override {
    submit(state_, std::move(done), store::forget_keys, std::move(borg_urls));
  }
  void create_run(NewRun run, Done<CreatedRun> done) override {
    submit(state_, std::move(done), store::create_run, std::move(run), config_.node);
  }
  void update_jobs(std::vector<JobUpdate> updates, Done<std::vector<std::int64_t>> done) override {
    submit(state_, std::move(done), store::update_jobs, std::move(updates), config_.node);
  }
  void finish_job(std::int64_t id, JobResult result, Microseconds finished, Done<FinishedJob> done) override {
    submit(state_, std::move(done), store::finish_job, id, std::move(result), finished);
  }
  void forget_history(Microseconds before, std::int64_t after, Done<ForgottenHistory> done) override {
    submit(state_, std::move(done), store::forget_history, before, after);
  }
  void list_jobs(JobFilter filter, std::uint32_t limit, std::int64_t cursor, Done<Page<Job>> done) override {
    submit(history_, std::move(done), store::list_jobs, std::move(filter), limit, cursor);
  }
  void get_job(std::int64_t id, Done<JobRecord> done) override {
    submit(history_, std::move(done), store::get_job, id);
  }
  void list_archives(ArchiveFilter filter, std::uint32_t limit, std::int64_t cursor,
                     Done<Page<Archive>> done) override {
    submit(history_, std::move(done), store::list_archives, std::move(filter), limit, cursor);
  }
  void get_archive(std::string name, Done<Archive> done) override {
    submit(history_, std::move(done), store::get_archive, std::move(name));
  }
  void update_archive(std::string name, ArchiveUpdate update, Done<Archive> done) override {
    submit(state_, std::move(done), store::update_archive, std::move(name), std::move(update));
  }
  void get_series(std::string policy, std::string client, std::string borg_url, std::string zone,
                  Done<Series> done) override {
    submit(state_, std::move(done), store::get_series, std::move(policy), std::move(client),
           std::move(borg_url), std::move(zone));
  }
  void foresee_removal(ForecastRequest request, Done<Microseconds> done) override {
    submit(history_, std::move(done), store::foresee_removal, std::move(request));
  }
  void list_repository_archives(std::vector<std::string> urls, std::string state, std::uint32_t limit,
                                std::int64_t cursor, Done<Page<RepositoryArchive>> done) override {
    submit(history_, std::move(done), store::list_repository_archives, std::move(urls), std::move(state),
           limit, cursor);
  }
  void find_files(std::string pattern, FileFilter filter, std::uint32_t limit, std::string cursor,
                  Done<FilePage> done) override {
    submit(history_, std::move(done), store::find_files, std::move(pattern), std::move(filter), limit,
           std::move(cursor));
  }
  void list_files(std::string archive, std::string path, std::uint32_t limit, std::string cursor,
                  Done<FilesPage> done) override {
    submit(history_, std::move(done), store::list_files, std::move(archive), std::move(path), limit,
           std::move(cursor));
  }
  void diff_archives(std::string a, std::string b, std::uint32_t limit, std::int64_t cursor,
                     Done<DiffPage> done) override {
    submit(history_, std::move(done), store::diff_archives, std::move(a), std::move(b), limit, cursor);
  }
  void file_history(std::string client, std::string path, std::uint32_t limit, std::string cursor,
                    Done<FilePage> done) override {
    submit(history_, std::move(done), store::file_history, std::move(client), std::move(path), limit,
           std::move(cursor));
  }
  void drop_catalog(std::string client, Done<std::vector<Archive>> done) override {
    submit(state_, std::move(done), store::drop_catalog, std::move(client));
  }
  void fleet_status(Done<std::vector<FleetRow>> done) override {
    submit(history_, std::move(done), store::fleet_status);
  }
  void maintenance_status(Done<MaintenanceStatus> done) override {
    submit(history_, std::move(done), store::maintenance_status);
  }
  void set_setting(std::string name, std::string value, Done<void> done) override {
    submit(state_, std::move(done), store::set_setting, std::move(name), std::move(value));
  }
  void put_secret_if_absent(Secret secret, Done<Secret> done) override {
    submit(state_, std::move(done), store::put_secret_if_absent, std::move(secret));
  }
  void get_secret(SecretKey key, Done<std::optional<Secret>> done) override {
    submit(state_, std::move(done), store::get_secret, std::move(key));
  }
  void append_output(std::int64_t job, std::string path, bool complete, Done<std::int64_t> done) override {
    submit(output_, std::move(done), store::append_output, job, std::move(path), complete,
           std::cref(output_.stopping()));
  }
  void read_output(std::int64_t job, std::int64_t first_line, std::uint32_t limit,
                   Done<OutputPage> done) override {
    submit(history_, std::move(done), store::read_output, job, first_line, limit);
  }

 private:
  // Runs the operation with its arguments, on the worker's connection.
  template <typename T, typename Operation, typename... Arguments>
  void submit(WorkerThread& worker, Done<T> done, Operation* operation, Arguments... arguments) {
    auto work = [operation, ... arguments = std::move(arguments)](Connection& db) {
      return operation(db, arguments...);
    };
    // The other workers' operations may be repeated immediately, unlike a change whose outcome the caller
    // must know.
    worker.submit([this, &worker, done = std::move(done), work = std::move(work), again = &worker != &state_](
                      Connection* connection, const Error& why) mutable {
      // Only the state worker checks the schema; until it has, no other worker may use it.
      const bool usable = connection && (&worker == &state_ || available_);
      const auto start = std::chrono::steady_clock::now();
      Expected<T> answer = usable ? attempt<T>(*connection, work) : Expected<T>{std::unexpected(why)};
      if (!answer && worker.stopping()) return true;
      // Immediately, so that nothing waits in another worker for a server that does not answer.
      if (usable && &worker == &state_ && connection->lost()) available_ = false;
      const bool quick = std::chrono::steady_clock::now() - start < std::chrono::seconds{1};
      if (!answer && usable && connection->lost() && quick && std::exchange(again, false)) return false;
      call([done, answer = std::move(answer)] { done(answer); });
      return true;
    });
  }

  // The JSON library throws for a value that it cannot represent; a bug must not end the daemon.
  template <typename T, typename Work>
  static Expected<T> attempt(Connection& db, const Work& work) {
    try {
      return work(db);
    } catch (const std::exception& exception) {
      return fail(ErrorCode::failed, fmt::format("store: {}", exception.what()));
    }
  }

  void report(bool connected, const std::string& reason) {
    available_ = connected;
    call([this, connected, reason] { on_availability_(connected, reason); });
  }

  // Called on the loop's thread, unless the store was destroyed meanwhile.
  void call(std::function<void()> what) {
    post_([alive = alive_, what = std::move(what)] {
      if (*alive) what();
    });
  }

  const Config config_;
  const Poster post_;
  const OnAvailability on_availability_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // used by the loop's thread only
  std::atomic<bool> available_ = false;
  WorkerThread state_;
  WorkerThread history_;
  WorkerThread output_;
};

}  // namespace

std::unique_ptr<PostgresStore> PostgresStore::make(Config config, Poster post,
                                                   OnAvailability on_availability) {
  return std::make_unique<Workers>(std::move(config), std::move(post), std::move(on_availability));
}

}  // namespace cyborg::store
