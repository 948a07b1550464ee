// SPDX-License-Identifier: GPL-3.0-or-later
#include "remote/snapshot_script.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/quote.h"
#include "remote/job_script.h"
#include "unit/remote/script_test.h"

namespace cyborg {
namespace {

// The script's functions, with stand-ins for the tools: this machine need not have any of these file systems.
// Each tool records how it was called; CALL is the call from the script.
class SnapshotScript : public test::ScriptTest {
 protected:
  void SetUp() override {
    ScriptTest::SetUp();
    std::filesystem::create_directories(directory_ / "base/snapshot");
  }

  int run(const std::string& tools, const std::string& call) {
    const std::string script = R"sh(
say() { printf '@cyborg %s\n' "$*" >&2; }
die() { say "$@"; exit 99; }
clean() { :; }
BORG_BASE_DIR=$HERE/base dir=$HERE
: >"$dir/made"
: >"$dir/tree"
log() { printf '%s\n' "$*" >>"$HERE/log"; }
mount() { log mount "$@"; }
)sh" + tools + snapshot_functions(spec_, "ab12") +
                               R"sh(
trap drop EXIT
path=/srv count=0
)sh" + call + "\nexit 0\n";
    return ScriptTest::run("exec 2>" + file("said") + script, "HERE=" + quote(directory_.string()));
  }

  // The script's process id and the directory differ each time.
  std::string read(const char* name) const {
    std::string text = ScriptTest::read(name);
    for (auto at = text.find(directory_.string()); at != std::string::npos;
         at = text.find(directory_.string())) {
      text.replace(at, directory_.string().size(), "HERE");
    }
    for (auto at = text.find("cyborg-"); at != std::string::npos; at = text.find("cyborg-", at + 1)) {
      const auto begin = at + 7;
      const auto end = text.find('-', begin);
      text.replace(begin, end - begin, "PID");
    }
    return text;
  }

  JobSpec spec_ = [] {
    JobSpec spec;
    spec.snapshot = true;
    spec.snapshot_size = 25;
    return spec;
  }();
};

constexpr const char* kLvm = R"sh(
lvs() {
  case $* in
    *-S*) ;;
    *segtype*) echo "  vg root $FORM" ;;
    *) [ -z "$GONE" ] ;;
  esac
}
lvcreate() { log lvcreate "$@"; }
lvremove() { log lvremove "$@"; }
)sh";

TEST_P(SnapshotScript, OfAVolumeIsMountedWithItsJournalReplayedAndRemoved) {
  EXPECT_EQ(run(std::string{"FORM=linear\n"} + kLvm, "take_lvm /srv /dev/mapper/vg-root / ext4"), 0)
      << read("said");
  EXPECT_EQ(read("log"),
            "lvcreate -y -s -l 25%ORIGIN -n cyborg-PID-ab12-1 vg/root\n"
            "mount -t ext4 -o ro /dev/vg/cyborg-PID-ab12-1 HERE/base/snapshot/cyborg-PID-ab12-1\n"
            "lvremove -f -y vg/cyborg-PID-ab12-1\n");
  EXPECT_EQ(read("said"), "@cyborg snapshot lvm /srv\n");
  EXPECT_EQ(read("tree"), "/srv HERE/base/snapshot/cyborg-PID-ab12-1\n");
}

TEST_P(SnapshotScript, OfAThinVolumeNeedsNoSize) {
  EXPECT_EQ(run(std::string{"FORM=thin\n"} + kLvm, "take_lvm /srv /dev/mapper/vg-root /sub xfs"), 0);
  EXPECT_EQ(read("log"),
            "lvcreate -y -s -k n -a y -n cyborg-PID-ab12-1 vg/root\n"
            "mount -t xfs -o ro,nouuid /dev/vg/cyborg-PID-ab12-1 HERE/base/snapshot/cyborg-PID-ab12-1\n"
            "lvremove -f -y vg/cyborg-PID-ab12-1\n");
  EXPECT_EQ(read("tree"), "/srv HERE/base/snapshot/cyborg-PID-ab12-1/sub\n");
}

