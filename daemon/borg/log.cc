// SPDX-License-Identifier: GPL-3.0-or-later
#include "borg/log.h"

#include <json/reader.h>
#include <json/value.h>

#include <memory>

namespace cyborg {
namespace {

constexpr std::size_t kMaxWarnings = 1000;
constexpr std::size_t kMaxErrorText = 65'536;

bool parse_json(std::string_view text, Json::Value& json) {
  static const Json::CharReaderBuilder builder = [] {
    Json::CharReaderBuilder strict;
    strict["failIfExtra"] = true;
    return strict;
  }();
  // One reader for the process: creating one costs more than reading a line.
  thread_local const std::unique_ptr<Json::CharReader> reader{builder.newCharReader()};
  try {
    return reader->parse(text.data(), text.data() + text.size(), &json, nullptr) && json.isObject();
  } catch (const Json::Exception&) {
    return false;  // nested too deeply
  }
}

std::string word(const Json::Value& json, const char* key) {
  const Json::Value& value = json[key];
  return value.isString() ? value.asString() : std::string{};
}

std::int64_t number(const Json::Value& json, const char* key) {
  const Json::Value& value = json[key];
  return value.isInt64() ? value.asInt64() : 0;
}

int priority_of(const std::string& level) {
  if (level == "CRITICAL") return 2;
  if (level == "ERROR") return 3;
  if (level == "WARNING") return 4;
  if (level == "DEBUG") return 7;
  return 6;
}

void read_progress(const Json::Value& json, const std::string& type, BorgLine& line) {
  line.kind = BorgLine::Kind::progress;
  bool finished = json["finished"].isBool() && json["finished"].asBool();
  if (type == "archive_progress" && !finished) {
    line.progress = {number(json, "nfiles"), number(json, "original_size"), word(json, "path")};
  } else if (type == "progress_percent" && !finished) {
    const Json::Value& info = json["info"];
    bool has_path = info.isArray() && !info.empty() && info[0].isString();
    line.progress = {0, number(json, "current"), has_path ? info[0].asString() : std::string{}};
  }
}

BorgLine from_json(const Json::Value& json) {
  BorgLine line;
  const std::string type = word(json, "type");
  line.msgid = word(json, "msgid");
  line.name = word(json, "name");
  line.text = word(json, "message");
  if (type == "archive_progress" || type == "progress_percent" || type == "progress_message") {
    read_progress(json, type, line);
  } else if (type == "file_status") {
    line.kind = BorgLine::Kind::status;
    line.text = word(json, "status") + " " + word(json, "path");
  } else {
    line.kind = BorgLine::Kind::message;
    line.priority = priority_of(word(json, "levelname"));
  }
  return line;
}

// "Include pattern 'a' never matched." (borg 1.4 capitalises differently, but has a msgid.)
std::string unmatched_path(const BorgLine& line) {
  bool is_it = line.msgid == "IncludePatternNeverMatched" ||
               (line.text.starts_with("Include pattern ") && line.text.ends_with("never matched."));
  if (!is_it) return {};
  auto first = line.text.find('\'');
  auto last = line.text.rfind('\'');
  return first == last ? line.text : line.text.substr(first + 1, last - first - 1);
}

}  // namespace

BorgLine parse_borg_line(std::string_view line) {
  // A prompt may precede an object on the same line: look for the first brace.
  auto brace = line.find('{');
  Json::Value json;
  if (brace != std::string_view::npos && parse_json(line.substr(brace), json) && json.isMember("type")) {
    return from_json(json);
  }
  BorgLine text;
  text.text = line;
  return text;
}

bool is_told_otherwise(const BorgLine& line) {
  if (line.name == "borg.output.show-rc") return true;
  if (line.name != "borg.cache") return false;
  const std::string_view text = line.text;
  return text.starts_with("Continuing without files cache") ||
         (text.starts_with("The files cache can't be read.") && text.find("[Errno 2]") != text.npos);
}

// If borg caught an exception on the way, the exception that it led to follows.
void BorgLog::note_crash(const std::string& text) {
  if (text.starts_with("Traceback (most recent call last)")) {
    in_traceback_ = true;
  } else if (in_traceback_ && !text.empty() && text.front() != ' ') {
    crash_ = text.substr(0, kMaxErrorText);
    in_traceback_ = false;
  }
}

void BorgLog::add(const BorgLine& line) {
  if (line.kind == BorgLine::Kind::text) note_crash(line.text);
  if (line.kind != BorgLine::Kind::message) return;
  if (line.name == "borg.output.show-rc") said_rc_ = true;
  if (line.name == "borg.repository") note(line.text);
  if (line.priority > 4) return;
  if (is_told_otherwise(line)) return;
  if (line.text.find("No space left on device") != std::string::npos) no_space_ = true;
  if (line.text.starts_with("Remote: ")) last_remote_ = line.text.substr(8);
  if (line.priority < 4) {
    // A traceback may be a separate record after the error that it explains.
    if (!error_text_.empty()) error_text_ += '\n';
    if (error_text_.size() < kMaxErrorText) error_text_ += line.text;
    if (error_id_.empty()) error_id_ = line.msgid;
    return;
  }
  // Rebuilding a cache costs time, but does not affect the backup.
  if (line.name == "borg.cache") return;
  if (auto path = unmatched_path(line); !path.empty()) unmatched_.push_back(path);
  add_warning(line.text);
}

// "compaction freed about 405.46 kB repository space.", which borg reports in no other form; over ssh with
// the prefix "Remote: ".
void BorgLog::note(std::string_view text) {
  // "finished segment check at segment 7"; for a partial check: "finished partial segment check, …".
  if (text.find("finished segment check") != std::string_view::npos) checked_to_end_ = true;
  constexpr std::string_view kBefore = "compaction freed about ", kAfter = " repository space";
  const auto begin = text.find(kBefore);
  if (begin == std::string_view::npos) return;
  text.remove_prefix(begin + kBefore.size());
  freed_ = text.substr(0, text.find(kAfter));
}

void BorgLog::add_warning(std::string text) {
  ++warning_count_;
  if (warnings_.size() < kMaxWarnings) warnings_.push_back(std::move(text));
}

}  // namespace cyborg
