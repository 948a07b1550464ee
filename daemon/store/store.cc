// Hands operations to workers, and their answers back to the event loop.
#include "store/store.h"

#include <fmt/format.h>

#include <chrono>
#include <exception>
#include <memory>
#include <utility>

#include "store/migrate.h"
#include "store/operations.h"
#include "store/worker.h"

namespace cyborg::store {

namespace {

// The schema, and the role of the jobs, which may have been made since the last time.
Expected<void> set_up(Connection& db) {
  if (auto migrated = migrate(db); !migrated) return migrated;
  auto admitted = db.run("select catalog.admit()");
  if (!admitted) return std::unexpected(admitted.error());
  return {};
}

}  // namespace

class Store::Impl {
 public:
  Impl(Config config, Poster post, OnAvailability on_availability)
      : config_(std::move(config)),
        post_(std::move(post)),
        on_availability_(std::move(on_availability)),
        state_({"store-state", config_.conninfo, true, [](Connection& db) { return set_up(db); },
                [this](bool connected, const std::string& reason) { report(connected, reason); }}),
        history_({"store-history", config_.conninfo, false, {}, {}}),
        output_({"store-output", config_.conninfo, false, {}, {}}) {}

  void start() {
    state_.start();
    history_.start();
    output_.start();
  }

  const std::string& node() const { return config_.node; }
  const std::atomic<bool>& output_stopping() const { return output_.stopping(); }

  template <typename T, typename Work>
  void in_state(Done<T> done, Work work) {
    submit(state_, std::move(done), std::move(work));
  }
  template <typename T, typename Work>
  void in_history(Done<T> done, Work work) {
    submit(history_, std::move(done), std::move(work));
  }
  template <typename T, typename Work>
  void in_output(Done<T> done, Work work) {
    submit(output_, std::move(done), std::move(work));
  }

  // All at once, so that the daemon does not wait for one after the other.
  ~Impl() {
    *alive_ = false;
    for (WorkerThread* worker : {&state_, &history_, &output_}) worker->ask_to_stop();
    for (WorkerThread* worker : {&state_, &history_, &output_}) worker->stop();
  }

 private:
  template <typename T, typename Work>
  void submit(WorkerThread& worker, Done<T> done, Work work) {
    // What the other workers do may be repeated on the spot, unlike a change whose outcome somebody must
    // know.
    worker.submit([this, &worker, done = std::move(done), work = std::move(work), again = &worker != &state_](
                      Connection* connection, const Error& why) mutable {
      // The schema is the state worker's to check; until it did, no other worker may rely on it.
      const bool usable = connection && (&worker == &state_ || available_);
      const auto start = std::chrono::steady_clock::now();
      Expected<T> answer = usable ? attempt<T>(*connection, work) : Expected<T>{std::unexpected(why)};
      if (!answer && worker.stopping()) return true;
      // At once, so that nothing waits in another worker for a server that does not answer.
      if (usable && &worker == &state_ && connection->lost()) available_ = false;
      const bool quick = std::chrono::steady_clock::now() - start < std::chrono::seconds{1};
      if (!answer && usable && connection->lost() && quick && std::exchange(again, false)) return false;
      call([done, answer = std::move(answer)] { done(answer); });
      return true;
    });
  }

  // A value that cannot be represented throws in the JSON library; a bug must not end the daemon.
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

  // On the loop's thread, unless the store was destroyed there in the meantime.
  void call(std::function<void()> what) {
    post_([alive = alive_, what = std::move(what)] {
      if (*alive) what();
    });
  }

  const Config config_;
  const Poster post_;
  const OnAvailability on_availability_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // of the loop's thread
  std::atomic<bool> available_ = false;
  WorkerThread state_;
  WorkerThread history_;
  WorkerThread output_;
};

Store::Store(Config config, Poster post, OnAvailability on_availability)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(post), std::move(on_availability))) {}
Store::~Store() = default;

void Store::start() {
  impl_->start();
}

void Store::load(Done<Snapshot> done) {
  impl_->in_state(std::move(done), [](Connection& db) { return store::load(db); });
}

