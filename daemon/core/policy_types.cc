// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/policy_types.h"

#include <fmt/format.h>

namespace cyborg {

std::string dump_part_name(PolicyType type, std::string_view name) {
  const DumpSource* dump = policy_type_row(type).dump;
  if (!dump) return std::string{name};
  const auto space = name.find(' ');
  const std::string_view word = name.substr(0, space);
  const std::string_view rest = space == std::string_view::npos ? std::string_view{} : name.substr(space + 1);
  const char* text = dump->item;
  for (const auto& part : dump->parts) {
    if (word == part.word && (!word.empty() || name.empty())) text = part.text;
  }
  return fmt::format(fmt::runtime(text), name, word, rest);
}

}  // namespace cyborg
