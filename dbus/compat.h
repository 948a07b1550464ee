// SPDX-License-Identifier: GPL-3.0-or-later
// Everything in which sdbus-c++ 1.2 (Debian 12) and 2.1 (Debian 13) differ, so that the rest is one source.
//
// What compiles in both needs nothing from here: sdbus::ObjectPath{…}, sdbus::Variant{…}, .get<T>(), UnixFd
// with adopt_fd, Result<…>, Message << and >>, generated adaptors, Signal::setDestination,
// setMethodCallTimeout. The rules that hold in both: only one thread touches a connection, and no handler
// lets an exception out that is not sdbus::Error (1.2 would end the process).
// A Variant goes into a map by emplace() or [] =; insert_or_assign() does not compile in 2.x.
#pragma once

#include <sdbus-c++/sdbus-c++.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// There is no macro with the version.
#if __has_include(<sdbus-c++/VTableItems.h>)
#define CYBORG_SDBUS_2 1
#else
#define CYBORG_SDBUS_2 0
#endif

namespace cyborg::compat {

// --- names: plain strings in 1.2, types of their own with explicit constructors in 2.x

#if CYBORG_SDBUS_2
using ServiceName = sdbus::ServiceName;
using InterfaceName = sdbus::InterfaceName;
using MemberName = sdbus::MemberName;
using ErrorName = sdbus::Error::Name;
#else
using ServiceName = std::string;
using InterfaceName = std::string;
using MemberName = std::string;
using ErrorName = std::string;
#endif

// --- errors

inline sdbus::Error make_error(std::string_view name, const std::string& text) {
  return sdbus::Error(ErrorName{std::string(name)}, text);
}
inline std::string error_name(const sdbus::Error& error) {
  return error.getName();
}
inline std::string error_message(const sdbus::Error& error) {
  return error.getMessage();
}

// --- messages

// The sd-bus message inside, for features that neither version offers. Relies on a protected member of both.
struct RawMessage : sdbus::Message {
  static sd_bus_message* of(const sdbus::Message& message) {
    return static_cast<sd_bus_message*>(message.*&RawMessage::msg_);
  }
};

inline std::string text_or_empty(const char* text) {
  return text ? text : "";
}
inline std::string sender(const sdbus::Message& message) {
  return text_or_empty(sd_bus_message_get_sender(RawMessage::of(message)));
}
inline std::string path(const sdbus::Message& message) {
  return text_or_empty(sd_bus_message_get_path(RawMessage::of(message)));
}
inline std::string member(const sdbus::Message& message) {
  return text_or_empty(sd_bus_message_get_member(RawMessage::of(message)));
}

// For the caller's side: polkit may ask the user for a password during the call.
inline void allow_interactive(sdbus::MethodCall& call) {
  sd_bus_message_set_allow_interactive_authorization(RawMessage::of(call), 1);
}

// The bus must not activate a service for this call.
inline void start_nobody(sdbus::MethodCall& call) {
  sd_bus_message_set_auto_start(RawMessage::of(call), 0);
}

// --- the call that a method handler is serving. Only for use inside the handler, before it returns (2.x
// aborts otherwise), also in an async one: copy what is needed later.

template <typename Function>
auto with_current_message(const sdbus::IObject& object, Function function) {
#if CYBORG_SDBUS_2
  const auto message = object.getCurrentlyProcessedMessage();
  return function(RawMessage::of(message));
#else
  const auto* message = object.getCurrentlyProcessedMessage();
  return function(message ? RawMessage::of(*message) : nullptr);
#endif
}

// The unique name of the caller, used as polkit's subject system-bus-name.
inline std::string current_sender(const sdbus::IObject& object) {
  return with_current_message(object, [](sd_bus_message* message) {
    return message ? text_or_empty(sd_bus_message_get_sender(message)) : std::string{};
  });
}

// Whether the caller set ALLOW_INTERACTIVE_AUTHORIZATION.
inline bool interactive_allowed(const sdbus::IObject& object) {
  return with_current_message(object, [](sd_bus_message* message) {
    return message && sd_bus_message_get_allow_interactive_authorization(message) > 0;
  });
}

// The caller's effective uid from the bus driver, never from /proc. One round trip to the bus daemon.
inline std::optional<uid_t> current_euid(const sdbus::IObject& object) {
  return with_current_message(object, [](sd_bus_message* message) -> std::optional<uid_t> {
    sd_bus_creds* creds = nullptr;
    uid_t euid = 0;
    if (!message || sd_bus_query_sender_creds(message, SD_BUS_CREDS_EUID, &creds) < 0) return std::nullopt;
    const bool known = sd_bus_creds_get_euid(creds, &euid) >= 0;
    sd_bus_creds_unref(creds);
    return known ? std::optional(euid) : std::nullopt;
  });
}

// --- signals out

inline void emit_properties_changed(sdbus::IObject& object, const std::string& interface,
                                    const std::vector<std::string>& names) {
#if CYBORG_SDBUS_2
  object.emitPropertiesChangedSignal(InterfaceName{interface}, {names.begin(), names.end()});
#else
  object.emitPropertiesChangedSignal(interface, names);
#endif
}

// Fill it with <<, call setDestination() if it is for one receiver only, then object.emitSignal().
inline sdbus::Signal create_signal(sdbus::IObject& object, const std::string& interface,
                                   const std::string& name) {
  return object.createSignal(InterfaceName{interface}, MemberName{name});
}

// --- signals in

// The handler runs as long as the slot lives.
using MessageHandler = std::function<void(sdbus::Message&)>;

[[nodiscard]] inline sdbus::Slot add_match(sdbus::IConnection& connection, const std::string& rule,
                                           MessageHandler handler) {
#if CYBORG_SDBUS_2
  return connection.addMatch(
      rule, [handler = std::move(handler)](sdbus::Message message) { handler(message); }, sdbus::return_slot);
#else
  return connection.addMatch(rule, std::move(handler));
#endif
}

// --- calls to other services, at the level of messages

inline std::unique_ptr<sdbus::IProxy> create_proxy(sdbus::IConnection& connection, const std::string& service,
                                                   const std::string& object_path) {
  return sdbus::createProxy(connection, ServiceName{service}, sdbus::ObjectPath{object_path});
}

inline sdbus::MethodCall create_call(sdbus::IProxy& proxy, const std::string& interface,
                                     const std::string& method) {
  return proxy.createMethodCall(InterfaceName{interface}, MemberName{method});
}

// error is nullptr if the call succeeded; only then does the reply have a body. The proxy must outlive the
// call: destroying it drops the answer. A timeout of zero means the connection's.
using ReplyHandler = std::function<void(sdbus::MethodReply& reply, const sdbus::Error* error)>;

inline sdbus::PendingAsyncCall call_async(sdbus::IProxy& proxy, const sdbus::MethodCall& call,
                                          ReplyHandler handler, std::chrono::microseconds timeout = {}) {
  const auto usec = static_cast<std::uint64_t>(timeout.count());
#if CYBORG_SDBUS_2
  auto adapter = [handler = std::move(handler)](sdbus::MethodReply reply, std::optional<sdbus::Error> error) {
    handler(reply, error ? &*error : nullptr);
  };
  return proxy.callMethodAsync(call, std::move(adapter), usec);
#else
  return proxy.callMethod(call, std::move(handler), usec);
#endif
}

inline sdbus::MethodReply call(sdbus::IProxy& proxy, const sdbus::MethodCall& call,
                               std::chrono::microseconds timeout = {}) {
  return proxy.callMethod(call, static_cast<std::uint64_t>(timeout.count()));
}

// For a generated proxy or one with signal handlers: 1.2 must be told when all are registered.
inline void finish(sdbus::IProxy& proxy) {
#if CYBORG_SDBUS_2
  static_cast<void>(proxy);
#else
  proxy.finishRegistration();
#endif
}

// --- the event loop

// Serves a connection from an sd_event loop of the same thread, while this object lives. When the bus goes
// away, the loop ends with kBusLost. 2.x has attachSdEventLoop() for this, but lets an exception pass through
// the C frames of the loop when that happens; the primitives beneath are the same in both versions, so they
// are used for both.
class LoopAttachment {
 public:
  static constexpr int kBusLost = 71;  // the loop's exit code, distinct from the 0 and 1 of a regular end

