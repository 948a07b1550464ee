# shellcheck shell=bash disable=SC2154 # scripts/bench assigns them
# SPDX-License-Identifier: GPL-3.0-or-later
# The rows of scripts/bench.  Each leaves samples, "NAME<tab>VALUE", of which
# bench_report.py makes the table.

# Runs a command on the server and times it there, so that entering the machine does not count.
timed() { # SAMPLE COMMAND...
  local name=$1 seconds
  shift
  # Data that an earlier measurement left unwritten must not count here.
  sync
  seconds=$(on server python3 /root/bench_time.py "$@") || die "$name: failed: $*"
  sample "$name" "$seconds"
}

# Runs each the same number of times, neither always first.
in_turns() { # ROUND FUNCTION FUNCTION...
  local round=$1 i
  shift
  for ((i = 0; i < $#; i++)); do
    local -a functions=("$@")
    "${functions[(i + round) % $#]}" "$round"
  done
}

hand_passphrase=by-hand

borg_by_hand() { # SAMPLE ARGUMENT...: borg on web, started as one would from the server
  local name=$1
  shift
  timed "$name" ssh root@web "BORG_PASSPHRASE=$hand_passphrase borg $*"
}
init_by_hand() { # URL
  quietly_on web env "BORG_PASSPHRASE=$hand_passphrase" borg init --encryption repokey-blake2 "$1"
}

# --- small

row_small() {
  local i
  [[ -z ${borgmatic:-} ]] || configure_borgmatic
  init_by_hand ssh://root@vault/srv/hand-small
  quietly_on server cyborgctl repository add small root@vault:/srv/small
  quietly_on server cyborgctl policy add small --type config --repository small --client web
  # Only the backup is compared.
  quietly_on server cyborgctl policy set small catalog=false
  quietly_on server cyborgctl policy run small --wait
  borg_small_hand=(create --stats --json)
  quietly_on server ssh root@web "BORG_PASSPHRASE=$hand_passphrase borg create ssh://root@vault/srv/hand-small::first /etc"
  local -a turns=(small_ours small_hand)
  [[ -z ${borgmatic:-} ]] || turns+=(small_borgmatic)
  # These are short, so do more of them.
  for ((i = 0; i < 2 * pairs; i++)); do in_turns "$i" "${turns[@]}"; done
}
small_ours() { timed small.ours cyborgctl policy run small --wait; }
small_hand() { borg_by_hand small.hand "${borg_small_hand[*]} ssh://root@vault/srv/hand-small::a$1 /etc"; }
small_borgmatic() { timed small.borgmatic ssh root@web "borgmatic create --json"; }

configure_borgmatic() {
  on web sh -c "mkdir -p /etc/borgmatic && cat >/etc/borgmatic/config.yaml <<END
location:
    source_directories: [/etc]
    repositories:
        - ssh://root@vault/srv/borgmatic
storage:
    encryption_passphrase: $hand_passphrase
END"
  init_by_hand ssh://root@vault/srv/borgmatic
  quietly_on web borgmatic create
}

# --- gib and relay: a new repository each time, so that all of it is new

make_gib() {
  # Random data cannot be compressed or deduplicated.
  # shellcheck disable=SC2016 # for the shell there
  on web sh -c '[ -d /srv/gib ] || { mkdir /srv/gib &&
    for i in $(seq 16); do head -c 64M /dev/urandom >/srv/gib/file-$i; done; }'
}

# The repository is on the server, as if there were no repository host.
row_gib() {
  make_gib
  on server install -d -o cyborg -g cyborg /var/lib/cyborg/repositories
  first_backups gib server /var/lib/cyborg/repositories/gib
}
row_relay() {
  make_gib
  first_backups relay vault root@vault:/srv/relay
}

first_backups() { # ROW MACHINE OUR-LOCATION
  local i
  first_row=$1
  first_machine=$2
  first_location=$3
  for ((i = 0; i < pairs; i++)); do in_turns "$i" first_ours first_hand; done
}
first_ours() { # ROUND
  local name=$first_row-$1
  quietly_on server cyborgctl repository add "$name" "$first_location-$1"
  quietly_on server cyborgctl policy add "$name" --type folders --var folders=/srv/gib \
    --repository "$name" --client web
  quietly_on server cyborgctl policy set "$name" catalog=false
  quietly_on server cyborgctl repository prepare "$name" --wait
  timed "$first_row.ours" cyborgctl policy run "$name" --wait
  on "$first_machine" rm -rf "${first_location#*:}-$1"
}
first_hand() { # ROUND
  local url=ssh://root@$first_machine/srv/hand-$first_row-$1
  init_by_hand "$url"
  borg_by_hand "$first_row.hand" "create --stats --json $url::a /srv/gib"
  on "$first_machine" rm -rf "${url##*"$first_machine"}"
}

# --- queue

queue_jobs=500

row_queue() {
  local i
  quietly_on server cyborgctl settings set max_jobs=16
  quietly_on server cyborgctl settings set max_jobs_per_repository_host=16
  # Port 9 refuses connections, which ends the preparation of a client.
  quietly_on server sh -c "for i in \$(seq $queue_jobs); do
    cyborgctl client add queue\$i --address 127.0.0.1 --port 9 >/dev/null; done"
  for ((i = 0; i < pairs; i++)); do in_turns "$i" queue_ours queue_hand; done
}
queue_ours() {
  on server python3 /root/bench_bus.py queue $queue_jobs >>"$samples"
  # In a transaction of its own, after the last job's was stored.
  on server runuser -u postgres -- psql -XAqt -d cyborg -F $'\t' -c "$queue_delays" >>"$samples"
}
queue_hand() {
  timed queue.hand sh -c "i=0; while [ \$i -lt $queue_jobs ]; do
    systemd-run --quiet --wait true; i=\$((i + 1)); done"
}
# A job is ready when it has been created and, except for the first 16, when one more job has ended; the
# oldest is next.
queue_delays="
  with j as (select * from job where kind = 'prepare-client' and client like 'queue%'
             order by id desc limit $queue_jobs),
       s as (select created, started, row_number() over (order by id) n from j),
       f as (select finished, row_number() over (order by finished) n from j)
  select 'queue.delay', round(extract(epoch from s.started - greatest(s.created, f.finished)) * 1000, 2)
  from s left join f on f.n = s.n - 16 where s.started is not null"

# --- scale and idle

scale_jobs=100

row_scale() {
  many_clients
  on server python3 /root/bench_bus.py start $scale_jobs
  on server python3 /root/bench_bus.py latency $((pairs * 100)) $scale_jobs >>"$samples"
  many_clients_end
}
# The state after the same load.
row_idle() {
  many_clients
  on server python3 /root/bench_bus.py start $scale_jobs
  on server python3 /root/bench_bus.py latency $((pairs * 100)) $scale_jobs >/dev/null
  many_clients_end
  # So that the timers of these jobs have finished.
  sleep 15
  on server python3 /root/bench_bus.py idle 30 >>"$samples"
}

many_clients() {
  # Without a systemd login session for each, which would take longer than everything else together.
  on server sh -c 'echo "UsePAM no" >/etc/ssh/sshd_config.d/bench.conf && systemctl reload ssh'
  # A session that ends only when the gate is opened: the preparation of a client on this very machine gets it
  # instead of a shell.
  on server sh -c "mkfifo /run/bench-gate && mkdir -p -m 700 /root/.ssh &&
    echo \"command=\\\"read line </run/bench-gate\\\" \$(cyborgctl ssh-key show)\" >>/root/.ssh/authorized_keys"
  fill_history
  quietly_on server cyborgctl settings set max_jobs=$scale_jobs
  quietly_on server cyborgctl settings set recent_jobs=1s
}

fill_history() {
  scripts/lab put server scripts/lib/bench-history.sql /root/history.sql
  on server chmod 644 /root/history.sql
  on server systemctl stop cyborgd
  on server sh -c 'runuser -u postgres -- psql -Xq --set ON_ERROR_STOP=1 -d cyborg </root/history.sql' >&2
  on server systemctl start cyborgd
}

many_clients_end() {
  on server sh -c ': >/run/bench-gate'
  on server python3 /root/bench_bus.py wait
  on server sh -c 'rm /run/bench-gate /etc/ssh/sshd_config.d/bench.conf
    sed -i "/bench-gate/d" /root/.ssh/authorized_keys && systemctl reload ssh'
}

# --- catalog

catalog_place=/var/lib/cyborg/repositories/catalog

row_catalog() {
  local i
  # shellcheck disable=SC2016 # for the shell there
  on server sh -c 'mkdir /srv/files && cd /srv/files && for d in $(seq 10000); do
    mkdir -p part$((d / 100))/dir$d && (cd part$((d / 100))/dir$d && for f in $(seq 20); do echo $d >file$f.conf; done); done'
  on server sh -c "echo $hand_passphrase >/root/passphrase"
  quietly_on server cyborgctl client add here --local
  quietly_on server cyborgctl repository add catalog "$catalog_place" --passphrase-file /root/passphrase
  quietly_on server cyborgctl policy add catalog --type folders --var folders=/srv/files --repository catalog \
    --client here
  quietly_on server cyborgctl policy run catalog --wait
  for ((i = 0; i < pairs; i++)); do in_turns "$i" catalog_first catalog_hand; done
  for ((i = 0; i < pairs; i++)); do in_turns "$i" catalog_next catalog_hand; done
}
catalog_first() {
  quietly_on server cyborgctl catalog rebuild here --wait
  catalog_took catalog.first
}
catalog_next() { # ROUND
  on server sh -c "for d in \$(seq 50); do for f in \$(seq 20); do echo $1 >>/srv/files/part0/dir\$d/file\$f.conf; done; done"
  quietly_on server cyborgctl policy run catalog --wait
  catalog_took catalog.next
}
catalog_took() { # SAMPLE: the last job, its unit included
  sample "$1" "$(on server runuser -u postgres -- psql -XAqt -d cyborg -c \
    "select extract(epoch from finished - started) from job where kind = 'catalog' order by id desc limit 1")"
}
catalog_hand() {
  local archive
  archive=$(on server runuser -u postgres -- psql -XAqt -d cyborg -c \
    "select name from archive where policy = 'catalog' order by id desc limit 1")
  timed catalog.hand runuser -u cyborg -- env "BORG_PASSPHRASE=$hand_passphrase" \
    BORG_BASE_DIR=/var/lib/cyborg/borg/by-hand sh -c \
    "borg --bypass-lock list --json-lines '$catalog_place::$archive' >/dev/null"
}

# --- database

row_database() {
  local i
  on web systemctl start postgresql
  # Text that compresses by half, like names and numbers.
  quietly_on web runuser -u postgres -- psql -Xq --set ON_ERROR_STOP=1 -c 'create database bench'
  quietly_on web runuser -u postgres -- psql -Xq --set ON_ERROR_STOP=1 -d bench -c \
    "create table item as select i, md5(i::text) as a, md5((i * 7)::text) as b, repeat('x', 32) as c
     from generate_series(1, 7000000) i"
  for ((i = 0; i < pairs; i++)); do in_turns "$i" database_ours database_hand; done
  quietly_on web runuser -u postgres -- dropdb bench
  on web systemctl stop postgresql
}
database_ours() { # ROUND
  local name=database-$1
  quietly_on server cyborgctl repository add "$name" "root@vault:/srv/$name"
  quietly_on server cyborgctl policy add "$name" --type postgresql --var database=bench --repository "$name" --client web
  quietly_on server cyborgctl policy set "$name" catalog=false
  quietly_on server cyborgctl repository prepare "$name" --wait
  timed database.ours cyborgctl policy run "$name" --wait
  on vault rm -rf "/srv/$name"
}
database_hand() { # ROUND
  local url=ssh://root@vault/srv/hand-database-$1
  init_by_hand "$url"
  timed database.hand ssh root@web "runuser -u postgres -- pg_dump -Fc bench |
    BORG_PASSPHRASE=$hand_passphrase borg create --stats --json --stdin-name bench.dump $url::a -"
  on vault rm -rf "/srv/hand-database-$1"
}

# --- makespan

makespan_repositories=8
makespan_clients=5 # for each

# Sizes stand for times here, so that the order is measured and not the machine.
row_makespan() {
  local i k
  local -a clients
  quietly_on server cyborgctl settings set max_jobs=16
  quietly_on server cyborgctl settings set max_jobs_per_repository_host=16
  for ((i = 1; i <= makespan_repositories; i++)); do
    clients=()
    for ((k = 1; k <= makespan_clients; k++)); do
      quietly_on server cyborgctl client add "span$i-$k" --address web
      clients+=(--client "span$i-$k")
    done
    quietly_on server cyborgctl repository add "span$i" "root@vault:/srv/span$i" --shared
    quietly_on server cyborgctl policy add "span$i" --type piped --repository "span$i" "${clients[@]}" \
      --var "command=sleep \$(shuf -n 1 -e 1 2 3 4 6 8); head -c 1M /dev/urandom"
    quietly_on server cyborgctl policy set "span$i" catalog=false
  done
  # Once, so that everything is prepared.
  makespan_run
  for ((i = 0; i < pairs; i++)); do
    makespan_run
    on server runuser -u postgres -- psql -XAqt -d cyborg -F $'\t' -c "$makespan_of_last" >>"$samples"
  done
}
makespan_run() {
  # shellcheck disable=SC2016 # for the shell there
  quietly_on server sh -c 'for i in $(seq '"$makespan_repositories"'); do cyborgctl policy run span$i --wait & done; wait'
}
makespan_of_last="
  with j as (select * from job where kind = 'backup' and policy like 'span%' and state = 'successful'
             order by id desc limit $((makespan_repositories * makespan_clients))),
       held as (select sum(finished - started) as time from j group by borg_url)
  select 'makespan.' || name, extract(epoch from time)
  from (select 'took' as name, max(finished) - min(created) as time from j
        union all select 'bound', greatest(max(time), sum(time) / 16) from held) figures"
