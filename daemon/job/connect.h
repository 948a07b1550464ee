// SPDX-License-Identifier: GPL-3.0-or-later
// cyborg-job --connect: the BORG_RSH of a borg on the server whose repository is on another host. It connects
// borg with a socket, behind which cyborg-job has the ssh connection.
#pragma once

#include <functional>
#include <string>

#include "core/fd.h"

namespace cyborg {

int connect_socket(const char* path);

// The socket, in a private directory that is removed with it.
class ConnectSocket {
 public:
  explicit ConnectSocket(const std::string& directory);
  ~ConnectSocket();
  ConnectSocket(const ConnectSocket&) = delete;
  ConnectSocket& operator=(const ConnectSocket&) = delete;

  std::string rsh() const;  // the BORG_RSH
  int fd() const { return listener_.get(); }
  Fd accept() const;

 private:
  std::string path_;
  Fd listener_;
};

}  // namespace cyborg
