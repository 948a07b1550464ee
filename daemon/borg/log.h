// SPDX-License-Identifier: GPL-3.0-or-later
// Parses borg's output with --log-json: mostly, but not only, one JSON object per line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cyborg {

struct BorgProgress {
  std::int64_t files = 0;
  std::int64_t bytes = 0;
  std::string path;
};

struct BorgLine {
  enum class Kind { progress, message, status, text };
  Kind kind = Kind::text;
  int priority = 6;  // syslog's
  std::string name;
  std::string msgid;  // errors always have one; warnings since borg 1.4
  std::string text;   // for people; may hold line breaks
  std::optional<BorgProgress> progress;
};

BorgLine parse_borg_line(std::string_view line);

// Lines that a job's output need not repeat: borg's exit status, which is in the result, and the missing
// files cache of a policy's first backup, which borg 1.2 and 1.4 report as a warning.
bool is_told_otherwise(const BorgLine& line);

// Remembers the lines of a borg that explain its result.
class BorgLog {
 public:
  void add(const BorgLine& line);
  // Adds a source root or other item to be named with the warnings.
  void add_warning(std::string text);

  const std::vector<std::string>& warnings() const { return warnings_; }
  std::size_t warning_count() const { return warning_count_; }
  const std::string& error_id() const { return error_id_; }      // of the first error
  const std::string& error_text() const { return error_text_; }  // idem
  const std::string& last_remote() const { return last_remote_; }
  const std::vector<std::string>& unmatched() const { return unmatched_; }
  bool no_space() const { return no_space_; }
  // The last line of a traceback without an error message: borg crashed before it could report an error, and
  // exited with 1 as for a warning.
  std::string_view crash() const { return said_rc_ ? std::string_view{} : std::string_view{crash_}; }
  const std::string& freed() const { return freed_; }      // by compact: "405.46 kB"
  bool checked_to_end() const { return checked_to_end_; }  // for a check: it reached the last segment
  // Extracts these values from a line, if it contains them.
  void note(std::string_view text);

 private:
  void note_crash(const std::string& text);

  std::vector<std::string> warnings_;
  std::size_t warning_count_ = 0;
  std::string error_id_;
  std::string error_text_;
  std::string last_remote_;
  std::vector<std::string> unmatched_;  // for a restore: paths that are not in the archive
  bool no_space_ = false;
  bool in_traceback_ = false;
  bool said_rc_ = false;  // borg reported its exit status
  std::string crash_;
  std::string freed_;
  bool checked_to_end_ = false;
};

}  // namespace cyborg
