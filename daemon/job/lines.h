// SPDX-License-Identifier: GPL-3.0-or-later
// Splits a stream into lines.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace cyborg {

class LineSplitter {
 public:
  // A longer line is passed on in pieces of this size, so that it cannot fill our memory.
  static constexpr std::size_t kMaxLine = 1 << 20;

  explicit LineSplitter(std::function<void(std::string_view)> function) : function_(std::move(function)) {}

  void feed(std::string_view data) {
    while (!data.empty()) {
      const auto end = data.find('\n');
      if (end == std::string_view::npos) {
        rest_ += data;
        if (rest_.size() >= kMaxLine) finish();
        return;
      }
      if (rest_.empty()) {
        function_(data.substr(0, end));
      } else {
        rest_ += data.substr(0, end);
        finish();
      }
      data.remove_prefix(end + 1);
    }
  }

  // Passes on the last line, if it has no line break.
  void finish() {
    if (rest_.empty()) return;
    const std::string line = std::move(rest_);
    rest_.clear();
    function_(line);
  }

 private:
  std::function<void(std::string_view)> function_;
  std::string rest_;
};

}  // namespace cyborg
