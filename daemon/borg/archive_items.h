// What an archive has of the paths that somebody asked for, as borg lists it, and how its names get to a
// shell on the client and back to a borg there.
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
  std::string source;  // of a symbolic link, or the file that this is another name of; see borg_list_items
  std::string path;    // each byte that is no UTF-8 is a "?"
};

// Names may hold any character but NUL, so that is what separates them. Of files that are databases, `source`
// is the mode and the owner: "-rw-r----- 33:33".
std::vector<std::string> borg_list_items(const JobSpec& spec, const std::string& repository);

// The output of borg_list_items, in pieces.
class ItemReader {
 public:
  explicit ItemReader(std::function<void(ArchiveItem&)> take) : take_(std::move(take)) {}
  bool feed(std::string_view data);  // false: that is no listing
  bool finished() const { return field_ == 0 && text_.empty(); }

 private:
  bool end_field();

  std::function<void(ArchiveItem&)> take_;
  ArchiveItem item_;
  int field_ = 0;
  std::string text_;
};

// Some paths of an archive; of one that it does not have, what is near.
class Selection {
 public:
  explicit Selection(const std::vector<std::string>& paths);
  // Is it one of them, or below one?
  bool holds(const ArchiveItem& item);

  bool all() const { return paths_.empty(); }
  const std::vector<std::string>& paths() const { return paths_; }
  // A path that nothing was found of, or nullptr.
  const std::string* missing() const;
  std::vector<std::string> near_missing() const;

 private:
  struct Search {
    bool found = false;
    std::size_t depth = 0;  // of siblings: how much of its directory they have in common with it
    std::vector<std::string> same_name, siblings;
  };
  static void note_near(Search& search, const std::string& wanted, const std::string& path);
  const Search* lost() const;

  std::vector<std::string> paths_;
  std::vector<Search> searches_;  // of each path
};

// The directories that a restore goes through without making them anew: where one is a symbolic link, the
// restore, which is root's, would write elsewhere.
class ParentDirectories {
 public:
  // kept: what is there stays as it is, directories included.
  explicit ParentDirectories(bool kept) : kept_(kept) {}
  // Names each of the item's directories to `take`, once in all.
  void note(const ArchiveItem& item, const std::function<void(const ArchiveItem&)>& take);

 private:
  bool kept_;
  std::set<std::string, std::less<>> made_, noted_;
};

// "/srv/x is not in archive A; near it are: …"
std::string missing_message(const JobSpec& spec, const std::string& path,
                            const std::vector<std::string>& near);

// A line of what look_script() reads, and ends with NUL.
std::string look_entry(const ArchiveItem& item);

// Borg would show such a name with a "?".
bool has_question_mark(std::string_view name);

// A pattern that matches exactly this path, as a line of a file that borg excludes from: `path` is as the
// client has it.
std::string exclude_line(std::string_view path);

// A name as dump_script() makes one for a file.
std::string percent_encoded(std::string_view name);

// The name of a database whose dump is at that path; empty for what is none.
std::string database_of_path(std::string_view path, PolicyType type);
// Where dump_script() puts the dump of a database; an empty name: roles or grants.
std::string path_of_database(std::string_view name, PolicyType type);

// Where the archive has the guest: a path, or a pattern that borg understands.
std::string guest_path(const JobSpec& spec);

}  // namespace cyborg
