// SPDX-License-Identifier: GPL-3.0-or-later
// The lines of a job's output file, paged through by number.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "manager/ports.h"

namespace cyborg::sd {

// Parses a line written by cyborg-job; a line of another form is taken as text. The text is made valid UTF-8
// without NUL, since neither D-Bus nor PostgreSQL accept anything else.
OutputLine parse_output_line(std::string_view line);

// Remembers where lines begin: continuing where the last read stopped costs nothing; starting elsewhere costs
// scanning at most 4096 lines, once the part before has been read.
class OutputFile {
 public:
  // Lines longer than 1 MiB are split. An answer holds about 8 MiB at most, so only an empty answer means
  // that there is no more. `ended`: the last line counts even without a newline.
  Expected<std::vector<OutputLine>> read(int fd, std::uint64_t first, std::size_t limit, bool ended);

 private:
  struct Position {
    std::uint64_t line = 0;
    off_t offset = 0;
  };

  Position nearest(std::uint64_t line) const;
  void advance(Position& position, std::size_t bytes);

  std::vector<off_t> index_{0};  // the offset of every 4096th line
  Position last_;
};

}  // namespace cyborg::sd
