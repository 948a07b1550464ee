// Guests of a Proxmox host, virtual machines and containers, as its own tools save them.
#include "remote/dump_tools.h"
#include "remote/script_parts.h"
#include "remote/scripts.h"

namespace cyborg {
std::string proxmox_tool(const DumpSpec& dump) {
  return assign("NAMES", dump.guests) + assign("MODE", dump.mode) + scripts::dump_proxmox;
}

}  // namespace cyborg
