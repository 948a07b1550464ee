// SPDX-License-Identifier: GPL-3.0-or-later
// The contents of archives: searching, comparing, and rebuilding the catalog.
#include <fmt/format.h>

#include <charconv>

#include "core/fields.h"
#include "manager/manager.h"

namespace cyborg {
namespace {

constexpr unsigned kMostRows = 1000;

Expected<void> check_quota(unsigned limit) {
  if (limit >= 1 && limit <= kMostRows) return {};
  return fail(ErrorCode::invalid_argument, fmt::format("limit {}: expected 1-{}", limit, kMostRows));
}

// A path as in the catalog: without leading and trailing slashes.
std::string inner_path(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return std::string{path};
}

// The fields of `ls -l`. A time before 1970 cannot be distinguished from none.
Json::Value file_record(const ListedFile& file) {
  Json::Value row{Json::objectValue};
  row["path"] = '/' + file.path;
  row["mode"] = mode_text(file.mode);
  row["user"] = file.user;
  row["group"] = file.group;
  row["size"] = Json::UInt64(std::max<std::int64_t>(file.size, 0));
  row["mtime"] = Json::UInt64(std::max<std::int64_t>(file.mtime, 0));
  if (!file.link.empty()) row["link"] = file.link;
  return row;
}

Json::Value version_record(const store::FileVersion& version) {
  Json::Value row = file_record(version.file);
  row["client"] = version.client;
  row["policy"] = version.policy;
  row["repository"] = version.repository;
  row["current"] = version.current;
  row["first_archive"] = version.first_archive;
  row["last_archive"] = version.last_archive;
  row["first_created"] = Json::UInt64(version.first_created);
  row["last_created"] = Json::UInt64(version.last_created);
  return row;
}

Json::Value change_record(const store::FileChange& change) {
  Json::Value row{Json::objectValue};
  row["path"] = '/' + change.path;
  const auto& [before, after] = std::tie(change.before, change.after);
  row["change"] = before.mode == 0 ? "added" : after.mode == 0 ? "removed" : "modified";
  for (const auto& [name, file] : {std::pair{"old", &before}, {"new", &after}}) {
    if (file->mode == 0) continue;
    row[fmt::format("{}_mode", name)] = mode_text(file->mode);
    row[fmt::format("{}_size", name)] = Json::UInt64(std::max<std::int64_t>(file->size, 0));
    row[fmt::format("{}_mtime", name)] = Json::UInt64(std::max<std::int64_t>(file->mtime, 0));
  }
  return row;
}

// Answers with a page from the store, as records.
template <typename Row, typename Record>
auto as_records(Done<JsonPage<Json::Value>> done, Record record) {
  return [done = std::move(done), record](const Expected<store::TextPage<Row>>& stored) {
    if (!stored) return done(std::unexpected(stored.error()));
    JsonPage<Json::Value> page;
    page.next_cursor = stored->next;
    for (const auto& row : stored->rows) page.rows.push_back(record(row));
    done(std::move(page));
  };
}

}  // namespace

void Manager::find_files(const std::string& pattern, const Json::Value& json, unsigned limit,
                         const std::string& cursor, Done<JsonPage<Json::Value>> done) {
  done = later(std::move(done));
  if (auto checked = check_quota(limit); !checked) return done(std::unexpected(checked.error()));
  store::FileFilter filter;
  Fields fields{json};
  fields.text("client", filter.client);
  fields.text("policy", filter.policy);
  fields.text("repository", filter.repository);
  fields.flag("ignore_case", filter.ignore_case);
  if (auto finished = fields.finish(); !finished) return done(std::unexpected(finished.error()));
  out_.store.find_files(pattern, filter, limit, cursor,
                        as_records<store::FileVersion>(std::move(done), version_record));
}

void Manager::list_files(const std::string& archive, const std::string& path, unsigned limit,
                         const std::string& cursor, Done<JsonPage<Json::Value>> done) {
  done = later(std::move(done));
  if (auto checked = check_quota(limit); !checked) return done(std::unexpected(checked.error()));
  out_.store.list_files(archive, inner_path(path), limit, cursor,
                        as_records<ListedFile>(std::move(done), file_record));
}

void Manager::diff_archives(const std::string& a, const std::string& b, unsigned limit,
                            const std::string& cursor, Done<JsonPage<Json::Value>> done) {
  done = later(std::move(done));
  if (auto checked = check_quota(limit); !checked) return done(std::unexpected(checked.error()));
  std::int32_t from = 0;
  const auto [end, error] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), from);
  if (!cursor.empty() && (error != std::errc{} || end != cursor.data() + cursor.size())) {
    return done(
        fail(ErrorCode::invalid_argument,
             fmt::format("cursor \"{}\": expected the cursor that the previous page returned", cursor)));
  }
  out_.store.diff_archives(a, b, limit, from, as_records<store::FileChange>(std::move(done), change_record));
}

