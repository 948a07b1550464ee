# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Prints "found=KIND SIZE NAME" for each thing on this machine that could be backed up: see remote/discovery.h.
# Changes nothing, and never fails.
# shellcheck disable=SC2034 # root: a field that is passed over
# shellcheck disable=SC2086 # as: words of a command, or none

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
  # If a file system is mounted more than once, take the whole; subvolumes are different things on one device.
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
