// SPDX-License-Identifier: GPL-3.0-or-later
#include "borg/archive_items.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "borg/command.h"
#include "core/policy_types.h"
#include "core/utf8.h"

namespace cyborg {
namespace {

constexpr std::size_t kMostNear = 5;
constexpr std::size_t kLongestField = 1 << 20;

bool below(std::string_view path, std::string_view directory) {
  return path.size() > directory.size() && path[directory.size()] == '/' && path.starts_with(directory);
}

std::string_view last_part(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

void keep_some(std::vector<std::string>& names, std::string_view name) {
  if (names.size() < kMostNear && std::ranges::find(names, name) == names.end()) names.emplace_back(name);
}

// The length in bytes of the directories that both paths have in common.
std::size_t common_directory(std::string_view a, std::string_view b) {
  std::size_t common = 0;
  for (std::size_t i = 0; i < a.size() && i < b.size() && a[i] == b[i]; ++i) {
    if (a[i] == '/') common = i + 1;
  }
  return common;
}

// Whether the path passes through a text file unchanged: a single line of valid text, with nothing that would
// be stripped.
bool is_plain(std::string_view path) {
  // A plain name has no characters at its ends that Python strips as white space or line ends.
  for (std::size_t i = 0; i < path.size();) {
    const std::size_t length = utf8_sequence(path.substr(i));
    if (length == 0 || static_cast<unsigned char>(path[i]) < 0x20 || path[i] == 0x7F) return false;
    i += length;
  }
  const auto margin = [](char c) { return c != ' ' && static_cast<unsigned char>(c) < 0x80; };
  return !path.empty() && margin(path.front()) && margin(path.back());
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string percent_decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      result += static_cast<char>(16 * hex_digit(text[i + 1]) + hex_digit(text[i + 2]));
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

const DatabaseDumps* databases_of(PolicyType type) {
  const PolicyTypeRow& row = policy_type_row(type);
  return row.dump ? row.dump->databases : nullptr;
}

}  // namespace

std::string percent_encoded(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool stays = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '.' || c == '_' || static_cast<unsigned char>(c) >= 0x80;
    result += stays ? std::string(1, c) : fmt::format("%{:02x}", static_cast<unsigned char>(c));
  }
  return result;
}

std::vector<std::string> borg_list_items(const JobSpec& spec, const std::string& repository) {
  const DatabaseDumps* databases = spec.dump.databases();
  return {"borg",
          "--log-json",
          "--show-rc",
          "--lock-wait",
          "30",
          "--bypass-lock",
          "list",
          "--format",
          fmt::format("{{type}}{{NUL}}{{size}}{{NUL}}{}{{NUL}}{{path}}{{NUL}}",
                      databases && databases->paths ? "{mode} {uid}:{gid}" : "{source}"),
          "--",
          repository + "::" + spec.archive};
}

bool ItemReader::feed(std::string_view data) {
  while (!data.empty()) {
    const std::size_t nul = data.find('\0');
    text_ += data.substr(0, nul);
    if (text_.size() > kLongestField) return false;
    if (nul == std::string_view::npos) return true;
    data.remove_prefix(nul + 1);
    if (!end_field()) return false;
    text_.clear();
  }
  return true;
}

bool ItemReader::end_field() {
  switch (field_++) {
    case 0:
      if (text_.size() != 1) return false;
      item_.type = text_.front();
      return true;
    case 1: {
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), item_.size);
      return error == std::errc{} && end == text_.data() + text_.size();
    }
    case 2:
      item_.source = text_;
      return true;
    default:
      item_.path = text_;
      field_ = 0;
      take_(item_);
      return true;
  }
}

Selection::Selection(const std::vector<std::string>& paths) {
  for (const auto& path : paths) {
    std::string inside = archive_path(path);
    // The top is the whole archive.
    if (inside.empty()) {
      paths_.clear();
      break;
    }
    paths_.push_back(std::move(inside));
  }
  searches_.resize(paths_.size());
}

bool Selection::holds(const ArchiveItem& item) {
  if (paths_.empty()) return true;
  bool held = false;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    if (item.path == paths_[i] || below(item.path, paths_[i])) {
      searches_[i].found = held = true;
    } else if (!searches_[i].found) {
      note_near(searches_[i], paths_[i], item.path);
    }
  }
  return held;
}

// Records names in the deepest existing directory of the path, and files of the same name elsewhere.
void Selection::note_near(Search& search, const std::string& wanted, const std::string& path) {
  if (last_part(path) == last_part(wanted)) keep_some(search.same_name, path);
  const std::size_t common = common_directory(path, wanted);
  if (common < search.depth) return;
  if (common > search.depth) search.siblings.clear();
  search.depth = common;
  keep_some(search.siblings, std::string_view{path}.substr(0, path.find('/', common)));
}

