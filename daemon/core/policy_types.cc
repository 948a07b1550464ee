#include "core/policy_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>

#include "core/fields.h"
#include "core/policy_checks.h"

namespace cyborg {
namespace {

// What is useless in a backup of a whole system: kernel interfaces, scratch space, other media, and caches
// that borg and the package managers fill again by themselves.
const std::vector<std::string> kRootfsExclude{"/dev",
                                              "/proc",
                                              "/sys",
                                              "/run",
                                              "/var/run",
                                              "/tmp",
                                              "/mnt",
                                              "/media",
                                              "/lost+found",
                                              "/var/lib/lxcfs",
                                              "/root/.cache/borg",
                                              "/home/*/.cache/borg",
                                              "/var/lib/cyborg-client",
                                              "/var/lib/cyborg",
                                              "/var/cache/apt/archives",
                                              "/var/cache/dnf",
                                              "/var/cache/yum",
                                              "/var/cache/zypp",
                                              "/var/cache/apk",
                                              "/var/cache/pacman/pkg"};

enum class Form { text, list, ids, flag, number, secret, clients };

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

struct Variable {
  const char* name;
  Form form;
  bool required;
  const char* description;
  Fields::Check check = {};
  std::int64_t most = 65535;  // of a number
};

struct Values {
  std::map<std::string, std::string> text;
  std::map<std::string, std::vector<std::string>> list;
  std::map<std::string, bool> flag;
  std::map<std::string, std::int64_t> number;
};

struct PolicyType {
  const char* name;
  const char* description;
  std::vector<Variable> variables;
  std::function<BackupSource(Values)> source;
  const char* main = nullptr;  // the variable that a list alone stands for, per client

