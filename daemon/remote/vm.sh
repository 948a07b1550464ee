# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Functions for libvirt guests: calling libvirt, parsing the disks in a definition, and naming images for QEMU's
# tools.
#
#   vir ARGUMENT...       virsh, which must not hang for ever. It ignores the signals that this shell ignores, such as
#                         SIGTERM.
#   disks                 from a definition on standard input, as libvirt writes it, prints a line for each disk except
#                         removable media: TARGET TYPE FORMAT SOURCE
#   nvram                 from a definition on standard input, prints the file with the firmware's variables
#   image TYPE FORMAT SOURCE
#                         prints options for an image below another one, which reads parts of it
#   memory                makes descriptor 9 a file in memory
#
# Descriptors: 9 is the file of `memory`.
# shellcheck disable=SC2034 # STEP: for the tool that follows

vir() { timeout -s KILL 120 virsh -q -c qemu:///system "$@" </dev/null; }
disks() {
  awk '
    function attribute(name) {
      if (!match($0, " " name "=\047[^\047]*\047")) return ""
      return plain(substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4))
    }
    function plain(text) {
      gsub("&lt;", "<", text); gsub("&gt;", ">", text); gsub("&quot;", "\"", text); gsub("&apos;", "\047", text)
      gsub("&amp;", "\\&", text)
      return text
    }
    function either(one, other) { return one != "" ? one : other }
    /^    <disk / { disk = 1; type = attribute("type"); device = attribute("device"); format = "raw"; source = "-" }
    /^    <\/disk>/ { if (disk && device != "cdrom" && device != "floppy") print target, type, format, source; disk = 0 }
    disk && /^      <driver / { format = either(attribute("type"), format) }
    disk && /^      <source / { source = either(attribute("file"), either(attribute("dev"), "-")) }
    disk && /^      <target / { target = attribute("dev") }
  '
}
nvram() {
  sed -n "s,^    <nvram[^>]*>\(.*\)</nvram>\$,\1,p" | sed "s/&lt;/</g; s/&gt;/>/g; s/&quot;/\"/g; s/&apos;/'/g; s/&amp;/\&/g"
}
image() {
  case $1 in block) set -- host_device "$2" "$3" ;; *) set -- file "$2" "$3" ;; esac
  printf 'file.driver=%s,file.file.driver=%s,file.file.filename=%s' "$2" "$1" "$(printf %s "$3" | sed 's/,/,,/g')"
}
# Opens an anonymous file in memory as descriptor 9: it leaves nothing behind, whatever is killed.
memory() {
  for x in /dev/shm /run; do
    case $(stat -f -c %T "$x" 2>/dev/null) in tmpfs | ramfs) ;; *) continue ;; esac
    [ -w "$x" ] && x=$(mktemp "$x/cyborg-XXXXXX") && exec 9<>"$x" && rm "$x" && return
  done
  echo 'there is no directory in memory, such as /dev/shm' >&2
  exit 1
}
STEP=67108864
