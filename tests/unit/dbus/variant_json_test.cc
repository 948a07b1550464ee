// SPDX-License-Identifier: GPL-3.0-or-later
#include "dbus/variant_json.h"

#include <gtest/gtest.h>
#include <json/reader.h>
#include <unistd.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "dbus/compat.h"

namespace cyborg {
namespace {

Json::Value parse(const std::string& text) {
  Json::Value json;
  std::istringstream(text) >> json;
  return json;
}

std::string type_of(const std::string& json) {
  return to_variant(parse(json)).peekValueType();
}

TEST(VariantJson, ChoosesTheTypeByTheValue) {
  EXPECT_EQ(type_of("true"), "b");
  EXPECT_EQ(type_of("0"), "t");
  EXPECT_EQ(type_of("18446744073709551615"), "t");
  EXPECT_EQ(type_of("-1"), "x");
  EXPECT_EQ(type_of("1.5"), "d");
  EXPECT_EQ(type_of("\"x\""), "s");
  EXPECT_EQ(type_of("[]"), "as");
  EXPECT_EQ(type_of(R"(["a"])"), "as");
  EXPECT_EQ(type_of("[1, 2]"), "at");
  EXPECT_EQ(type_of("[1, -2]"), "ax");
  EXPECT_EQ(type_of(R"([1, "a"])"), "av");
  EXPECT_EQ(type_of("[true]"), "av");
  EXPECT_EQ(type_of("[-1, 18446744073709551615]"), "av");
  EXPECT_EQ(type_of("{}"), "a{sv}");
  EXPECT_EQ(type_of("[{}]"), "aa{sv}");
}

TEST(VariantJson, AWholeRecordComesBackAsItWas) {
  const auto record = parse(R"({
    "name": "web – “ü”", "enabled": true, "port": 22, "offset": -5, "ratio": 0.25,
    "big": 18446744073709551615, "small": -9223372036854775808,
    "folders": ["/a b", "/c\nd"], "none": [], "ids": [1, 2], "deltas": [-1, 1], "mixed": [1, "a", [true]],
    "variables": {"folders": ["/x"], "deep": {"deeper": {"n": 1}}, "empty": {}},
    "rows": [{"a": 1}, {"b": "c"}]})");
  EXPECT_EQ(to_json(to_variant_map(record)), record);
  EXPECT_EQ(to_json(to_variant(record)), record);
}

TEST(VariantJson, EveryIntegerOfTheBusIsANumber) {
  const VariantMap map{{"y", sdbus::Variant{std::uint8_t{255}}},    {"n", sdbus::Variant{std::int16_t{-2}}},
                       {"q", sdbus::Variant{std::uint16_t{65535}}}, {"i", sdbus::Variant{std::int32_t{-3}}},
                       {"u", sdbus::Variant{std::uint32_t{22}}},    {"x", sdbus::Variant{std::int64_t{-4}}},
                       {"t", sdbus::Variant{std::uint64_t{1}}}};
  EXPECT_EQ(to_json(map), parse(R"({"y": 255, "n": -2, "q": 65535, "i": -3, "u": 22, "x": -4, "t": 1})"));
}

TEST(VariantJson, PathsSignaturesAndNestedVariantsAreUnwrapped) {
  EXPECT_EQ(to_json(sdbus::Variant{sdbus::ObjectPath{"/a/b"}}), "/a/b");
  EXPECT_EQ(to_json(sdbus::Variant{sdbus::Signature{"a{sv}"}}), "a{sv}");
}

TEST(VariantJson, ANullInAnObjectIsLeftOut) {
  EXPECT_EQ(to_json(to_variant_map(parse(R"({"a": null, "b": 1})"))), parse(R"({"b": 1})"));
  EXPECT_TRUE(to_variant_map(Json::Value{}).empty());
}

TEST(VariantJson, DescriptorsAreKeptApart) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const VariantMap map{{"passphrase", sdbus::Variant{sdbus::UnixFd{ends[0], sdbus::adopt_fd}}},
                       {"transport", sdbus::Variant{std::string("relay")}}};
  DescriptorMap descriptors;
  EXPECT_EQ(to_json(map, &descriptors), parse(R"({"transport": "relay"})"));
  ASSERT_EQ(descriptors.size(), 1u);
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(read(descriptors["passphrase"].get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
  close(ends[1]);
}

void expect_refused(const VariantMap& map, const std::string& message) {
  try {
    to_json(map);
    ADD_FAILURE() << "accepted";
  } catch (const sdbus::Error& error) {
    EXPECT_EQ(compat::error_name(error), "org.cyborgbackup1.Error.InvalidArgument");
    EXPECT_EQ(compat::error_message(error), message);
  }
}

TEST(VariantJson, WhatIsNoJsonIsRefusedByName) {
  expect_refused({{"password", sdbus::Variant{sdbus::UnixFd{0}}}},
                 "password: the D-Bus type h is not expected here");
  expect_refused({{"when", sdbus::Variant{std::vector<double>{1.0}}}},
                 "when: the D-Bus type ad is not expected here");
  expect_refused({{"ratio", sdbus::Variant{std::numeric_limits<double>::infinity()}}}, "ratio: not a number");
}

}  // namespace
}  // namespace cyborg
