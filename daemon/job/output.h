// SPDX-License-Identifier: GPL-3.0-or-later
// The output of a job: to the journal (standard output) and to the output file, from which it is stored in
// the database. It contains no secret, and only valid UTF-8.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "core/fd.h"

namespace cyborg {

// Replaces bytes that are not UTF-8, and control characters except tabs, by U+FFFD.
std::string to_valid_utf8(std::string_view text);

class Output {
 public:
  // `directory` is where the output file is created.
  explicit Output(const std::string& directory);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // From now on, this text is redacted wherever it appears, also in JSON's escaped form.
  void hide(std::string_view secret);
  std::string redact(std::string_view text) const;

  // A line, or several if it has line breaks. Written by flush(), or when the buffer is large.
  void line(int priority, std::string_view text);
  void flush();
  // Calls flush() if anything has been buffered for more than a fifth of a second.
  void tick();
  // Waits until the journal has read the output, for a minute at most: it knows the job's fields only while
  // the job lives.
  static void wait_for_journal();

 private:
  void one_line(int priority, std::string_view text);

  Fd file_;
  std::vector<std::string> secrets_;
  std::string to_journal_;
  std::string to_file_;
  std::chrono::steady_clock::time_point oldest_;
  bool file_failed_ = false;
};

}  // namespace cyborg
