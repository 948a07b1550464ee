#include "core/discover.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "core/policy_types.h"
#include "core/quote.h"

namespace cyborg {
namespace {

constexpr std::array kKinds{"mount", "home", "mail", "postgresql", "mysql", "vm", "proxmox"};
constexpr std::size_t kLongestName = 4096;

constexpr const char* kDiscover = R"sh(
found() { printf 'found=%s %s %s\n' "$1" "${2:-0}" "$3"; }
limited() { if command -v timeout >/dev/null; then timeout 20 "$@" </dev/null; else "$@" </dev/null; fi 2>/dev/null; }
devices=' '
while read -r x x dev root target rest; do
  rest=" $rest"
  type=${rest#* - }
  type=${type%% *}
  case $type in
    ext[234] | xfs | btrfs | zfs | f2fs | jfs | reiserfs | bcachefs | vfat | exfat | ntfs*) ;;
    overlay) [ "$target" = / ] || continue ;;
    *) continue ;;
  esac
  case $target in /proc/* | /sys/* | /dev/* | /run/* | /snap/* | /var/lib/docker/* | /var/lib/containers/*) continue ;; esac
  target=$(printf '%b' "$target")
  [ -d "$target" ] || continue
  # Of what is mounted more than once, the whole; subvolumes are different things on one device.
  case $type:$devices in btrfs:* | zfs:*) ;; *" $dev "*) continue ;; esac
  devices="$devices$dev "
  size=$(limited df -P -k "$target" | tail -n 1 | { read -r x x used x; echo "${used:-0}"; })
  case $size in '' | *[!0-9]*) size=0 ;; esac
  found mount "$((size * 1024))" "$target"
done </proc/self/mountinfo
for x in /root /home/*; do [ ! -d "$x" ] || [ -L "$x" ] || found home 0 "$x"; done
for x in /var/mail /var/spool/mail /var/lib/mail /var/vmail; do
  [ -L "$x" ] || [ ! -d "$x" ] || [ -z "$(ls -A "$x" 2>/dev/null)" ] || found mail 0 "$x"
done
databases() { # KIND COMMAND...
  kind=$1
  shift
  if x=$(limited "$@"); then
    printf '%s\n' "$x" | while read -r size name; do [ -z "$name" ] || found "$kind" "$size" "$name"; done
  else
    found "$kind" 0 ''
  fi
}
for x in /run/postgresql/.s.PGSQL.[0-9]* /tmp/.s.PGSQL.[0-9]*; do
  [ -S "$x" ] || continue
  as=
  [ "$(id -u)" != 0 ] || as='runuser -u postgres --'
  databases postgresql $as env PGHOST="${x%/*}" PGPORT="${x##*.}" PGDATABASE=postgres PGCONNECT_TIMEOUT=10 psql -XAtqw -F ' ' \
    -c "select pg_database_size(oid), datname from pg_database where datallowconn and not datistemplate and datname <> 'postgres' order by 2"
done
for x in /run/mysqld/mysqld.sock /var/lib/mysql/mysql.sock; do
  [ -S "$x" ] || continue
  client=mariadb
  command -v mariadb >/dev/null || client=mysql
  databases mysql "$client" -NBr --default-character-set=utf8mb4 -e "select coalesce(sum(data_length + index_length), 0), schema_name
    from information_schema.schemata left join information_schema.tables on table_schema = schema_name
    where schema_name not in ('information_schema', 'performance_schema', 'sys', 'mysql') group by schema_name order by 2"
  break
done
guests() { # KIND COMMAND...
  kind=$1
  shift
  ! command -v "$1" >/dev/null || limited "$@" | while IFS= read -r x; do [ -z "$x" ] || found "$kind" 0 "$x"; done
}
guests vm virsh -c qemu:///system list --all --name
for x in qm pct; do guests proxmox "$x" list | sed -n 's/^\(found=proxmox 0\) *\([0-9][0-9]*\) .*/\1 \2/p'; done
)sh";

bool is_path(const std::string& kind) {
  return kind == "mount" || kind == "home" || kind == "mail";
}

bool lies_in(const std::string& path, std::string folder) {
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  return path == folder || folder == "/" || path.starts_with(folder + "/");
}

enum class Cover { no, partly, yes };

// The mount that a path lies on, of those that were found.
std::string mount_of(const std::string& path, const Json::Value& found) {
  std::string mount = "/";
  for (const auto& one : found) {
    const std::string name = one["name"].asString();
    if (one["kind"].asString() == "mount" && lies_in(path, name) && name.size() >= mount.size()) mount = name;
  }
  return mount;
}

Cover covers_path(const BackupSource& source, const std::string& path, const Json::Value& found) {
  Cover cover = Cover::no;
  for (const auto& root : source.roots) {
    if (!lies_in(path, root)) {
      if (lies_in(root, path)) cover = std::max(cover, Cover::partly);
      continue;
    }
    const bool other_mount = source.one_file_system && mount_of(path, found) != mount_of(root, found);
    const bool excluded = std::ranges::any_of(source.exclude, [&](const std::string& pattern) {
      return pattern.starts_with('/') && lies_in(path, pattern);
    });
    if (!other_mount && !excluded) return Cover::yes;
  }
  return cover;
}

