// SPDX-License-Identifier: GPL-3.0-or-later
// Reading the catalog: files by pattern, a directory of an archive, two archives compared, a file's history.
// Each series has its own tables (see migrations), so every query goes from series to series. Query plans are
// not left to PostgreSQL's estimates: a hash join over a million files would take far too long.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/file_pattern.h"
#include "store/filter.h"
#include "store/operations.h"

namespace cyborg::store {
namespace {

struct CatalogSeries {
  std::int32_t id = 0, newest = 0;
  std::string policy, client, repository;
};

// The position after which a page of versions continues.
struct Position {
  std::int32_t series = 0, node = 0, first = 0;
};

constexpr std::int32_t kWindow = 20'000;  // files that are looked at one by one before the index is asked

Expected<Position> parse_position(const std::string& cursor) {
  Position at;
  if (cursor.empty()) return at;
  const char* here = cursor.data();
  const char* const end = here + cursor.size();
  bool good = true;
  for (std::int32_t* value : {&at.series, &at.node, &at.first}) {
    const auto [next, error] = std::from_chars(here, end, *value);
    good = good && error == std::errc{} && (next == end || *next == '.');
    here = next == end ? next : next + 1;
  }
  if (good && here == end) return at;
  return fail(ErrorCode::invalid_argument,
              fmt::format("cursor \"{}\": expected the cursor that the previous page returned", cursor));
}

std::string position_text(const Position& at) {
  return fmt::format("{}.{}.{}", at.series, at.node, at.first);
}

template <typename T, typename Body>
Expected<T> read_only(Connection& db, Body body) {
  return db.transact<T>([&]() -> Expected<T> {
    auto set = db.run_script(
        "set transaction read only; set local enable_hashjoin = off; set local enable_mergejoin = off;"
        " set local enable_seqscan = off; set local max_parallel_workers_per_gather = 0");
    if (!set) return std::unexpected(set.error());
    return body();
  });
}

Expected<std::vector<CatalogSeries>> read_series(Connection& db, const FileFilter& filter,
                                                 std::int32_t from) {
  auto result = db.run(
      "select s.id, s.newest, s.policy, s.client, b.repository from catalog.series s"
      " join borg_repository b on b.id = s.borg_repository"
      " where s.id >= $1 and ($2 = '' or s.client = $2) and ($3 = '' or s.policy = $3)"
      " and ($4 = '' or b.repository = $4) order by s.id",
      Params{from, filter.client, filter.policy, filter.repository});
  if (!result) return std::unexpected(result.error());
  std::vector<CatalogSeries> all;
  for (int i = 0; i < result->size(); ++i) {
    CatalogSeries& s = all.emplace_back();
    result->row(i).read(s.id, s.newest, s.policy, s.client, s.repository);
  }
  return all;
}

// The first or last archive of a series that has a version.
std::string end_of_range(std::int32_t series, const char* order) {
  return fmt::format(
      " cross join lateral (select a.name, a.created from catalog.archive c join archive a on a.id = "
      "c.archive"
      " where c.series = {} and c.number between v.first and v.last and a.removed is null order by c.number "
      "{} limit 1)",
      series, order);
}

// Reads versions of nodes after a position, by node and age.
Expected<std::vector<FileVersion>> read_versions(Connection& db, const CatalogSeries& series,
                                                 const std::vector<std::int64_t>& nodes,
                                                 const Position& after, std::uint32_t limit, Position& last) {
  const auto sql = fmt::format(
      "select v.node, v.first, case d.path when '' then n.name else d.path || '/' || n.name end, v.mode,"
      " coalesce(o.\"user\", ''), coalesce(o.\"group\", ''), v.size, v.mtime, v.link, v.last >= $5,"
      " f.name, usec(f.created), l.name, usec(l.created)"
      " from catalog.version_{0} v join catalog.node_{0} n on n.id = v.node"
      " join catalog.directory_{0} d on d.id = n.dir"
      " left join catalog.owner o on o.series = {0} and o.id = v.owner{1} f{2} l"
      " where v.node = any($1::integer[]) and (v.node, v.first) > ($2::integer, $3::integer)"
      " order by v.node, v.first limit $4",
      series.id, end_of_range(series.id, "asc"), end_of_range(series.id, "desc"));
  auto result = db.run(sql.c_str(), Params{nodes, after.node, after.first, limit, series.newest});
  if (!result) return std::unexpected(result.error());
  std::vector<FileVersion> rows;
  for (int i = 0; i < result->size(); ++i) {
    FileVersion& v = rows.emplace_back();
    v.policy = series.policy;
    v.client = series.client;
    v.repository = series.repository;
    result->row(i).read(last.node, last.first, v.file.path, v.file.mode, v.file.user, v.file.group,
                        v.file.size, v.file.mtime, v.file.link, v.current, v.first_archive, v.first_created,
                        v.last_archive, v.last_created);
  }
  return rows;
}

Expected<std::vector<std::int64_t>> read_ids(Connection& db, const std::string& sql, const Params& params) {
  auto result = db.run(sql.c_str(), params);
  if (!result) return std::unexpected(result.error());
  std::vector<std::int64_t> ids;
  for (int i = 0; i < result->size(); ++i) ids.push_back(result->row(i).get<std::int64_t>(0));
  return ids;
}

// Finds the nodes from `from` on that match a pattern, in order.
class NodeSearch {
 public:
  NodeSearch(Connection& db, const CatalogSeries& series, const FilePattern& pattern)
      : db_(db),
        pattern_(pattern),
        like_(pattern.ignore_case ? "ilike" : "like"),
        table_(fmt::format("select id from catalog.node_{} where name {} $1", series.id, like_)),
        directories_(fmt::format("select id from catalog.directory_{} where path {} $1 limit 20000",
                                 series.id, like_)) {}

