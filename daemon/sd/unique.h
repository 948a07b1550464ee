// SPDX-License-Identifier: GPL-3.0-or-later
// Owners of objects from libsystemd; core/fd.h has the owner of a descriptor.
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include <memory>

#include "core/fd.h"

namespace cyborg::sd {

template <auto release>
struct Release {
  template <typename T>
  void operator()(T* pointer) const {
    release(pointer);
  }
};

using Event = std::unique_ptr<sd_event, Release<sd_event_unref>>;
// Disabled before it is released: sd-event keeps a source that is being dispatched until its handler returns.
using EventSource = std::unique_ptr<sd_event_source, Release<sd_event_source_disable_unref>>;
using Bus = std::unique_ptr<sd_bus, Release<sd_bus_flush_close_unref>>;
using BusMessage = std::unique_ptr<sd_bus_message, Release<sd_bus_message_unref>>;
using BusSlot = std::unique_ptr<sd_bus_slot, Release<sd_bus_slot_unref>>;

}  // namespace cyborg::sd
