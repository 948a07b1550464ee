// SPDX-License-Identifier: GPL-3.0-or-later
#include "remote/discovery.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "core/policy_types.h"
#include "remote/scripts.h"

namespace cyborg {
namespace {

constexpr std::array kFileKinds{"mount", "home", "mail"};
constexpr std::size_t kLongestName = 4096;

bool is_kind(std::string_view kind) {
  if (std::ranges::find(kFileKinds, kind) != kFileKinds.end()) return true;
  const auto type = parse_policy_type(kind);
  return type && policy_type_row(*type).dump && policy_type_row(*type).dump->discovered;
}

}  // namespace

std::string discover_part() {
  return scripts::discover;
}

Json::Value read_found(std::string_view value) {
  const auto first = value.find(' ');
  const auto second = first == std::string_view::npos ? first : value.find(' ', first + 1);
  if (second == std::string_view::npos || value.size() > kLongestName) return {};
  const std::string_view kind = value.substr(0, first);
  if (!is_kind(kind)) return {};
  std::int64_t size = 0;
  const std::string_view number = value.substr(first + 1, second - first - 1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), size);
  if (error != std::errc{} || end != number.data() + number.size() || size < 0) return {};
  Json::Value one{Json::objectValue};
  one["kind"] = std::string{kind};
  one["size"] = Json::Int64{size};
  one["name"] = std::string{value.substr(second + 1)};
  return one;
}

}  // namespace cyborg
