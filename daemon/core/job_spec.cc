// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/job_spec.h"

#include <fmt/format.h>

#include "core/hooks.h"
#include "core/policy_types.h"

namespace cyborg {
namespace {

// One list of fields serves both directions: Visit is a writer or a reader.
class Writer {
 public:
  explicit Writer(Json::Value& json) : json_(json) {}
  void operator()(const char* key, const std::string& value) { json_[key] = value; }
  void operator()(const char* key, bool value) { json_[key] = value; }
  void operator()(const char* key, int value) { json_[key] = value; }
  void operator()(const char* key, std::int64_t value) { json_[key] = Json::Int64{value}; }
  void operator()(const char* key, JobKind value) { json_[key] = to_string(value); }
  void operator()(const char* key, JobState value) { json_[key] = to_string(value); }
  void operator()(const char* key, const AnyCode& code) { json_[key] = code.word(); }
  void operator()(const char* key, const Json::Value& value) { json_[key] = value; }
  // Fields that earlier versions did not have.
  void added(const char* key, const std::string& value) {
    if (!value.empty()) json_[key] = value;
  }
  void operator()(const char* key, const std::vector<std::string>& values) {
    json_[key] = Json::Value{Json::arrayValue};
    for (const auto& value : values) json_[key].append(value);
  }
  void operator()(const char* key, const std::vector<Hook>& hooks) { json_[key] = to_json(hooks); }

 private:
  Json::Value& json_;
};

class Reader {
 public:
  explicit Reader(const Json::Value& json) : json_(json) {}
  void operator()(const char* key, std::string& value) {
    if (const Json::Value* field = find(key, &Json::Value::isString)) value = field->asString();
  }
  void added(const char* key, std::string& value) {
    if (json_.isObject() && json_.isMember(key)) (*this)(key, value);
  }
  void operator()(const char* key, bool& value) {
    if (const Json::Value* field = find(key, &Json::Value::isBool)) value = field->asBool();
  }
  void operator()(const char* key, int& value) {
    if (const Json::Value* field = find(key, &Json::Value::isInt)) value = field->asInt();
  }
  void operator()(const char* key, std::int64_t& value) {
    if (const Json::Value* field = find(key, &Json::Value::isInt64)) value = field->asInt64();
  }
  void operator()(const char* key, JobKind& value) { parse_word(key, value); }
  void operator()(const char* key, JobState& value) { parse_word(key, value); }
  void operator()(const char* key, AnyCode& code) {
    if (const Json::Value* field = find(key, &Json::Value::isString)) code = AnyCode{field->asString()};
  }
  void operator()(const char* key, Json::Value& value) {
    if (const Json::Value* field = find(key, &Json::Value::isObject)) value = *field;
  }
  void operator()(const char* key, std::vector<std::string>& values) {
    const Json::Value* field = find(key, &Json::Value::isArray);
    if (!field) return;
    for (const auto& value : *field) {
      if (value.isString()) {
        values.push_back(value.asString());
      } else {
        bad_ = key;
      }
    }
  }
  void operator()(const char* key, std::vector<Hook>& hooks) {
    const Json::Value* field = find(key, &Json::Value::isArray);
    if (!field) return;
    auto read = hooks_from_json(*field);
    if (!read) bad_ = key;
    hooks = std::move(read).value_or(std::vector<Hook>{});
  }

  // The first key that is missing or has the wrong type, or nullptr.
  const char* bad() const { return bad_; }

 private:
  const Json::Value* find(const char* key, bool (Json::Value::*is_type)() const) {
    if (json_.isObject() && json_.isMember(key) && (json_[key].*is_type)()) return &json_[key];
    if (!bad_) bad_ = key;
    return nullptr;
  }
  template <typename Enum>
  void parse_word(const char* key, Enum& value) {
    const Json::Value* field = find(key, &Json::Value::isString);
    if (field && !parse(field->asString(), value)) bad_ = key;
  }

