// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/policy_checks.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "core/fields.h"

namespace cyborg {
namespace {

constexpr std::array<std::string_view, 5> kStyles{"fm:", "sh:", "re:", "pp:", "pf:"};

// borg takes any two letters before a colon for a pattern style, and has five.
bool has_unknown_style(std::string_view pattern) {
  const auto is_word = [](unsigned char c) { return std::isalnum(c) != 0; };
  if (pattern.size() < 3 || pattern[2] != ':' || !is_word(pattern[0]) || !is_word(pattern[1])) return false;
  return std::ranges::find(kStyles, pattern.substr(0, 3)) == kStyles.end();
}

}  // namespace

std::string_view check_folder(const std::string& path) {
  if (!path.starts_with('/')) return "an absolute path";
  if (path.find("/../") != std::string::npos || path.ends_with("/..")) return "a path without \"..\"";
  return {};
}

std::string_view check_file_path(const std::string& path) {
  return has_control_characters(path) ? "a path in one line" : check_folder(path);
}

std::string_view check_pattern(const std::string& pattern) {
  if (pattern.empty() || pattern.find('\n') != std::string::npos) return "a pattern in one line";
  return has_unknown_style(pattern) ? "a pattern of style fm:, sh:, re:, pp: or pf:" : "";
}

std::string_view check_pattern_rule(const std::string& rule) {
  const bool has_sign = rule.starts_with("+ ") || rule.starts_with("- ") || rule.starts_with("! ");
  const auto begin = rule.find_first_not_of(' ', 1);
  if (!has_sign || begin == std::string::npos) return "\"+ PATTERN\", \"- PATTERN\" or \"! PATTERN\"";
  return check_pattern(rule.substr(begin));
}

std::string_view check_tag_name(const std::string& name) {
  const bool good = !name.empty() && name != "." && name != ".." && !has_control_characters(name) &&
                    name.find('/') == std::string::npos;
  return good ? "" : "the name of a file, without a \"/\"";
}

std::string_view check_snapshot(const std::string& word) {
  return word == "auto" || word == "none" ? "" : "auto or none";
}

std::string_view check_database(const std::string& name) {
  return name.empty() || has_control_characters(name) ? "the name of a database" : "";
}

std::string_view check_database_user(const std::string& user) {
  return user.starts_with('-') ? "the name of a database user" : "";
}

std::string_view check_database_host(const std::string& host) {
  return host.starts_with('-') || host.find(' ') != std::string::npos
             ? "a host name, an address or the directory of a socket"
             : "";
}

std::string_view check_filename(const std::string& name) {
  const auto good = [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '_' || c == '-'; };
  return !name.starts_with('.') && !name.starts_with('-') && std::ranges::all_of(name, good)
             ? ""
             : "a file name of letters, digits, \".\", \"_\" and \"-\"";
}

std::string_view check_guest_name(const std::string& name) {
  return name.empty() || name.find('/') != std::string::npos || has_control_characters(name)
             ? "the name of a guest"
             : "";
}

std::string_view check_guest_id(const std::string& id) {
  const bool digits = std::ranges::all_of(id, [](unsigned char c) { return std::isdigit(c); });
  return digits && id.size() >= 3 && id.size() <= 9 && id.front() != '0' ? "" : "the number of a guest";
}

std::string_view check_guest_mode(const std::string& mode) {
  return mode == "snapshot" || mode == "suspend" || mode == "stop" ? "" : "snapshot, suspend or stop";
}

}  // namespace cyborg
