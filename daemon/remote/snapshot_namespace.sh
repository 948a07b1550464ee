# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs a script, which is its argument, in a mount namespace, if this machine can create one.
#
# Says: started, snapshot-failed.

x=$(unshare -m true 2>&1) || { say started; die snapshot-failed "the folders: $x"; }
exec unshare -m sh -c "$1"
