// SPDX-License-Identifier: GPL-3.0-or-later
// Crontab expressions, parsed into six sets of values. calendar.h defines their combined meaning.
#pragma once

#include <array>
#include <bitset>
#include <string_view>

#include "core/error.h"

namespace cyborg {

// systemd's own bounds for the year of a calendar expression.
constexpr int kFirstYear = 1970;
constexpr int kLastYear = 2199;

enum FieldIndex : std::size_t { kMinute, kHour, kDayOfMonth, kMonth, kDayOfWeek, kYear, kFields };

// The values of a field, from `low` on; Sunday is only 0.
struct Field {
  std::string_view text;
  int low = 0;
  int high = 0;
  std::bitset<kLastYear - kFirstYear + 1> values;

  bool has(int value) const { return values[static_cast<std::size_t>(value - low)]; }
  void add(int value) { values.set(static_cast<std::size_t>(value - low)); }
  bool is_full() const {
    return values.count() == static_cast<std::size_t>(high) - static_cast<std::size_t>(low) + 1;
  }
  // Debian's crontab(5) speaks of fields that "aren't *"; its code checks only the first character, so `*/2`
  // counts as unrestricted.
  bool is_starred() const { return text.starts_with('*'); }
};

using Crontab = std::array<Field, kFields>;

// Parses five fields, six with a year, or a nickname such as @daily. The texts of the fields are views of
// `text`, which must be printable ASCII, or of a constant.
Expected<Crontab> parse_crontab(std::string_view text);

}  // namespace cyborg
