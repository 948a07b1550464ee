// SPDX-License-Identifier: GPL-3.0-or-later
// Text of unknown origin, and making it valid for D-Bus and PostgreSQL.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cyborg {

// Length of the sequence at the start of a non-empty text, according to RFC 3629: no overlong forms,
// surrogates, or values beyond U+10FFFF; 0 if it does not start with a sequence.
std::size_t utf8_sequence(std::string_view text);

// Length of the character at the start of a non-empty text; 0 if there is no valid one: a sequence,
// but not a noncharacter (U+FDD0 to U+FDEF, and the last two of each plane), which sd-bus refuses to
// send.
std::size_t utf8_length(std::string_view text);

// NUL counts as valid.
bool is_valid_utf8(std::string_view text);

// Replaces each byte that is not part of a valid character, and each NUL, by U+FFFD.
std::string to_clean_utf8(std::string_view text);

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

}  // namespace cyborg