TEST_P(SnapshotScript, OfAVolumeThatIsMountedTwiceIsMadeOnce) {
  run(std::string{"FORM=linear\n"} + kLvm,
      "take_lvm /srv /dev/mapper/vg-root / ext4; take_lvm /www /dev/mapper/vg-root /www ext4");
  EXPECT_EQ(read("tree"),
            "/srv HERE/base/snapshot/cyborg-PID-ab12-1\n"
            "/www HERE/base/snapshot/cyborg-PID-ab12-1/www\n");
}

TEST_P(SnapshotScript, ThatCannotBeMadeFailsWithTheToolsWords) {
  const std::string full = R"sh(
lvcreate() { echo '  Volume group "vg" has insufficient free space (0 extents): 25 required.' >&2; return 5; }
GONE=1 FORM=linear
)sh";
  EXPECT_EQ(run(kLvm + full, "take_lvm /srv /dev/mapper/vg-root / ext4"), kScriptFailed);
  EXPECT_EQ(read("said"),
            "@cyborg snapshot-failed /srv:   Volume group \"vg\" has insufficient free space (0 extents): 25 "
            "required.\n");
  EXPECT_EQ(read("log"), "");
}

TEST_P(SnapshotScript, NeedsTheToolOfTheFileSystem) {
  EXPECT_EQ(run("", "need no-such-tool"), kScriptFailed);
  EXPECT_EQ(read("said"), "@cyborg snapshot-failed /srv: no-such-tool is not installed\n");
}

TEST_P(SnapshotScript, ThatCouldNotBeRemovedIsTold) {
  const std::string busy = "lvremove() { echo 'in use' >&2; return 5; }\nsleep() { :; }\nFORM=linear\n";
  EXPECT_EQ(run(kLvm + busy, "take_lvm /srv /dev/mapper/vg-root / ext4"), 0);
  EXPECT_EQ(read("said"), "@cyborg snapshot lvm /srv\n@cyborg snapshot-left cyborg-PID-ab12-1: in use\n");
}

// For a thin volume that was completely written, the tool reports that from the beginning.
TEST_P(SnapshotScript, IsFullIfItsOwnRoomIsAndItHasSome) {
  struct Row {
    const char* said;
    bool full;
  };
  for (const auto& row :
       {Row{"  linear                   12.34", false}, Row{"  linear                  100.00", true},
        Row{"  linear snapshot invalid 100.00", true}, Row{"  thin                    100.00", false},
        Row{"", false}}) {
    const std::string lvs = "lvs() { echo " + quote(std::string{row.said}) + "; }\n";
    EXPECT_EQ(run(lvs, "full vg/root || exit 1"), row.full ? 0 : 1) << row.said;
  }
}

TEST_P(SnapshotScript, OfADatasetIsMountedAndDestroyed) {
  EXPECT_EQ(
      run("zfs() { case $* in list*) ;; *) log zfs \"$@\" ;; esac; }\n", "take_zfs /srv tank/my\\\\040srv /"),
      0)
      << read("said");
  EXPECT_EQ(read("log"),
            "zfs snapshot tank/my srv@cyborg-PID-ab12-1\n"
            "mount -t zfs -o ro tank/my srv@cyborg-PID-ab12-1 HERE/base/snapshot/cyborg-PID-ab12-1\n"
            "zfs destroy tank/my srv@cyborg-PID-ab12-1\n");
}

TEST_P(SnapshotScript, OfAScriptThatRunsIsNotRemovedAsALeftOver) {
  const std::string lvm = R"sh(
lvs() { printf '  vg cyborg-%s-ab12-1\n  vg cyborg-999999999-cd34-1\n  vg cyborg-own\n' $$; }
lvremove() { log lvremove "$@"; }
)sh";
  EXPECT_EQ(run(lvm, "sweep lvm; : >\"$dir/made\""), 0);
  EXPECT_EQ(read("log"), "lvremove -f -y vg/cyborg-PID-cd34-1\n");
  EXPECT_EQ(read("said"), "@cyborg snapshot-swept cyborg-PID-cd34-1\n");
}