const Selection::Search* Selection::lost() const {
  const auto first = std::ranges::find(searches_, false, &Search::found);
  return first == searches_.end() ? nullptr : &*first;
}

const std::string* Selection::missing() const {
  const Search* search = lost();
  return search ? &paths_[static_cast<std::size_t>(search - searches_.data())] : nullptr;
}

std::vector<std::string> Selection::near_missing() const {
  const Search* search = lost();
  if (!search) return {};
  std::vector<std::string> near = search->same_name;
  for (const auto& name : search->siblings) keep_some(near, name);
  return near;
}

void ParentDirectories::note(const ArchiveItem& item, const std::function<void(const ArchiveItem&)>& take) {
  std::string_view path = item.path;
  for (auto slash = path.rfind('/'); slash != std::string_view::npos; slash = path.rfind('/')) {
    path = path.substr(0, slash);
    // borg replaces a link when it creates that directory.
    if (!kept_ && made_.contains(path)) break;
    if (noted_.contains(path)) break;
    ArchiveItem directory;
    directory.type = 'd';
    directory.path = path;
    take(directory);
    noted_.insert(directory.path);
  }
  if (item.type == 'd') made_.insert(item.path);
}

std::string missing_message(const JobSpec& spec, const std::string& path,
                            const std::vector<std::string>& near) {
  std::string text = fmt::format("/{} is not in archive {}", path, spec.archive);
  if (!near.empty()) text += fmt::format("; near it are /{}", fmt::join(near, ", /"));
  return text;
}

std::string look_entry(const ArchiveItem& item) {
  const bool directory = item.type == 'd';
  if (item.path.find('?') == std::string::npos) return (directory ? "d./" : "-./") + item.path;
  // It may contain a byte that borg cannot print: use a shell pattern.
  std::string pattern = directory ? "G./" : "g./";
  for (const char c : item.path) {
    if (c == '*' || c == '[' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern;
}

bool has_question_mark(std::string_view name) {
  for (std::size_t i = 0; i < name.size();) {
    const std::size_t length = utf8_sequence(name.substr(i));
    if (length == 0 || name[i] == '?') return true;
    i += length;
  }
  return false;
}

std::string exclude_line(std::string_view path) {
  if (is_plain(path)) return fmt::format("pf:{}", path);
  std::string pattern = "re:^";
  for (std::size_t i = 0; i < path.size();) {
    const auto byte = static_cast<unsigned char>(path[i]);
    const std::size_t length = utf8_sequence(path.substr(i));
    if (length == 0) {
      // Python's representation of a byte that is not valid UTF-8.
      pattern += fmt::format("\\udc{:02x}", byte);
      ++i;
    } else if (length == 1) {
      const bool word = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                        (byte >= 'A' && byte <= 'Z') || byte == '/' || byte == '_';
      pattern += word ? std::string(1, path[i]) : fmt::format("\\x{:02x}", byte);
      ++i;
    } else {
      pattern += path.substr(i, length);
      i += length;
    }
  }
  return pattern + "\\Z";
}

std::string database_of_path(std::string_view path, PolicyType type) {
  const DatabaseDumps* databases = databases_of(type);
  const std::string directory = fmt::format("{}/", to_string(type));
  if (!databases || !path.starts_with(directory) || !path.ends_with(databases->suffix)) return {};
  path.remove_prefix(directory.size() - (databases->paths ? 1 : 0));
  const std::string_view suffix = databases->suffix;
  if ((databases->globals_file && path == databases->globals_file) || path.size() <= suffix.size()) return {};
  path.remove_suffix(suffix.size());
  return percent_decoded(path);
}

std::string path_of_database(std::string_view name, PolicyType type) {
  const DatabaseDumps* databases = databases_of(type);
  if (!databases || (name.empty() && !databases->globals_file)) return {};
  if (name.empty()) return fmt::format("{}/{}", to_string(type), databases->globals_file);
  std::string file = percent_encoded(name);
  if (databases->paths) {
    for (auto at = file.find("%2f"); at != std::string::npos; at = file.find("%2f", at))
      file.replace(at, 3, "/");
    return fmt::format("{}{}{}", to_string(type), file, databases->suffix);
  }
  return fmt::format("{}/{}{}", to_string(type), file, databases->suffix);
}

std::string guest_path(const JobSpec& spec) {
  const GuestDumps& guests = *spec.dump.guests();
  std::string path = fmt::format(fmt::runtime(guests.path), percent_encoded(spec.restore.guest));
  if (spec.dry_run && guests.definition) path += guests.definition;
  return path;
}

}  // namespace cyborg
