# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion for cyborgctl(1)                          -*- shell-script -*-

_cyborgctl_names() { # NOUN
  cyborgctl --no-ask-password --quiet "$1" list 2>/dev/null
}

# The keys that `NOUN set` takes.
_cyborgctl_keys() { # NOUN
  cyborgctl "$1" properties 2>/dev/null | awk 'NR > 1 && $2 == "always" { print $1 "=" }'
  [[ $1 != policy ]] || echo var.
}

# All values of a property.
_cyborgctl_values() { # NOUN KEY
  cyborgctl --json "$1" properties 2>/dev/null |
    sed -nE '/"name" : "'"$2"'"/,/^[[:space:]]*\}/{ /"values"/,/\]/s/^[[:space:]]*"([^"]+)",?$/\1/p }'
}

# The options of a command, from its help.
_cyborgctl_help_options() { # WORD...
  cyborgctl "$@" --help 2>/dev/null | sed -nE 's/^ +(-[a-z],)?(--[a-z-]+).*/\2/p'
}

_cyborgctl_verbs() { # NOUN
  local objects='add list show set enable disable remove properties'
  case $1 in
    client) echo "$objects prepare test discover" ;;
    repository) echo "$objects prepare test change-passphrase key-export keys key-line withdraw compact check verify archives" ;;
    schedule) echo "$objects" ;;
    policy) echo "$objects run next prune verify types" ;;
    job) echo 'list show log cancel retry' ;;
    archive) echo 'list show files diff why verify pin unpin comment remove import' ;;
    settings) echo 'list get set' ;;
    file) echo 'history' ;;
    catalog) echo 'drop rebuild' ;;
    ssh-key) echo 'show' ;;
  esac
}

_cyborgctl_options() { # NOUN VERB
  case $1/$2 in
    client/add | repository/add | schedule/add | policy/add) _cyborgctl_help_options "$1" "$2" ;;
    client/prepare) echo '--wait --follow --ask-password --password-file' ;;
    client/discover) echo '--known' ;;
    repository/prepare) echo '--client --anew --wait --follow' ;;
    repository/compact | repository/verify) echo '--client --wait --follow --scheduled' ;;
    repository/check) echo '--client --max-duration --verify-data --wait --follow --scheduled' ;;
    repository/key-line) echo '--client' ;;
    repository/withdraw) echo '--client --force --wait --follow' ;;
    repository/change-passphrase) echo '--client --passphrase-file --wait --follow' ;;
    repository/test | repository/key-export) echo '--client' ;;
    policy/set) echo '--password-file' ;;
    repository/set) echo '--passphrase-file' ;;
    policy/run) echo '--client --wait --follow --dry-run --scheduled' ;;
    policy/prune) echo '--client --wait --follow --dry-run' ;;
    policy/verify) echo '--client --wait --follow' ;;
    policy/next) echo '--count' ;;
    job/list) echo '--policy --client --repository --kind --state --run --limit --all' ;;
    job/log) echo '--follow' ;;
    job/cancel) echo '--wait' ;;
    job/retry) echo '--wait --follow' ;;
    archive/list) echo '--client --policy --repository --limit --all' ;;
    archive/remove | archive/verify) echo '--wait --follow' ;;
    archive/import) echo '--client --policy --glob --follow' ;;
    repository/archives) echo '--client --state --last' ;;
    archive/files | archive/diff | file/history) echo '--limit --all' ;;
    catalog/rebuild) echo '--wait --follow' ;;
    find/*) echo '--client --policy --repository --ignore-case --limit --all' ;;
    status/*) echo '--check' ;;
    report/*) echo '--since --changes' ;;
    metrics/*) echo '--output' ;;
    restore/*) _cyborgctl_help_options restore ;;
    */remove) echo '--force' ;;
  esac
}

# The values of an option; fails if they are free text.
_cyborgctl_value() { # OPTION NOUN VERB
  case $1 in
    --client | --repository | --schedule | --policy) _cyborgctl_names "${1#--}" ;;
    --check-schedule | --verify-schedule | --compact-schedule) _cyborgctl_names schedule ;;
    --type) cyborgctl --no-ask-password --quiet policy types 2>/dev/null ;;
    --transport | --authorize | --encryption) _cyborgctl_values repository "${1#--}" ;;
    --kind) echo 'prepare-client prepare-repository backup restore catalog prune compact check verify list withdraw' ;;
    --state)
      [[ $2 != repository ]] || { echo 'known missing foreign' && return; }
      echo 'waiting pending starting running successful warning failed error canceled skipped'
      ;;
    --conflict) echo 'overwrite keep rename fail' ;;
    --since) echo '1d 7d 30d daily weekly monthly' ;;
    --to) _cyborgctl_names client | sed 's|$|:/|' ;;
    *) return 1 ;;
  esac
}

# Completes names and keys where a command takes them.
_cyborgctl_arguments() { # NOUN VERB
  case $1/$2 in
    job/show | job/log | job/cancel | job/retry) _cyborgctl_names job ;;
    archive/list) ;;
    archive/import) _cyborgctl_names repository ;;
    archive/*) _cyborgctl_names archive ;;
    settings/get) _cyborgctl_names settings ;;
    settings/set) _cyborgctl_names settings | sed 's|$|=|' ;;
    restore/*) _cyborgctl_names archive ;;
    catalog/*) _cyborgctl_names client ;;
    file/*) _cyborgctl_names client | sed 's|$|:/|' ;;
    client/add | repository/add | schedule/add | policy/add | policy/types | */properties | */list | ssh-key/*) ;;
    client/set | repository/set | schedule/set | policy/set)
      _cyborgctl_names "$1"
      _cyborgctl_keys "$1"
      ;;
    client/* | repository/* | schedule/* | policy/*) _cyborgctl_names "$1" ;;
  esac
}

_cyborgctl() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local nouns='status report metrics client repository schedule policy job archive restore find file catalog settings ssh-key'
  local global='--json --quiet --no-ask-password --help --version'
  local word noun='' verb='' choices=''

  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == -* ]] && continue
    if [[ -z $noun ]]; then
      noun=$word
    elif [[ -z $verb ]]; then
      verb=$word
    fi
  done

  case $previous in
    --password-file | --passphrase-file | --vars | --changes | --output)
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
  esac
  if ! choices=$(_cyborgctl_value "$previous" "$noun" "$verb"); then
    if [[ $current == -* ]]; then
      choices="$global $(_cyborgctl_options "$noun" "$verb")"
    elif [[ -z $noun ]]; then
      choices=$nouns
    elif [[ -z $verb && ! $noun =~ ^(restore|status|report|metrics)$ ]]; then
      choices=$(_cyborgctl_verbs "$noun")
    else
      choices=$(_cyborgctl_arguments "$noun" "$verb")
    fi
  fi
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$current")
  # After a key comes its value, after a client its directory.
  if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} =~ [=./]$ ]]; then compopt -o nospace; fi
}

complete -F _cyborgctl cyborgctl