TEST_P(SnapshotScript, ThatWasLeftAndIsInUseForAMomentIsTriedAgain) {
  const std::string lvm = R"sh(
lvs() { echo '  vg cyborg-999999999-cd34-1'; }
lvremove() { log lvremove "$@"; [ "$(wc -l <"$HERE/log")" -gt 1 ] || { echo 'in use'; return 5; }; }
sleep() { :; }
)sh";
  EXPECT_EQ(run(lvm, "sweep lvm"), 0);
  EXPECT_EQ(read("said"), "@cyborg snapshot-swept cyborg-PID-cd34-1\n");
  EXPECT_EQ(run(lvm + "lvremove() { echo 'in use'; return 5; }\n", "sweep lvm"), 0);
  EXPECT_EQ(read("said"), "@cyborg snapshot-left cyborg-PID-cd34-1: in use\n");
}

TEST_P(SnapshotScript, LeavesOutWhatIsExcludedByAPlainPath) {
  spec_.exclude = {"/var/it's here", "pp:/b/", "/glob*", "*.tmp"};
  const std::string call = R"sh(
for x in "/var/it's here" "/var/it's here/x" /b /b/c /bc /glob1 /a.tmp; do
  if excluded "$x"; then log "$x"; fi
done)sh";
  EXPECT_EQ(run("", call), 0) << read("said");
  EXPECT_EQ(read("log"), "/var/it's here\n/var/it's here/x\n/b\n/b/c\n");
}

TEST(SnapshotNotes, SayWhatTheLinesMean) {
  struct Row {
    const char* line;
    int priority;
    const char* text;
  };
  for (const auto& row : {
           Row{"snapshot btrfs /srv/a b", 6, "reading /srv/a b from a snapshot (btrfs)"},
           Row{"snapshot-none", 5,
               "none of the folders lies on btrfs, LVM or ZFS: they are read as they are"},
           Row{"snapshot-swept cyborg-1-a-1", 5,
               "removed snapshot cyborg-1-a-1, which an interrupted backup had left"},
           Row{"snapshot-left cyborg-1-a-1: in use", 4,
               "a snapshot could not be removed, cyborg-1-a-1: in use"},
       }) {
    const auto note = read_snapshot_line(row.line);
    ASSERT_TRUE(note) << row.line;
    EXPECT_EQ(note->priority, row.priority);
    EXPECT_EQ(note->text, row.text);
  }
  for (const char* line :
       {"snapshot-failed /a: b", "snapshot-full vg/a", "snapshot", "snapshot x", "no-borg"}) {
    EXPECT_FALSE(read_snapshot_line(line)) << line;
  }
}

TEST(SnapshotFailure, SaysWhichAndWhy) {
  JobSpec spec;
  spec.client = "web";
  EXPECT_EQ(snapshot_failure(spec, ResultCode::snapshot_failed, "/srv: no room"),
            "no snapshot of /srv on web could be made: no room");
  EXPECT_EQ(
      snapshot_failure(spec, ResultCode::snapshot_full, "vg/root"),
      "the snapshot of vg/root on web was full before the backup had ended, so what it read is worthless: "
      "give it more room with snapshot_size");
  EXPECT_EQ(snapshot_failure(spec, ResultCode::snapshot_unproven, "vg/root: locked"),
            "whether the snapshot of vg/root on web had room until the end could not be told, so what was "
            "read from it "
            "is not trusted: locked");
}

INSTANTIATE_TEST_SUITE_P(Shells, SnapshotScript, test::kShells, test::shell_name);

}  // namespace
}  // namespace cyborg
