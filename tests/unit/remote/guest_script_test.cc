// SPDX-License-Identifier: GPL-3.0-or-later
#include "remote/guest_script.h"
#include "borg/archive_items.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/policy_types.h"
#include "core/quote.h"
#include "unit/remote/script_test.h"

namespace cyborg {
namespace {

JobSpec spec(const std::string& type = "vm") {
  JobSpec spec;
  spec.client = "hyper";
  spec.repository_path = "/srv/it's";
  spec.archive = "a";
  spec.dump.type = parse_policy_type(type);
  spec.restore.guest = type == "vm" ? "web" : "100";
  spec.restore.guest_name = spec.restore.guest;
  spec.restore.conflict = "fail";
  return spec;
}

constexpr const char* kDefinition = R"xml(<domain type='kvm'>
  <name>web</name>
  <uuid>1edf8cf9-1daf-4164-ad8c-17cae1d83200</uuid>
  <os>
    <nvram>/var/lib/libvirt/qemu/nvram/web_VARS.fd</nvram>
  </os>
  <devices>
    <disk type='file' device='cdrom'>
      <source file='/a.iso'/>
      <target dev='hda' bus='ide'/>
    </disk>
    <disk type='block' device='disk'>
      <driver name='qemu' type='raw'/>
      <source dev='/dev/vg/web' index='1'>
        <slices/>
      </source>
      <backingStore type='file'>
        <source file='/base'/>
      </backingStore>
      <target dev='vda' bus='virtio'/>
    </disk>
    <interface type='network'>
      <mac address='52:54:00:00:00:01'/>
    </interface>
  </devices>
</domain>
)xml";

// libvirt, with the guests whose names are in the file "known", which are shut off; it shows the guests that
// it defines.
constexpr const char* kVirsh = R"sh(
case "$*" in
  *--all*) cat "$dir/known" ;;
  *domstate*) echo "${STATE-shut off}" ;;
  *domuuid*) echo 00000000-0000-0000-0000-000000000001 ;;
  *define*) for x; do :; done; cat "$x" >"$dir/defined" ;;
  *start*) echo started >>"$dir/defined" ;;
esac
)sh";

// The tools of a simulated hypervisor.
class GuestScript : public test::ScriptTest {
 protected:
  void SetUp() override {
    ScriptTest::SetUp();
    std::filesystem::create_directory(directory_ / "guest");
    make_tool("virsh", kVirsh);
    make_tool("qemu-img", "");
    write("known", "other\n");
  }

  int sh(const std::string& script) const {
    return run("dir=" + quote(directory_.string()) + "; export dir; exec 2>&1; " + script);
  }
  // Calls the tool as tar does. The tool kills its parent when nothing is to be done, so that must not be
  // this test.
  int tool(const JobSpec& one, const std::string& verb, const std::string& file = {},
           const std::string& content = {}) {
    const std::string script = guest_script(one, "word");
    const auto begin = script.find("TOOL='");
    const auto end = script.find("\nDRY=", begin);
    write("content", content);
    return sh(script.substr(begin, end - begin) + "\nexport TOOL TAR_FILENAME=" + quote(file) +
              "; sh -c 'sh -c \"$TOOL\" guest " + verb + " <\"$dir/content\"; exit $?'");
  }
};

TEST_P(GuestScript, IsGoodForTheShell) {
  for (const char* type : {"vm", "proxmox"}) {
    JobSpec one = spec(type);
    for (const bool local : {false, true}) {
      one.local = local;
      EXPECT_EQ(sh("sh -n -c " + quote(guest_script(one, "word"))), 0) << read("out");
    }
  }
}

TEST_P(GuestScript, AGuestOfTheSameNameComesBackAsItWas) {
  JobSpec one = spec();
  one.restore.conflict = "overwrite";
  one.restore.start = true;
  ASSERT_EQ(tool(one, "file", "vm/web/domain.xml", kDefinition), 0) << read("out");
  EXPECT_EQ(read("guest/plan"), "vda block raw /dev/vg/web\n");
  write("guest/written", "vda\n");
  ASSERT_EQ(tool(one, "finish"), 0) << read("out") << read("guest/refused");
  std::string wanted = kDefinition;
  const auto chain = wanted.find("      <backingStore");
  wanted.erase(chain, wanted.find("      <target dev='vda'") - chain);
  EXPECT_EQ(read("defined"), wanted + "started\n");
}

TEST_P(GuestScript, ACopyGetsPlacesAnIdentityAndAddressesOfItsOwn) {
  JobSpec one = spec();
  one.restore.guest_name = "it's <new>";
  EXPECT_EQ(guest_name(one), "guest \"web\" as \"it's <new>\"");
  // The shell in place of tar is killed.
  EXPECT_NE(tool(one, "file", "vm/web/domain.xml", kDefinition), 0);
  EXPECT_EQ(read("guest/refused"),
            "guest-failed disk vda is the block device /dev/vg/web: "
            "--directory says where a copy of it is to be\n");
  one.restore.directory = directory_.string();
  ASSERT_EQ(tool(one, "file", "vm/web/domain.xml", kDefinition), 0) << read("out");
  const std::string place = directory_.string() + "/it's <new>-vda.raw";
  EXPECT_EQ(read("guest/plan"), "vda file raw " + place + "\n");
  write("it's <new>-vda.raw.cyborg-restore", "data");
  write("guest/written", "vda\n");
  ASSERT_EQ(tool(one, "finish"), 0) << read("out") << read("guest/refused");
  const std::string defined = read("defined");
  EXPECT_NE(defined.find("<name>it&apos;s &lt;new></name>"), std::string::npos) << defined;
  EXPECT_NE(defined.find("    <disk type='file' device='disk'>"), std::string::npos) << defined;
  EXPECT_NE(defined.find("      <source file='" + directory_.string() + "/it&apos;s &lt;new>-vda.raw'>\n"),
            std::string::npos)
      << defined;
  for (const char* gone : {"uuid", "<mac", "nvram", "/dev/vg/web", "started"}) {
    EXPECT_EQ(defined.find(gone), std::string::npos) << gone << defined;
  }
  EXPECT_EQ(read("it's <new>-vda.raw"), "data");
}

