// Takes the listing of one archive into the catalog, file by file: what is new or changed goes to PostgreSQL
// while the listing streams, what is as it was costs a look into memory. One transaction: whatever goes
// wrong, the catalog is as it was before. See store/migrations for the tables.
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
  std::int64_t budget = 0;  // bytes of the whole catalog on disk; 0: no limit
};

enum class Place {
  fresh,    // to be read
  known,    // it is in the catalog already
  older,    // than the newest archive of its series that is
  unknown,  // the history has no such archive
};

struct Counts {
  std::int64_t files = 0;
  std::int64_t added = 0, changed = 0, vanished = 0;
  std::int64_t bytes = 0;  // of all files
};

class Writer {
 public:
  // Connects, begins the transaction and locks the archive's series.
  static Expected<Writer> open(const Target& target);

  Place place() const { return place_; }
  // What the series has now; the listing may already be on its way.
  Expected<void> load();
  Expected<void> add(const ListedFile& file);
  // Everything was added: ends the transaction.
  Expected<void> commit();

  const Counts& counts() const { return counts_; }
  // The budget does not suffice: what add() or load() failed with.
  bool over_budget() const { return over_budget_; }

 private:
  // A path that the series has, or had.
  struct Known {
    Hash path;
    Hash attributes;  // 0: it is not in the newest archive
    std::int32_t node;
    bool seen;
  };
  // What is to be written, as COPY's text.
  struct Rows {
    std::string directories, owners, nodes, versions;
    std::vector<std::int64_t> closed;  // nodes whose version ended with the archive before

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
  // PostgreSQL gets rows in a thread of their own, while borg's listing goes on: one batch at a time.
  Expected<void> flush();
  Expected<void> wait();
  Expected<void> write(const Rows& rows);
  Expected<void> copy(const std::string& table, std::string_view rows);
  Expected<void> close_versions(const std::vector<std::int64_t>& nodes);
  // Room for that many bytes of rows, and for the next ones.
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
  HashMap seen_directories_;                                 // that are files of this archive
  std::set<std::string, std::less<>> needed_directories_;  // that are above one, and were not seen before it
  Rows rows_;
  std::size_t batch_ = 0;      // bytes of rows at once
  std::size_t unchecked_ = 0;  // bytes written since the budget was looked at
  std::size_t allowance_ = 0;  // how many may be, until it is looked at again
  bool over_budget_ = false;
  std::string escaped_, attributes_;  // kept for their memory
  Counts counts_;
  std::future<Expected<void>> writing_;  // the last member: nothing it uses goes before it has ended
};

}  // namespace cyborg::catalog
