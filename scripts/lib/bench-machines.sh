# shellcheck shell=bash disable=SC2154 # scripts/bench assigns them
# SPDX-License-Identifier: GPL-3.0-or-later
# The machines of scripts/bench: cyborgd on server, a client web, a repository
# host vault, and the keys with which one would do the same by hand.

on() { scripts/lab exec "$@" </dev/null; }
# Like on, but shows the output only if the command fails.
quietly_on() {
  on "$@" >"$work/output" 2>&1 || {
    tail -n 20 "$work/output" >&2
    die "failed on $*"
  }
}
sample() { printf '%s\t%s\n' "$1" "$2" >>"$samples"; }

bench_up() {
  if [[ -z $packages ]]; then
    packages=$work/packages
    scripts/build-packages bookworm --output "$packages" >/dev/null
  fi
  say "booting the machines"
  scripts/lab up --owner-pid $$ server web vault
  install_packages
  exchange_keys
  scripts/lab put server scripts/lib/bench_bus.py /root/bench_bus.py
  scripts/lab put server scripts/lib/bench_time.py /root/bench_time.py
  quietly_on server cyborgctl client add web
  quietly_on server cyborgctl client prepare web --wait
  if wanted small; then install_borgmatic; fi
  on server systemctl stop cyborgd
  quietly_on server sh -c 'runuser -u postgres -- pg_dump --create -Fc cyborg >/root/fresh.dump'
}

# Each row begins with one client, web, which is prepared, and nothing else, whatever another has left.
fresh() {
  on server systemctl stop cyborgd
  quietly_on server sh -c 'runuser -u postgres -- dropdb --force cyborg &&
    runuser -u postgres -- pg_restore --create -d postgres </root/fresh.dump'
  on server systemctl start cyborgd
}

install_packages() {
  local package
  on server mkdir -p /root/packages
  for package in "$packages"/*.deb; do
    scripts/lab put server "$package" "/root/packages/${package##*/}"
  done
  quietly_on server sh -c 'apt-get install -y -qq /root/packages/*.deb'
}

# By hand, root on the server connects to the client, and the client to the repository hosts; cyborgd connects
# to both with its own key.
exchange_keys() {
  local machine i
  # cyborgd makes its key once it has its database.
  for ((i = 0; i < 100; i++)); do
    if [[ -n $(on server cyborgctl ssh-key show) ]]; then break; fi
    sleep 0.1
  done
  for machine in server web; do
    on "$machine" sh -c 'mkdir -p -m 700 /root/.ssh && ssh-keygen -q -t ed25519 -N "" -f /root/.ssh/id_ed25519
      echo "StrictHostKeyChecking accept-new" >/root/.ssh/config'
  done
  { on server cat /root/.ssh/id_ed25519.pub && on server cyborgctl ssh-key show; } | authorise web
  { on web cat /root/.ssh/id_ed25519.pub && on server cyborgctl ssh-key show; } | authorise vault
  on web cat /root/.ssh/id_ed25519.pub | authorise server
  # So that nothing asks for confirmation during a measurement.
  on server ssh web true 2>/dev/null
  on web sh -c 'ssh vault true; ssh server true' 2>/dev/null
}

authorise() { # MACHINE; keys on standard input
  scripts/lab exec "$1" sh -c 'mkdir -p -m 700 /root/.ssh && cat >>/root/.ssh/authorized_keys'
}

# The machines reach no mirror; this one does. Dependencies that the client already has because of borg are
# not listed.
borgmatic_packages=(borgmatic python3-attr python3-certifi python3-chardet
  python3-charset-normalizer python3-colorama python3-idna python3-jsonschema
  python3-pkg-resources python3-pyrsistent python3-requests python3-ruamel.yaml
  python3-ruamel.yaml.clib python3-six python3-importlib-metadata
  python3-importlib-resources python3-more-itertools python3-typing-extensions
  python3-urllib3 python3-zipp)

install_borgmatic() {
  local cache=${CYBORG_CACHE:-/var/cache/cyborg-lab}/borgmatic log=$work/borgmatic.log
  mkdir -p "$cache"
  if ! compgen -G "$cache/borgmatic_1.7.7*.deb" >/dev/null; then
    # Another release than bookworm has another version, which must not be compared.
    (cd "$cache" && apt-get download -q borgmatic=1.7.7-1 "${borgmatic_packages[@]:1}") >"$log" 2>&1 || {
      rm -f "$cache"/*.deb
      say "borgmatic 1.7.7 cannot be downloaded here; without it"
      return 0
    }
  fi
  scripts/lab put web "$cache" /root/borgmatic
  if ! on web sh -c 'dpkg --install /root/borgmatic/*.deb && borgmatic --version' >"$log" 2>&1; then
    tail -n 3 "$log" >&2
    say "borgmatic 1.7.7 cannot be installed on web; without it"
    return 0
  fi
  # shellcheck disable=SC2034 # the row asks for it
  borgmatic=1
}
