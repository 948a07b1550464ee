// SPDX-License-Identifier: GPL-3.0-or-later
#include "borg/result.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <json/reader.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>

#include "borg/listing.h"
#include "core/fields.h"
#include "core/utf8.h"

namespace cyborg {
namespace {

// One row per cause: borg's exit codes (modern; several form a range) and the last part of its msgid.
struct Cause {
  int first;
  int last;
  std::string_view msgid;
  ResultCode code;
  const char* message;  // {0} repository, {1} archive, {2} borg's message, {3} its name
};

constexpr std::array kCauses{
    Cause{10, 10, "AlreadyExists", ResultCode::repository_exists, "there is a repository at {0} already"},
    Cause{12, 12, "CheckNeeded", ResultCode::damage_suspected, "repository {0} needs a check: {2}"},
    Cause{13, 13, "DoesNotExist", ResultCode::repository_missing,
          "there is no repository at {0}: cyborgctl repository prepare {3}, with --anew if it is lost"},
    Cause{14, 14, "InsufficientFreeSpaceError", ResultCode::disk_full,
          "the disk of repository {0} is full: {2}"},
    Cause{15, 16, "InvalidRepository", ResultCode::repository_invalid,
          "{0} exists and is not a borg repository"},
    Cause{15, 16, "InvalidRepositoryConfig", ResultCode::repository_invalid,
          "repository {0} is not valid: {2}"},
    Cause{17, 17, "ObjectNotFound", ResultCode::damage_suspected, "repository {0} is damaged: {2}"},
    Cause{18, 18, "ParentPathDoesNotExist", ResultCode::repository_missing,
          "the directory above {0} does not exist"},
    Cause{19, 19, "PathAlreadyExists", ResultCode::repository_invalid,
          "{0} exists and is not a borg repository"},
    Cause{20, 20, "StorageQuotaExceeded", ResultCode::disk_full,
          "the quota of repository {0} is used up: {2}"},
    Cause{21, 21, "PathPermissionDenied", ResultCode::repository_denied,
          "no permission for repository {0}: {2}"},
    Cause{30, 30, "Archive.AlreadyExists", ResultCode::archive_exists, "archive {1} exists already in {0}"},
    Cause{31, 31, "Archive.DoesNotExist", ResultCode::archive_missing,
          "there is no archive {1} in repository {0}"},
    Cause{42, 42, "KeyfileNotFoundError", ResultCode::key_file,
          "the key of repository {0} is in a file on some machine, and cyborgd uses those with a key in the "
          "repository (repokey) or none only: make another repository"},
    Cause{50, 50, "NoPassphraseFailure", ResultCode::passphrase_wrong,
          "borg got no passphrase for repository {0}"},
    Cause{52, 52, "PassphraseWrong", ResultCode::passphrase_wrong,
          "the passphrase of repository {0} is wrong: cyborgctl repository set {3} --passphrase-file FILE"},
    Cause{53, 53, "PasswordRetriesExceeded", ResultCode::passphrase_wrong,
          "the passphrase of repository {0} is wrong: cyborgctl repository set {3} --passphrase-file FILE"},
    Cause{61, 61, "EncryptionMethodMismatch", ResultCode::repository_swapped,
          "repository {0} has another encryption than before: was it replaced?"},
    Cause{62, 63, "RepositoryAccessAborted", ResultCode::repository_swapped,
          "repository {0} is not the one that was used before: {2}"},
    Cause{64, 64, "RepositoryReplay", ResultCode::repository_swapped,
          "repository {0} is older than it was: was an old copy put back?"},
    Cause{73, 73, "LockTimeout", ResultCode::repository_locked,
          "repository {0} is locked by another borg: {2}"},
    Cause{72, 72, "LockFailed", ResultCode::repository_denied, "repository {0} cannot be locked: {2}"},
    Cause{70, 75, "LockError", ResultCode::repository_locked, "repository {0} cannot be locked: {2}"},
    Cause{80, 81, "ConnectionClosed", ResultCode::connection_lost,
          "the connection to repository {0} was lost: {2}"},
    Cause{81, 81, "ConnectionClosedWithHint", ResultCode::connection_lost,
          "the connection to repository {0} was lost: {2}"},
    Cause{87, 87, "ConnectionBrokenWithHint", ResultCode::connection_lost,
          "the connection to repository {0} was lost: {2}"},
    Cause{83, 83, "PathNotAllowed", ResultCode::repository_denied,
          "the repository host does not allow the path of {0}: {2}"},
    Cause{85, 85, "RPCServerOutdated", ResultCode::borg_unsupported,
          "borg on the repository host is too old: {2}"},
    Cause{90, 99, "IntegrityError", ResultCode::damage,
          "repository {0} is damaged or was tampered with: {2}"},
    Cause{95, 99, "TAMInvalid", ResultCode::damage, "repository {0} was tampered with: {2}"},
};

// "Repository.DoesNotExist" and "DoesNotExist" are equal: over ssh the class may be missing. A row with a dot
// (archives) must match completely.
bool msgid_matches(std::string_view row, std::string_view msgid) {
  if (row.find('.') != std::string_view::npos) return row == msgid;
  if (msgid.starts_with("Archive.")) return false;
  auto dot = msgid.rfind('.');
  return row == (dot == std::string_view::npos ? msgid : msgid.substr(dot + 1));
}

const Cause* find_cause(int status, std::string_view msgid) {
  for (const auto& cause : kCauses) {
    if (!msgid.empty() && msgid_matches(cause.msgid, msgid)) return &cause;
  }
  for (const auto& cause : kCauses) {
    if (status >= cause.first && status <= cause.last) return &cause;
  }
  return nullptr;
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

JobResult failure(ResultCode code, std::string message, int status) {
  JobResult result = make_result(code, std::move(message), JobState::failed);
  result.borg_status = status;
  return result;
}

// Unexpected exceptions appear as Python tracebacks: their last line says what happened.
std::string gist(const std::string& text) {
  std::string first = first_line(text);
  if (!first.ends_with(" Exception") && !first.starts_with("Traceback ")) return first;
  std::string reason = first;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos && line.substr(0, colon).find(' ') == std::string::npos &&
        (line.substr(0, colon).ends_with("Error") || line.substr(0, colon).ends_with("Exception"))) {
      reason = line;
    }
    begin = end + 1;
  }
  return reason;
}

std::string said(const BorgLog& log) {
  if (!log.error_text().empty()) return gist(log.error_text());
  if (!log.last_remote().empty()) return first_line(log.last_remote());
  return log.warnings().empty() ? std::string{"no reason given"} : first_line(log.warnings().back());
}

JobResult judge_failure(int status, const BorgLog& log, const JobSpec& spec) {
  const std::string repository = repository_name(spec);
  if (status > 128 && status < 128 + 65) {
    return failure(ResultCode::borg_killed, fmt::format("borg was ended by signal {}", status - 128), status);
  }
  const Cause* cause = find_cause(status, log.error_id());
  if (cause) {
    // The far end of a lost connection often reports the reason.
    const bool lost = cause->code == ResultCode::connection_lost && !log.last_remote().empty();
    return failure(cause->code,
                   fmt::format(fmt::runtime(cause->message), repository, spec.archive,
                               lost ? first_line(log.last_remote()) : said(log), spec.repository),
                   status);
  }
  if (log.no_space())
    return failure(ResultCode::disk_full, fmt::format("a disk is full: {}", said(log)), status);
  return failure(ResultCode::borg_error, fmt::format("borg failed with status {}: {}", status, said(log)),
                 status);
}

JobResult judge_warnings(int status, const BorgLog& log) {
  const std::string first =
      log.warnings().empty() ? std::string{"it gave no reason"} : first_line(log.warnings().front());
  JobResult result = make_result(ResultCode::borg_warning,
                                 log.warning_count() > 1 ? fmt::format("borg gave {} warnings, the first: {}",
                                                                       log.warning_count(), first)
                                                         : fmt::format("borg gave a warning: {}", first));
  result.borg_status = status;
  return result;
}

// The patterns that are regular expressions.
std::vector<std::string> expressions(const JobSpec& spec) {
  std::vector<std::string> found;
  for (const auto& pattern : spec.exclude) {
    if (pattern.starts_with("re:")) found.push_back(pattern);
  }
  for (const auto& rule : spec.patterns) {
    if (rule.find(" re:") == 1) found.push_back(rule);
  }
  return found;
}

JobResult judge_crash(int status, std::string_view crash, const JobSpec& spec) {
  for (const std::string_view error : {"re.error: ", "re.PatternError: "}) {
    if (!crash.starts_with(error)) continue;
    return failure(ResultCode::pattern_invalid,
                   fmt::format("a pattern is no regular expression: {} ({})",
                               fmt::join(expressions(spec), ", "), crash.substr(error.size())),
                   status);
  }
  return failure(ResultCode::borg_error, fmt::format("borg broke down: {}", crash), status);
}

// For a restore, all warnings of borg mean that a file was not restored exactly, except for these.
bool is_blemish(const std::string& warning) {
  return warning.find("extended attribute") != std::string::npos ||
         warning.find("stale lock") != std::string::npos;
}

const std::string& restored_to(const JobSpec& spec) {
  static const std::string output = "the output";
  return spec.restore.output ? output : spec.client;
}

JobResult judge_full_disk(int status, const std::string& said, const JobSpec& spec) {
  return failure(ResultCode::disk_full, fmt::format("the disk of {} is full: {}", restored_to(spec), said),
                 status);
}

JobResult judge_extract_warnings(int status, const BorgLog& log, const JobSpec& spec) {
  const auto& warnings = log.warnings();
  const auto bad = std::ranges::find_if_not(warnings, is_blemish);
  if (bad == warnings.end() && log.warning_count() > 0) return judge_warnings(status, log);
  const std::string first = bad == warnings.end() ? "it gave no reason" : first_line(*bad);
  if (log.no_space()) return judge_full_disk(status, first, spec);
  return failure(ResultCode::not_restored,
                 fmt::format("not all was restored to {}, borg gave {} warnings, the first: {}",
                             restored_to(spec), std::max<std::size_t>(log.warning_count(), 1), first),
                 status);
}

bool parse(std::string_view text, Json::Value& json) {
  // A login shell may have printed something before.
  auto brace = text.find('{');
  if (brace == std::string_view::npos) return false;
  Json::CharReaderBuilder builder;
  const std::unique_ptr<Json::CharReader> reader{builder.newCharReader()};
  try {
    return reader->parse(text.data() + brace, text.data() + text.size(), &json, nullptr) && json.isObject();
  } catch (const Json::Exception&) {
    return false;
  }
}

std::string text_of(const Json::Value& json, const char* section, const char* key) {
  const Json::Value& part = json[section];
  return part.isObject() && part[key].isString() ? part[key].asString() : std::string{};
}

}  // namespace

