// What a job prints: to the journal (standard output) and to the output file, from which it gets into the
// database. Nothing secret and nothing but valid UTF-8 leaves here.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "core/fd.h"

namespace cyborg {

// Bytes that are not UTF-8, and control characters but the tab, become U+FFFD.
std::string to_valid_utf8(std::string_view text);

class Output {
 public:
  // `directory` is where the output file is made.
  explicit Output(const std::string& directory);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // From now on, this text is replaced wherever it appears, also as JSON escapes it.
  void hide(std::string_view secret);
  std::string redact(std::string_view text) const;

  // One line, or several if it has line breaks. Written out when flush() says so, or when much is waiting.
  void line(int priority, std::string_view text);
  void flush();
  // flush(), if anything waits for more than a fifth of a second.
  void tick();
  // Waits until the journal has read what was printed, for a minute at most: it knows the job's fields only
  // as long as the job lives.
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
