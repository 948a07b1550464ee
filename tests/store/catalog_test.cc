// SPDX-License-Identifier: GPL-3.0-or-later
// The catalog on a real PostgreSQL: the contents of archives are read back exactly.
#include "catalog/writer.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <map>
#include <random>
#include <tuple>

#include "fixture.h"

namespace cyborg::store::test {
namespace {

using catalog::Place;
using catalog::Writer;
using Attributes = std::tuple<int, std::int64_t, std::int64_t, std::string, std::string, std::string>;
using Tree = std::map<std::string, ListedFile>;

Attributes attributes(const ListedFile& file) {
  return {file.mode, file.size, file.mtime, file.user, file.group, file.link};
}

class CatalogTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    sql(fmt::format(
        "with r as (insert into borg_repository (repository, client, url) values ('vault', 'web', '{}')"
        " returning id), j as (insert into job (kind, state, finished) values ('backup', 'successful', now())"
        " returning id) insert into archive (borg_repository, name, borg_id, job, policy, client, repository,"
        " created) select r.id, 'a' || n, repeat('a', 64), j.id, 'etc', 'web', 'vault', now() + n * interval "
        "'1 s'"
        " from r, j, generate_series(1, 40) n order by n",
        kWebUrl));
  }

  Writer open(const std::string& archive, std::int64_t budget = 0) {
    return good(Writer::open({Cluster::shared().conninfo(database_), kWebUrl, archive, budget}));
  }

  void feed(Writer& writer, const Tree& tree) {
    good(writer.load());
    for (const auto& [path, file] : tree) good(writer.add(file));
  }

  catalog::Counts take(const std::string& archive, const Tree& tree) {
    auto writer = open(archive);
    EXPECT_EQ(writer.place(), Place::fresh);
    feed(writer, tree);
    good(writer.commit());
    return writer.counts();
  }

  void collect(const std::string& archive, const std::string& directory, Tree& into) {
    std::string cursor;
    do {
      auto page = good(ask<FilesPage>(&Store::list_files, archive, directory, 7U, cursor));
      for (auto& file : page.rows) {
        const bool is_directory = S_ISDIR(file.mode);
        const std::string path = file.path;
        if ((file.mode & kImplied) == 0) into.emplace(path, std::move(file));
        if (is_directory) collect(archive, path, into);
      }
      cursor = page.next;
    } while (!cursor.empty());
  }

  void expect_holds(const std::string& archive, const Tree& tree) {
    Tree found;
    collect(archive, "", found);
    ASSERT_EQ(found.size(), tree.size()) << archive;
    for (const auto& [path, file] : tree) {
      ASSERT_TRUE(found.contains(path)) << archive << " " << path;
      EXPECT_EQ(attributes(found[path]), attributes(file)) << archive << " " << path;
    }
  }

  std::vector<FileVersion> find(const std::string& pattern, std::uint32_t limit = 1000) {
    std::vector<FileVersion> all;
    std::string cursor;
    do {
      auto page = good(ask<FilePage>(&Store::find_files, pattern, FileFilter{}, limit, cursor));
      EXPECT_LE(page.rows.size(), limit);
      std::ranges::move(page.rows, std::back_inserter(all));
      cursor = page.next;
    } while (!cursor.empty());
    return all;
  }

  static ListedFile file(const std::string& path, std::int64_t size = 1, int mode = S_IFREG | 0644) {
    ListedFile made;
    made.path = path;
    made.user = "root";
    made.group = "root";
    made.mode = mode;
    made.size = size;
    made.mtime = 1'700'000'000'000'000 + size;
    return made;
  }
  static void put(Tree& tree, const ListedFile& made) { tree.insert_or_assign(made.path, made); }
};

// Random trees with everything that is awkward in names and in COPY.
class Forest {
 public:
  explicit Forest(unsigned seed) : random_(seed) {}

