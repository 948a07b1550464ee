// SPDX-License-Identifier: GPL-3.0-or-later
// Processes standard error of a borg and of the script around it: words for cyborg-job, borg's messages, and
// the rest.
#include <fmt/format.h>

#include "job/borg/borg_run.h"
#include "job/borg/stale_lock.h"
#include "remote/dump_script.h"
#include "remote/job_script.h"
#include "remote/snapshot_script.h"

namespace cyborg {
namespace {

constexpr std::size_t kMaxText = 50;
constexpr std::size_t kMaxSaid = 5;

void keep(std::vector<std::string>& lines, std::size_t most, std::string_view line) {
  if (lines.size() < most) lines.emplace_back(line);
}

}  // namespace

BorgReader::BorgReader(JobContext& job, BorgEnd& end)
    : job_(job), end_(end), lines_([this](std::string_view line) { read_line(line); }) {}

void BorgReader::read_snapshot(std::string_view line) {
  const auto note = read_snapshot_line(line);
  if (!note) return;
  job_.output().line(note->priority, note->text);
  if (note->priority >= 5) return;
  end_.snapshot_left = note->text;
  end_.log.add_warning(note->text);
}

void BorgReader::read_note(const Said<ScriptNote>& said, std::string_view line) {
  Output& output = job_.output();
  switch (said.word) {
    case ScriptNote::started:
      end_.started = true;
      return;
    case ScriptNote::installing:
      return output.line(5, "borg is not installed: installing it");
    case ScriptNote::lock_removed:
      return output.line(5, stale_lock_removed(said.detail));
    case ScriptNote::root_link:
      if (const auto warning = root_link_warning(job_.spec(), said.detail)) {
        keep(end_.root_links, job_.spec().roots.size(), *warning);
      }
      return;
    case ScriptNote::ssh_said:
      output.line(4, fmt::format("ssh: {}", said.detail));
      return keep(end_.ssh_said, kMaxText, said.detail);
    case ScriptNote::snapshot:
    case ScriptNote::snapshot_none:
    case ScriptNote::snapshot_swept:
    case ScriptNote::snapshot_left:
      return read_snapshot(line);
    case ScriptNote::dumping:
      end_.said.clear();
      return output.line(6, fmt::format("reading {}", dump_name(job_.spec(), said.detail)));
    case ScriptNote::dump_said:
      if (end_.said.size() == kMaxSaid) end_.said.erase(end_.said.begin());
      end_.said.push_back(said.detail);
      return output.line(5, said.detail);
    case ScriptNote::dump_warning:
      output.line(4, said.detail);
      return keep(end_.dump_warnings, kMaxText, said.detail);
  }
}

// Returns false if the line is not one of our words.
bool BorgReader::read_word(std::string_view line) {
  if (const auto note = cyborg::read_note(line)) {
    read_note(*note, line);
    return true;
  }
  const auto failure = read_failure(line);
  // The first failure is the cause.
  if (failure && !end_.script_failure) end_.script_failure = failure;
  return failure.has_value();
}

void BorgReader::read_line(std::string_view line) {
  if (line.starts_with(kScriptMark) && read_word(line.substr(kScriptMark.size()))) return;
  const BorgLine parsed = parse_borg_line(line);
  end_.log.add(parsed);
  if (parsed.progress) job_.progress().set(*parsed.progress);
  if (parsed.kind == BorgLine::Kind::progress || parsed.text.empty()) return;
  if (is_told_otherwise(parsed)) return;
  if (parsed.kind == BorgLine::Kind::text) keep(end_.text, kMaxText, parsed.text);
  job_.output().line(parsed.priority, parsed.text);
}

}  // namespace cyborg
