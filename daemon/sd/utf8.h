// Text of unknown origin, made fit for D-Bus and PostgreSQL.
#pragma once

#include <string>
#include <string_view>

namespace cyborg::sd {

// Each byte that is no part of valid UTF-8, and each NUL, becomes U+FFFD.
std::string to_clean_utf8(std::string_view text);

}  // namespace cyborg::sd
