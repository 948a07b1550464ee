// SPDX-License-Identifier: GPL-3.0-or-later
// Builds the condition for a page of history, newest first.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "store/operations.h"

namespace cyborg::store {

class Filter {
 public:
  // Empty values and 0 do not filter.
  void equal(const char* column, const std::string& value) {
    if (!value.empty()) add(column, "=", value);
  }
  void equal(const char* column, std::int64_t value) {
    if (value != 0) add(column, "=", value);
  }
  // At or after that time.
  void since(const char* condition, std::int64_t time) {
    if (time == 0) return;
    params_.add(time);
    if (!sql_.empty()) sql_ += " and ";
    sql_ += fmt::format(fmt::runtime(condition), params_.values().size());
  }
  // Call it last. Selects one row more than the limit, which shows whether another page follows.
  void page(const char* id, std::uint32_t limit, std::int64_t cursor) {
    if (cursor != 0) add(id, "<", cursor);
    if (sql_.empty()) sql_ = "true";
    params_.add(clamped(limit) + 1);
    sql_ += fmt::format(" order by {} desc limit ${}", id, params_.values().size());
  }

  const std::string& sql() const { return sql_; }
  const Params& params() const { return params_; }
  static std::uint32_t clamped(std::uint32_t limit) { return std::clamp(limit, 1U, kLongestPage); }

 private:
  template <typename T>
  void add(const char* column, const char* operation, const T& value) {
    params_.add(value);
    if (!sql_.empty()) sql_ += " and ";
    sql_ += fmt::format("{} {} ${}", column, operation, params_.values().size());
  }

  std::string sql_;
  Params params_;
};

template <typename T>
Page<T> to_page(std::vector<T> rows, std::uint32_t limit) {
  Page<T> page{std::move(rows), 0};
  if (page.rows.size() > Filter::clamped(limit)) {
    page.rows.resize(Filter::clamped(limit));
    page.next = page.rows.back().id;
  }
  return page;
}

}  // namespace cyborg::store
