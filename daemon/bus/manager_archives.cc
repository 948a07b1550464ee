// The Manager's methods on archives, and on what keeps repositories in order.
#include "bus/manager_object.h"
#include "bus/records.h"
#include "core/fields.h"
#include "dbus/names.h"

namespace cyborg::bus {
namespace {

// Options of the methods that make one job for each borg repository.
struct RepositoryOptions {
  Strings clients;
  Json::Value details{Json::objectValue};
};

Expected<RepositoryOptions> check_options(const VariantMap& options) {
  RepositoryOptions wanted;
  std::int64_t max_duration = 0;
  bool verify_data = false;
  const Json::Value json = to_json(options);
  Fields fields{json};
  fields.list("clients", wanted.clients);
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

Expected<RepositoryOptions> compact_options(const VariantMap& options) {
  RepositoryOptions wanted;
  const Json::Value json = to_json(options);
  Fields fields{json};
  fields.list("clients", wanted.clients);
  if (auto finished = fields.finish(); !finished) return std::unexpected(finished.error());
  return wanted;
}

auto encode_jobs() {
  return [](const auto& reply, const std::vector<std::int64_t>& jobs) { reply(encode_ids(jobs)); };
}

}  // namespace

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
                 const auto wanted = compact_options(options);
                 if (!wanted) return reply.fail(wanted.error());
                 context_.manager.run_on_repository(JobKind::compact, repository, wanted->clients,
                                                    wanted->details, actor.label(),
                                                    reply.then(encode_jobs()));
               });
}

void ManagerObject::CheckRepository(sdbus::Result<Ids>&& result, std::string repository, VariantMap options) {
  serve_method(std::move(result), "CheckRepository", {{"repository", repository}},
               [this, repository, options = std::move(options)](const Reply<Ids>& reply, const Actor& actor) {
                 const auto wanted = check_options(options);
                 if (!wanted) return reply.fail(wanted.error());
                 context_.manager.run_on_repository(JobKind::check, repository, wanted->clients,
                                                    wanted->details, actor.label(),
                                                    reply.then(encode_jobs()));
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
