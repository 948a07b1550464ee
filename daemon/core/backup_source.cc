// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/backup_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "core/fields.h"
#include "core/policy_types.h"

namespace cyborg {
namespace {

using Form = VariableForm;

const char* to_string(Form form) {
  switch (form) {
    case Form::text:
      return "text";
    case Form::list:
      return "list of texts";
    case Form::ids:
      return "list of numbers";
    case Form::flag:
      return "true or false";
    case Form::number:
      return "number";
    case Form::clients:
      return "variables by client";
    case Form::secret:
      break;
  }
  return "secret";
}

struct Values {
  std::map<std::string, std::string> text;
  std::map<std::string, std::vector<std::string>> list;
  std::map<std::string, bool> flag;
  std::map<std::string, std::int64_t> number;
};

// In borg's form: for other programs, "/srv/link/" would be the folder behind a link.
std::vector<std::string> plain_paths(std::vector<std::string> paths) {
  for (auto& path : paths) {
    path = std::filesystem::path{path}.lexically_normal().native();
    if (path.size() > 1 && path.ends_with('/')) path.pop_back();
  }
  return paths;
}

BackupSource read_files(const FileSource& files, Values& values) {
  BackupSource source;
  source.roots.assign(files.roots.begin(), files.roots.end());
  if (files.roots_variable) source.roots = plain_paths(values.list[files.roots_variable]);
  source.any_root = files.any_root;
  source.patterns = values.list["patterns"];
  source.exclude_if_present = values.list["exclude_if_present"];
  source.exclude_caches = values.flag["exclude_caches"];
  source.exclude.assign(files.exclude.begin(), files.exclude.end());
  source.exclude.insert(source.exclude.end(), values.list["exclude"].begin(), values.list["exclude"].end());
  source.one_file_system = values.flag["one_file_system"];
  source.snapshot = values.text["snapshot"] == "auto";
  source.snapshot_size = values.number["snapshot_size"] > 0 ? values.number["snapshot_size"] : 10;
  return source;
}

// The values of a variable for a script.
std::vector<std::string> script_values(const PolicyVariable& variable, Values& values) {
  switch (variable.form) {
    case Form::list:
    case Form::ids:
      return values.list[variable.name];
    case Form::flag:
      return values.flag[variable.name] ? std::vector<std::string>{"yes"} : std::vector<std::string>{};
    case Form::number:
      if (values.number[variable.name] == 0) return {};
      return {std::to_string(values.number[variable.name])};
    case Form::text: {
      const std::string& text = values.text[variable.name];
      return {text.empty() ? variable.preset : text};
    }
    case Form::clients:
    case Form::secret:
      break;
  }
  return {};
}

DumpSpec read_dump(const PolicyTypeRow& type, Values& values) {
  DumpSpec dump;
  dump.type = type.type;
  for (const auto& variable : type.variables) {
    std::vector<std::string> given = script_values(variable, values);
    if (given.empty() || given.front().empty()) continue;
    dump.values[variable.same_as ? variable.same_as : variable.name] = std::move(given);
  }
  return dump;
}

const PolicyTypeRow* find_type(std::string_view name) {
  const auto type = parse_policy_type(name);
  return type ? &policy_type_row(*type) : nullptr;
}

Fields::Check check_of(const PolicyVariable& variable) {
  return variable.check ? Fields::Check{variable.check} : Fields::Check{};
}

void read_variable(Fields& fields, const PolicyVariable& variable, Values& values) {
  switch (variable.form) {
    case Form::text:
      return fields.text(variable.name, values.text[variable.name], check_of(variable));
    case Form::list:
    case Form::ids:
      return fields.list(variable.name, values.list[variable.name], check_of(variable));
    case Form::flag:
      return fields.flag(variable.name, values.flag[variable.name]);
    case Form::number:
      return fields.number(variable.name, values.number[variable.name], 1, variable.most);
    case Form::clients:
      return;
    case Form::secret:
      break;
  }
  if (fields.has(variable.name)) {
    fields.refuse(
        Error{ErrorCode::invalid_argument,
              fmt::format("variable \"{}\" is a secret, and cannot be among what is shown", variable.name),
              "give it with --password-file; on the bus, as the descriptor \"password\""});
  }
}

Expected<void> check_required(const PolicyTypeRow& type, Values& values) {
  for (const auto& variable : type.variables) {
    if (!variable.required) continue;
    if (!values.text[variable.name].empty() || !values.list[variable.name].empty()) continue;
    return fail(ErrorCode::invalid_argument,
                fmt::format("policy type \"{}\": variable \"{}\" is missing", type.name, variable.name),
                variable.form == Form::list
                    ? fmt::format("give it as --var {0}=/srv/data, once for each of the {0}", variable.name)
                    : fmt::format("give it as --var '{}=…': {}", variable.name, variable.description));
  }
  return {};
}

// Converts a number, or a list of some, to texts.
void write_numbers(Json::Value& value) {
  if (value.isArray()) {
    for (auto& item : value) write_numbers(item);
  } else if (value.isIntegral() && !value.isBool()) {
    value = value.asString();
  }
}

// An empty text, as a form would send it, counts as a missing variable.
Json::Value without_empty(const PolicyTypeRow& type, const Json::Value& json) {
  Json::Value given = json;
  for (const auto& variable : type.variables) {
    if (variable.form == Form::ids && given.isMember(variable.name)) write_numbers(given[variable.name]);
    const bool drops =
        variable.form == Form::text || variable.form == Form::secret || (type.dump && type.dump->secret);
    if (drops && given.isMember(variable.name) && given[variable.name] == Json::Value{""}) {
      given.removeMember(variable.name);
    }
  }
  return given;
}

Expected<Values> read_variables(const PolicyTypeRow& type, const Json::Value& json) {
  Values values;
  const Json::Value given = without_empty(type, json);
  Fields fields{given};
  for (const auto& variable : type.variables) read_variable(fields, variable, values);
  if (auto checked = fields.finish(); !checked) return std::unexpected(checked.error());
  for (const auto& variable : type.variables) {
    if (!variable.same_as || values.list[variable.name].empty() || values.list[variable.same_as].empty())
      continue;
    return fail(ErrorCode::invalid_argument,
                fmt::format("policy type \"{}\": both \"{}\" and \"{}\" are given", type.name, variable.name,
                            variable.same_as),
                fmt::format("give all of them as {}", variable.same_as));
  }
  if (auto required = check_required(type, values); !required) return std::unexpected(required.error());
  return values;
}

// Other values for single clients, as in the predecessor: {"extended_mysql": {"web": {"port": 3307}}}.
std::string extended_key(const PolicyTypeRow& type) {
  return std::string{"extended_"} + type.name;
}

Json::Value extended_record(const PolicyTypeRow& type) {
  Json::Value one{Json::objectValue};
  one["name"] = extended_key(type);
  one["type"] = to_string(Form::clients);
  one["required"] = false;
  one["description"] = "other values of these for single clients, such as {\"web\": {…}}";
  return one;
}

// A client's values as an object of variables: a plain list is the type's main variable, and `credential`
// contains the values that the predecessor stored there.
Expected<Json::Value> extended_values(const PolicyTypeRow& type, const std::string& client,
                                      Json::Value given) {
  if (!given.isObject() && type.main) {
    Json::Value list{Json::arrayValue};
    for (const auto& item : given.isArray() ? given : Json::Value{Json::arrayValue}) {
      list.append(item.isInt64() ? Json::Value{std::to_string(item.asInt64())} : item);
    }
    Json::Value named{Json::objectValue};
    named[type.main] = given.isArray() ? list : given;
    given = std::move(named);
  }
  if (given.isObject() && given["credential"].isObject()) {
    const Json::Value credential = given["credential"];
    for (const auto& key : credential.getMemberNames()) given[key] = credential[key];
    given.removeMember("credential");
  }
  if (given.isObject()) {
    if (given["credential"].isNull()) given.removeMember("credential");
    return given;
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("{} \"{}\": expected an object of variables", extended_key(type), client),
              fmt::format("such as {{\"{}\": {{…}}}}", client));
}

// The variables that apply to a client.
Expected<Json::Value> variables_of(const PolicyTypeRow& type, const Json::Value& variables,
                                   const std::string& client) {
  const std::string key = extended_key(type);
  Json::Value own = variables;
  own.removeMember(key);
  const Json::Value& all = variables[key];
  if (!all.isObject() || !all.isMember(client)) return own;
  const auto values = extended_values(type, client, all[client]);
  if (!values) return std::unexpected(values.error());
  for (const auto& variable : type.variables) {
    if (!variable.same_as) continue;
    if (!values->isMember(variable.name) && !values->isMember(variable.same_as)) continue;
    own.removeMember(variable.name);
    own.removeMember(variable.same_as);
  }
  for (const auto& name : values->getMemberNames()) own[name] = (*values)[name];
  return own;
}

Expected<void> check_extended(const PolicyTypeRow& type, const Policy& policy) {
  const std::string key = extended_key(type);
  if (!policy.variables.isMember(key)) return {};
  const Json::Value& all = policy.variables[key];
  if (!all.isObject()) {
    return fail(ErrorCode::invalid_argument, fmt::format("{}: expected an object of clients", key),
                "such as {\"web\": {…}}, by the names of the policy's clients");
  }
  for (const auto& client : all.getMemberNames()) {
    if (std::ranges::find(policy.clients, client) == policy.clients.end()) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{} \"{}\": expected a client of the policy", key, client),
                  "the clients' names, not ids of another system");
    }
    const auto own = variables_of(type, policy.variables, client);
    if (!own) return std::unexpected(own.error());
    if (auto read = read_variables(type, *own); !read) {
      Error error = read.error();
      error.message = fmt::format("{} \"{}\": {}", key, client, error.message);
      if (error.message.find("is a secret") != std::string::npos) {
        error.hint = "a client with a password of its own needs a policy of its own, with --password-file";
      }
      return std::unexpected(error);
    }
  }
  return {};
}

}  // namespace

