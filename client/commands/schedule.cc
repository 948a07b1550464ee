// SPDX-License-Identifier: GPL-3.0-or-later
#include <memory>

#include "client/bus/objects.h"
#include "client/commands/commands.h"
#include "client/commands/property_options.h"

namespace cyborg::client {

void add_schedule_commands(CLI::App& app, Context& context) {
  auto& noun = add_noun(app, context, kScheduleNoun, "times at which policies run");
  auto& verb = add_verb(noun, "add", "add a time");
  const auto name = std::make_shared<std::string>();
  const auto options = std::make_shared<PropertyOptions>(kScheduleNoun.keys);
  verb.add_option("NAME", *name, "its name in cyborgd")->required();
  options->add_to(verb);
  verb.get_option("--on-calendar")->excludes(verb.get_option("CRON"));
  verb.callback([&context, name, options] {
    const auto properties = options->properties();
    if (!properties.contains("crontab") && !properties.contains("on_calendar"))
      throw usage("a crontab expression or --on-calendar is required",
                  "cyborgctl schedule add nightly '30 2 * * *'");
    context.bus().act<sdbus::ObjectPath>(manager(), "AddSchedule", *name, properties);
    report_added(context, kScheduleNoun, *name);
  });
}

}  // namespace cyborg::client