std::string repository_name(const JobSpec& spec) {
  const SshTarget& host = spec.repository_host;
  if (host.address.empty()) return spec.repository_path;
  std::string port = host.port == 22 ? std::string{} : fmt::format(":{}", host.port);
  return fmt::format("ssh://{}@{}{}{}", host.user, host.address, port, spec.repository_path);
}

JobResult repository_swapped(const JobSpec& spec, std::string_view found) {
  return failure(ResultCode::repository_swapped,
                 fmt::format("repository {} is not the one that was prepared: its id is {}, it must be {}; "
                             "if it was replaced on purpose: cyborgctl repository prepare {} --anew",
                             repository_name(spec), found, spec.borg_id, spec.repository),
                 -1);
}

const std::string* lost_root(const BorgLog& log, const JobSpec& spec) {
  for (const auto& root : spec.roots) {
    const std::string prefix = root + ":";
    bool lost = std::ranges::any_of(log.warnings(), [&](const std::string& warning) {
      return warning.starts_with(prefix) || warning.starts_with(prefix.substr(1));
    });
    if (lost) return &root;
  }
  return nullptr;
}

JobResult judge_borg(BorgVerb verb, int status, const BorgLog& log, const JobSpec& spec) {
  if (verb == BorgVerb::extract && !log.unmatched().empty()) {
    return failure(ResultCode::path_not_in_archive,
                   fmt::format("/{} is not in archive {}", log.unmatched().front(), spec.archive), status);
  }
  if (status == 0) {
    JobResult result = make_result(ResultCode::ok, "");
    result.borg_status = 0;
    return result;
  }
  if (status == 1 && !log.crash().empty()) return judge_crash(status, log.crash(), spec);
  // Every warning of a check means damage.
  if (verb == BorgVerb::check && status == 1) {
    return failure(ResultCode::damage,
                   fmt::format("repository {} is damaged: see the job's output", repository_name(spec)),
                   status);
  }
  if (verb == BorgVerb::extract && log.no_space() && !find_cause(status, log.error_id())) {
    return judge_full_disk(status, said(log), spec);
  }
  if (status != 1 && (status < 100 || status > 127)) {
    JobResult result = judge_failure(status, log, spec);
    // A check has exclusive access to the repository.
    if (verb == BorgVerb::check && result.code == ResultCode::damage_suspected)
      result.code = ResultCode::damage;
    return result;
  }
  if (verb == BorgVerb::extract) return judge_extract_warnings(status, log, spec);
  if (verb == BorgVerb::create && spec.dump) {
    // borg could not read one of its files completely.
    return failure(ResultCode::dump_lost,
                   fmt::format("archive {} is not complete: {}", spec.archive, said(log)), status);
  }
  if (verb == BorgVerb::create) {
    if (const std::string* root = lost_root(log, spec)) {
      return failure(ResultCode::source_missing,
                     fmt::format("{} could not be read, so archive {} is without it", *root, spec.archive),
                     status);
    }
  }
  return judge_warnings(status, log);
}

