# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Read by BORG_RSH in $CYBORG_DIRECT: the client's own ssh to the repository host. The client's ssh configuration is
# ignored, and anything that would ask for input fails.
#
#   connect ARGUMENT...   replaces the calling shell: no other process may hold borg's end open
#
# Expects: $CYBORG_DIRECT, the private directory of the script that runs borg; $CYBORG_KEY; $ssh_port, $ssh_user,
# $ssh_host. Sets: $dir.
# shellcheck disable=SC2154 # ssh_port, ssh_user, ssh_host: the C++ side

dir=$CYBORG_DIRECT
connect() {
  exec ssh -F /dev/null -E "$dir/ssh" -i "$CYBORG_KEY" -oIdentitiesOnly=yes -oIdentityAgent=none \
    -oBatchMode=yes -oPreferredAuthentications=publickey -oStrictHostKeyChecking=yes \
    -oUserKnownHostsFile="\"$dir/known_hosts\"" -oGlobalKnownHostsFile=/dev/null \
    -oUpdateHostKeys=no -oHostKeyAlias=cyborg -oCheckHostIP=no -oLogLevel=ERROR -oCompression=no \
    -oClearAllForwardings=yes -oConnectTimeout=30 -oServerAliveInterval=10 -oServerAliveCountMax=9 \
    -oPort="$ssh_port" -oUser="$ssh_user" -oHostname="$ssh_host" "$@"
}