void Store::put_schedule(Schedule schedule, bool create, Done<void> done) {
  impl_->in_state(std::move(done), [schedule = std::move(schedule), create](Connection& db) {
    return store::put_schedule(db, schedule, create);
  });
}
void Store::put_repository(Repository repository, bool create, std::vector<Secret> secrets, Done<void> done) {
  impl_->in_state(std::move(done),
                  [repository = std::move(repository), create, secrets = std::move(secrets)](Connection& db) {
                    return store::put_repository(db, repository, create, secrets);
                  });
}
void Store::put_client(Client client, bool create, Done<void> done) {
  impl_->in_state(std::move(done), [client = std::move(client), create](Connection& db) {
    return store::put_client(db, client, create);
  });
}
void Store::put_policy(Policy policy, bool create, std::vector<Secret> secrets, Done<void> done) {
  impl_->in_state(std::move(done),
                  [policy = std::move(policy), create, secrets = std::move(secrets)](Connection& db) {
                    return store::put_policy(db, policy, create, secrets);
                  });
}

void Store::remove_schedule(std::string name, bool force, Done<std::vector<Policy>> done) {
  impl_->in_state(std::move(done), [name = std::move(name), force](Connection& db) {
    return store::remove_schedule(db, name, force);
  });
}
void Store::remove_repository(std::string name, bool force, Done<std::vector<Policy>> done) {
  impl_->in_state(std::move(done), [name = std::move(name), force](Connection& db) {
    return store::remove_repository(db, name, force);
  });
}
void Store::remove_client(std::string name, bool force, Done<std::vector<Policy>> done) {
  impl_->in_state(std::move(done), [name = std::move(name), force](Connection& db) {
    return store::remove_client(db, name, force);
  });
}
void Store::remove_policy(std::string name, bool force, Done<std::vector<Policy>> done) {
  impl_->in_state(std::move(done), [name = std::move(name), force](Connection& db) {
    return store::remove_policy(db, name, force);
  });
}

void Store::ensure_borg_repositories(std::vector<BorgRepository> wanted,
                                     std::vector<Secret> secrets_if_absent,
                                     Done<std::vector<BorgRepository>> done) {
  impl_->in_state(std::move(done),
                  [wanted = std::move(wanted), secrets = std::move(secrets_if_absent)](Connection& db) {
                    return db.transact<std::vector<BorgRepository>>(
                        [&] { return store::ensure_borg_repositories(db, wanted, secrets); });
                  });
}

void Store::forget_keys(std::vector<std::string> borg_urls, Done<void> done) {
  impl_->in_state(std::move(done), [borg_urls = std::move(borg_urls)](Connection& db) {
    return store::forget_keys(db, borg_urls);
  });
}

void Store::create_run(NewRun run, Done<CreatedRun> done) {
  impl_->in_state(std::move(done), [run = std::move(run), node = impl_->node()](Connection& db) {
    return store::create_run(db, run, node);
  });
}
void Store::update_jobs(std::vector<JobUpdate> updates, Done<std::vector<std::int64_t>> done) {
  impl_->in_state(std::move(done), [updates = std::move(updates), node = impl_->node()](Connection& db) {
    return store::update_jobs(db, updates, node);
  });
}
void Store::finish_job(std::int64_t id, JobResult result, Microseconds finished, Done<FinishedJob> done) {
  impl_->in_state(std::move(done), [id, result = std::move(result), finished](Connection& db) {
    return store::finish_job(db, id, result, finished);
  });
}

void Store::forget_history(Microseconds before, std::int64_t after, Done<ForgottenHistory> done) {
  impl_->in_state(std::move(done),
                  [before, after](Connection& db) { return store::forget_history(db, before, after); });
}

