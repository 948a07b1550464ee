// SPDX-License-Identifier: GPL-3.0-or-later
// Measures how fast the catalog answers with 1,000 archives of a client with 1,000,000 files, 5,000 of which
// change from one archive to the next. Fills a database with rows of that shape; prints figures, checks
// nothing.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "cluster.h"
#include "store/operations.h"

namespace cyborg::store::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kFirst = R"(
insert into borg_repository (repository, url) values ('vault', '/vault');
insert into job (kind, state, finished) values ('backup', 'successful', now());
insert into archive (borg_repository, name, borg_id, job, policy, client, repository, created)
  select 1, 'a' || n, '', 1, 'p', 'c', 'vault', now() from generate_series(1, 1000) n order by n;
insert into catalog.series (policy, client, borg_repository, newest) values ('p', 'c', 1, 1000);
select catalog.make_tables(1);
insert into catalog.archive select 1, n, n from generate_series(1, 1000) n;
insert into catalog.owner values (1, 1, 'root', 'root');
insert into catalog.directory_1 select n, 'srv/' || md5((n / 400)::text)::varchar(8) || '/'
  || md5((n / 20)::text)::varchar(10) || '/dir' || n from generate_series(1, 50000) n;
insert into catalog.node_1 select n, 1 + n / 20, md5(n::text)::varchar(12)
  || (array['.conf', '.c', '.txt', '.jpg'])[1 + n % 4] from generate_series(0, 999999) n;
insert into catalog.version_1 (node, first, last, mode, owner, size, mtime, link)
  select n, 1, 2147483647, 33188, 1, n, 1700000000000000 + n, '' from generate_series(0, 999999) n;
)";

constexpr const char* kNext = R"(
create procedure grow() language plpgsql as $$ begin
  for a in 2..1000 loop
    update catalog.version_1 set last = a - 1 where last = 2147483647 and first < a and node = any(array(
      select ((a::bigint * 7919 + i * 199) % 1000000)::int from generate_series(0, 4999) i));
    insert into catalog.version_1 (node, first, last, mode, owner, size, mtime, link)
      select ((a::bigint * 7919 + i * 199) % 1000000)::int, a, 2147483647, 33188, 1, a + i, 1700000000000000 + a, ''
        from generate_series(0, 4999) i on conflict do nothing;
    if a % 10 = 0 then commit; end if;
  end loop;
end $$;
)";

std::int64_t size_of(Connection& db) {
  auto size = db.run("select catalog.size()");
  return size ? size->row(0).get<std::int64_t>(0) : 0;
}

template <typename Call>
void measure(const std::string& what, Call call) {
  std::vector<double> all;
  for (int i = 0; i < 500; ++i) {
    const auto start = Clock::now();
    const auto answer = call(i);
    if (!answer) throw std::runtime_error(what + ": " + answer.error().message);
    all.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  std::ranges::sort(all);
  fmt::print("{:<46} median {:8.2f} ms   p99 {:8.2f} ms\n", what, all[all.size() / 2],
             all[all.size() * 99 / 100]);
}

void measure_all(Connection& db) {
  std::mt19937 random{1};
  const auto find = [&](const std::string& pattern) { return find_files(db, pattern, {}, 50, ""); };
  const auto hex = [&](std::size_t digits) {
    std::string text;
    while (text.size() < digits) text += "0123456789abcdef"[random() % 16];
    return text;
  };
  measure("find a name that few have", [&](int) { return find(hex(5)); });
  measure("find a name that none has", [&](int) { return find("zz" + hex(6)); });
  measure("find a name that 250,000 have", [&](int) { return find("*.conf"); });
  measure("find a part of a name, 3 characters", [&](int) { return find(hex(3)); });
  measure("find a part of a path",
          [&](int) { return find(fmt::format("dir{}/{}", random() % 50'000, hex(1))); });
  measure("a directory of an archive", [&](int i) {
    auto row = db.run(
        fmt::format("select path from catalog.directory_1 where id = {}", 1 + random() % 50'000).c_str());
    return list_files(db, fmt::format("a{}", 1 + i * 2), row->row(0).get<std::string>(0), 100, "");
  });
}

void bench(const char* conninfo) {
  const bool own = conninfo == nullptr;
  const std::string target = own ? Cluster::shared().conninfo(Cluster::shared().create_database()) : conninfo;
  auto db = Connection::open(target);
  if (!db) throw std::runtime_error(db.error().message);
  if (own) {
    static_cast<void>(db->run_script("set statement_timeout = 0"));
    for (const char* step : {kFirst, kNext, "call grow()"}) {
      if (auto done = db->run_script(step, std::chrono::minutes{60}); !done)
        throw std::runtime_error(done.error().message);
      if (step == kFirst) fmt::print("the first archive takes {} MiB\n", size_of(*db) >> 20);
    }
  }
  fmt::print("1,000 archives take {} MiB\n", size_of(*db) >> 20);
  measure_all(*db);
}

}  // namespace
}  // namespace cyborg::store::test

// With a connection string: uses a database that was filled before.
int main(int argc, char** argv) {
  try {
    cyborg::store::test::bench(argc > 1 ? argv[1] : nullptr);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