void Manager::file_history(const std::string& client, const std::string& path, unsigned limit,
                           const std::string& cursor, Done<JsonPage<Json::Value>> done) {
  done = later(std::move(done));
  if (auto checked = check_quota(limit); !checked) return done(std::unexpected(checked.error()));
  out_.store.file_history(client, inner_path(path), limit, cursor,
                          as_records<store::FileVersion>(std::move(done), version_record));
}

void Manager::drop_catalog(const std::string& client, Done<void> done) {
  done = later(std::move(done));
  if (auto writable = state_.writable(); !writable) return done(std::unexpected(writable.error()));
  out_.store.drop_catalog(client,
                          [done = std::move(done)](const Expected<std::vector<store::Archive>>& archives) {
                            if (!archives) return done(std::unexpected(archives.error()));
                            done({});
                          });
}

// The queue keeps this order, since it runs one at a time for each borg repository.
Plan Manager::plan_catalogs(const std::vector<store::Archive>& archives) const {
  Plan plan;
  for (const auto& archive : archives) {
    const auto policy = state_.fleet.policies.find(archive.policy);
    const bool unwanted = policy != state_.fleet.policies.end() && !policy->second.catalog;
    if (unwanted || !state_.fleet.repositories.contains(archive.repository)) continue;
    NewJob& job = plan.jobs.emplace_back();
    job.kind = JobKind::catalog;
    job.policy = archive.policy;
    job.client = archive.client;
    job.repository = archive.repository;
    job.borg_url = archive.borg_url;
    job.archive = archive.name;
  }
  return plan;
}

void Manager::catalog_imported(const std::vector<store::Archive>& archives) {
  if (!setting_flag(state_.settings, "catalog")) return;
  Plan plan = plan_catalogs(archives);
  if (plan.jobs.empty()) return;
  RunRequest request;
  request.actor = "import";
  create_run(std::move(plan), "", request, [this](const Expected<RunAnswer>& answer) {
    if (!answer) out_.log.trouble("imported archives are not in the catalog: " + answer.error().message);
  });
}

void Manager::rebuild_catalog(const std::string& client, const std::string& actor, Done<RunAnswer> done) {
  done = later(std::move(done));
  if (auto writable = state_.writable(); !writable) return done(std::unexpected(writable.error()));
  out_.store.drop_catalog(client, [this, client, actor, done = std::move(done)](
                                      const Expected<std::vector<store::Archive>>& archives) {
    if (!archives) return done(std::unexpected(archives.error()));
    Plan plan = plan_catalogs(*archives);
    if (plan.jobs.empty()) {
      return done(fail(ErrorCode::no_such_archive,
                       fmt::format("client {} has no archive that could be in the catalog", client)));
    }
    RunRequest request;
    request.actor = actor;
    create_run(std::move(plan), "", request, done);
  });
}

}  // namespace cyborg
