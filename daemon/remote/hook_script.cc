// SPDX-License-Identifier: GPL-3.0-or-later
#include "remote/hook_script.h"

#include <fmt/format.h>

#include "core/quote.h"
#include "remote/scripts.h"

namespace cyborg {

// Its environment contains only the hook's variables and PATH.
std::string hook_script(const Hook& hook, const Environment& environment) {
  std::string text = std::string{scripts::prelude} + "say started\n";
  for (const auto& [name, value] : environment) text += fmt::format("export {}={}\n", name, quote(value));
  return text + "set -- " + quote(hook.command) + "\n" + scripts::hook;
}

}  // namespace cyborg
