// SPDX-License-Identifier: GPL-3.0-or-later
#include "remote/dump_script.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/policy_types.h"
#include "core/quote.h"
#include "remote/scripts.h"
#include "unit/remote/script_test.h"

namespace cyborg {
namespace {

JobSpec spec(const std::string& type, std::vector<std::string> databases = {}) {
  JobSpec spec;
  spec.client = "web";
  spec.repository_path = "/srv/it's";
  spec.archive = "a";
  spec.dump.type = parse_policy_type(type);
  spec.dump.values = {{"databases", std::move(databases)},
                      {"user", {"us'er"}},
                      {"host", {"$(touch /tmp/never)"}},
                      {"port", {"5433"}},
                      {"command", {"echo 'it''s' \"$HOME\""}},
                      {"filename", {"f"}},
                      {"mode", {"stop"}}};
  return spec;
}

// A shell's interpretation of a part of a script.
class DumpScript : public test::ScriptTest {
 protected:
  int run(const std::string& script) const { return ScriptTest::run("exec 2>&1\n" + script); }
  std::string out() const { return read("out"); }
};

// The tool is the one assignment that holds another script.
std::string tool_of(const std::string& script) {
  const auto begin = script.find("TOOL='");
  const auto end = script.find("\nFORM='", begin);
  return script.substr(begin, end - begin) + "\nsh -c \"$TOOL\" dump list\n";
}

TEST_P(DumpScript, EveryScriptIsGoodForTheShell) {
  for (const char* type : {"mysql", "postgresql", "piped", "vm", "proxmox"}) {
    JobSpec one = spec(type, {"a'b"});
    for (const bool local : {false, true}) {
      one.local = local;
      EXPECT_EQ(run("sh -n -c " + quote(dump_script(one, "word"))), 0) << out();
    }
    const std::string tool = tool_of(dump_script(one, "word"));
    EXPECT_EQ(run(tool.substr(0, tool.find("\nsh -c")) + "\nsh -n -c \"$TOOL\""), 0) << out();
  }
}

TEST_P(DumpScript, TheNameOfADatabaseBecomesThatOfAFileReversibly) {
  for (const char* name : {"psql", "pg_dump", "pg_dumpall", "runuser", "id"}) make_tool(name);
  const std::string script = dump_script(
      spec("postgresql", {"shop", "a/b", "sp ace", "it's \"q\"", "100%", "-x.y_Z", "é☃", "$(id)\\"}), "word");
  EXPECT_EQ(run(tool_of(script)), 0);
  EXPECT_EQ(out(),
            "postgresql/globals.sql \n"
            "postgresql/shop.dump shop\n"
            "postgresql/a%2fb.dump a/b\n"
            "postgresql/sp%20ace.dump sp ace\n"
            "postgresql/it%27s%20%22q%22.dump it's \"q\"\n"
            "postgresql/100%25.dump 100%\n"
            "postgresql/-x.y_Z.dump -x.y_Z\n"
            "postgresql/é☃.dump é☃\n"
            "postgresql/%24%28id%29%5c.dump $(id)\\\n");
}

// As libvirt writes it.
constexpr const char* kVirsh = R"sh(
case "$*" in
  *--all*) printf 'one\nit'\''s / 2\nnet\n\n' ;;
  *dumpxml*net) echo "<domain>
    <disk type='network' device='disk'>
      <driver name='qemu' type='raw'/>
      <source protocol='nbd' name='x'/>
      <target dev='vda' bus='virtio'/>
    </disk>" ;;
  *dumpxml*) echo "<domain>
    <disk type='file' device='cdrom'>
      <source file='/a.iso'/>
      <target dev='hda' bus='ide'/>
    </disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='/a &amp;amp; &apos;b&apos;.img' index='1'/>
      <backingStore type='file'>
        <format type='raw'/>
        <source file='/base'/>
      </backingStore>
      <target dev='vda' bus='virtio'/>
    </disk>
    <disk type='block' device='disk'>
      <source dev='/dev/vg/x'/>
      <target dev='vdb' bus='virtio'/>
    </disk>" ;;
esac
)sh";

TEST_P(DumpScript, TheFilesOfGuestsAreTheirDefinitionsAndDisks) {
  make_tool("virsh", kVirsh);
  make_tool("qemu-img");
  JobSpec guests = spec("vm");
  guests.dump.values["guests"] = {"one", "it's / 2"};
  EXPECT_EQ(run(tool_of(dump_script(guests, "word"))), 0);
  EXPECT_EQ(out(),
            "vm/one/domain.xml - one\nvm/one/vda.img vda one\nvm/one/vdb.img vdb one\n"
            "vm/it%27s%20%2f%202/domain.xml - it's / 2\nvm/it%27s%20%2f%202/vda.img vda it's / 2\n"
            "vm/it%27s%20%2f%202/vdb.img vdb it's / 2\n");
  guests.dump.values["guests"] = {"two"};
  EXPECT_NE(run(tool_of(dump_script(guests, "word"))), 0);
  EXPECT_EQ(out(), "there is no guest \"two\"\n");
  guests.dump.values["guests"] = {};
  EXPECT_NE(run(tool_of(dump_script(guests, "word"))), 0);
  EXPECT_NE(out().find("disk vda of guest \"net\" is of type network, format raw: only files"),
            std::string::npos)
      << out();
}