  Expected<std::vector<std::int64_t>> run(std::int32_t from, std::uint32_t limit) {
    if (pattern_.directory) return below(from, limit);
    // A frequent name is found by scanning some files; a rare one, by its trigrams.
    const auto window = pattern_.indexable ? from + kWindow : INT32_MAX;
    auto found = read_ids(db_, table_ + " and id >= $2 and id < $3 order by id limit $4",
                          Params{pattern_.name, from, window, limit});
    if (!found || found->size() >= limit || !pattern_.indexable) return found;
    // + 0: so that only the index on name is usable.
    auto rest = read_ids(db_, table_ + " and id + 0 >= $2 order by id + 0 limit $3",
                         Params{pattern_.name, window, limit - static_cast<std::uint32_t>(found->size())});
    if (!rest) return rest;
    found->insert(found->end(), rest->begin(), rest->end());
    return found;
  }

 private:
  Expected<std::vector<std::int64_t>> below(std::int32_t from, std::uint32_t limit) {
    auto directories = read_ids(db_, directories_, Params{*pattern_.directory});
    if (!directories || directories->empty()) return directories;
    return read_ids(db_, table_ + " and dir = any($2::integer[]) and id + 0 >= $3 order by id + 0 limit $4",
                    Params{pattern_.name, *directories, from, limit});
  }

