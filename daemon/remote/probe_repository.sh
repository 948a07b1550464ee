# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# For a repository host: prints borg's version and the free space. Ends with borg's status.
#
# Expects: $REPOSITORY, its path.
# shellcheck disable=SC2154 # REPOSITORY: the C++ side

borg --version
status=$?
df -P -k "$REPOSITORY" 2>/dev/null | tail -n 1
exit $status
