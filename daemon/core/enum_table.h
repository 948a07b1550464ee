// SPDX-License-Identifier: GPL-3.0-or-later
// Tables with one row per enumerator, in the enumerators' order. The compiler checks that none is
// missing.
//
//   struct Row { Colour colour; const char* name; };
//   constexpr std::array kColours{Row{Colour::red, "red"}, Row{Colour::blue, "blue"}};
//   static_assert(is_complete<&Row::colour>(kColours));
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

namespace cyborg {

// Compilers print an enumerator by name, and any other value as a cast: "Value = (cyborg::Colour)7".
template <auto Value>
consteval bool is_enumerator() {
  return std::string_view{__PRETTY_FUNCTION__}.find("Value = (") == std::string_view::npos;
}

template <auto Key, typename Row, std::size_t N>
consteval bool is_complete(const std::array<Row, N>& rows) {
  using Enum = std::remove_cvref_t<decltype(rows[0].*Key)>;
  for (std::size_t i = 0; i < N; ++i) {
    if (rows[i].*Key != static_cast<Enum>(i)) return false;
  }
  return !is_enumerator<static_cast<Enum>(N)>();
}

template <typename Enum, typename Row, std::size_t N>
constexpr const Row& row_of(const std::array<Row, N>& rows, Enum value) {
  return rows.at(static_cast<std::size_t>(value));
}

// The row whose `name` is the text, or nullptr.
template <typename Row, std::size_t N>
constexpr const Row* row_named(const std::array<Row, N>& rows, std::string_view text) {
  for (const Row& row : rows) {
    if (text == row.name) return &row;
  }
  return nullptr;
}

// "red, green or blue": the names of the rows that the filter selects.
template <typename Row, std::size_t N, typename Filter>
std::string alternatives(const std::array<Row, N>& rows, Filter takes, std::string_view conjunction = "or") {
  std::string text;
  std::string_view last;
  for (const Row& row : rows) {
    if (!takes(row)) continue;
    if (!last.empty()) text.append(text.empty() ? "" : ", ").append(last);
    last = row.name;
  }
  if (!text.empty()) text.append(" ").append(conjunction).append(" ");
  return text.append(last);
}
template <typename Row, std::size_t N>
std::string alternatives(const std::array<Row, N>& rows) {
  return alternatives(rows, [](const Row&) { return true; });
}

}  // namespace cyborg
