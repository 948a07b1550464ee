#include "core/job_spec.h"

#include <fmt/format.h>

#include "core/hooks.h"

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
  void operator()(const char* key, const Json::Value& value) { json_[key] = value; }
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

  // The first key that is missing or of the wrong type, or nullptr.
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

template <typename Visit, typename Dump>
void visit_dump(Visit& visit, Dump& dump) {
  visit("type", dump.type);
  visit("databases", dump.databases);
  visit("user", dump.user);
  visit("host", dump.host);
  visit("port", dump.port);
  visit("command", dump.command);
  visit("filename", dump.filename);
  visit("guests", dump.guests);
  visit("quiesce", dump.quiesce);
  visit("mode", dump.mode);
}

template <typename Visit, typename Direct>
void visit_direct(Visit& visit, Direct& direct) {
  visit("used", direct.used);
  visit("manual", direct.manual);
  visit("host_public_key", direct.host_public_key);
  visit("key", direct.key);
  visit("line", direct.line);
}

// The objects in it: `each` gets a name, and what visits the object's fields.
template <typename Spec, typename Each>
void visit_parts(Spec& spec, Each each) {
  each("dump", [&spec](auto& visit) { visit_dump(visit, spec.dump); });
  each("direct", [&spec](auto& visit) { visit_direct(visit, spec.direct); });
}

template <typename Visit, typename Spec>
void visit_spec(Visit& visit, Spec& spec) {
  visit("job", spec.job);
  visit("run", spec.run);
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

template <typename Visit, typename Result>
void visit_result(Visit& visit, Result& result) {
  visit("state", result.state);
  visit("code", result.code);
  visit("message", result.message);
  visit("warnings", result.warnings);
  visit("borg_status", result.borg_status);
  visit("archive", result.archive);
  visit("facts", result.facts);
}

Json::Value target_to_json(const SshTarget& target) {
  Json::Value json{Json::objectValue};
  Writer writer{json};
  visit_target(writer, target);
  return json;
}

}  // namespace

Json::Value to_json(const JobSpec& spec) {
  Json::Value json{Json::objectValue};
  Writer writer{json};
  visit_spec(writer, spec);
  json["target"] = target_to_json(spec.target);
  json["repository_host"] = target_to_json(spec.repository_host);
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
  if (!bad) bad = bad_option;
  if (bad)
    return fail(ErrorCode::failed, fmt::format("job specification: field \"{}\" is missing or wrong", bad));
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