  LoopAttachment(sdbus::IConnection& connection, sd_event* loop) : connection_(connection) {
    const int fd = connection.getEventLoopPollData().fd;
    check(sd_event_add_io(loop, &io_, fd, 0, on_io, this));
    check(sd_event_add_time(loop, &timer_, CLOCK_MONOTONIC, 0, 0, on_timer, this));
    check(sd_event_source_set_enabled(timer_, SD_EVENT_OFF));
    check(sd_event_source_set_prepare(io_, on_prepare));
  }
  ~LoopAttachment() {
    sd_event_source_disable_unref(timer_);
    sd_event_source_disable_unref(io_);
  }
  LoopAttachment(const LoopAttachment&) = delete;
  LoopAttachment& operator=(const LoopAttachment&) = delete;

 private:
  static void check(int result) {
    if (result < 0) throw sdbus::createError(-result, "cannot serve the bus from the event loop");
  }

  static int on_io(sd_event_source*, int, uint32_t, void* self) {
    return static_cast<LoopAttachment*>(self)->guarded(&LoopAttachment::drain);
  }
  static int on_timer(sd_event_source*, uint64_t, void* self) {
    return static_cast<LoopAttachment*>(self)->guarded(&LoopAttachment::drain);
  }
  // Runs before each poll: the events to wait for depend on queued messages, and messages that arrived
  // during a synchronous call no longer show up as events on the descriptor; a timeout of zero stands for
  // them.
  static int on_prepare(sd_event_source*, void* self) {
    return static_cast<LoopAttachment*>(self)->guarded(&LoopAttachment::rearm);
  }

  int guarded(void (LoopAttachment::*step)()) noexcept {
    try {
      (this->*step)();
    } catch (const std::exception&) {
      sd_event_exit(sd_event_source_get_event(io_), kBusLost);
    }
    return 0;
  }

  // Limited, so that a flood on the bus does not starve the loop's other sources; the rest is handled in the
  // next turn.
  void drain() {
    for (int i = 0; i < 64; ++i) {
#if CYBORG_SDBUS_2
      if (!connection_.processPendingEvent()) return;
#else
      if (!connection_.processPendingRequest()) return;
#endif
    }
  }

  void rearm() {
    const auto data = connection_.getEventLoopPollData();
    check(sd_event_source_set_io_events(io_, static_cast<uint32_t>(data.events)));
#if CYBORG_SDBUS_2
    const bool armed = data.timeout != std::chrono::microseconds::max();
    const auto time = static_cast<std::uint64_t>(data.timeout.count());
#else
    const bool armed = data.timeout_usec != UINT64_MAX;
    const auto time = data.timeout_usec;
#endif
    if (armed) check(sd_event_source_set_time(timer_, time));
    check(sd_event_source_set_enabled(timer_, armed ? SD_EVENT_ONESHOT : SD_EVENT_OFF));
  }

  sdbus::IConnection& connection_;
  sd_event_source* io_ = nullptr;
  sd_event_source* timer_ = nullptr;
};

}  // namespace cyborg::compat
