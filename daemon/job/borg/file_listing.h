// SPDX-License-Identifier: GPL-3.0-or-later
// A listing of an archive as it arrives from borg; a malformed listing ends the job.
#pragma once

#include <fmt/format.h>

#include "borg/listing.h"
#include "ssh/failure.h"

namespace cyborg {

class FileListing {
 public:
  explicit FileListing(std::function<void(const ListedFile&)> take) : reader_(std::move(take)) {}

  void feed(std::string_view piece) { require(reader_.feed(piece)); }
  void finish() { require(reader_.finish()); }

 private:
  void require(bool good) const {
    if (good) return;
    throw Failure(ResultCode::listing,
                  fmt::format("borg's listing of files is malformed: {}", reader_.wrong()));
  }

  ListingReader reader_;
};

}  // namespace cyborg
