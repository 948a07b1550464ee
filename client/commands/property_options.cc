// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/commands/property_options.h"

#include <algorithm>
#include <limits>

#include "client/bus/objects.h"
#include "client/commands/commands.h"
#include "client/values.h"

namespace cyborg::client {

CLI::Option* PropertyOptions::add_option(CLI::App& verb, Given& given) {
  const PropertyInfo& property = *given.property;
  switch (property.type) {
    case ValueType::flag:
      return verb.add_flag(property.option, given.flag, property.sentence);
    case ValueType::list:
      return add_list(verb, property.option, given.list, property.sentence);
    case ValueType::names:
      return add_names(verb, property.option, given.list, property.sentence);
    case ValueType::number: {
      const auto most = std::min<std::int64_t>(property.most, std::numeric_limits<std::uint32_t>::max());
      return verb.add_option(property.option, given.text, property.sentence)
          ->type_name("UINT")
          ->check(whole_number(static_cast<std::uint64_t>(property.least), static_cast<std::uint64_t>(most)));
    }
    case ValueType::text:
    case ValueType::span:
    case ValueType::rate:
    case ValueType::name:
    case ValueType::renamed:
    case ValueType::variables:
    case ValueType::hooks:
    case ValueType::retention:
    case ValueType::client_retention:
      return verb.add_option(property.option, given.text, property.sentence);
  }
  return nullptr;
}

void PropertyOptions::add_to(CLI::App& verb) {
  for (const auto& property : properties_) {
    if (property.option.empty()) continue;
    auto* option = add_option(verb, given_.emplace_back(Given{&property, false, {}, {}}));
    if (property.required) option->required();
  }
}

VariantMap PropertyOptions::properties() const {
  VariantMap result;
  for (const auto& [property, flag, text, list] : given_) {
    if (flag) result.emplace(property->key, sdbus::Variant{true});
    if (!text.empty()) result.emplace(property->key, typed_value(*property, text));
    if (!list.empty()) result.emplace(property->key, sdbus::Variant{list});
  }
  return result;
}

const PropertyOptions::Given* PropertyOptions::find(std::string_view key) const {
  const auto found = std::ranges::find_if(given_, [key](const Given& g) { return g.property->key == key; });
  return found != given_.end() ? &*found : nullptr;
}

std::string PropertyOptions::text(std::string_view key) const {
  const Given* given = find(key);
  return given ? given->text : std::string{};
}

bool PropertyOptions::flag(std::string_view key) const {
  const Given* given = find(key);
  return given && given->flag;
}

}  // namespace cyborg::client
