#include <memory>

#include "client/bus/objects.h"
#include "client/commands/commands.h"

namespace cyborg::client {
namespace {

struct AddOptions {
  std::string name, crontab, on_calendar, timezone, random_delay;

  VariantMap properties() const {
    VariantMap result;
    for (const auto& [key, value] :
         {std::pair("crontab", &crontab), std::pair("on_calendar", &on_calendar),
          std::pair("timezone", &timezone), std::pair("random_delay", &random_delay)}) {
      if (!value->empty()) result.emplace(key, sdbus::Variant{*value});
    }
    return result;
  }
};

}  // namespace

void add_schedule_commands(CLI::App& app, Context& context) {
  auto& noun = add_noun(app, context, kScheduleNoun, "times at which policies run");
  auto& verb = add_verb(noun, "add", "add a time");
  const auto options = std::make_shared<AddOptions>();
  verb.add_option("NAME", options->name, "its name in cyborgd")->required();
  auto* crontab =
      verb.add_option("CRON", options->crontab, "a crontab expression in quotes, such as '30 2 * * *'");
  verb.add_option("--on-calendar", options->on_calendar, "a systemd calendar expression instead")
      ->excludes(crontab);
  verb.add_option("--timezone", options->timezone, "such as Europe/Berlin (default: the server's)");
  verb.add_option("--random-delay", options->random_delay, "delay of at most this long, such as 10min");
  verb.callback([&context, options] {
    if (options->crontab.empty() && options->on_calendar.empty())
      throw usage("a crontab expression or --on-calendar is required",
                  "cyborgctl schedule add nightly '30 2 * * *'");
    context.bus().act<sdbus::ObjectPath>(manager(), "AddSchedule", options->name, options->properties());
    report_added(context, kScheduleNoun, options->name);
  });
}

}  // namespace cyborg::client
