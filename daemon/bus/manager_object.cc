// SPDX-License-Identifier: GPL-3.0-or-later
#include "bus/manager_object.h"

#include <fmt/format.h>

#include "bus/descriptors.h"
#include "bus/records.h"
#include "core/backup_source.h"
#include "core/fields.h"
#include "core/properties.h"
#include "core/property_values.h"
#include "dbus/names.h"

namespace cyborg::bus {
namespace {

using names::kManagerInterface;

Expected<RestoreOptions> restore_options(Strings paths, const VariantMap& options, const Actor& actor) {
  RestoreOptions wanted;
  RestoreRequest& what = wanted.what;
  what.paths = std::move(paths);
  DescriptorMap descriptors;
  const Json::Value json = to_json(options, &descriptors);
  auto output = take_output(descriptors, "output");
  if (!output) return std::unexpected(output.error());
  wanted.output = std::move(*output);
  what.output = wanted.output != nullptr;
  bool in_place = false;
  Fields fields{json};
  fields.text("client", what.client);
  fields.flag("in_place", in_place);
  read_properties<RestoreSpec>(fields, what, true);
  if (in_place && !what.directory.empty())
    fields.refuse("directory", what.directory, "exactly one of it and in_place");
  if (auto finished = fields.finish(); !finished) return std::unexpected(finished.error());
  if (in_place) what.directory = "/";
  wanted.actor = actor.label();
  return wanted;
}

// Reads the only option of a method.
Expected<std::string> text_option(const VariantMap& options, const char* key) {
  std::string value;
  const Json::Value json = to_json(options);
  Fields fields{json};
  fields.text(key, value);
  if (auto finished = fields.finish(); !finished) return std::unexpected(finished.error());
  return value;
}

// The answer of an Add method is the new object's path.
auto encode_path(const char* kind, const std::string& name) {
  return [kind, name](const Reply<sdbus::ObjectPath>& reply) {
    reply(sdbus::ObjectPath{object_path(kind, name)});
  };
}

}  // namespace

std::vector<uint64_t> encode_ids(const std::vector<std::int64_t>& ids) {
  return {ids.begin(), ids.end()};
}

std::vector<VariantMap> encode_records(const std::vector<Json::Value>& rows) {
  std::vector<VariantMap> maps;
  maps.reserve(rows.size());
  for (const auto& row : rows) maps.push_back(to_variant_map(row));
  return maps;
}

Expected<RunRequest> run_request(const VariantMap& options, const Actor& actor) {
  RunRequest request;
  const Json::Value json = to_json(options);
  Fields fields{json};
  fields.list("clients", request.clients);
  fields.number("scheduled", request.scheduled, 0, INT64_MAX);
  fields.flag("dry_run", request.dry_run);
  if (auto finished = fields.finish(); !finished) return std::unexpected(finished.error());
  request.actor = request.scheduled > 0 ? "timer" : actor.label();
  return request;
}

Lines encode_lines(const std::vector<OutputLine>& lines) {
  Lines encoded;
  encoded.reserve(lines.size());
  for (const auto& line : lines)
    encoded.emplace_back(static_cast<uint64_t>(line.time), line.priority, line.text);
  return encoded;
}

ManagerObject::ManagerObject(Context& context)
    : AdaptorInterfaces(context.connection, sdbus::ObjectPath{names::kRootPath}), context_(context) {
  registerAdaptor();
}
ManagerObject::~ManagerObject() {
  unregisterAdaptor();
}

sdbus::ObjectPath ManagerObject::job_path(std::int64_t id) {
  return sdbus::ObjectPath{object_path("job", std::to_string(id))};
}

void ManagerObject::changed() {
  compat::emit_properties_changed(getObject(), kManagerInterface, {"DatabaseState", "SshPublicKey"});
}

std::string ManagerObject::Version() {
  return CYBORG_VERSION;
}
std::string ManagerObject::DatabaseState() {
  const State& state = context_.manager.state();
  return state.available ? "available" : state.unavailable_reason;
}
std::string ManagerObject::SshPublicKey() {
  return context_.manager.state().ssh_public_key;
}
uint32_t ManagerObject::RunningJobs() {
  return static_cast<uint32_t>(context_.manager.live_jobs());
}

void ManagerObject::AddSchedule(sdbus::Result<sdbus::ObjectPath>&& result, std::string name,
                                VariantMap properties) {
  serve_method(
      std::move(result), "AddSchedule", {{"schedule", name}},
      [this, name, properties = std::move(properties)](const Reply<sdbus::ObjectPath>& reply, const Actor&) {
        context_.manager.put_schedule(name, to_json(properties), true,
                                      reply.then(encode_path("schedule", name)));
      });
}

void ManagerObject::AddRepository(sdbus::Result<sdbus::ObjectPath>&& result, std::string name,
                                  std::string url, VariantMap properties) {
  serve_method(std::move(result), "AddRepository", {{"repository", name}},
               [this, name, url, properties = std::move(properties)](const Reply<sdbus::ObjectPath>& reply,
                                                                     const Actor&) {
                 DescriptorMap descriptors;
                 Json::Value json = to_json(properties, &descriptors);
                 auto passphrase = take_secret(descriptors, "passphrase");
                 if (!passphrase) return reply.fail(passphrase.error());
                 json["url"] = url;
                 context_.manager.put_repository(name, json, std::move(*passphrase), true,
                                                 reply.then(encode_path("repository", name)));
               });
}

void ManagerObject::AddClient(sdbus::Result<sdbus::ObjectPath>&& result, std::string name,
                              VariantMap properties) {
  serve_method(
      std::move(result), "AddClient", {{"client", name}},
      [this, name, properties = std::move(properties)](const Reply<sdbus::ObjectPath>& reply, const Actor&) {
        context_.manager.put_client(name, to_json(properties), true, reply.then(encode_path("client", name)));
      });
}

void ManagerObject::AddPolicy(sdbus::Result<sdbus::ObjectPath>&& result, std::string name,
                              VariantMap properties) {
  serve_method(
      std::move(result), "AddPolicy", {{"policy", name}},
      [this, name, properties = std::move(properties)](const Reply<sdbus::ObjectPath>& reply, const Actor&) {
        DescriptorMap descriptors;
        const Json::Value json = to_json(properties, &descriptors);
        auto password = take_secret(descriptors, "password");
        if (!password) return reply.fail(password.error());
        context_.manager.put_policy(name, json, std::move(*password), true,
                                    reply.then(encode_path("policy", name)));
      });
}

void ManagerObject::RunPolicy(sdbus::Result<uint64_t, Ids, Maps>&& result, std::string policy,
                              VariantMap options) {
  serve_method(std::move(result), "RunPolicy", {{"policy", policy}},
               [this, policy, options = std::move(options)](const Reply<uint64_t, Ids, Maps>& reply,
                                                            const Actor& actor) {
                 const auto request = run_request(options, actor);
                 if (!request) return reply.fail(request.error());
                 context_.manager.run_policy(policy, *request, reply.then(encode_run()));
               });
}

void ManagerObject::PrepareClient(sdbus::Result<uint64_t>&& result, std::string client, VariantMap options) {
  serve_method(
      std::move(result), "PrepareClient", {{"client", client}},
      [this, client, options = std::move(options)](const Reply<uint64_t>& reply, const Actor& actor) {
        DescriptorMap descriptors;
        const Json::Value json = to_json(options, &descriptors);
        Fields fields{json};
        PrepareOptions wanted{.actor = actor.label()};
        fields.flag("dry_run", wanted.dry_run);
        if (auto known = fields.finish(); !known) return reply.fail(known.error());
        auto password = take_secret(descriptors, "password");
        if (!password) return reply.fail(password.error());
        wanted.password = std::move(*password);
        context_.manager.prepare_client(client, std::move(wanted),
                                        reply.then([](const auto& answer_to, std::int64_t job) {
                                          answer_to(static_cast<uint64_t>(job));
                                        }));
      });
}

void ManagerObject::PrepareRepository(sdbus::Result<Ids>&& result, std::string repository,
                                      VariantMap options) {
  serve_method(std::move(result), "PrepareRepository", {{"repository", repository}},
               [this, repository, options = std::move(options)](const Reply<Ids>& reply, const Actor& actor) {
                 Strings clients;
                 const Json::Value json = to_json(options);
                 Fields fields{json};
                 PrepareOptions wanted{.actor = actor.label()};
                 fields.list("clients", clients);
                 fields.flag("dry_run", wanted.dry_run);
                 fields.flag("anew", wanted.anew);
                 if (auto finished = fields.finish(); !finished) return reply.fail(finished.error());
                 const auto prepare = [this, repository, clients, wanted, reply] {
                   context_.manager.prepare_repository(
                       repository, clients, wanted,
                       reply.then([](const auto& answer_to, const std::vector<std::int64_t>& jobs) {
                         answer_to(encode_ids(jobs));
                       }));
                 };
                 if (!wanted.anew) return prepare();
                 // Needs the same right as adding a repository.
                 context_.authorizer.check(actor, names::kManagerInterface, "AddRepository",
                                           {{"repository", repository}},
                                           [prepare, reply](const Expected<void>& allowed) {
                                             if (!allowed) return reply.fail(allowed.error());
                                             prepare();
                                           });
               });
}

void ManagerObject::DiscoverClient(sdbus::Result<Maps>&& result, std::string client) {
  serve_method(std::move(result), "DiscoverClient", {{"client", client}},
               [this, client](const Reply<Maps>& reply, const Actor&) {
                 context_.manager.discover_client(
                     client, reply.then([](const auto& answer_to, const std::vector<Json::Value>& rows) {
                       answer_to(encode_records(rows));
                     }));
               });
}

void ManagerObject::Restore(sdbus::Result<uint64_t>&& result, std::string archive, Strings paths,
                            VariantMap options) {
  serve_method(std::move(result), "Restore", {{"archive", archive}},
               [this, archive, paths = std::move(paths), options = std::move(options)](
                   const Reply<uint64_t>& reply, const Actor& actor) {
                 const auto wanted = restore_options(paths, options, actor);
                 if (!wanted) return reply.fail(wanted.error());
                 context_.manager.restore(archive, *wanted,
                                          reply.then([](const auto& answer_to, std::int64_t job) {
                                            answer_to(static_cast<uint64_t>(job));
                                          }));
               });
}

void ManagerObject::ListElapses(sdbus::Result<Ids>&& result, std::string policy, uint32_t count) {
  serve_method(std::move(result), "ListElapses", {{"policy", policy}},
               [this, policy, count](const Reply<Ids>& reply, const Actor&) {
                 context_.manager.list_elapses(
                     policy, count,
                     reply.then([](const auto& answer_to, const std::vector<Microseconds>& times) {
                       answer_to(encode_ids(times));
                     }));
               });
}

void ManagerObject::ListJobs(sdbus::Result<Maps, std::string>&& result, VariantMap filter, uint32_t limit,
                             std::string cursor) {
  serve_method(
      std::move(result), "ListJobs", {},
      [this, filter = std::move(filter), limit, cursor](const Reply<Maps, std::string>& reply, const Actor&) {
        context_.manager.list_jobs(to_json(filter), limit, cursor, reply.then(encode_page()));
      });
}

void ManagerObject::GetJob(sdbus::Result<VariantMap>&& result, uint64_t id) {
  serve_method(std::move(result), "GetJob", {{"job", std::to_string(id)}},
               [this, id](const Reply<VariantMap>& reply, const Actor&) {
                 context_.manager.get_job(static_cast<std::int64_t>(id),
                                          reply.then([](const auto& answer_to, const Json::Value& job) {
                                            answer_to(to_variant_map(job));
                                          }));
               });
}

void ManagerObject::ReadJobLog(sdbus::Result<Lines, bool>&& result, uint64_t id, uint64_t first,
                               uint32_t limit) {
  serve_method(std::move(result), "ReadJobLog", {{"job", std::to_string(id)}},
               [this, id, first, limit](const Reply<Lines, bool>& reply, const Actor&) {
                 context_.manager.read_log(static_cast<std::int64_t>(id), first, limit,
                                           reply.then([](const auto& answer_to, const LogPage& page) {
                                             answer_to(encode_lines(page.lines), page.end);
                                           }));
               });
}

void ManagerObject::FollowJob(sdbus::Result<>&& result, uint64_t id, uint64_t first) {
  serve_method(std::move(result), "FollowJob", {{"job", std::to_string(id)}},
               [this, id, first](const Reply<>& reply, const Actor& actor) {
                 watch_follower(actor.sender);
                 context_.manager.follow(actor.sender, static_cast<std::int64_t>(id), first, reply.done());
               });
}

void ManagerObject::UnfollowJob(sdbus::Result<>&& result, uint64_t id) {
  serve_method(std::move(result), "UnfollowJob", {{"job", std::to_string(id)}},
               [this, id](const Reply<>& reply, const Actor& actor) {
                 context_.manager.unfollow(actor.sender, static_cast<std::int64_t>(id));
                 reply();
               });
}

void ManagerObject::watch_follower(const std::string& follower) {
  if (followers_.contains(follower)) return;
  const std::string rule = fmt::format(
      "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='{}',arg2=''", follower);
  auto slot = compat::add_match(context_.connection, rule, [this, follower](sdbus::Message&) {
    context_.manager.follower_gone(follower);
    followers_.erase(follower);
  });
  followers_.emplace(follower, std::move(slot));
}

void ManagerObject::job_output(const std::string& follower, std::int64_t id, std::uint64_t first,
                               const Lines& lines, bool end) {
  auto signal = compat::create_signal(getObject(), kManagerInterface, "JobOutput");
  signal.setDestination(follower);
  signal << static_cast<uint64_t>(id) << first << lines << end;
  getObject().emitSignal(signal);
}

void ManagerObject::CancelJob(sdbus::Result<>&& result, uint64_t id) {
  serve_method(std::move(result), "CancelJob", {{"job", std::to_string(id)}},
               [this, id](const Reply<>& reply, const Actor&) {
                 context_.manager.cancel_job(static_cast<std::int64_t>(id), reply.done());
               });
}

// A job that needed another right than run, such as a restore, needs that right again when it is repeated.
void ManagerObject::RetryJob(sdbus::Result<uint64_t, Ids>&& result, uint64_t id) {
  const Details details{{"job", std::to_string(id)}};
  serve_method(std::move(result), "RetryJob", details,
               [this, id, details](const Reply<uint64_t, Ids>& reply, const Actor& actor) {
                 const auto job = static_cast<std::int64_t>(id);
                 const auto again = [this, job, actor](const Reply<uint64_t, Ids>& to) {
                   context_.manager.retry_job(
                       job, actor.label(), to.then([](const auto& answer_to, const RunAnswer& answer) {
                         answer_to(static_cast<uint64_t>(answer.run), encode_ids(answer.jobs));
                       }));
                 };
                 context_.manager.method_of_retry(
                     job, reply.then([this, again, actor, details](
                                         const auto& to, const std::optional<std::string_view>& method) {
                       if (!method) return again(to);
                       context_.authorizer.check(actor, names::kManagerInterface, *method, details,
                                                 [again, to](const Expected<void>& allowed) {
                                                   if (!allowed) return to.fail(allowed.error());
                                                   again(to);
                                                 });
                     }));
               });
}

void ManagerObject::GetFleetStatus(sdbus::Result<Maps>&& result) {
  serve_method(std::move(result), "GetFleetStatus", {}, [this](const Reply<Maps>& reply, const Actor&) {
    context_.manager.fleet_status(reply.then([](const auto& answer_to, const std::vector<Json::Value>& rows) {
      answer_to(encode_records(rows));
    }));
  });
}

void ManagerObject::GetRepositoryStatus(sdbus::Result<Maps>&& result) {
  serve_method(std::move(result), "GetRepositoryStatus", {}, [this](const Reply<Maps>& reply, const Actor&) {
    context_.manager.repository_status(
        reply.then([](const auto& answer_to, const std::vector<Json::Value>& rows) {
          answer_to(encode_records(rows));
        }));
  });
}

void ManagerObject::ListPolicyTypes(sdbus::Result<Maps>&& result) {
  serve_method(std::move(result), "ListPolicyTypes", {},
               [](const Reply<Maps>& reply, const Actor&) { reply(encode_records(policy_type_records())); });
}

void ManagerObject::ListProperties(sdbus::Result<Maps>&& result) {
  serve_method(std::move(result), "ListProperties", {},
               [](const Reply<Maps>& reply, const Actor&) { reply(encode_records(property_records())); });
}

void ManagerObject::ListSettings(sdbus::Result<Maps>&& result) {
  serve_method(std::move(result), "ListSettings", {}, [this](const Reply<Maps>& reply, const Actor&) {
    reply(encode_records(context_.manager.list_settings()));
  });
}

void ManagerObject::SetSetting(sdbus::Result<>&& result, std::string name, std::string value) {
  serve_method(std::move(result), "SetSetting", {{"setting", name}},
               [this, name, value](const Reply<>& reply, const Actor&) {
                 context_.manager.set_setting(name, value, reply.done());
               });
}

void ManagerObject::ChangePassphrase(sdbus::Result<Ids>&& result, std::string repository,
                                     VariantMap options) {
  serve_method(std::move(result), "ChangePassphrase", {{"repository", repository}},
               [this, repository, options = std::move(options)](const Reply<Ids>& reply, const Actor& actor) {
                 Strings clients;
                 DescriptorMap descriptors;
                 const Json::Value json = to_json(options, &descriptors);
                 Fields fields{json};
                 fields.list("clients", clients);
                 if (auto finished = fields.finish(); !finished) return reply.fail(finished.error());
                 const auto passphrase = take_secret(descriptors, "passphrase");
                 if (!passphrase) return reply.fail(passphrase.error());
                 context_.manager.change_passphrase(
                     repository, clients, *passphrase, actor.label(),
                     reply.then([](const auto& answer_to, const std::vector<std::int64_t>& jobs) {
                       answer_to(encode_ids(jobs));
                     }));
               });
}

void ManagerObject::ExportKey(sdbus::Result<sdbus::UnixFd>&& result, std::string repository,
                              VariantMap options) {
  serve_method(
      std::move(result), "ExportKey", {{"repository", repository}},
      [this, repository, options = std::move(options)](const Reply<sdbus::UnixFd>& reply, const Actor&) {
        const auto client = text_option(options, "client");
        if (!client) return reply.fail(client.error());
        context_.manager.export_key(repository, *client,
                                    reply.then([](const auto& answer_to, const std::string& text) {
                                      answer_to(readable_text(text));
                                    }));
      });
}

}  // namespace cyborg::bus
