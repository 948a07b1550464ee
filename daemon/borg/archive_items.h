// SPDX-License-Identifier: GPL-3.0-or-later
// The paths that a user requested, compared with borg's listing of the archive; and passing names to a shell
// on the client and back to borg there.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/job_spec.h"

namespace cyborg {

struct ArchiveItem {
  char type = '-';  // as in "ls -l": - d l b c p
  std::int64_t size = 0;
  std::string source;  // of a symbolic link, or the first name of a hard link; see borg_list_items
  std::string path;    // each byte that is no UTF-8 is a "?"
};

// Names may contain any character except NUL, which therefore separates them. For files that are databases,
// `source` is the mode and the owner: "-rw-r----- 33:33".
std::vector<std::string> borg_list_items(const JobSpec& spec, const std::string& repository);

// Parses the output of borg_list_items, in pieces.
class ItemReader {
 public:
  explicit ItemReader(std::function<void(ArchiveItem&)> take) : take_(std::move(take)) {}
  bool feed(std::string_view data);  // false: it is not a listing
  bool finished() const { return field_ == 0 && text_.empty(); }

 private:
  bool end_field();

  std::function<void(ArchiveItem&)> take_;
  ArchiveItem item_;
  int field_ = 0;
  std::string text_;
};

// A selection of paths in an archive; for a path that does not exist, the nearest ones.
class Selection {
 public:
  explicit Selection(const std::vector<std::string>& paths);
  // Whether the item is one of the paths, or below one.
  bool holds(const ArchiveItem& item);

  bool all() const { return paths_.empty(); }
  const std::vector<std::string>& paths() const { return paths_; }
  // A path for which nothing was found, or nullptr.
  const std::string* missing() const;
  std::vector<std::string> near_missing() const;

 private:
  struct Search {
    bool found = false;
    std::size_t depth = 0;  // for the siblings: the length of the directory they share with it
    std::vector<std::string> same_name, siblings;
  };
  static void note_near(Search& search, const std::string& wanted, const std::string& path);
  const Search* lost() const;

  std::vector<std::string> paths_;
  std::vector<Search> searches_;  // one for each path
};

// The directories that a restore passes through without creating them anew: if one is a symbolic link, the
// restore, which runs as root, would write somewhere else.
class ParentDirectories {
 public:
  // kept: existing files stay, including directories.
  explicit ParentDirectories(bool kept) : kept_(kept) {}
  // Calls `take` once for each of the item's directories.
  void note(const ArchiveItem& item, const std::function<void(const ArchiveItem&)>& take);

 private:
  bool kept_;
  std::set<std::string, std::less<>> made_, noted_;
};

// "/srv/x is not in archive A; near it are: …"
std::string missing_message(const JobSpec& spec, const std::string& path,
                            const std::vector<std::string>& near);

// An input line of look_script(), terminated by NUL.
std::string look_entry(const ArchiveItem& item);

// borg prints such a name with a "?".
bool has_question_mark(std::string_view name);

// A pattern that matches exactly this path, as a line of borg's exclude file: `path` is the path on the
// client.
std::string exclude_line(std::string_view path);

// Encodes a name for a file as dump_script() does.
std::string percent_encoded(std::string_view name);

// The name of the database whose dump is at that path; empty if it is no dump.
std::string database_of_path(std::string_view path, PolicyType type);
// The path of a database's dump by dump_script(); an empty name: roles or grants.
std::string path_of_database(std::string_view name, PolicyType type);

// The location of the guest in the archive: a path, or a borg pattern.
std::string guest_path(const JobSpec& spec);

}  // namespace cyborg
