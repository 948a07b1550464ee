// SPDX-License-Identifier: GPL-3.0-or-later
// The use cases: one function for each request of a caller. The bus has already checked the caller's
// rights.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/restore_request.h"
#include "manager/followers.h"
#include "manager/job_runner.h"
#include "manager/state.h"
#include "store/store.h"

namespace cyborg {

struct RunRequest {
  std::vector<std::string> clients;  // empty: all clients of the policy, or of the repository
  Microseconds scheduled = 0;        // the timer's elapse; 0: by hand
  bool dry_run = false;
  std::string actor;
  std::string maintenance, repository;  // for scheduled maintenance instead of a policy's run
};

struct RunAnswer {
  std::int64_t run = 0;
  std::vector<std::int64_t> jobs;
  std::vector<Json::Value> plan;  // for a dry run: a record for each job, or for each thing left out
};

struct RestoreOptions {
  RestoreRequest what;  // without the location of the archive; an empty client means the archive's own
  Descriptor output;    // with what.output
  std::string actor;
};

struct ImportOptions {
  std::string client;  // the client they belong to; with {client} in the URL, also the borg repository's
  std::string policy;  // the policy whose retention applies to them; empty: none
  std::string glob;    // of names; empty, and no names: all that are foreign
  std::vector<std::string> names;
  std::string actor;
};

struct PrepareOptions {
  std::optional<std::string> password{};  // the password of a client's user
  bool dry_run = false;                   // a test: nothing is changed
  bool anew = false;                      // of a repository: what was there is lost
  std::string actor;
};

template <typename Row>
struct JsonPage {
  std::vector<Row> rows;
  std::string next_cursor;
};

// Every caller is answered in a later turn of the loop, however early the answer is known.
class Manager {
 public:
  struct Outside : JobRunner::Outside {};

  Manager(Outside outside, Paths paths);

  std::function<void()> on_loaded;  // the state is in memory: calls can be answered from now on

  // From the store: the database became available or unavailable.
  void on_availability(bool available, const std::string& reason);
  const State& state() const { return state_; }
  std::size_t live_jobs() const { return runner_.live_jobs(); }
  JobPhase phase(std::int64_t job) const { return runner_.phase(job); }

  // objects
  void put_schedule(const std::string& name, const Json::Value& properties, bool create, Done<void> done);
  void put_repository(const std::string& name, const Json::Value& properties,
                      std::optional<std::string> passphrase, bool create, Done<void> done);
  void put_client(const std::string& name, const Json::Value& properties, bool create, Done<void> done);
  // password: for the database user, with types that take one.
  void put_policy(const std::string& name, const Json::Value& properties, std::optional<std::string> password,
                  bool create, Done<void> done);
  void remove(ObjectKind kind, const std::string& name, bool force, Done<void> done);

  // runs and jobs
  void run_policy(const std::string& policy, const RunRequest& request, Done<RunAnswer> done);
  void prepare_client(const std::string& client, PrepareOptions options, Done<std::int64_t> done);
  void prepare_repository(const std::string& repository, const std::vector<std::string>& clients,
                          const PrepareOptions& options, Done<std::vector<std::int64_t>> done);
  // Changes the passphrase of prepared borg repositories; without a passphrase, generates one for each.
  void change_passphrase(const std::string& repository, const std::vector<std::string>& clients,
                         const std::optional<std::string>& passphrase, const std::string& actor,
                         Done<std::vector<std::int64_t>> done);
  void restore(const std::string& archive, const RestoreOptions& options, Done<std::int64_t> done);
  void cancel_job(std::int64_t id, Done<void> done);
  void retry_job(std::int64_t id, const std::string& actor, Done<RunAnswer> done);
  // The method whose right a retry needs in addition to that to run: see privileged_method().
  void method_of_retry(std::int64_t id, Done<std::optional<std::string_view>> done);

  // maintenance and archives
  void prune_policy(const std::string& policy, const RunRequest& request, Done<RunAnswer> done);
  // With request.scheduled, for an elapse of its timer: uses the repository's properties, for all prepared
  // borg repositories.
  void run_on_repository(JobKind kind, const std::string& repository, const Json::Value& details,
                         RunRequest request, Done<std::vector<std::int64_t>> done);
  // Verifies archives: the newest of each series, or a given one.
  void verify_policy(const std::string& policy, const RunRequest& request, Done<RunAnswer> done);
  void verify_archive(const std::string& archive, const std::string& actor, Done<std::int64_t> done);
  // Clients' own keys on repository hosts; force deletes them here without contacting the host.
  Expected<std::vector<Json::Value>> list_keys(const Json::Value& filter) const;
  void withdraw_keys(const std::string& repository, const std::vector<std::string>& clients, bool force,
                     const std::string& actor, Done<std::vector<std::int64_t>> done);
  void remove_archive(const std::string& archive, const std::string& actor, Done<std::int64_t> done);
  void update_archive(const std::string& archive, const Json::Value& properties, Done<void> done);
  // Adds foreign archives from a listing to the history.
  void import_archives(const std::string& repository, const ImportOptions& options,
                       Done<std::vector<std::int64_t>> done);
  void list_repository_archives(const std::string& repository, const Json::Value& filter, unsigned limit,
                                const std::string& cursor, Done<JsonPage<Json::Value>> done);
  void explain_archive(const std::string& archive, Done<Json::Value> done);

