// SPDX-License-Identifier: GPL-3.0-or-later
// The script that finds out about a client and installs borg there.
#include "remote/discovery.h"
#include "remote/job_script.h"
#include "remote/script_parts.h"
#include "remote/scripts.h"
#include "remote/snapshot_script.h"

namespace cyborg {
std::string facts_script(bool install) {
  return script_prelude("022") + (install ? scripts::install_borg : "") + (install ? sweep_part() : "") +
         scripts::facts + discover_part();
}

}  // namespace cyborg
