// Text of unknown origin, and what of it is fit for D-Bus and PostgreSQL.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cyborg {

// Bytes of the sequence that a text which is not empty begins with, as RFC 3629 has them: no overlong forms,
// surrogates, and what is beyond U+10FFFF; 0 if it begins with none.
std::size_t utf8_sequence(std::string_view text);

// Bytes of the character at the beginning of a text that is not empty; 0 if there is no valid one: a
// sequence, but none of the noncharacters (U+FDD0 to U+FDEF, and the last two of each plane), which sd-bus
// refuses to send.
std::size_t utf8_length(std::string_view text);

// NUL is valid.
bool is_valid_utf8(std::string_view text);

// Each byte that is no part of a valid character, and each NUL, becomes U+FFFD.
std::string to_clean_utf8(std::string_view text);

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

}  // namespace cyborg