  // read-only queries
  void list_elapses(const std::string& policy, unsigned count, Done<std::vector<Microseconds>> done);
  void list_jobs(const Json::Value& filter, unsigned limit, const std::string& cursor,
                 Done<JsonPage<Json::Value>> done);
  void get_job(std::int64_t id, Done<Json::Value> done);
  void read_log(std::int64_t id, std::uint64_t first, unsigned limit, Done<LogPage> done);
  void follow(const std::string& follower, std::int64_t id, std::uint64_t first, Done<void> done);
  void unfollow(const std::string& follower, std::int64_t id) { followers_.unfollow(follower, id); }
  void follower_gone(const std::string& follower) { followers_.gone(follower); }
  void list_archives(const Json::Value& filter, unsigned limit, const std::string& cursor,
                     Done<JsonPage<Json::Value>> done);
  void find_files(const std::string& pattern, const Json::Value& filter, unsigned limit,
                  const std::string& cursor, Done<JsonPage<Json::Value>> done);
  void list_files(const std::string& archive, const std::string& path, unsigned limit,
                  const std::string& cursor, Done<JsonPage<Json::Value>> done);
  void diff_archives(const std::string& a, const std::string& b, unsigned limit, const std::string& cursor,
                     Done<JsonPage<Json::Value>> done);
  void file_history(const std::string& client, const std::string& path, unsigned limit,
                    const std::string& cursor, Done<JsonPage<Json::Value>> done);
  void drop_catalog(const std::string& client, Done<void> done);
  void rebuild_catalog(const std::string& client, const std::string& actor, Done<RunAnswer> done);
  // What the latest preparation or test has found on a client, and which policies cover it.
  void discover_client(const std::string& client, Done<std::vector<Json::Value>> done);
  void fleet_status(Done<std::vector<Json::Value>> done);
  void repository_status(Done<std::vector<Json::Value>> done);
  std::vector<Json::Value> list_settings() const;
  void set_setting(const std::string& name, const std::string& value, Done<void> done);
  void export_key(const std::string& repository, const std::string& client, Done<std::string> done);

 private:
  // Keeps the promise of Done: an answer from within the call is sent in the loop's next turn.
  template <typename T>
  Done<T> later(Done<T> done) {
    return [clock = &out_.clock, done = std::move(done)](Expected<T> answer) {
      clock->post([done, answer = std::move(answer)]() mutable { done(std::move(answer)); });
    };
  }

  // A dry run of prunes.
  struct Preview {
    Policy policy;
    std::string zone;
    std::vector<NewJob> jobs;
    std::size_t next = 0;
    std::vector<Json::Value> rows;
  };
  void withdraw_unused_keys(const std::string& actor);
  void forget_keys(const KeyChoice& only, Then<std::vector<std::int64_t>> done);
  void preview_prune(std::shared_ptr<Preview> preview, Then<RunAnswer> done);
  Chain chain() const;
  Plan plan_catalogs(const std::vector<store::Archive>& archives) const;
  void catalog_imported(const std::vector<store::Archive>& archives);
  void foresee(const store::Archive& archive, const Policy& policy, Json::Value row, Then<Json::Value> done);
  void with_skipped_backups(const Job& preparation, std::function<void(const std::vector<Job>&)> then);

  struct ScheduleTimes {
    std::vector<std::string> calendar;  // the calendar to which these times belong
    std::vector<Microseconds> elapses;
  };

  struct NewPassphrases {
    std::vector<BorgRepository> wanted;
    std::size_t next = 0;                      // of wanted
    std::map<std::string, std::string> given;  // by repository; empty: none was given
    std::vector<store::Secret> secrets;
  };

  Expected<std::vector<store::Secret>> repository_secrets(const Repository& repository,
                                                          const std::string& passphrase);
  Expected<std::vector<store::Secret>> changed_passphrases(const std::string& repository,
                                                           const std::vector<std::string>& clients,
                                                           const std::optional<std::string>& passphrase);
  Expected<void> refuse_preparations(const std::string& repository) const;
  void store_repository(const Repository& repository, std::vector<store::Secret> secrets, bool create,
                        Then<void> done);
  Expected<std::vector<store::Secret>> policy_secrets(const Policy& policy,
                                                      std::optional<std::string> password);
  void synchronise();
  void take_snapshot(store::Snapshot snapshot);
  void ensure_ssh_key(Then<void> done);
  void refresh_timers(Then<void> done);
  void changed(ObjectKind kind, const std::string& name);
  void forget_schedule(const std::string& name);
  void create_run(Plan plan, const std::string& policy, const RunRequest& request, Then<RunAnswer> done);
  void store_run(Plan plan, const std::string& policy, const RunRequest& request,
                 std::vector<store::Secret> secrets, Then<RunAnswer> done);
  void seal_passphrases(std::shared_ptr<NewPassphrases> work, Then<std::vector<store::Secret>> done);
  void with_schedule_times(std::function<void()> then);
  void add_passphrase(std::string text, const char* title, const store::SecretKey& key,
                      Then<std::string> done);
  // Runs after the end of a job, at most once a day, so that no timer is needed for it.
  void tidy_history();
  void forget_history(Microseconds before, std::int64_t after, std::int64_t forgotten);
  Json::Value maintenance_row(const BorgRepository& borg, const store::MaintenanceStatus& status,
                              Microseconds now) const;
  Json::Value status_row(const store::FleetRow& row, Microseconds now) const;
  std::string timestamp() const;

  Outside out_;
  State state_;
  Followers followers_;
  JobRunner runner_;
  std::map<std::string, ScheduleTimes> schedule_times_;
  Microseconds history_tidied_ = 0;
};

// A job's record, as in ListJobs and GetJob.
Json::Value job_record(const Job& job);

}  // namespace cyborg