  Tree next(Tree tree) {
    std::erase_if(tree, [&](const auto& entry) { return S_ISREG(entry.second.mode) && chance(10); });
    for (auto& [path, file] : tree) {
      if (chance(12)) file.size = number(1000);
      if (chance(20)) file.mtime = number(2'000'000'000) * std::int64_t{1'000'001};
      if (chance(30)) file.user = chance(2) ? "back\\slash" : "tab\tbed";
    }
    for (int i = number(12); i > 0; --i) add(tree);
    return tree;
  }

 private:
  int number(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  bool chance(int one_in) { return number(one_in) == 0; }

  void add(Tree& tree) {
    static const std::vector<std::string> words{"etc",  "a b",   "new\nline", "\\N", "\\.",
                                                "100%", "tab\t", "\xc3\xa4",  "x"};
    std::string path = "srv";
    // Half of the directories are not in the archive themselves.
    for (int depth = number(4); depth > 0; --depth) {
      path += '/' + words[static_cast<std::size_t>(number(static_cast<int>(words.size())))];
      if (tree.contains(path) && !S_ISDIR(tree[path].mode)) return;
      ListedFile directory;
      directory.path = path;
      directory.mode = S_IFDIR | 0755;
      if (chance(2)) tree.emplace(path, directory);
    }
    ListedFile file;
    file.path = path + '/' + words[static_cast<std::size_t>(number(static_cast<int>(words.size())))] +
                (chance(2) ? std::to_string(number(5)) : "");
    file.mode = chance(5) ? S_IFLNK | 0777 : S_IFREG | 0600;
    file.size = number(100);
    file.user = "u";
    if (S_ISLNK(file.mode)) file.link = "to \\ \n" + std::to_string(number(3));
    const auto below = tree.lower_bound(file.path + '/');
    if (below != tree.end() && below->first.starts_with(file.path + '/')) return;
    tree.emplace(file.path, file);
  }

  std::mt19937 random_;
};

TEST_F(CatalogTest, EveryArchiveReadsBackAsItWasFed) {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    Forest forest{seed};
    std::map<std::string, Tree> archives;
    Tree tree;
    for (unsigned i = 1; i <= 12; ++i) {
      tree = forest.next(std::move(tree));
      const auto name = fmt::format("a{}", i);
      take(name, tree);
      archives[name] = tree;
    }
    for (const auto& [name, held] : archives) expect_holds(name, held);
    good(ask<std::vector<Archive>>(&Store::drop_catalog, std::string{"web"}));
  }
}

TEST_F(CatalogTest, WhatStaysTheSameIsOneRow) {
  Tree tree;
  for (int i = 0; i < 100; ++i) put(tree, file(fmt::format("etc/file{}", i)));
  put(tree, file("etc", 0, S_IFDIR | 0755));
  for (int i = 1; i <= 20; ++i) {
    if (i > 1) put(tree, file("etc/file7", 1000 + i));
    const auto counts = take(fmt::format("a{}", i), tree);
    EXPECT_EQ(counts.changed, i == 1 ? 0 : 1);
  }
  EXPECT_EQ(sql("select count(*) from catalog.version_1"), "120");
  EXPECT_EQ(sql("select count(*) from catalog.node_1"), "101");
}

TEST_F(CatalogTest, TwiceAndOutOfOrder) {
  Tree tree;
  put(tree, file("etc/a"));
  take("a5", tree);
  EXPECT_EQ(open("a5").place(), Place::known);
  EXPECT_EQ(open("a4").place(), Place::older);
  EXPECT_EQ(open("a6").place(), Place::fresh);
  EXPECT_EQ(open("ghost").place(), Place::unknown);
}

TEST_F(CatalogTest, WhatIsNotCommittedNeverWas) {
  Tree tree;
  put(tree, file("etc/a"));
  take("a1", tree);
  {
    auto writer = open("a2");
    feed(writer, {{"etc/b", file("etc/b")}});
  }
  expect_holds("a1", tree);
  EXPECT_TRUE(find("b").empty());
  EXPECT_FALSE((ask<FilesPage>(&Store::list_files, std::string{"a2"}, std::string{}, 10U, std::string{})));
}

TEST_F(CatalogTest, WhatOnlyRemovedArchivesHadIsForgotten) {
  Forest forest{9};
  std::map<std::string, Tree> archives;
  Tree tree;
  const auto next = [&](int i) {
    tree = forest.next(std::move(tree));
    take(fmt::format("a{}", i), tree);
    archives[fmt::format("a{}", i)] = tree;
  };
  for (int i = 1; i <= 10; ++i) next(i);
  sql("update archive set removed = now() where name in ('a1', 'a2', 'a5', 'a6', 'a7', 'a9')");
  next(11);
  sql("update archive set removed = now() where name = 'a11'");
  next(12);
  for (const char* name : {"a3", "a4", "a8", "a10", "a12"}) expect_holds(name, archives[name]);
  EXPECT_EQ(sql("select count(*) from catalog.version_1 v where not exists (select from catalog.archive"
                " where number between v.first and v.last)"),
            "0");
  EXPECT_EQ(sql("select count(*) from catalog.node_1 n where not exists (select from catalog.version_1 v"
                " where v.node = n.id)"),
            "0");
}

TEST_F(CatalogTest, PatternsOfNamesAndPaths) {
  Tree tree;
  for (const char* path :
       {"etc/nginx/nginx.conf", "etc/nginx/mime.types", "usr/nginx/conf", "etc/100%", "etc/1000"}) {
    put(tree, file(path));
  }
  take("a1", tree);
  const auto paths = [&](const std::string& pattern) {
    std::string all;
    for (const auto& version : find(pattern, 2)) all += version.file.path + ' ';
    return all;
  };
  EXPECT_EQ(paths("inx.co"), "etc/nginx/nginx.conf ");
  EXPECT_EQ(paths("conf"), "etc/nginx/nginx.conf usr/nginx/conf ");
  EXPECT_EQ(paths("*.conf"), "etc/nginx/nginx.conf ");
  EXPECT_EQ(paths("con?"), "usr/nginx/conf ");
  EXPECT_EQ(paths("etc/nginx/m"), "etc/nginx/mime.types ");
  EXPECT_EQ(paths("/nginx/m"), "");
  EXPECT_EQ(paths("ginx/conf"), "usr/nginx/conf ");
  EXPECT_EQ(paths("0%"), "etc/100% ");
  EXPECT_EQ(paths("NGINX.CONF"), "");
  const auto any = good(ask<FilePage>(&Store::find_files, std::string{"NGINX.CONF"},
                                      FileFilter{"", "", "", true}, 5U, std::string{}));
  EXPECT_EQ(any.rows.size(), 1);
}

TEST_F(CatalogTest, HistoryAndDifferences) {
  Tree tree;
  put(tree, file("etc/a", 1));
  put(tree, file("etc/b", 1));
  take("a1", tree);
  put(tree, file("etc/a", 2));
  tree.erase("etc/b");
  take("a2", tree);
  put(tree, file("etc/b", 1));
  put(tree, file("etc/c", 1));
  take("a3", tree);
  const auto history =
      good(ask<FilePage>(&Store::file_history, std::string{"web"}, std::string{"etc/b"}, 10U, std::string{}));
  ASSERT_EQ(history.rows.size(), 2);
  EXPECT_EQ(history.rows[0].last_archive, "a1");
  EXPECT_FALSE(history.rows[0].current);
  EXPECT_EQ(history.rows[1].first_archive, "a3");
  EXPECT_TRUE(history.rows[1].current);
  const auto changes = [&](const char* a, const char* b) {
    std::string all;
    std::int64_t cursor = 0;
    for (;;) {
      const auto page =
          good(ask<DiffPage>(&Store::diff_archives, std::string{a}, std::string{b}, 1U, cursor));
      for (const auto& c : page.rows)
        all += (c.before.mode == 0 ? "+" : c.after.mode == 0 ? "-" : "~") + c.path + ' ';
      if (page.next.empty()) return all;
      cursor = std::stoll(page.next);
    }
  };
  EXPECT_EQ(changes("a1", "a2"), "~etc/a -etc/b ");
  EXPECT_EQ(changes("a2", "a1"), "~etc/a +etc/b ");
  EXPECT_EQ(changes("a1", "a3"), "~etc/a +etc/c ");
  EXPECT_EQ(changes("a2", "a2"), "");
}

TEST_F(CatalogTest, ABudgetIsNeverExceeded) {
  constexpr std::int64_t kBudget = 8 << 20;
  // The size on disk, since other connections do not see the tables of an open transaction.
  const auto on_disk = [&] { return std::stoll(sql("select pg_database_size(current_database())")); };
  const auto before = on_disk();
  auto writer = open("a1", kBudget);
  good(writer.load());
  Expected<void> added;
  for (int i = 0; i < 1'000'000 && added; ++i)
    added = writer.add(file(fmt::format("srv/{}/some-file-{}", i / 50, i)));
  EXPECT_FALSE(added);
  EXPECT_TRUE(writer.over_budget());
  EXPECT_GT(on_disk(), before + kBudget / 4);
  EXPECT_LT(on_disk(), before + kBudget);
}

}  // namespace
}  // namespace cyborg::store::test
