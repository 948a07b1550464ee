// SPDX-License-Identifier: GPL-3.0-or-later
// The wrapper around every method handler: identifies the caller, checks authorization, and catches all
// exceptions.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "bus/authorizer.h"
#include "core/error.h"
#include "dbus/compat.h"

namespace cyborg::bus {

sdbus::Error to_bus_error(const Error& error);
// Converts an exception of a handler: our own errors as they are; all others are logged and answered as
// Failed.
sdbus::Error current_exception_error(std::string_view member) noexcept;

// The answer to a method call, sent once, at any time.
template <typename... Results>
class Reply {
 public:
  explicit Reply(sdbus::Result<Results...>&& result)
      : result_(std::make_shared<sdbus::Result<Results...>>(std::move(result))) {}

  void operator()(const Results&... results) const { result_->returnResults(results...); }
  void fail(const Error& error) const { result_->returnError(to_bus_error(error)); }
  void fail(const sdbus::Error& error) const { result_->returnError(error); }

  // A continuation for the manager: failures are sent as error replies; values go through `encode`, which
  // sends the reply.
  template <typename Encode>
  auto then(Encode encode) const {
    return [reply = *this, encode = std::move(encode)](auto outcome) {
      if (!outcome) return reply.fail(outcome.error());
      try {
        if constexpr (requires { encode(reply); }) {
          encode(reply);
        } else {
          encode(reply, *outcome);
        }
      } catch (...) {
        reply.fail(current_exception_error("reply"));
      }
    };
  }
  // The same for a method without results.
  auto done() const
    requires(sizeof...(Results) == 0)
  {
    return then([](const Reply& reply) { reply(); });
  }

 private:
  std::shared_ptr<sdbus::Result<Results...>> result_;
};

using Details = std::map<std::string, std::string>;

// Logs at level debug.
void log_request(const Actor& actor, std::string_view interface, std::string_view member,
                 const Details& details);

template <typename... Results, typename Body>
void serve(Authorizer& authorizer, const sdbus::IObject& object, sdbus::Result<Results...>&& result,
           const char* interface, const char* member, const Details& details, Body body) {
  Reply<Results...> reply{std::move(result)};
  try {
    const Actor actor = authorizer.actor_of(object);
    log_request(actor, interface, member, details);
    authorizer.check(actor, interface, member, details,
                     [reply, actor, member, body = std::move(body)](const Expected<void>& allowed) mutable {
                       if (!allowed) return reply.fail(allowed.error());
                       try {
                         body(reply, actor);
                       } catch (...) {
                         reply.fail(current_exception_error(member));
                       }
                     });
  } catch (...) {
    reply.fail(current_exception_error(member));
  }
}

}  // namespace cyborg::bus