std::optional<CreateReport> parse_create_report(std::string_view text) {
  Json::Value json;
  if (!parse(text, json) || !json["archive"].isObject()) return std::nullopt;
  CreateReport report;
  report.repository_id = text_of(json, "repository", "id");
  const Json::Value& archive = json["archive"];
  for (const char* key : {"id", "name", "duration", "start", "end"}) report.archive[key] = archive[key];
  if (!archive["stats"].isObject()) return std::nullopt;
  for (const char* key : {"original_size", "compressed_size", "deduplicated_size", "nfiles"}) {
    report.archive[key] = archive["stats"][key];
  }
  if (report.repository_id.empty() || !archive["id"].isString()) return std::nullopt;
  if (json["cache"].isObject() && json["cache"]["stats"].isObject()) {
    const Json::Value& size = json["cache"]["stats"]["unique_csize"];
    if (size.isInt64() && size.asInt64() > 0) report.repository_size = size.asInt64();
  }
  return report;
}

std::optional<InfoReport> parse_info_report(std::string_view text) {
  Json::Value json;
  if (!parse(text, json)) return std::nullopt;
  InfoReport report{text_of(json, "repository", "id"), text_of(json, "encryption", "mode")};
  if (report.repository_id.empty()) return std::nullopt;
  return report;
}

