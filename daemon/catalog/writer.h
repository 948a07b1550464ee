// SPDX-License-Identifier: GPL-3.0-or-later
// Adds the listing of one archive to the catalog, file by file: new and changed files are written to
// PostgreSQL while the listing streams in; an unchanged file costs a look-up in memory. All is one
// transaction: after any failure, the catalog is as before. See store/migrations for the tables.
#pragma once

#include <future>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "borg/listing.h"
#include "catalog/hashes.h"
#include "core/error.h"
#include "store/connection.h"

namespace cyborg::catalog {

struct Target {
  std::string conninfo;
  std::string borg_url;
  std::string archive;
  std::int64_t budget = 0;  // size of the whole catalog on disk in bytes; 0: no limit
};

enum class Place {
  fresh,    // to be read
  known,    // in the catalog already
  older,    // than the newest archive of its series that is
  unknown,  // the archive is not in the history
};

struct Counts {
  std::int64_t files = 0;
  std::int64_t added = 0, changed = 0, vanished = 0;
  std::int64_t bytes = 0;  // total size of all files
};

class Writer {
 public:
  // Connects, begins the transaction and locks the archive's series.
  static Expected<Writer> open(const Target& target);

  Place place() const { return place_; }
  // Loads the current contents of the series; the listing may already be streaming in.
  Expected<void> load();
  Expected<void> add(const ListedFile& file);
  // All files were added: ends the transaction.
  Expected<void> commit();

  const Counts& counts() const { return counts_; }
  // Whether add() or load() failed because of the budget.
  bool over_budget() const { return over_budget_; }

 private:
  // A path that is, or was, in the series.
  struct Known {
    Hash path;
    Hash attributes;  // 0: not in the newest archive
    std::int32_t node;
    bool seen;
  };
  // Rows to write, in COPY's text format.
  struct Rows {
    std::string directories, owners, nodes, versions;
    std::vector<std::int64_t> closed;  // nodes whose version ended with the previous archive

    std::size_t size() const;  // in bytes
  };

  Writer(store::Connection connection, Target target)
      : db_(std::move(connection)), target_(std::move(target)) {}

  Expected<void> find_place();
  Expected<void> load_owners();
  Expected<void> load_directories();
  Expected<void> load_nodes();
  void take_node(std::string_view row);
  Known* find_known(Hash path);
  Expected<void> put(std::string_view path, const std::string& attributes);
  std::int32_t directory_of(std::string_view escaped);
  std::int32_t owner_of(const ListedFile& file);
  void note_parents(std::string_view path);
  void add_version(std::int32_t node, std::string_view attributes);
  Expected<void> imply_directories();
  // A separate thread writes rows to PostgreSQL, one batch at a time, while borg's listing continues.
  Expected<void> flush();
  Expected<void> wait();
  Expected<void> write(const Rows& rows);
  Expected<void> copy(const std::string& table, std::string_view rows);
  Expected<void> close_versions(const std::vector<std::int64_t>& nodes);
  // Fails unless the budget has room for that many bytes of rows, and for those that follow.
  Expected<void> check_budget(std::size_t wanted);
  Expected<void> run(const std::string& sql);

  store::Connection db_;
  Target target_;
  Place place_ = Place::unknown;
  std::int32_t series_ = 0, number_ = 0;
  std::int64_t archive_ = 0;
  std::int32_t last_node_ = 0, last_directory_ = 0, last_owner_ = 0;
  Hasher hash_;
  std::vector<Known> known_;  // by path
  HashMap fresh_;             // paths of this archive that the series did not have
  HashMap directories_;
  std::map<std::string, std::int32_t, std::less<>> owners_;  // "user\tgroup"
  HashMap seen_directories_;                                 // that this archive has listed
  // parents of files in the listing that have not been listed themselves
  std::set<std::string, std::less<>> needed_directories_;
  Rows rows_;
  std::size_t batch_ = 0;      // bytes of rows at once
  std::size_t unchecked_ = 0;  // bytes written since the last check of the budget
  std::size_t allowance_ = 0;  // how many bytes may be written until the next check
  bool over_budget_ = false;
  std::string escaped_, attributes_;  // members only to reuse their memory
  Counts counts_;
  // The last member: it must end before the members that it uses are destroyed.
  std::future<Expected<void>> writing_;
};

}  // namespace cyborg::catalog