TEST_P(DumpScript, ADiskOfADefinitionIsReadAsWhatItIs) {
  make_tool("virsh", kVirsh);
  EXPECT_EQ(run(std::string{scripts::vm} + "virsh dumpxml one | disks; virsh dumpxml net | disks\n" +
                "image block qcow2 /dev/a,b; echo; image file raw '/x y'"),
            0);
  EXPECT_EQ(out(),
            "vda file qcow2 /a &amp; 'b'.img\nvdb block raw /dev/vg/x\nvda network raw -\n"
            "file.driver=qcow2,file.file.driver=host_device,file.file.filename=/dev/a,,b\n"
            "file.driver=raw,file.file.driver=file,file.file.filename=/x y");
}

TEST_P(DumpScript, TheGuestsOfAProxmoxHostAreWhatItsToolsList) {
  make_tool("vzdump", "echo vzdump \"$@\"\n");
  make_tool("qm", "printf '      VMID NAME  STATUS\\n       100 web   running\\n'\n");
  make_tool("pct", "printf 'VMID       Status\\n101        running\\n'\n");
  JobSpec guests = spec("proxmox");
  EXPECT_EQ(run(tool_of(dump_script(guests, "word"))), 0);
  EXPECT_EQ(out(), "proxmox/vzdump-qemu-100.vma qemu 100\nproxmox/vzdump-lxc-101.tar lxc 101\n");
  guests.dump.values["guests"] = {"101"};
  const std::string tool = tool_of(dump_script(guests, "word"));
  EXPECT_EQ(run(tool), 0);
  EXPECT_EQ(out(), "proxmox/vzdump-lxc-101.tar lxc 101\n");
  EXPECT_EQ(run(tool.substr(0, tool.find("\nsh -c")) + "\nsh -c \"$TOOL\" dump dump 'lxc 101'"), 0);
  EXPECT_EQ(out(), "vzdump 101 --mode stop --stdout 1 --compress 0\n");
  guests.dump.values["guests"] = {"102"};
  EXPECT_NE(run(tool_of(dump_script(guests, "word"))), 0);
  EXPECT_EQ(out(), "there is no guest 102 on this host\n");
  make_tool("pct", "echo no cluster >&2; exit 2\n");
  guests.dump.values["guests"] = {};
  EXPECT_NE(run(tool_of(dump_script(guests, "word"))), 0);
  EXPECT_EQ(out(), "no cluster\n");
}

TEST_P(DumpScript, AToolThatIsMissingIsNamed) {
  const std::string script = tool_of(dump_script(spec("postgresql"), "word"));
  EXPECT_NE(run(script.substr(0, script.rfind("\nsh -c")) + "\nPATH=/nowhere " + shell() +
                " -c \"$TOOL\" dump list"),
            0);
  EXPECT_NE(out().find("psql is not installed"), std::string::npos) << out();
}

TEST(DumpSecret, IsWhatTheToolsFileWants) {
  EXPECT_EQ(dump_secret(spec("mysql"), R"(a b\c"d'#$)"), R"(password="a b\\c\"d'#$")");
  EXPECT_EQ(dump_secret(spec("postgresql"), R"(a:b\c d)"), R"(*:*:*:*:a\:b\\c d)");
  EXPECT_EQ(dump_secret(spec("mysql"), ""), "");
  EXPECT_EQ(dump_secret(spec("postgresql"), ""), "");
}

TEST(DumpFailure, NamesTheDatabaseAndTheReason) {
  EXPECT_EQ(dump_failure(spec("mysql"), ResultCode::dump_failed, "shop", "no such"),
            "database \"shop\" of web could not be saved, so there is no archive: no such");
  EXPECT_EQ(dump_failure(spec("postgresql"), ResultCode::dump_failed, "", ""),
            "the roles of web could not be saved, so there is no archive: the command gave no reason");
  EXPECT_EQ(dump_failure(spec("piped"), ResultCode::dump_failed, "-", "x"),
            "the output of the command of web could not be saved, so there is no archive: x");
  EXPECT_EQ(dump_failure(spec("mysql"), ResultCode::dump_list_failed, "", "x"),
            "the databases of web could not be listed: x");
  EXPECT_EQ(dump_failure(spec("vm"), ResultCode::dump_list_failed, "", "x"),
            "the guests of web could not be listed: x");
  EXPECT_EQ(dump_failure(spec("vm"), ResultCode::dump_failed, "vda a b", "x"),
            "disk vda of guest \"a b\" of web could not be saved, so there is no archive: x");
  EXPECT_EQ(dump_name(spec("vm"), "- a"), "the definition of guest \"a\"");
  EXPECT_EQ(dump_name(spec("proxmox"), "lxc 101"), "guest 101");
}

INSTANTIATE_TEST_SUITE_P(Shells, DumpScript, test::kShells, test::shell_name);

}  // namespace
}  // namespace cyborg