  Connection& db_;
  const FilePattern& pattern_;
  const char* like_;
  std::string table_, directories_;
};

// Fills the page from one series; false when it is full, with page.next set.
Expected<bool> find_in(Connection& db, const CatalogSeries& series, const FilePattern& pattern,
                       Position after, std::uint32_t limit, FilePage& page) {
  NodeSearch search{db, series, pattern};
  for (;;) {
    const auto room = limit - static_cast<std::uint32_t>(page.rows.size());
    auto nodes = search.run(after.node, room + 1);
    if (!nodes) return std::unexpected(nodes.error());
    if (nodes->empty()) return true;
    Position last = after;
    auto rows = read_versions(db, series, *nodes, after, room, last);
    if (!rows) return std::unexpected(rows.error());
    const bool full = rows->size() >= room;
    std::ranges::move(*rows, std::back_inserter(page.rows));
    if (full) {
      last.series = series.id;
      page.next = position_text(last);
      return false;
    }
    if (nodes->size() <= room) return true;
    after = {series.id, static_cast<std::int32_t>(nodes->back()), INT32_MAX};
  }
}

struct CataloguedArchive {
  std::int32_t series = 0, number = 0;
};

Expected<CataloguedArchive> find_archive(Connection& db, const std::string& name) {
  auto archive = get_archive(db, name);
  if (!archive) return std::unexpected(archive.error());
  auto found = db.run("select series, number from catalog.archive where archive = $1", Params{archive->id});
  if (!found) return std::unexpected(found.error());
  if (found->empty()) {
    return fail(
        ErrorCode::no_such_archive, fmt::format("archive {} is not in the catalog", name),
        fmt::format("cyborgctl catalog rebuild {}, if the catalog of its policy is on", archive->client));
  }
  CataloguedArchive place;
  found->row(0).read(place.series, place.number);
  return place;
}

// The version of nodes n in archive number $1.
std::string state_at(const char* number, const char* node) {
  return fmt::format(
      "(select * from catalog.version_{{0}} where node = {} and first <= {} order by first desc limit 1)",
      node, number);
}

Expected<std::vector<ListedFile>> read_files(Connection& db, const CataloguedArchive& at, const char* where,
                                             const Params& params) {
  const auto sql =
      fmt::format(fmt::runtime("select n.name, v.mode, coalesce(o.\"user\", ''), coalesce(o.\"group\", ''),"
                               " v.size, v.mtime, v.link from catalog.node_{0} n cross join lateral " +
                               state_at("{1}", "n.id") +
                               " v left join catalog.owner o on o.series = {0} and o.id = v.owner"
                               " where v.last >= {1} and {2}"),
                  at.series, at.number, where);
  auto result = db.run(sql.c_str(), params);
  if (!result) return std::unexpected(result.error());
  std::vector<ListedFile> files;
  for (int i = 0; i < result->size(); ++i) {
    ListedFile& f = files.emplace_back();
    result->row(i).read(f.path, f.mode, f.user, f.group, f.size, f.mtime, f.link);
  }
  return files;
}

Expected<std::int32_t> find_directory(Connection& db, std::int32_t series, const std::string& path) {
  const auto sql = fmt::format("select id from catalog.directory_{} where path = $1", series);
  auto ids = read_ids(db, sql, Params{path});
  if (!ids) return std::unexpected(ids.error());
  return ids->empty() ? 0 : static_cast<std::int32_t>(ids->front());
}

std::pair<std::string, std::string> split_path(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

// Reads the file with exactly this path.
Expected<std::vector<ListedFile>> read_file(Connection& db, const CataloguedArchive& at,
                                            const std::string& path) {
  const auto [above, name] = split_path(path);
  auto directory = find_directory(db, at.series, above);
  if (!directory) return std::unexpected(directory.error());
  return read_files(db, at, "n.dir = $1 and n.name = $2", Params{*directory, name});
}

Expected<FilesPage> list_directory(Connection& db, const std::string& archive, const std::string& path,
                                   std::uint32_t limit, const std::string& cursor) {
  const auto at = find_archive(db, archive);
  if (!at) return std::unexpected(at.error());
  auto directory = find_directory(db, at->series, path);
  if (!directory) return std::unexpected(directory.error());
  auto files = read_files(db, *at, "n.dir = $1 and n.name > $2 order by n.name limit $3",
                          Params{*directory, cursor, limit + 1});
  if (!files) return std::unexpected(files.error());
  FilesPage page{std::move(*files), {}};
  if (page.rows.size() > limit) {
    page.rows.resize(limit);
    page.next = page.rows.back().path;
  }
  for (auto& file : page.rows) file.path = path.empty() ? file.path : path + '/' + file.path;
  if (!page.rows.empty() || !cursor.empty() || path.empty()) return page;
  auto file = read_file(db, *at, path);
  if (!file) return std::unexpected(file.error());
  if (file->empty()) {
    return fail(ErrorCode::invalid_argument, fmt::format("/{} is not in archive {}", path, archive),
                fmt::format("cyborgctl archive files {}", archive));
  }
  if ((file->front().mode & 0170000) == 0040000) return page;  // the directory is empty
  file->front().path = path;
  page.rows = std::move(*file);
  return page;
}

Expected<DiffPage> diff(Connection& db, const CataloguedArchive& a, const CataloguedArchive& b,
                        std::uint32_t limit, std::int32_t after) {
  // A difference is a version that begins or ends between the two archives.
  const auto sql = fmt::format(
      fmt::runtime(
          "select t.node, case d.path when '' then n.name else d.path || '/' || n.name end,"
          " coalesce(x.mode, 0), coalesce(x.size, 0), coalesce(x.mtime, 0),"
          " coalesce(y.mode, 0), coalesce(y.size, 0), coalesce(y.mtime, 0)"
          " from (select node from catalog.version_{0} where first > {3} and first <= {4} and node > $1"
          " union select node from catalog.version_{0} where last >= {3} and last < {4}"
          " and last < 2147483647 and node > $1) t"
          " join catalog.node_{0} n on n.id = t.node join catalog.directory_{0} d on d.id = n.dir"
          " left join lateral (select * from " +
          state_at("{1}", "t.node") + " s where s.last >= {1}) x on true left join lateral (select * from " +
          state_at("{2}", "t.node") +
          " s where s.last >= {2}) y on true where (x.mode, x.size, x.mtime, x.owner, x.link)"
          " is distinct from (y.mode, y.size, y.mtime, y.owner, y.link) order by t.node limit $2"),
      a.series, a.number, b.number, std::min(a.number, b.number), std::max(a.number, b.number));
  auto result = db.run(sql.c_str(), Params{after, limit + 1});
  if (!result) return std::unexpected(result.error());
  DiffPage page;
  std::int32_t node = 0;
  for (int i = 0; i < result->size(); ++i) {
    if (page.rows.size() == limit) {
      page.next = fmt::to_string(node);
      break;
    }
    FileChange& c = page.rows.emplace_back();
    result->row(i).read(node, c.path, c.before.mode, c.before.size, c.before.mtime, c.after.mode,
                        c.after.size, c.after.mtime);
  }
  return page;
}

}  // namespace

Expected<FilePage> find_files(Connection& db, const std::string& pattern, const FileFilter& filter,
                              std::uint32_t limit, const std::string& cursor) {
  const auto wanted = parse_file_pattern(pattern, filter.ignore_case);
  if (!wanted) return std::unexpected(wanted.error());
  const auto from = parse_position(cursor);
  if (!from) return std::unexpected(from.error());
  return read_only<FilePage>(db, [&]() -> Expected<FilePage> {
    auto all = read_series(db, filter, from->series);
    if (!all) return std::unexpected(all.error());
    FilePage page;
    for (const auto& series : *all) {
      const Position after = series.id == from->series ? *from : Position{series.id, 0, 0};
      auto more = find_in(db, series, *wanted, after, Filter::clamped(limit), page);
      if (!more) return std::unexpected(more.error());
      if (!*more) break;
    }
    return page;
  });
}

Expected<FilesPage> list_files(Connection& db, const std::string& archive, const std::string& path,
                               std::uint32_t limit, const std::string& cursor) {
  return read_only<FilesPage>(
      db, [&] { return list_directory(db, archive, path, Filter::clamped(limit), cursor); });
}

Expected<DiffPage> diff_archives(Connection& db, const std::string& a, const std::string& b,
                                 std::uint32_t limit, std::int64_t cursor) {
  return read_only<DiffPage>(db, [&]() -> Expected<DiffPage> {
    const auto left = find_archive(db, a);
    if (!left) return std::unexpected(left.error());
    const auto right = find_archive(db, b);
    if (!right) return std::unexpected(right.error());
    if (left->series != right->series) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("archives {} and {} are not of the same policy, client and repository", a, b));
    }
    return diff(db, *left, *right, Filter::clamped(limit), static_cast<std::int32_t>(cursor));
  });
}