  const Json::Value& json_;
  const char* bad_ = nullptr;
};

template <typename Visit, typename Target>
void visit_target(Visit& visit, Target& target) {
  visit("address", target.address);
  visit("port", target.port);
  visit("user", target.user);
  visit("host_key", target.host_key);
  visit("jump", target.jump);
}

template <typename Visit, typename Direct>
void visit_direct(Visit& visit, Direct& direct) {
  visit("used", direct.used);
  visit("manual", direct.manual);
  visit("host_public_key", direct.host_public_key);
  visit("key", direct.key);
  visit("line", direct.line);
}

// The objects in it: `each` gets a name, and a visitor for the object's fields.
template <typename Spec, typename Each>
void visit_parts(Spec& spec, Each each) {
  each("direct", [&spec](auto& visit) { visit_direct(visit, spec.direct); });
}

template <typename Visit, typename Spec>
void visit_spec(Visit& visit, Spec& spec) {
  visit("job", spec.job);
  visit("run", spec.run);
  visit.added("attempt", spec.attempt);
  visit("kind", spec.kind);
  visit("policy", spec.policy);
  visit("client", spec.client);
  visit("repository", spec.repository);
  visit("local", spec.local);
  visit("ssh_public_key", spec.ssh_public_key);
  visit("repository_path", spec.repository_path);
  visit("encryption", spec.encryption);
  visit("append_only", spec.append_only);
  visit("borg_id", spec.borg_id);
  visit("change_passphrase", spec.change_passphrase);
  visit("archive", spec.archive);
  visit("roots", spec.roots);
  visit("any_root", spec.any_root);
  visit("patterns", spec.patterns);
  visit("exclude", spec.exclude);
  visit("exclude_if_present", spec.exclude_if_present);
  visit("exclude_caches", spec.exclude_caches);
  visit("one_file_system", spec.one_file_system);
  visit("snapshot", spec.snapshot);
  visit("snapshot_size", spec.snapshot_size);
  visit("compression", spec.compression);
  visit("upload_limit", spec.upload_limit);
  visit("files_cache_suffix", spec.files_cache_suffix);
  visit("dry_run", spec.dry_run);
  visit("remove", spec.remove);
  visit("remove_ids", spec.remove_ids);
  visit("keep_ids", spec.keep_ids);
  visit("hooks", spec.hooks);
  visit("max_duration", spec.max_duration);
  visit("verify_data", spec.verify_data);
  visit("import_names", spec.import_names);
  visit("verify", spec.verify);
  visit("client_away", spec.client_away);
  visit("seed", spec.seed);
  visit("sample_files", spec.sample_files);
  visit("sample_bytes", spec.sample_bytes);
  visit("canaries", spec.canaries);
  visit("borg_url", spec.borg_url);
  visit("catalog_budget", spec.catalog_budget);
  visit("database_remote", spec.database_remote);
}

std::unexpected<Error> bad_field(const char* name) {
  return fail(ErrorCode::failed, fmt::format("job specification: field \"{}\" is missing or wrong", name));
}

template <typename Visit, typename Result>
void visit_result(Visit& visit, Result& result) {
  visit.added("attempt", result.attempt);
  visit("state", result.state);
  visit("code", result.code);
  visit("message", result.message);
  visit("warnings", result.warnings);
  visit("borg_status", result.borg_status);
  visit("archive", result.archive);
  visit("facts", result.facts);
}

Json::Value dump_to_json(const DumpSpec& dump) {
  Json::Value json{Json::objectValue};
  json["type"] = dump ? to_string(*dump.type) : "";
  for (const auto& [name, words] : dump.values) {
    json[name] = Json::Value{Json::arrayValue};
    for (const auto& word : words) json[name].append(word);
  }
  return json;
}

// Values may also have the form of a policy's: a text, a number, true or false.
Expected<DumpSpec> dump_from_json(const Json::Value& json) {
  DumpSpec dump;
  if (!json.isObject() || !json["type"].isString()) return bad_field("type");
  const std::string type = json["type"].asString();
  if (type.empty()) return dump;
  dump.type = parse_policy_type(type);
  if (!dump.type || !dump.row().dump) return bad_field("type");
  for (const auto& variable : dump.row().variables) {
    const Json::Value& given = json[variable.name];
    std::vector<std::string>& words = dump.values[variable.name];
    if (given.isBool()) {
      if (given.asBool()) words.emplace_back("yes");
    } else if (given.isArray()) {
      for (const auto& word : given) {
        if (!word.isString()) return bad_field(variable.name);
        words.push_back(word.asString());
      }
    } else if (given.isObject()) {
      return bad_field(variable.name);
    } else if (!given.asString().empty() && given != Json::Value{0}) {
      words.push_back(given.asString());
    }
    if (words.empty()) dump.values.erase(variable.name);
  }
  return dump;
}

Json::Value target_to_json(const SshTarget& target) {
  Json::Value json{Json::objectValue};
  Writer writer{json};
  visit_target(writer, target);
  return json;
}

}  // namespace

const PolicyTypeRow& DumpSpec::row() const {
  return policy_type_row(*type);
}

const DumpSource& DumpSpec::source() const {
  return *row().dump;
}

const DatabaseDumps* DumpSpec::databases() const {
  return type ? source().databases : nullptr;
}

const GuestDumps* DumpSpec::guests() const {
  return type ? source().guests : nullptr;
}

std::vector<std::string> DumpSpec::list(std::string_view variable) const {
  const auto value = values.find(variable);
  return value == values.end() ? std::vector<std::string>{} : value->second;
}

std::string DumpSpec::text(std::string_view variable) const {
  const auto value = values.find(variable);
  return value == values.end() || value->second.empty() ? std::string{} : value->second.front();
}

std::vector<std::string> DumpSpec::names() const {
  return type && row().main ? list(row().main) : std::vector<std::string>{};
}

std::optional<PolicyType> verified_type(const JobSpec& spec) {
  const auto type = spec.kind == JobKind::verify ? parse_policy_type(spec.verify) : std::nullopt;
  const DumpSource* dump = type ? policy_type_row(*type).dump : nullptr;
  return dump && dump->databases ? type : std::nullopt;
}

JobResult make_result(AnyCode code, std::string message) {
  JobResult result;
  end_as(result, std::move(code), std::move(message));
  return result;
}

JobResult make_result(AnyCode code, std::string message, JobState state) {
  JobResult result;
  end_as(result, std::move(code), std::move(message), state);
  return result;
}

void end_as(JobResult& result, AnyCode code, std::string message) {
  const JobState state = code.state();
  end_as(result, std::move(code), std::move(message), state);
}

void end_as(JobResult& result, AnyCode code, std::string message, JobState state) {
  result.state = state;
  result.code = std::move(code);
  result.message = std::move(message);
}

Json::Value to_json(const JobSpec& spec) {
  Json::Value json{Json::objectValue};
  Writer writer{json};
  visit_spec(writer, spec);
  json["target"] = target_to_json(spec.target);
  json["repository_host"] = target_to_json(spec.repository_host);
  json["dump"] = dump_to_json(spec.dump);
  json["restore"] = to_json(spec.restore);
  visit_parts(spec, [&json](const char* name, auto visit_part) {
    json[name] = Json::Value{Json::objectValue};
    Writer part_writer{json[name]};
    visit_part(part_writer);
  });
  return json;
}

Expected<JobSpec> job_spec_from_json(const Json::Value& json) {
  JobSpec spec;
  Reader reader{json};
  visit_spec(reader, spec);
  const char* bad = reader.bad();
  for (auto [key, target] : {std::pair{"target", &spec.target}, {"repository_host", &spec.repository_host}}) {
    const Json::Value part = json.isObject() ? json[key] : Json::Value{};
    Reader target_reader{part};
    visit_target(target_reader, *target);
    if (!bad) bad = target_reader.bad();
  }
  visit_parts(spec, [&](const char* name, auto visit_part) {
    const Json::Value part = json.isObject() ? json[name] : Json::Value{};
    Reader part_reader{part};
    visit_part(part_reader);
    if (!bad) bad = part_reader.bad();
  });
  const char* bad_option = take_json(json.isObject() ? json["restore"] : Json::Value{}, spec.restore);
  // A cyborgd of the version before, whose jobs start this program while packages are being replaced,
  // describes only restores in another way.
  if (!bad && (spec.kind == JobKind::restore || !json["restore"].isObject())) bad = bad_option;
  if (bad) return bad_field(bad);
  const bool loads = verified_type(spec).has_value();
  if (spec.kind == JobKind::verify && spec.verify != "compare" && spec.verify != "read" && !loads) {
    return bad_field("verify");
  }
  auto dump = dump_from_json(json["dump"]);
  if (!dump) return std::unexpected(dump.error());
  spec.dump = std::move(*dump);
  if (!spec.restore.guest.empty() && !spec.dump.guests()) return bad_field("guest");
  return spec;
}

Json::Value to_json(const JobResult& result) {
  Json::Value json{Json::objectValue};
  Writer writer{json};
  visit_result(writer, result);
  return json;
}

Expected<JobResult> job_result_from_json(const Json::Value& json) {
  JobResult result;
  Reader reader{json};
  visit_result(reader, result);
  if (reader.bad()) {
    return fail(ErrorCode::failed, fmt::format("job result: field \"{}\" is missing or wrong", reader.bad()));
  }
  if (!is_ended(result.state)) {
    return fail(ErrorCode::failed,
                fmt::format("job result: state \"{}\" is not an end", to_string(result.state)));
  }
  return result;
}

}  // namespace cyborg
