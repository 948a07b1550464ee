// Owners of objects from libsystemd and the kernel.
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include <memory>
#include <utility>

namespace cyborg::sd {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

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
