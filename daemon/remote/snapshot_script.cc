// SPDX-License-Identifier: GPL-3.0-or-later
#include "remote/snapshot_script.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/quote.h"
#include "remote/script_parts.h"
#include "remote/scripts.h"

namespace cyborg {
namespace {

// Only plain paths are understood here; borg knows all patterns.
std::string excluded_function(const std::vector<std::string>& patterns) {
  std::string words;
  for (std::string_view pattern : patterns) {
    if (pattern.starts_with("pp:")) pattern.remove_prefix(3);
    if (!pattern.starts_with('/') || pattern.find_first_of("*?[") != std::string_view::npos) continue;
    while (pattern.size() > 1 && pattern.ends_with('/')) pattern.remove_suffix(1);
    const std::string word = quote(std::string{pattern});
    words += fmt::format("{}{} | {}/*", words.empty() ? "" : " | ", word, word);
  }
  if (words.empty()) return "excluded() { return 1; }\n";
  return fmt::format("excluded() {{ case $1 in {}) return 0 ;; *) return 1 ;; esac; }}\n", words);
}

}  // namespace

std::string snapshot_functions(const JobSpec& spec, const std::string& relay) {
  return std::string{scripts::snapshot_paths} + scripts::snapshot_sweep + excluded_function(spec.exclude) +
         assign("WORD", relay) +
         fmt::format("SIZE={}\nONE={}\n", spec.snapshot_size, spec.one_file_system ? "1" : "") +
         scripts::snapshot_make;
}

std::string snapshot_part(const JobSpec& spec, const std::string& relay) {
  return snapshot_functions(spec, relay) + scripts::snapshot_take;
}

std::string snapshot_check() {
  return scripts::snapshot_check;
}

std::string snapshot_pattern(const std::string& relay) {
  return fmt::format("sh:**/cyborg-*-{}-*", relay);
}

std::string in_mount_namespace(const std::string& script) {
  return scripts::prelude + ("set -- " + quote(script)) + "\n" + scripts::snapshot_namespace;
}

std::string sweep_part() {
  const std::string inner = std::string{scripts::prelude} + scripts::snapshot_paths +
                            scripts::snapshot_sweep + scripts::snapshot_sweep_all;
  return "if unshare -m true 2>/dev/null; then unshare -m sh -c " + quote(inner) +
         " </dev/null >/dev/null || :; fi\n";
}

std::optional<SnapshotNote> read_snapshot_line(std::string_view line) {
  const auto after = [&](std::string_view word) -> std::optional<std::string_view> {
    if (!line.starts_with(word)) return std::nullopt;
    return line.substr(word.size());
  };
  if (line == "snapshot-none") {
    return SnapshotNote{5, "none of the folders lies on btrfs, LVM or ZFS: they are read as they are"};
  }
  if (const auto name = after("snapshot-swept ")) {
    return SnapshotNote{5, fmt::format("removed snapshot {}, which an interrupted backup had left", *name)};
  }
  if (const auto name = after("snapshot-left ")) {
    return SnapshotNote{4, fmt::format("a snapshot could not be removed, {}", *name)};
  }
  if (const auto what = after("snapshot ")) {
    const auto space = what->find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    return SnapshotNote{
        6, fmt::format("reading {} from a snapshot ({})", what->substr(space + 1), what->substr(0, space))};
  }
  return std::nullopt;
}

std::string snapshot_failure(const JobSpec& spec, const AnyCode& code, const std::string& detail) {
  if (code == ResultCode::snapshot_full) {
    return fmt::format(
        "the snapshot of {} on {} was full before the backup had ended, so what it read is worthless: "
        "give it more room with snapshot_size",
        detail, spec.client);
  }
  const auto colon = detail.find(": ");
  const std::string path = detail.substr(0, colon);
  const std::string words = colon == std::string::npos ? "no reason given" : detail.substr(colon + 2);
  if (code == ResultCode::snapshot_unproven) {
    return fmt::format(
        "whether the snapshot of {} on {} had room until the end could not be told, so what was read from it "
        "is not "
        "trusted: {}",
        path, spec.client, words);
  }
  return fmt::format("no snapshot of {} on {} could be made: {}", path, spec.client, words);
}

}  // namespace cyborg