std::optional<std::map<std::string, std::string>> parse_archive_list(std::string_view text) {
  Json::Value json;
  if (!parse(text, json) || !json["archives"].isArray()) return std::nullopt;
  std::map<std::string, std::string> archives;
  for (const auto& archive : json["archives"]) {
    if (!archive.isObject() || !archive["name"].isString() || !archive["id"].isString()) return std::nullopt;
    archives.emplace(archive["name"].asString(), archive["id"].asString());
  }
  return archives;
}

std::optional<std::vector<ListedArchive>> parse_archives(std::string_view text) {
  Json::Value json;
  if (!parse(text, json) || !json["archives"].isArray()) return std::nullopt;
  std::vector<ListedArchive> archives;
  for (const auto& archive : json["archives"]) {
    if (!archive.isObject() || !archive["name"].isString() || !archive["id"].isString()) return std::nullopt;
    ListedArchive one{archive["name"].asString(), archive["id"].asString(), 0};
    const std::string start = archive["start"].isString() ? archive["start"].asString() : "";
    if (!parse_borg_time(start, one.created)) return std::nullopt;
    if (is_valid_utf8(one.name) && !has_control_characters(one.name) &&
        one.name.find("::") == std::string::npos) {
      archives.push_back(std::move(one));
    }
  }
  std::ranges::stable_sort(archives, {}, &ListedArchive::created);
  return archives;
}

std::optional<Json::Value> parse_archive_info(std::string_view text) {
  Json::Value json;
  if (!parse(text, json) || !json["archives"].isArray() || json["archives"].size() != 1) return std::nullopt;
  const Json::Value& archive = json["archives"][0];
  Microseconds created = 0;
  if (!archive.isObject() || !archive["name"].isString() || !archive["id"].isString() ||
      !archive["start"].isString() || !parse_borg_time(archive["start"].asString(), created) ||
      !archive["stats"].isObject()) {
    return std::nullopt;
  }
  Json::Value facts{Json::objectValue};
  for (const char* key : {"name", "id", "duration"}) facts[key] = archive[key];
  facts["created"] = Json::Int64{created};
  for (const char* key : {"original_size", "compressed_size", "deduplicated_size", "nfiles"}) {
    facts[key] = archive["stats"][key];
  }
  return facts;
}

Expected<std::vector<std::string>> archives_to_remove(const std::map<std::string, std::string>& listing,
                                                      const JobSpec& spec) {
  std::set<std::string, std::less<>> ids;
  for (const auto& [name, id] : listing) ids.insert(id);
  for (const auto& id : spec.keep_ids) {
    if (!ids.contains(id)) {
      return fail(ErrorCode::failed,
                  fmt::format("repository {} does not list an archive (id {}) that has to be there, so "
                              "nothing was removed: check the repository",
                              repository_name(spec), id));
    }
  }
  std::vector<std::string> names;
  for (std::size_t i = 0; i < spec.remove.size(); ++i) {
    const auto listed = listing.find(spec.remove[i]);
    if (listed == listing.end()) continue;  // removed by an earlier job that was interrupted afterwards
    if (i >= spec.remove_ids.size() || listed->second != spec.remove_ids[i]) {
      return fail(ErrorCode::failed,
                  fmt::format("archive {} in repository {} is not the one that was made: its id is {}, so "
                              "nothing was removed",
                              spec.remove[i], repository_name(spec), listed->second));
    }
    names.push_back(spec.remove[i]);
  }
  return names;
}

}  // namespace cyborg
