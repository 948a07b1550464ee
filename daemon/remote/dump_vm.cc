// Guests of libvirt: of each its definition, and its disks as they are at one moment, while it runs.
//
// libvirt's backup job holds that moment: QEMU saves what a guest overwrites to a scratch file beside the
// disk, and shows the disk as it was on a socket. The guest's disks stay the ones that it has, so that
// whatever is killed, nothing has to be merged back: a job is ended, a scratch file is removed. Both have
// "cyborg-" in their names, by which the next backup finds what one that was killed has left.
#include "remote/dump_tools.h"
#include "remote/script_parts.h"
#include "remote/scripts.h"

namespace cyborg {
std::string vm_tool(const DumpSpec& dump) {
  return assign("NAMES", dump.guests) + assign("QUIESCE", dump.quiesce ? "yes" : "") + scripts::vm +
         scripts::dump_vm;
}

}  // namespace cyborg