std::vector<std::string> policy_type_names() {
  std::vector<std::string> names;
  for (const PolicyType type : kPolicyTypes) names.emplace_back(to_string(type));
  return names;
}

std::vector<Json::Value> policy_type_records() {
  std::vector<Json::Value> records;
  for (const PolicyType id : kPolicyTypes) {
    const PolicyTypeRow& type = policy_type_row(id);
    Json::Value record{Json::objectValue};
    record["name"] = type.name;
    record["description"] = type.description;
    record["variables"] = Json::Value{Json::arrayValue};
    for (const auto& variable : type.variables) {
      Json::Value one{Json::objectValue};
      one["name"] = variable.name;
      one["type"] = to_string(variable.form);
      one["required"] = variable.required;
      one["description"] = variable.description;
      record["variables"].append(std::move(one));
    }
    record["variables"].append(extended_record(type));
    records.push_back(std::move(record));
  }
  return records;
}

bool takes_password(std::string_view type) {
  const PolicyTypeRow* row = find_type(type);
  return row && row->dump && row->dump->secret;
}

Expected<void> check_policy_variables(const Policy& policy) {
  const PolicyTypeRow* type = find_type(policy.type);
  if (!type) {
    return fail(ErrorCode::invalid_argument, fmt::format("type \"{}\": expected one of {}", policy.type,
                                                         fmt::join(policy_type_names(), ", ")));
  }
  const auto common = variables_of(*type, policy.variables, {});
  if (auto variables = read_variables(*type, common.value_or(policy.variables)); !variables)
    return std::unexpected(variables.error());
  if (auto extended = check_extended(*type, policy); !extended) return extended;
  if (!type->variable("exclude") && !policy.exclude.empty()) {
    return fail(ErrorCode::invalid_argument, fmt::format("exclude \"{}\": policy type \"{}\" reads no files",
                                                         policy.exclude.front(), type->name));
  }
  return {};
}

BackupSource backup_source(const Policy& policy, const std::string& client) {
  const PolicyTypeRow* type = find_type(policy.type);
  if (!type) return {};
  const auto own = variables_of(*type, policy.variables, client);
  Values values = read_variables(*type, own.value_or(policy.variables)).value_or(Values{});
  BackupSource source;
  if (type->files) source = read_files(*type->files, values);
  if (type->dump) source.dump = read_dump(*type, values);
  source.exclude.insert(source.exclude.end(), policy.exclude.begin(), policy.exclude.end());
  return source;
}

}  // namespace cyborg
