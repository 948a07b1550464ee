// SPDX-License-Identifier: GPL-3.0-or-later
// The Manager's methods for archives and their contents, and for the maintenance of repositories.
#include "bus/manager_object.h"
#include "bus/records.h"
#include "core/fields.h"
#include "dbus/names.h"

namespace cyborg::bus {
namespace {

// Options of the methods that create one job for each borg repository.
struct RepositoryOptions {
  RunRequest request;
  Json::Value details{Json::objectValue};
};

void read_request(Fields& fields, RunRequest& request, const Actor& actor) {
  fields.list("clients", request.clients);
  fields.number("scheduled", request.scheduled, 0, INT64_MAX);
  request.actor = request.scheduled > 0 ? "timer" : actor.label();
}

Expected<RepositoryOptions> check_options(const VariantMap& options, const Actor& actor) {
  RepositoryOptions wanted;
  std::int64_t max_duration = 0;
  bool verify_data = false;
  const Json::Value json = to_json(options);
  Fields fields{json};
  read_request(fields, wanted.request, actor);
  fields.number("max_duration", max_duration, 1, 7 * 86400);
  fields.flag("verify_data", verify_data);
  if (verify_data && max_duration > 0) {
    fields.refuse("verify_data", "true", "no max_duration beside it: borg reads all data in one go");
  }
  if (auto finished = fields.finish(); !finished) return std::unexpected(finished.error());
  wanted.details["max_duration"] = Json::Int64{max_duration};
  wanted.details["verify_data"] = verify_data;
  return wanted;
}

// The options of methods that take no others.
Expected<RepositoryOptions> maintenance_options(const VariantMap& options, const Actor& actor) {
  RepositoryOptions wanted;
  const Json::Value json = to_json(options);
  Fields fields{json};
  read_request(fields, wanted.request, actor);
  if (auto finished = fields.finish(); !finished) return std::unexpected(finished.error());
  return wanted;
}

auto encode_jobs() {
  return [](const auto& reply, const std::vector<std::int64_t>& jobs) { reply(encode_ids(jobs)); };
}

}  // namespace

void ManagerObject::ListArchives(sdbus::Result<Maps, std::string>&& result, VariantMap filter, uint32_t limit,
                                 std::string cursor) {
  serve_method(
      std::move(result), "ListArchives", {},
      [this, filter = std::move(filter), limit, cursor](const Reply<Maps, std::string>& reply, const Actor&) {
        context_.manager.list_archives(to_json(filter), limit, cursor, reply.then(encode_page()));
      });
}

void ManagerObject::FindFiles(sdbus::Result<Maps, std::string>&& result, std::string pattern,
                              VariantMap filter, uint32_t limit, std::string cursor) {
  serve_method(std::move(result), "FindFiles", {},
               [this, pattern, filter = std::move(filter), limit, cursor](
                   const Reply<Maps, std::string>& reply, const Actor&) {
                 context_.manager.find_files(pattern, to_json(filter), limit, cursor,
                                             reply.then(encode_page()));
               });
}

void ManagerObject::ListFiles(sdbus::Result<Maps, std::string>&& result, std::string archive,
                              std::string path, uint32_t limit, std::string cursor) {
  serve_method(std::move(result), "ListFiles", {{"archive", archive}},
               [this, archive, path, limit, cursor](const Reply<Maps, std::string>& reply, const Actor&) {
                 context_.manager.list_files(archive, path, limit, cursor, reply.then(encode_page()));
               });
}

void ManagerObject::DiffArchives(sdbus::Result<Maps, std::string>&& result, std::string a, std::string b,
                                 uint32_t limit, std::string cursor) {
  serve_method(std::move(result), "DiffArchives", {{"archive", a}},
               [this, a, b, limit, cursor](const Reply<Maps, std::string>& reply, const Actor&) {
                 context_.manager.diff_archives(a, b, limit, cursor, reply.then(encode_page()));
               });
}

void ManagerObject::FileHistory(sdbus::Result<Maps, std::string>&& result, std::string client,
                                std::string path, uint32_t limit, std::string cursor) {
  serve_method(std::move(result), "FileHistory", {{"client", client}},
               [this, client, path, limit, cursor](const Reply<Maps, std::string>& reply, const Actor&) {
                 context_.manager.file_history(client, path, limit, cursor, reply.then(encode_page()));
               });
}

void ManagerObject::DropCatalog(sdbus::Result<>&& result, std::string client) {
  serve_method(std::move(result), "DropCatalog", {{"client", client}},
               [this, client](const Reply<>& reply, const Actor&) {
                 context_.manager.drop_catalog(client, reply.done());
               });
}

void ManagerObject::RebuildCatalog(sdbus::Result<uint64_t, Ids>&& result, std::string client) {
  serve_method(std::move(result), "RebuildCatalog", {{"client", client}},
               [this, client](const Reply<uint64_t, Ids>& reply, const Actor& actor) {
                 context_.manager.rebuild_catalog(
                     client, actor.label(), reply.then([](const auto& answer_to, const RunAnswer& answer) {
                       answer_to(static_cast<uint64_t>(answer.run), encode_ids(answer.jobs));
                     }));
               });
}

void ManagerObject::PrunePolicy(sdbus::Result<uint64_t, Ids, Maps>&& result, std::string policy,
                                VariantMap options) {
  serve_method(std::move(result), "PrunePolicy", {{"policy", policy}},
               [this, policy, options = std::move(options)](const Reply<uint64_t, Ids, Maps>& reply,
                                                            const Actor& actor) {
                 const auto request = run_request(options, actor);
                 if (!request) return reply.fail(request.error());
                 context_.manager.prune_policy(policy, *request, reply.then(encode_run()));
               });
}

void ManagerObject::CompactRepository(sdbus::Result<Ids>&& result, std::string repository,
                                      VariantMap options) {
  serve_method(std::move(result), "CompactRepository", {{"repository", repository}},
               [this, repository, options = std::move(options)](const Reply<Ids>& reply, const Actor& actor) {
                 const auto wanted = maintenance_options(options, actor);
                 if (!wanted) return reply.fail(wanted.error());
                 context_.manager.run_on_repository(JobKind::compact, repository, wanted->details,
                                                    wanted->request, reply.then(encode_jobs()));
               });
}

void ManagerObject::CheckRepository(sdbus::Result<Ids>&& result, std::string repository, VariantMap options) {
  serve_method(std::move(result), "CheckRepository", {{"repository", repository}},
               [this, repository, options = std::move(options)](const Reply<Ids>& reply, const Actor& actor) {
                 const auto wanted = check_options(options, actor);
                 if (!wanted) return reply.fail(wanted.error());
                 context_.manager.run_on_repository(JobKind::check, repository, wanted->details,
                                                    wanted->request, reply.then(encode_jobs()));
               });
}

void ManagerObject::VerifyRepository(sdbus::Result<Ids>&& result, std::string repository,
                                     VariantMap options) {
  serve_method(std::move(result), "VerifyRepository", {{"repository", repository}},
               [this, repository, options = std::move(options)](const Reply<Ids>& reply, const Actor& actor) {
                 const auto wanted = maintenance_options(options, actor);
                 if (!wanted) return reply.fail(wanted.error());
                 context_.manager.run_on_repository(JobKind::verify, repository, wanted->details,
                                                    wanted->request, reply.then(encode_jobs()));
               });
}

void ManagerObject::ListRepository(sdbus::Result<Ids>&& result, std::string repository, VariantMap options) {
  serve_method(std::move(result), "ListRepository", {{"repository", repository}},
               [this, repository, options = std::move(options)](const Reply<Ids>& reply, const Actor& actor) {
                 RunRequest request;
                 const Json::Value json = to_json(options);
                 Fields fields{json};
                 fields.list("clients", request.clients);
                 if (auto finished = fields.finish(); !finished) return reply.fail(finished.error());
                 request.actor = actor.label();
                 context_.manager.run_on_repository(JobKind::list, repository, Json::Value{Json::objectValue},
                                                    request, reply.then(encode_jobs()));
               });
}

void ManagerObject::ListRepositoryArchives(sdbus::Result<Maps, std::string>&& result, std::string repository,
                                           VariantMap filter, uint32_t limit, std::string cursor) {
  serve_method(std::move(result), "ListRepositoryArchives", {{"repository", repository}},
               [this, repository, filter = std::move(filter), limit, cursor](
                   const Reply<Maps, std::string>& reply, const Actor&) {
                 context_.manager.list_repository_archives(repository, to_json(filter), limit, cursor,
                                                           reply.then(encode_page()));
               });
}

void ManagerObject::ImportArchives(sdbus::Result<Ids>&& result, std::string repository, VariantMap options) {
  serve_method(std::move(result), "ImportArchives", {{"repository", repository}},
               [this, repository, options = std::move(options)](const Reply<Ids>& reply, const Actor& actor) {
                 ImportOptions wanted;
                 const Json::Value json = to_json(options);
                 Fields fields{json};
                 fields.text("client", wanted.client);
                 fields.text("policy", wanted.policy);
                 fields.text("glob", wanted.glob);
                 fields.list("names", wanted.names);
                 if (auto finished = fields.finish(); !finished) return reply.fail(finished.error());
                 wanted.actor = actor.label();
                 context_.manager.import_archives(repository, wanted, reply.then(encode_jobs()));
               });
}

void ManagerObject::VerifyPolicy(sdbus::Result<uint64_t, Ids>&& result, std::string policy,
                                 VariantMap options) {
  serve_method(
      std::move(result), "VerifyPolicy", {{"policy", policy}},
      [this, policy, options = std::move(options)](const Reply<uint64_t, Ids>& reply, const Actor& actor) {
        RunRequest request;
        request.actor = actor.label();
        const Json::Value json = to_json(options);
        Fields fields{json};
        fields.list("clients", request.clients);
        if (auto finished = fields.finish(); !finished) return reply.fail(finished.error());
        context_.manager.verify_policy(
            policy, request, reply.then([](const auto& answer_to, const RunAnswer& answer) {
              answer_to(static_cast<uint64_t>(answer.run), encode_ids(answer.jobs));
            }));
      });
}

void ManagerObject::VerifyArchive(sdbus::Result<uint64_t>&& result, std::string archive) {
  serve_method(std::move(result), "VerifyArchive", {{"archive", archive}},
               [this, archive](const Reply<uint64_t>& reply, const Actor& actor) {
                 context_.manager.verify_archive(archive, actor.label(),
                                                 reply.then([](const auto& answer_to, std::int64_t job) {
                                                   answer_to(static_cast<uint64_t>(job));
                                                 }));
               });
}

void ManagerObject::ListKeys(sdbus::Result<Maps>&& result, VariantMap filter) {
  serve_method(std::move(result), "ListKeys", {},
               [this, filter = std::move(filter)](const Reply<Maps>& reply, const Actor&) {
                 const auto rows = context_.manager.list_keys(to_json(filter));
                 if (!rows) return reply.fail(rows.error());
                 reply(encode_records(*rows));
               });
}

void ManagerObject::WithdrawKeys(sdbus::Result<Ids>&& result, std::string repository, VariantMap options) {
  serve_method(std::move(result), "WithdrawKeys", {{"repository", repository}},
               [this, repository, options = std::move(options)](const Reply<Ids>& reply, const Actor& actor) {
                 Strings clients;
                 bool force = false;
                 const Json::Value json = to_json(options);
                 Fields fields{json};
                 fields.list("clients", clients);
                 fields.flag("force", force);
                 if (auto finished = fields.finish(); !finished) return reply.fail(finished.error());
                 context_.manager.withdraw_keys(repository, clients, force, actor.label(),
                                                reply.then(encode_jobs()));
               });
}

void ManagerObject::RemoveArchive(sdbus::Result<uint64_t>&& result, std::string archive) {
  serve_method(std::move(result), "RemoveArchive", {{"archive", archive}},
               [this, archive](const Reply<uint64_t>& reply, const Actor& actor) {
                 context_.manager.remove_archive(archive, actor.label(),
                                                 reply.then([](const auto& answer_to, std::int64_t job) {
                                                   answer_to(static_cast<uint64_t>(job));
                                                 }));
               });
}

void ManagerObject::SetArchive(sdbus::Result<>&& result, std::string archive, VariantMap properties) {
  serve_method(std::move(result), "SetArchive", {{"archive", archive}},
               [this, archive, properties = std::move(properties)](const Reply<>& reply, const Actor&) {
                 context_.manager.update_archive(archive, to_json(properties), reply.done());
               });
}

void ManagerObject::ExplainArchive(sdbus::Result<VariantMap>&& result, std::string archive) {
  serve_method(std::move(result), "ExplainArchive", {{"archive", archive}},
               [this, archive](const Reply<VariantMap>& reply, const Actor&) {
                 context_.manager.explain_archive(
                     archive, reply.then([](const auto& answer_to, const Json::Value& row) {
                       answer_to(to_variant_map(row));
                     }));
               });
}

}  // namespace cyborg::bus
