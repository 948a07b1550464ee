# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees of files: one that is hard to back up, and the comparison of two with all metadata that a backup must keep."""

from machines import Problem

# Everything that backups have ever lost: names, links, owners, times, modes, holes.
ODD_TREE = r"""
mkdir -p "$1/sub/empty" && cd "$1"
printf plain >plain
printf a >'with space'
printf b >"quotes ' and \" and \`x\` \$HOME"
printf c >$'line\nbreak'
printf d >$'invalid \xff\xfe utf-8'
printf e >'ünïcødé ☃'
printf f >'-rf'
printf g >'back\slash'
: >empty-file
head -c 300000 /dev/urandom >random
truncate -s 8M sparse; printf end >>sparse
ln plain sub/hard-link
ln -s plain link; ln -s /nowhere dangling; ln -s $'invalid \xff' odd-link
mkfifo pipe
printf s >set-uid; chown admin:admin set-uid; chmod 4755 set-uid
printf g >set-gid; chmod 2750 set-gid
mkdir sticky; chmod 1777 sticky
printf n >nobody; chown 4321:8765 nobody; chmod 000 nobody
printf x >attributes; setfattr -n user.color -v blue attributes; setfattr -n user.bytes -v 0x00ff41 attributes
printf y >access; setfacl -m u:admin:r--,g:outsider:rw- access
setfacl -d -m u:admin:rwx sub
touch -d '1999-12-31 23:59:59.123456789' plain; touch -h -d '2001-02-03 04:05:06' link
touch -d '2030-01-01' sub/empty; touch -d '1970-01-01 00:00:01' sub
"""

# Prints one line for each file below the directory $1: its name and all its metadata. Further arguments are
# absolute paths below it to leave out. Needs only Python, which borg depends on.
_LISTING = r"""
import hashlib, os, stat, sys
top, skip = os.fsencode(sys.argv[1]).rstrip(b"/") or b"/", {os.fsencode(a) for a in sys.argv[2:]}
lines, inodes = [], {}
def attributes(path):
    names = sorted(os.listxattr(path, follow_symlinks=False))
    return [(name, os.getxattr(path, name, follow_symlinks=False)) for name in names]
def add(path):
    s = os.lstat(path)
    kind, content = stat.S_IFMT(s.st_mode), ""
    if stat.S_ISREG(s.st_mode):
        with open(path, "rb") as file: content = hashlib.sha256(file.read()).hexdigest()
    elif stat.S_ISLNK(s.st_mode): content = os.readlink(path)
    first = ""
    if s.st_nlink > 1 and not stat.S_ISDIR(s.st_mode):
        first = inodes.setdefault((s.st_dev, s.st_ino), os.path.relpath(path, top))
    size = s.st_size if stat.S_ISREG(s.st_mode) else 0
    lines.append((os.path.relpath(path, top), oct(s.st_mode), s.st_uid, s.st_gid, s.st_mtime_ns, size, content, first,
                  attributes(path)))
def walk(directory):
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        if path in skip: continue
        if stat.S_ISSOCK(os.lstat(path).st_mode): continue
        add(path)
        if os.path.isdir(path) and not os.path.islink(path): walk(path)
add(top)
walk(top)
for line in lines: print(repr(line))
"""


def make_odd_tree(machine, directory):
    machine.sh(ODD_TREE, directory)


def listing(machine, directory, leave_out=()):
    return machine.python(_LISTING, directory, *leave_out).splitlines()


def expect_same(machine, original, restored, leave_out=()):
    """Both directories hold the same, in content and metadata. Returns how many files were compared."""
    expected = listing(machine, original, leave_out)
    found = listing(machine, restored)
    missing = [line for line in expected if line not in set(found)]
    surplus = [line for line in found if line not in set(expected)]
    if missing or surplus:
        raise Problem(f"{original} and {restored} differ on {machine.name}:\n" +
                      "\n".join([f"- {line}" for line in missing[:10]] + [f"+ {line}" for line in surplus[:10]]))
    return len(expected)
