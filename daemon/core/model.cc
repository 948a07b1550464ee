#include "core/model.h"

#include <array>
#include <string_view>

namespace cyborg {
namespace {

constexpr std::array kKinds{"prepare-client", "prepare-repository",
                            "backup",         "restore",
                            "catalog",        "prune",
                            "compact",        "check",
                            "verify",         "withdraw"};
constexpr std::array kStates{"waiting", "pending", "starting", "running",  "successful",
                             "warning", "failed",  "error",    "canceled", "skipped"};

template <typename Enum, std::size_t N>
bool parse_enum(const std::array<const char*, N>& names, std::string_view text, Enum& value) {
  for (std::size_t i = 0; i < N; ++i) {
    if (text == names[i]) {
      value = static_cast<Enum>(i);
      return true;
    }
  }
  return false;
}

}  // namespace

const char* to_string(JobKind kind) {
  return kKinds.at(static_cast<std::size_t>(kind));
}
const char* to_string(JobState state) {
  return kStates.at(static_cast<std::size_t>(state));
}
bool parse(std::string_view text, JobKind& kind) {
  return parse_enum(kKinds, text, kind);
}
bool parse(std::string_view text, JobState& state) {
  return parse_enum(kStates, text, state);
}

}  // namespace cyborg