Expected<FilePage> file_history(Connection& db, const std::string& client, const std::string& path,
                                std::uint32_t limit, const std::string& cursor) {
  const auto from = parse_position(cursor);
  if (!from) return std::unexpected(from.error());
  const auto [above, name] = split_path(path);
  return read_only<FilePage>(db, [&]() -> Expected<FilePage> {
    FileFilter filter;
    filter.client = client;
    auto all = read_series(db, filter, from->series);
    if (!all) return std::unexpected(all.error());
    FilePage page;
    for (const auto& series : *all) {
      const auto sql = fmt::format(
          "select n.id from catalog.node_{0} n join catalog.directory_{0} d on d.id = n.dir"
          " where d.path = $1 and n.name = $2",
          series.id);
      auto node = read_ids(db, sql, Params{above, name});
      if (!node) return std::unexpected(node.error());
      const auto room = Filter::clamped(limit) - static_cast<std::uint32_t>(page.rows.size());
      Position last = series.id == from->series ? *from : Position{series.id, 0, 0};
      auto rows = read_versions(db, series, *node, last, room, last);
      if (!rows) return std::unexpected(rows.error());
      const bool full = rows->size() >= room;
      std::ranges::move(*rows, std::back_inserter(page.rows));
      if (full) {
        page.next = position_text(last);
        break;
      }
    }
    return page;
  });
}

Expected<std::vector<Archive>> drop_catalog(Connection& db, const std::string& client) {
  return db.transact<std::vector<Archive>>([&]() -> Expected<std::vector<Archive>> {
    auto dropped =
        db.run("select catalog.drop_series(id) from catalog.series where client = $1", Params{client});
    if (!dropped) return std::unexpected(dropped.error());
    auto archives = archives_of_client(db, client);
    return archives;
  });
}

}  // namespace cyborg::store