TEST_P(GuestScript, WhatIsThereIsNotOverwrittenUnlessThatWasAskedFor) {
  JobSpec one = spec();
  write("known", "web\n");
  EXPECT_NE(tool(one, "file", "vm/web/domain.xml", kDefinition), 0);
  EXPECT_EQ(read("guest/refused"), "guest-exists guest \"web\" exists\n");
  one.restore.conflict = "overwrite";
  ASSERT_EQ(tool(one, "file", "vm/web/domain.xml", kDefinition), 0) << read("out");
  EXPECT_EQ(read("guest/uuid"), "00000000-0000-0000-0000-000000000001\n");
  make_tool("virsh", std::string{"STATE=running\n"} + kVirsh);
  EXPECT_NE(tool(one, "file", "vm/web/domain.xml", kDefinition), 0);
  EXPECT_EQ(read("guest/refused"),
            "guest-exists guest \"web\" is running, and only one that is shut "
            "off is overwritten\n");
  one = spec();
  write("known", "");
  one.restore.directory = directory_.string();
  write("web", "");
  EXPECT_NE(tool(one, "file", "vm/web/domain.xml", kDefinition), 0);
  EXPECT_EQ(read("guest/refused"), "guest-exists " + directory_.string() + "/web exists\n");
  one.restore.conflict = "overwrite";
  make_tool("qemu-img", "echo 'Failed to get shared \"write\" lock' >&2; exit 1\n");
  EXPECT_NE(tool(one, "file", "vm/web/domain.xml", kDefinition), 0);
  EXPECT_NE(read("guest/refused").find("is in use"), std::string::npos) << read("guest/refused");
}

TEST_P(GuestScript, AGuestWithoutOneOfItsDisksIsNotDefined) {
  JobSpec one = spec();
  one.restore.conflict = "overwrite";
  ASSERT_EQ(tool(one, "file", "vm/web/domain.xml", kDefinition), 0) << read("out");
  write("guest/written", "");
  EXPECT_NE(tool(one, "finish"), 0);
  EXPECT_EQ(read("guest/refused"), "guest-failed the archive has not all of its disks\n");
  EXPECT_FALSE(std::filesystem::exists(directory_ / "defined"));
}

TEST_P(GuestScript, GuestsOfProxmoxAreWhatItsToolsMakeOfThem) {
  for (const char* name : {"qm", "qmrestore", "pct"}) {
    make_tool(name, std::string{"echo \""} + name + " $* $(cat)\" >>\"$dir/calls\"\n");
  }
  JobSpec one = spec("proxmox");
  one.restore.start = true;
  EXPECT_EQ(tool(one, "file", "proxmox/vzdump-qemu-100.vma", "vma"), 0) << read("out");
  EXPECT_EQ(tool(one, "finish"), 0) << read("out");
  EXPECT_EQ(read("calls"), "qmrestore - 100 vma\nqm start 100 \n");
  write("calls", "");
  one.restore.start = false;
  one.restore.guest_name = "201";
  one.restore.conflict = "overwrite";
  EXPECT_EQ(tool(one, "file", "proxmox/vzdump-lxc-100.tar", "tar"), 0) << read("out");
  EXPECT_EQ(tool(one, "finish"), 0) << read("out");
  EXPECT_EQ(read("calls"), "pct restore 201 - --force 1 --unique 1 tar\n");
  make_tool("pct", "echo no such storage >&2; exit 2\n");
  EXPECT_NE(tool(one, "file", "proxmox/vzdump-lxc-100.tar", "tar"), 0);
  EXPECT_TRUE(read("out").starts_with("no such storage\n")) << read("out");
  EXPECT_EQ(read("guest/refused"), "guest-failed pct failed with status 2\n");
}

TEST(GuestPath, IsWhatTheArchiveHas) {
  EXPECT_EQ(guest_path(spec()), "vm/web");
  EXPECT_EQ(guest_path(spec("proxmox")), "sh:proxmox/vzdump-*-100.*");
  JobSpec one = spec();
  one.restore.guest = "a b";
  one.dry_run = true;
  EXPECT_EQ(guest_path(one), "vm/a%20b/domain.xml");
}

TEST(GuestFailure, SaysWhatCanBeDone) {
  EXPECT_EQ(guest_failure(spec(), ResultCode::guest_exists, "guest \"web\" exists"),
            "guest \"web\" was not restored on hyper: guest \"web\" exists; "
            "--conflict overwrite replaces what is "
            "there, and web=NEWNAME restores beside it");
  EXPECT_EQ(guest_failure(spec(), ResultCode::guest_failed, ""),
            "guest \"web\" was not restored on hyper: the tools there gave no "
            "reason");
}

INSTANTIATE_TEST_SUITE_P(Shells, GuestScript, test::kShells, test::shell_name);

}  // namespace
}  // namespace cyborg