void Store::list_jobs(JobFilter filter, std::uint32_t limit, std::int64_t cursor, Done<Page<Job>> done) {
  impl_->in_history(std::move(done), [filter = std::move(filter), limit, cursor](Connection& db) {
    return store::list_jobs(db, filter, limit, cursor);
  });
}
void Store::get_job(std::int64_t id, Done<JobRecord> done) {
  impl_->in_history(std::move(done), [id](Connection& db) { return store::get_job(db, id); });
}
void Store::list_archives(ArchiveFilter filter, std::uint32_t limit, std::int64_t cursor,
                          Done<Page<Archive>> done) {
  impl_->in_history(std::move(done), [filter = std::move(filter), limit, cursor](Connection& db) {
    return store::list_archives(db, filter, limit, cursor);
  });
}
void Store::get_archive(std::string name, Done<Archive> done) {
  impl_->in_history(std::move(done),
                    [name = std::move(name)](Connection& db) { return store::get_archive(db, name); });
}
void Store::update_archive(std::string name, ArchiveUpdate update, Done<Archive> done) {
  impl_->in_state(std::move(done), [name = std::move(name), update = std::move(update)](Connection& db) {
    return store::update_archive(db, name, update);
  });
}
void Store::get_series(std::string policy, std::string client, std::string borg_url, std::string zone,
                       Done<Series> done) {
  impl_->in_state(std::move(done), [policy = std::move(policy), client = std::move(client),
                                    borg_url = std::move(borg_url), zone = std::move(zone)](Connection& db) {
    return store::get_series(db, policy, client, borg_url, zone);
  });
}
void Store::foresee_removal(ForecastRequest request, Done<Microseconds> done) {
  impl_->in_history(std::move(done), [request = std::move(request)](Connection& db) {
    return store::foresee_removal(db, request);
  });
}
void Store::list_repository_archives(std::vector<std::string> urls, std::string state, std::uint32_t limit,
                                     std::int64_t cursor, Done<Page<RepositoryArchive>> done) {
  impl_->in_history(std::move(done),
                    [urls = std::move(urls), state = std::move(state), limit, cursor](Connection& db) {
                      return store::list_repository_archives(db, urls, state, limit, cursor);
                    });
}
void Store::find_files(std::string pattern, FileFilter filter, std::uint32_t limit, std::string cursor,
                       Done<FilePage> done) {
  impl_->in_history(std::move(done), [pattern = std::move(pattern), filter = std::move(filter), limit,
                                      cursor = std::move(cursor)](Connection& db) {
    return store::find_files(db, pattern, filter, limit, cursor);
  });
}
void Store::list_files(std::string archive, std::string path, std::uint32_t limit, std::string cursor,
                       Done<FilesPage> done) {
  impl_->in_history(std::move(done),
                    [archive = std::move(archive), path = std::move(path), limit, cursor = std::move(cursor)](
                        Connection& db) { return store::list_files(db, archive, path, limit, cursor); });
}
void Store::diff_archives(std::string a, std::string b, std::uint32_t limit, std::int64_t cursor,
                          Done<DiffPage> done) {
  impl_->in_history(std::move(done), [a = std::move(a), b = std::move(b), limit, cursor](Connection& db) {
    return store::diff_archives(db, a, b, limit, cursor);
  });
}
void Store::file_history(std::string client, std::string path, std::uint32_t limit, std::string cursor,
                         Done<FilePage> done) {
  impl_->in_history(std::move(done),
                    [client = std::move(client), path = std::move(path), limit, cursor = std::move(cursor)](
                        Connection& db) { return store::file_history(db, client, path, limit, cursor); });
}
void Store::drop_catalog(std::string client, Done<std::vector<Archive>> done) {
  impl_->in_state(std::move(done),
                  [client = std::move(client)](Connection& db) { return store::drop_catalog(db, client); });
}
void Store::fleet_status(Done<std::vector<FleetRow>> done) {
  impl_->in_history(std::move(done), [](Connection& db) { return store::fleet_status(db); });
}

void Store::maintenance_status(Done<MaintenanceStatus> done) {
  impl_->in_history(std::move(done), [](Connection& db) { return store::maintenance_status(db); });
}

void Store::set_setting(std::string name, std::string value, Done<void> done) {
  impl_->in_state(std::move(done), [name = std::move(name), value = std::move(value)](Connection& db) {
    return store::set_setting(db, name, value);
  });
}
void Store::put_secret(Secret secret, Done<void> done) {
  impl_->in_state(std::move(done),
                  [secret = std::move(secret)](Connection& db) { return store::put_secret(db, secret); });
}
void Store::put_secret_if_absent(Secret secret, Done<Secret> done) {
  impl_->in_state(std::move(done), [secret = std::move(secret)](Connection& db) {
    return store::put_secret_if_absent(db, secret);
  });
}
void Store::get_secret(SecretKey key, Done<std::optional<Secret>> done) {
  impl_->in_state(std::move(done),
                  [key = std::move(key)](Connection& db) { return store::get_secret(db, key); });
}

void Store::append_output(std::int64_t job, std::string path, bool complete, Done<std::int64_t> done) {
  impl_->in_output(std::move(done),
                   [job, path = std::move(path), complete, &stopping = impl_->output_stopping()](
                       Connection& db) { return store::append_output(db, job, path, complete, stopping); });
}
void Store::read_output(std::int64_t job, std::int64_t first_line, std::uint32_t limit,
                        Done<OutputPage> done) {
  impl_->in_history(std::move(done), [job, first_line, limit](Connection& db) {
    return store::read_output(db, job, first_line, limit);
  });
}

}  // namespace cyborg::store
