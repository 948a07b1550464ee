// SPDX-License-Identifier: GPL-3.0-or-later
#include "catalog/writer.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

namespace cyborg::catalog {
namespace {

using std::chrono::minutes;

constexpr std::size_t kBatch =
    256 << 10;  // bytes of rows per write; rows beyond it wait until the listing has ended
constexpr std::size_t kClosed = 20'000;  // nodes at once
// The amount of rows between two checks of the size on disk, where rows and indexes take up to eight times as
// much.
constexpr std::size_t kMostRows = 4 << 20;
constexpr std::size_t kFewestRows = 64 << 10;
constexpr std::int64_t kGrowth = 8;
constexpr minutes kLoad{30};
constexpr minutes kWrite{10};

// Escapes as PostgreSQL does in COPY's text format, so that its output can be compared with ours.
void append_escaped(std::string& to, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '\\':
        to += "\\\\";
        break;
      case '\b':
        to += "\\b";
        break;
      case '\f':
        to += "\\f";
        break;
      case '\n':
        to += "\\n";
        break;
      case '\r':
        to += "\\r";
        break;
      case '\t':
        to += "\\t";
        break;
      case '\v':
        to += "\\v";
        break;
      default:
        to += c;
    }
  }
}

std::string_view directory_part(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}
std::string_view name_part(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// Removes the first column from a row of COPY and returns it.
std::string_view take_column(std::string_view& row) {
  const auto tab = std::min(row.find('\t'), row.size());
  const auto column = row.substr(0, tab);
  row.remove_prefix(std::min(tab + 1, row.size()));
  return column;
}

std::int32_t number(std::string_view text) {
  std::int32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

Expected<Writer> Writer::open(const Target& target) {
  auto connection = store::Connection::open(target.conninfo);
  if (!connection) return std::unexpected(connection.error());
  Writer writer{std::move(*connection), target};
  // The listing of a large, remote archive takes long, so disable the timeouts.
  auto begun = writer.run(
      "set application_name = 'cyborg-job'; set statement_timeout = 0; set lock_timeout = 0;"
      " set idle_in_transaction_session_timeout = 0; set search_path = catalog; begin");
  if (!begun) return std::unexpected(begun.error());
  if (auto found = writer.find_place(); !found) return std::unexpected(found.error());
  return writer;
}

Expected<void> Writer::run(const std::string& sql) {
  return db_.run_script(sql, kWrite);
}

Expected<void> Writer::find_place() {
  auto found = db_.run("select series, number, coalesce(archive, 0), status from catalog.open($1, $2)",
                       store::Params{target_.borg_url, target_.archive}, kLoad);
  if (!found) return std::unexpected(found.error());
  std::string status;
  found->row(0).read(series_, number_, archive_, status);
  place_ = status == "new"     ? Place::fresh
           : status == "known" ? Place::known
           : status == "older" ? Place::older
                               : Place::unknown;
  return {};
}

Expected<void> Writer::load() {
  if (auto checked = check_budget(0); !checked) return checked;
  batch_ = std::min(kBatch, allowance_ / 4);
  auto last = db_.run("select directories, nodes, owners from series where id = $1", store::Params{series_});
  if (!last) return std::unexpected(last.error());
  last->row(0).read(last_directory_, last_node_, last_owner_);
  if (auto loaded = load_owners(); !loaded) return loaded;
  if (last_node_ == 0) return {};  // the series has no archive yet
  if (auto loaded = load_directories(); !loaded) return loaded;
  return load_nodes();
}

Expected<void> Writer::load_owners() {
  const auto sql =
      fmt::format("copy (select id, \"user\", \"group\" from owner where series = {}) to stdout", series_);
  return db_.copy_out(
      sql.c_str(),
      [&](std::string_view row) {
        row.remove_suffix(1);
        const auto id = number(take_column(row));
        owners_.emplace(row, id);
      },
      kLoad);
}

Expected<void> Writer::load_directories() {
  directories_.reserve(static_cast<std::size_t>(last_directory_));
  const auto sql = fmt::format("copy (select id, path from directory_{}) to stdout", series_);
  return db_.copy_out(
      sql.c_str(),
      [&](std::string_view row) {
        row.remove_suffix(1);
        const auto id = number(take_column(row));
        directories_.insert(hash_(row), id);
      },
      kLoad);
}

Expected<void> Writer::load_nodes() {
  known_.reserve(static_cast<std::size_t>(last_node_));
  const auto sql = fmt::format(
      "copy (select n.id, case d.path when '' then n.name else d.path || '/' || n.name end,"
      " v.mode, v.owner, v.size, v.mtime, v.link from node_{0} n join directory_{0} d on d.id = n.dir"
      " left join version_{0} v on v.node = n.id and v.last = {1}) to stdout",
      series_, INT32_MAX);
  if (auto sent = db_.copy_out(sql.c_str(), [&](std::string_view row) { take_node(row); }, kLoad); !sent)
    return sent;
  std::ranges::sort(known_, {}, &Known::path);
  const auto twin = std::ranges::adjacent_find(known_, {}, &Known::path);
  if (twin == known_.end()) return {};
  // A collision, which happens once in ten million times: start again with another key.
  hash_ = Hasher{};
  known_.clear();
  directories_ = HashMap{};
  if (auto loaded = load_directories(); !loaded) return loaded;
  return load_nodes();
}

void Writer::take_node(std::string_view row) {
  row.remove_suffix(1);
  const auto node = number(take_column(row));
  const auto path = hash_(take_column(row));
  known_.push_back({path, row.starts_with("\\N") ? 0 : hash_(row), node, false});
}

Writer::Known* Writer::find_known(Hash path) {
  const auto found = std::ranges::lower_bound(known_, path, {}, &Known::path);
  return found != known_.end() && found->path == path ? &*found : nullptr;
}

std::int32_t Writer::owner_of(const ListedFile& file) {
  std::string key;
  append_escaped(key, file.user);
  key += '\t';
  append_escaped(key, file.group);
  const auto known = owners_.find(key);
  if (known != owners_.end()) return known->second;
  const auto id = ++last_owner_;
  fmt::format_to(std::back_inserter(rows_.owners), "{}\t{}\t{}\n", series_, id, key);
  owners_.emplace(std::move(key), id);
  return id;
}

std::int32_t Writer::directory_of(std::string_view escaped) {
  const Hash hash = hash_(escaped);
  if (const auto known = directories_.find(hash); known != HashMap::kNone) return known;
  const auto id = ++last_directory_;
  directories_.insert(hash, id);
  fmt::format_to(std::back_inserter(rows_.directories), "{}\t{}\n", id, escaped);
  return id;
}

// A directory comes before its contents, unless only part of a tree was backed up.
void Writer::note_parents(std::string_view path) {
  for (auto above = directory_part(path); !above.empty(); above = directory_part(above)) {
    if (seen_directories_.find(hash_(above)) != HashMap::kNone) return;
    if (!needed_directories_.emplace(above).second) return;
  }
}

void Writer::add_version(std::int32_t node, std::string_view attributes) {
  fmt::format_to(std::back_inserter(rows_.versions), "{}\t{}\t{}\t{}\n", node, number_, INT32_MAX,
                 attributes);
}

Expected<void> Writer::add(const ListedFile& file) {
  escaped_.clear();
  append_escaped(escaped_, file.path);
  attributes_.clear();
  fmt::format_to(std::back_inserter(attributes_), "{}\t{}\t{}\t{}\t", file.mode, owner_of(file), file.size,
                 file.mtime);
  append_escaped(attributes_, file.link);
  note_parents(escaped_);
  if (S_ISDIR(file.mode)) seen_directories_.insert(hash_(escaped_), 1);
  ++counts_.files;
  counts_.bytes += file.size;
  return put(escaped_, attributes_);
}

Expected<void> Writer::put(std::string_view path, const std::string& attributes) {
  const Hash hash = hash_(path);
  if (Known* known = find_known(hash)) {
    if (known->seen) return {};  // overlapping folders list a file twice
    known->seen = true;
    const Hash now = hash_(attributes);
    if (known->attributes == now) return {};
    if (known->attributes != 0) rows_.closed.push_back(known->node);
    ++(known->attributes != 0 ? counts_.changed : counts_.added);
    add_version(known->node, attributes);
  } else {
    if (!fresh_.insert(hash, 1)) return {};
    const auto node = ++last_node_;
    fmt::format_to(std::back_inserter(rows_.nodes), "{}\t{}\t{}\n", node, directory_of(directory_part(path)),
                   name_part(path));
    add_version(node, attributes);
    ++counts_.added;
  }
  return rows_.size() > batch_ || rows_.closed.size() > kClosed ? flush() : Expected<void>{};
}

std::size_t Writer::Rows::size() const {
  return directories.size() + owners.size() + nodes.size() + versions.size() + closed.size() * 64;
}

Expected<void> Writer::flush() {
  if (auto done = wait(); !done) return done;
  writing_ =
      std::async(std::launch::async, [this, rows = std::exchange(rows_, Rows{})] { return write(rows); });
  return {};
}

// After this, the connection and the members that write() changes belong to this thread again.
Expected<void> Writer::wait() {
  if (!writing_.valid()) return {};
  const auto done = writing_.get();
  batch_ = std::min(kBatch, allowance_ / 4);
  return done;
}

Expected<void> Writer::write(const Rows& rows) {
  if (unchecked_ + rows.size() > allowance_) {
    if (auto checked = check_budget(rows.size()); !checked) return checked;
  }
  unchecked_ += rows.size();
  if (auto done = close_versions(rows.closed); !done) return done;
  if (auto done = copy("owner", rows.owners); !done) return done;
  if (auto done = copy(fmt::format("directory_{} (id, path)", series_), rows.directories); !done) return done;
  if (auto done = copy(fmt::format("node_{} (id, dir, name)", series_), rows.nodes); !done) return done;
  const auto versions =
      fmt::format("version_{} (node, first, last, mode, owner, size, mtime, link)", series_);
  return copy(versions, rows.versions);
}

Expected<void> Writer::copy(const std::string& table, std::string_view rows) {
  if (rows.empty()) return {};
  return db_.copy_in(fmt::format("copy {} from stdin", table).c_str(), rows, kWrite);
}

Expected<void> Writer::close_versions(const std::vector<std::int64_t>& nodes) {
  if (nodes.empty()) return {};
  const auto sql = fmt::format(
      "update version_{} set last = $2 where node = any($1::integer[]) and last = {} and first < $3", series_,
      INT32_MAX);
  auto closed = db_.run(sql.c_str(), store::Params{nodes, number_ - 1, number_}, kWrite);
  if (!closed) return std::unexpected(closed.error());
  return {};
}

Expected<void> Writer::check_budget(std::size_t wanted) {
  unchecked_ = 0;
  allowance_ = kMostRows;
  if (target_.budget <= 0) return {};
  auto size = db_.run("select size()", {}, kWrite);
  if (!size) return std::unexpected(size.error());
  const auto bytes = size->row(0).get<std::int64_t>(0);
  const std::int64_t rows = (target_.budget - bytes) / kGrowth;
  if (rows >= static_cast<std::int64_t>(std::max(wanted, kFewestRows))) {
    allowance_ = std::min(kMostRows, static_cast<std::size_t>(rows));
    return {};
  }
  over_budget_ = true;
  return fail(ErrorCode::limits_exceeded,
              fmt::format("the catalog has {} MiB, and with this archive it would have more than its {} MiB",
                          bytes >> 20, target_.budget >> 20));
}

Expected<void> Writer::imply_directories() {
  const auto attributes = fmt::format("{}\t{}\t0\t0\t", S_IFDIR | kImplied, owner_of({}));
  for (const auto& path : needed_directories_) {
    if (seen_directories_.find(hash_(path)) != HashMap::kNone) continue;
    if (auto done = put(path, attributes); !done) return done;
  }
  return {};
}

Expected<void> Writer::commit() {
  if (auto done = imply_directories(); !done) return done;
  for (const auto& known : known_) {
    if (known.seen || known.attributes == 0) continue;
    rows_.closed.push_back(known.node);
    ++counts_.vanished;
    if (rows_.closed.size() < kClosed) continue;
    if (auto done = flush(); !done) return done;
  }
  if (auto done = flush(); !done) return done;
  if (auto done = wait(); !done) return done;
  auto noted =
      db_.run("update series set newest = $2, directories = $3, nodes = $4, owners = $5 where id = $1",
              store::Params{series_, number_, last_directory_, last_node_, last_owner_});
  if (!noted) return std::unexpected(noted.error());
  auto named = db_.run("insert into archive (series, number, archive) values ($1, $2, $3)",
                       store::Params{series_, number_, archive_});
  if (!named) return std::unexpected(named.error());
  // If the previous archive was removed, delete the versions that only it had.
  auto forgotten = db_.run(
      "select forget_between($1, before, $2) from (select coalesce(max(number), 0) as before from archive"
      " where series = $1 and number < $2) a where before < $2 - 1",
      store::Params{series_, number_}, kWrite);
  if (!forgotten) return std::unexpected(forgotten.error());
  return run("commit");
}

}  // namespace cyborg::catalog
