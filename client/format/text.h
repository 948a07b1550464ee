// SPDX-License-Identifier: GPL-3.0-or-later
// Values in a form for people. Nothing here reads a clock, an environment or a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cyborg::client {

// File names and messages come from other machines: characters that could control the terminal (control
// characters, overrides of the writing direction, bytes that are not UTF-8) are shown as escapes. Tabs are
// kept.
std::string printable(std::string_view text);

// The number of columns of a printable text: its code points.
std::size_t display_width(std::string_view text);

// Cuts the text to at most `width` columns, with "…" for the removed part, at the end or in front.
std::string ellipsize(std::string_view text, std::size_t width);
std::string ellipsize_front(std::string_view text, std::size_t width);

std::string human_size(std::uint64_t bytes);         // 1.5 GiB
std::string human_span(std::uint64_t microseconds);  // 1h 30min
// Both in the local time zone.
std::string human_time(std::uint64_t microseconds);                        // Sun 2026-11-22 19:41:32 UTC
std::string human_date(std::uint64_t microseconds);                        // 2026-11-22 19:41
std::string relative_time(std::uint64_t microseconds, std::uint64_t now);  // 2h ago, in 5min

}  // namespace cyborg::client
