// SPDX-License-Identifier: GPL-3.0-or-later
// The secrets of a job while they are passed to its unit: files that LoadCredential= reads when the unit is
// executed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "core/error.h"

namespace cyborg::sd {

class Credentials {
 public:
  explicit Credentials(std::string directory) : directory_(std::move(directory)) {}

  // Directories have mode 0700, files 0600; a failure leaves nothing behind.
  Expected<void> write(std::int64_t job, const std::map<std::string, std::string>& files);
  void remove(std::int64_t job);
  // Removes the credentials of all jobs except those to keep.
  void remove_others(const std::function<bool(std::int64_t)>& keep);

 private:
  std::string directory_;
};

}  // namespace cyborg::sd