// A dump of a server elsewhere is none of this client's.
bool is_here(const std::string& host) {
  return host.empty() || host.starts_with('/') || host == "localhost" || host == "127.0.0.1" || host == "::1";
}

bool names(const std::vector<std::string>& list, const std::string& name) {
  return list.empty() || std::ranges::find(list, name) != list.end();
}

Cover covers(const Policy& policy, const std::string& client, const Json::Value& one,
             const Json::Value& found) {
  const std::string kind = one["kind"].asString();
  const std::string name = one["name"].asString();
  const BackupSource source = backup_source(policy, client);
  if (is_path(kind)) return covers_path(source, name, found);
  if (policy.type != kind) return Cover::no;
  if (kind == "vm" || kind == "proxmox") return names(source.dump.guests, name) ? Cover::yes : Cover::no;
  // A server that does not say what it has is covered by what takes all that it has.
  return is_here(source.dump.host) && names(source.dump.databases, name) ? Cover::yes : Cover::no;
}

// A name for the policy that is proposed: web-postgresql, web-srv-data.
std::string policy_name(const Fleet& fleet, const std::string& client, const std::string& what) {
  std::string name = client + "-";
  for (const char c : what) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (good) name += c;
    if (c >= 'A' && c <= 'Z') name += static_cast<char>(c - 'A' + 'a');
    if (!good && !(c >= 'A' && c <= 'Z') && !name.ends_with('-')) name += '-';
  }
  if (name.size() > 55) name.resize(55);
  while (name.ends_with('-')) name.pop_back();
  std::string free = name;
  for (int i = 2; fleet.policies.contains(free); ++i) free = fmt::format("{}-{}", name, i);
  return free;
}

// One that the client uses already, if there is one.
std::string repository_for(const Fleet& fleet, const std::string& client) {
  for (const auto& [name, policy] : fleet.policies) {
    if (std::ranges::find(policy.clients, client) != policy.clients.end() && !policy.repositories.empty()) {
      return policy.repositories.front();
    }
  }
  return fleet.repositories.empty() ? "REPOSITORY" : fleet.repositories.begin()->first;
}

std::string word(const std::string& text) {
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) ||
           (c != '\0' && std::string_view{"/._-=,"}.find(static_cast<char>(c)) != std::string_view::npos);
  };
  return !text.empty() && std::ranges::all_of(text, plain) ? text : quote(text);
}

std::string command(const Fleet& fleet, const std::string& client, const std::string& kind,
                    const std::string& name) {
  std::string type = kind;
  std::string variable;
  std::string what = kind;
  if (is_path(kind)) {
    type = name == "/" ? "rootfs" : "folders";
    what = name == "/" ? "rootfs" : name;
    if (name != "/") variable = "folders=" + name;
  } else if (!name.empty()) {
    variable = (kind == "vm" || kind == "proxmox" ? "guests=" : "databases=") + name;
    what = kind + "-" + name;
  }
  return fmt::format("cyborgctl policy add {} --type {} --repository {} --client {}{}",
                     policy_name(fleet, client, what), type, repository_for(fleet, client), client,
                     variable.empty() ? "" : " --var " + word(variable));
}

}  // namespace

std::string discover_part() {
  return kDiscover;
}

Json::Value read_found(std::string_view value) {
  const auto first = value.find(' ');
  const auto second = first == std::string_view::npos ? first : value.find(' ', first + 1);
  if (second == std::string_view::npos || value.size() > kLongestName) return {};
  const std::string_view kind = value.substr(0, first);
  if (std::ranges::find(kKinds, kind) == kKinds.end()) return {};
  std::int64_t size = 0;
  const std::string_view number = value.substr(first + 1, second - first - 1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), size);
  if (error != std::errc{} || end != number.data() + number.size() || size < 0) return {};
  Json::Value one{Json::objectValue};
  one["kind"] = std::string{kind};
  one["size"] = Json::Int64{size};
  one["name"] = std::string{value.substr(second + 1)};
  return one;
}

std::vector<Json::Value> discover_rows(const Fleet& fleet, const std::string& client,
                                       const Json::Value& facts) {
  std::vector<Json::Value> rows;
  const Json::Value& found = facts["found"];
  if (!found.isArray()) return rows;
  for (const auto& one : found) {
    if (!one["kind"].isString() || !one["name"].isString()) continue;
    Cover best = Cover::no;
    Json::Value policies{Json::arrayValue};
    for (const auto& [name, policy] : fleet.policies) {
      const bool usable = std::ranges::find(policy.clients, client) != policy.clients.end() &&
                          unusable_reason(fleet, policy).empty();
      const Cover cover = usable ? covers(policy, client, one, found) : Cover::no;
      if (cover == Cover::no) continue;
      best = std::max(best, cover);
      policies.append(name);
    }
    Json::Value row = one;
    row["size"] =
        Json::UInt64(one["size"].isInt64() && one["size"].asInt64() > 0 ? one["size"].asInt64() : 0);
    row["protected"] = best == Cover::yes ? "yes" : best == Cover::partly ? "partly" : "no";
    row["policies"] = std::move(policies);
    row["command"] =
        best == Cover::yes ? "" : command(fleet, client, one["kind"].asString(), one["name"].asString());
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace cyborg
