// SPDX-License-Identifier: GPL-3.0-or-later
// systemd's interface for changing what a service logs: `systemctl service-log-level cyborgd.service debug`.
#pragma once

#include <org.freedesktop.LogControl1.adaptor.h>

#include <string>

#include "dbus/compat.h"

namespace cyborg::bus {

class LogControl final : public sdbus::AdaptorInterfaces<org::freedesktop::LogControl1_adaptor> {
 public:
  explicit LogControl(sdbus::IConnection& connection);
  ~LogControl();

 private:
  std::string LogLevel() override;
  void LogLevel(const std::string& value) override;
  std::string LogTarget() override;
  void LogTarget(const std::string& value) override;
  std::string SyslogIdentifier() override { return "cyborgd"; }

  void require_root(const char* property);
};

}  // namespace cyborg::bus
