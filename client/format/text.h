// Values as people read them. Nothing here looks at a clock, an environment or a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cyborg::client {

// Names of files and messages come from other machines: what could drive the terminal (control characters,
// overrides of the writing direction, bytes that are no UTF-8) is shown as an escape. A tab stays.
std::string printable(std::string_view text);

// The columns that a printable text takes: its code points.
std::size_t display_width(std::string_view text);

// At most `width` columns; what is cut is replaced by "…", at the end or in front.
std::string ellipsize(std::string_view text, std::size_t width);
std::string ellipsize_front(std::string_view text, std::size_t width);

std::string human_size(std::uint64_t bytes);         // 1.5 GiB
std::string human_span(std::uint64_t microseconds);  // 1h 30min
// Both in the zone of the process.
std::string human_time(std::uint64_t microseconds);                        // Sun 2026-11-22 19:41:32 UTC
std::string human_date(std::uint64_t microseconds);                        // 2026-11-22 19:41
std::string relative_time(std::uint64_t microseconds, std::uint64_t now);  // 2h ago, in 5min

}  // namespace cyborg::client