  bool has(std::string_view variable) const {
    return std::ranges::any_of(variables, [&](const Variable& one) { return one.name == variable; });
  }
};

// Of all types that read files.
std::vector<Variable> file_variables(std::vector<Variable> first = {}) {
  const std::vector<Variable> common{
      {"exclude", Form::list, false, "what is left out: borg patterns", check_pattern},
      {"patterns", Form::list, false,
       "what is taken (\"+ PATTERN\") and left out (\"- PATTERN\"), the first that fits: before exclude",
       check_pattern_rule},
      {"exclude_if_present", Form::list, false, "file names: folders that hold one are left out",
       check_tag_name},
      {"exclude_caches", Form::flag, false, "leave out folders that a CACHEDIR.TAG marks as caches", {}},
      {"one_file_system", Form::flag, false, "stay on the file system of each folder", {}},
      {"snapshot", Form::text, false,
       "auto: read what lies on btrfs, LVM or ZFS from a snapshot; none (default): as it is", check_snapshot},
      {"snapshot_size",
       Form::number,
       false,
       "of an LVM snapshot, in percent of its volume (default: 10; a thin one needs none)",
       {},
       100},
  };
  first.insert(first.end(), common.begin(), common.end());
  return first;
}

std::string_view check_guest(const std::string& name) {
  return name.empty() || name.find('/') != std::string::npos || has_control_characters(name)
             ? "the name of a guest"
             : "";
}

std::string_view check_guest_id(const std::string& id) {
  const bool digits = std::ranges::all_of(id, [](unsigned char c) { return std::isdigit(c); });
  return digits && id.size() >= 3 && id.size() <= 9 && id.front() != '0' ? "" : "the number of a guest";
}

std::string_view check_mode(const std::string& mode) {
  return mode == "snapshot" || mode == "suspend" || mode == "stop" ? "" : "snapshot, suspend or stop";
}

BackupSource files(Values& values, std::vector<std::string> roots, std::vector<std::string> exclude = {}) {
  BackupSource source;
  source.roots = std::move(roots);
  source.patterns = values.list["patterns"];
  source.exclude_if_present = values.list["exclude_if_present"];
  source.exclude_caches = values.flag["exclude_caches"];
  source.exclude = std::move(exclude);
  source.exclude.insert(source.exclude.end(), values.list["exclude"].begin(), values.list["exclude"].end());
  source.one_file_system = values.flag["one_file_system"];
  source.snapshot = values.text["snapshot"] == "auto";
  source.snapshot_size = values.number["snapshot_size"] > 0 ? values.number["snapshot_size"] : 10;
  return source;
}

// As borg names them: "/srv/link/" would be the folder behind a link to everybody else.
std::vector<std::string> plain_paths(std::vector<std::string> paths) {
  for (auto& path : paths) {
    path = std::filesystem::path{path}.lexically_normal().native();
    if (path.size() > 1 && path.ends_with('/')) path.pop_back();
  }
  return paths;
}

BackupSource mail(Values values) {
  BackupSource source = files(values, {"/var/mail", "/var/lib/mail"});
  source.any_root = true;
  return source;
}

BackupSource databases(const char* type, Values values) {
  BackupSource source;
  source.dump.type = type;
  source.dump.databases =
      values.list["database"].empty() ? values.list["databases"] : values.list["database"];
  source.dump.user = values.text["user"];
  source.dump.host = values.text["host"];
  source.dump.port = static_cast<int>(values.number["port"]);
  return source;
}

BackupSource piped(Values values) {
  BackupSource source;
  source.dump.type = "piped";
  source.dump.command = values.text["command"];
  source.dump.filename = values.text["filename"].empty() ? "output" : values.text["filename"];
  return source;
}

BackupSource guests(const char* type, Values values) {
  BackupSource source;
  source.dump.type = type;
  source.dump.guests = values.list["guests"];
  source.dump.quiesce = values.flag["quiesce"];
  source.dump.mode = values.text["mode"].empty() ? "snapshot" : values.text["mode"];
  return source;
}

std::vector<Variable> database_variables(const char* user, const char* host) {
  return {
      {"databases", Form::list, false, "which (default: all)", check_database},
      {"database", Form::list, false, "the same, for one", check_database},
      {"user", Form::text, false, user, check_database_user},
      {"password", Form::secret, false, "of the user: given with --password-file, never shown", {}},
      {"host", Form::text, false, host, check_database_host},
      {"port", Form::number, false, "of the server (default: its usual one)", {}},
  };
}

// As design and README have them; the order is that of the listing.
const std::vector<PolicyType>& types() {
  static const std::vector<PolicyType> table{
      {"rootfs", "the whole system, without what is useless in a backup", file_variables(),
       [](Values values) { return files(values, {"/"}, kRootfsExclude); }},
      {"config", "/etc", file_variables(), [](Values values) { return files(values, {"/etc"}); }},
      {"mail", "/var/mail and /var/lib/mail, those that exist", file_variables(), mail},
      {"folders", "some folders",
       file_variables({{"folders", Form::list, true, "absolute paths", check_folder}}),
       [](Values values) { return files(values, plain_paths(values.list["folders"])); }, "folders"},
      {"mysql", "databases of MariaDB or MySQL, a dump of each, and the grants",
       database_variables("who connects (default: root, by the socket)",
                          "where (default: the client's socket)"),
       [](Values values) { return databases("mysql", std::move(values)); }, "databases"},
      {"postgresql", "databases of PostgreSQL, a dump of each in custom format, and the roles",
       database_variables(
           "who connects (default: postgres, by the socket, or with a host its user of that name)",
           "where (default: the client's socket)"),
       [](Values values) { return databases("postgresql", std::move(values)); }, "databases"},
      {"piped",
       "the output of a command",
       {{"command", Form::text, true, "what the client's shell runs", {}},
        {"filename", Form::text, false, "of the file in the archive (default: output)", check_filename}},
       piped},
      {"vm",
       "guests of libvirt: the definition of each, and its disks as they are at one moment",
       {{"guests", Form::list, false, "which (default: all that are defined)", check_guest},
        {"quiesce",
         Form::flag,
         false,
         "have the guest's agent put its file systems in order first; it is a warning if it cannot",
         {}}},
       [](Values values) { return guests("vm", std::move(values)); },
       "guests"},
      {"proxmox",
       "virtual machines and containers of a Proxmox host, as its vzdump saves them",
       {{"guests", Form::ids, false, "which, by their number (default: all of this host)", check_guest_id},
        {"mode", Form::text, false, "snapshot, suspend or stop (default: snapshot)", check_mode}},
       [](Values values) { return guests("proxmox", std::move(values)); },
       "guests"},
  };
  return table;
}

const PolicyType* find_type(const std::string& name) {
  const auto row = std::ranges::find_if(types(), [&](const PolicyType& type) { return type.name == name; });
  return row != types().end() ? &*row : nullptr;
}

void read_variable(Fields& fields, const Variable& variable, Values& values) {
  switch (variable.form) {
    case Form::text:
      return fields.text(variable.name, values.text[variable.name], variable.check);
    case Form::list:
    case Form::ids:
      return fields.list(variable.name, values.list[variable.name], variable.check);
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

Expected<void> check_required(const PolicyType& type, Values& values) {
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

// A number, or a list of some, as texts.
void write_numbers(Json::Value& value) {
  if (value.isArray()) {
    for (auto& item : value) write_numbers(item);
  } else if (value.isIntegral() && !value.isBool()) {
    value = value.asString();
  }
}

// As a form would send it, an empty text is a variable that was not given.
Json::Value without_empty(const PolicyType& type, const Json::Value& json) {
  Json::Value given = json;
  for (const auto& variable : type.variables) {
    if (variable.form == Form::ids && given.isMember(variable.name)) write_numbers(given[variable.name]);
    const bool drops = variable.form == Form::text || variable.form == Form::secret || type.has("password");
    if (drops && given.isMember(variable.name) && given[variable.name] == Json::Value{""}) {
      given.removeMember(variable.name);
    }
  }
  return given;
}

Expected<Values> read_variables(const PolicyType& type, const Json::Value& json) {
  Values values;
  const Json::Value given = without_empty(type, json);
  Fields fields{given};
  for (const auto& variable : type.variables) read_variable(fields, variable, values);
  if (auto checked = fields.finish(); !checked) return std::unexpected(checked.error());
  if (!values.list["database"].empty() && !values.list["databases"].empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("policy type \"{}\": both \"database\" and \"databases\" are given", type.name),
                "give all of them as databases");
  }
  if (auto required = check_required(type, values); !required) return std::unexpected(required.error());
  return values;
}

// Other values for single clients, as the predecessor had them: {"extended_mysql": {"web": {"port": 3307}}}.
std::string extended_key(const PolicyType& type) {
  return std::string{"extended_"} + type.name;
}

Json::Value extended_record(const PolicyType& type) {
  Json::Value one{Json::objectValue};
  one["name"] = extended_key(type);
  one["type"] = to_string(Form::clients);
  one["required"] = false;
  one["description"] = "other values of these for single clients, such as {\"web\": {…}}";
  return one;
}

// One client's values as an object of variables: a list alone is of the type's main variable, and credential
// holds what the predecessor kept there.
Expected<Json::Value> extended_values(const PolicyType& type, const std::string& client, Json::Value given) {
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

// The variables as they are for a client.
Expected<Json::Value> variables_of(const PolicyType& type, const Json::Value& variables,
                                   const std::string& client) {
  const std::string key = extended_key(type);
  Json::Value own = variables;
  own.removeMember(key);
  const Json::Value& all = variables[key];
  if (!all.isObject() || !all.isMember(client)) return own;
  const auto values = extended_values(type, client, all[client]);
  if (!values) return std::unexpected(values.error());
  // The two names of the databases are one variable.
  if (values->isMember("databases") || values->isMember("database")) {
    own.removeMember("databases");
    own.removeMember("database");
  }
  for (const auto& name : values->getMemberNames()) own[name] = (*values)[name];
  return own;
}

Expected<void> check_extended(const PolicyType& type, const Policy& policy) {
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
                  "the clients' names, not the numbers that another system gave them");
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
  for (const auto& type : types()) names.emplace_back(type.name);
  return names;
}

std::vector<Json::Value> policy_type_records() {
  std::vector<Json::Value> records;
  for (const auto& type : types()) {
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

bool takes_password(const std::string& type) {
  const PolicyType* found = find_type(type);
  return found && found->has("password");
}

Expected<void> check_policy_variables(const Policy& policy) {
  const PolicyType* type = find_type(policy.type);
  if (!type) {
    return fail(ErrorCode::invalid_argument, fmt::format("type \"{}\": expected one of {}", policy.type,
                                                         fmt::join(policy_type_names(), ", ")));
  }
  const auto common = variables_of(*type, policy.variables, {});
  if (auto variables = read_variables(*type, common.value_or(policy.variables)); !variables)
    return std::unexpected(variables.error());
  if (auto extended = check_extended(*type, policy); !extended) return extended;
  if (!type->has("exclude") && !policy.exclude.empty()) {
    return fail(ErrorCode::invalid_argument, fmt::format("exclude \"{}\": policy type \"{}\" reads no files",
                                                         policy.exclude.front(), type->name));
  }
  return {};
}

BackupSource backup_source(const Policy& policy, const std::string& client) {
  const PolicyType* type = find_type(policy.type);
  if (!type) return {};
  const auto own = variables_of(*type, policy.variables, client);
  BackupSource source =
      type->source(read_variables(*type, own.value_or(policy.variables)).value_or(Values{}));
  source.exclude.insert(source.exclude.end(), policy.exclude.begin(), policy.exclude.end());
  return source;
}

}  // namespace cyborg
