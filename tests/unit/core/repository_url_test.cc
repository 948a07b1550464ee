// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/repository_url.h"

#include <gtest/gtest.h>

#include "unit/json_text.h"

namespace cyborg {
namespace {

using test::contains;

TEST(RepositoryUrl, FormsThatBorgKnowsAreTakenApart) {
  struct Row {
    const char* url;
    const char* user;
    const char* host;
    int port;
    const char* path;
  };
  for (const auto& row : {
           Row{"/srv/borg", "", "", 22, "/srv/borg"},
           Row{"/srv/borg/{client}", "", "", 22, "/srv/borg/{client}"},
           Row{"/srv/with space/ä", "", "", 22, "/srv/with space/ä"},
           Row{"/srv/a:b@c", "", "", 22, "/srv/a:b@c"},
           Row{"backup@vault.example.net:/srv/{client}", "backup", "vault.example.net", 22, "/srv/{client}"},
           Row{"vault:borg", "", "vault", 22, "borg"},
           Row{"vault:borg/x", "", "vault", 22, "borg/x"},
           Row{"u@10.0.0.1:/x", "u", "10.0.0.1", 22, "/x"},
           Row{"ssh://vault/srv/x", "", "vault", 22, "/srv/x"},
           Row{"ssh://u@vault:2222/srv/x", "u", "vault", 2222, "/srv/x"},
           Row{"ssh://u@vault/./rel/x", "u", "vault", 22, "rel/x"},
           Row{"ssh://u@[2001:db8::1]/srv/x", "u", "2001:db8::1", 22, "/srv/x"},
           Row{"ssh://[::1]:2222/srv/x", "", "::1", 2222, "/srv/x"},
           Row{"/srv/..hidden", "", "", 22, "/srv/..hidden"},
       }) {
    const auto location = parse_repository_url(row.url);
    ASSERT_TRUE(location) << row.url << ": " << location.error().message;
    EXPECT_EQ(location->host.user, row.user) << row.url;
    EXPECT_EQ(location->host.address, row.host) << row.url;
    EXPECT_EQ(location->host.port, row.port) << row.url;
    EXPECT_EQ(location->path, row.path) << row.url;
  }
}

TEST(RepositoryUrl, WhatIsWrongIsNamed) {
  struct Row {
    std::string url;
    const char* said;
  };
  for (const auto& row : {
           Row{"", "it is empty"},
           Row{"/" + std::string(1024, 'x'), "longer than 1024"},
           Row{"/", "the path is missing"},
           Row{"relative/path", "neither absolute nor user@host:path"},
           Row{"repository", "neither absolute nor user@host:path"},
           Row{"./x:y", "neither absolute nor user@host:path"},
           Row{"vault:", "the path is missing"},
           Row{"ssh://vault", "the path is missing"},
           Row{"ssh://vault/", "the path is missing"},
           Row{"ssh://vault/./", "the path is missing"},
           Row{"ssh:///srv", "host \"\" is not a host"},
           Row{":/srv", "host \"\" is not a host"},
           Row{"@vault:/srv", "user \"\" is not a user"},
           Row{"-oProxyCommand=x:/srv", "is not a host"},
           Row{"u@-vault:/srv", "host \"-vault\" is not a host"},
           Row{"-u@vault:/srv", "user \"-u\" is not a user"},
           Row{"ssh://-oProxyCommand=x/srv", "is not a host"},
           Row{"u u@vault:/srv", "user \"u u\" is not a user"},
           Row{"va ult:/srv", "host \"va ult\" is not a host"},
           Row{"va$(id)ult:/srv", "is not a host"},
           Row{"{client}.example.net:/srv/{other}", "the only placeholder is {client}"},
           Row{"/srv/{hostname}", "the only placeholder is {client}"},
           Row{"/srv/{client", "the only placeholder is {client}"},
           Row{"/srv/../etc", "the path has a \"..\""},
           Row{"/srv/..", "the path has a \"..\""},
           Row{"vault:..", "the path has a \"..\""},
           Row{"vault:../x", "the path has a \"..\""},
           Row{"ssh://vault/srv/../x", "the path has a \"..\""},
           Row{"/srv/a\nb", "the path has control characters"},
           Row{"ssh://vault:0/srv", "port \"0\" is not in 1-65535"},
           Row{"ssh://vault:65536/srv", "port \"65536\" is not in 1-65535"},
           Row{"ssh://vault:/srv", "port \"\" is not in 1-65535"},
           Row{"ssh://vault:22x/srv", "port \"22x\" is not in 1-65535"},
           Row{"ssh://vault:-1/srv", "port \"-1\" is not in 1-65535"},
           Row{"ssh://vault: 22/srv", "is not in 1-65535"},
           Row{"ssh://[::1/srv", "\"]\" is missing"},
           Row{"ssh://[::1]x/srv", "after \"]\" comes \":port\""},
           Row{"http://vault/srv", "only ssh:// is known"},
           Row{"sftp://vault/srv", "only ssh:// is known"},
           Row{"file:///srv", "only ssh:// is known"},
       }) {
    const auto location = parse_repository_url(row.url);
    ASSERT_FALSE(location) << row.url;
    EXPECT_EQ(location.error().code, ErrorCode::invalid_argument) << row.url;
    EXPECT_TRUE(contains(location.error().message, "repository url \"" + row.url + "\": "))
        << location.error().message;
    EXPECT_TRUE(contains(location.error().message, row.said)) << location.error().message;
    EXPECT_FALSE(location.error().hint.empty()) << row.url;
  }
}

TEST(RepositoryUrl, ThePlaceholderIsReplacedWhereverItStands) {
  EXPECT_TRUE(has_client_placeholder("/srv/{client}"));
  EXPECT_FALSE(has_client_placeholder("/srv/client"));
  EXPECT_EQ(expand_url("/srv/{client}/{client}", "web"), "/srv/web/web");
  EXPECT_EQ(expand_url("/srv/x", "web"), "/srv/x");
}

TEST(RepositoryUrl, PlacesAreComparedForAllClientsThatThereMayBeAndAreThere) {
  using enum Places;
  struct Row {
    const char* a;
    const char* b;
    Places places;
  };
  const ClientNames clients{"web", "db", "x-web"};
  for (const Row& row : {
           Row{"/srv/a", "/srv//./a/", same},
           Row{"/srv/a", "/srv/a/b", second_inside},
           Row{"/srv/a", "/srv/ab", apart},
           Row{"u@vault:/srv/a", "ssh://v@vault:22/srv/a/b", second_inside},
           Row{"u@vault:/srv/a", "u@other:/srv/a/b", apart},
           Row{"u@vault:/srv/a", "/srv/a/b", apart},
           Row{"u@vault:a", "u@vault:a/b", second_inside},
           Row{"u@vault:a", "v@vault:a/b", apart},
           Row{"/srv/{client}", "/srv/{client}", same},
           Row{"/srv", "/srv/{client}", second_inside},
           Row{"/srv/{client}", "/srv/{client}/data", second_inside},
           Row{"/srv/{client}", "/srv/web", same},
           Row{"/srv/{client}", "/srv/mail", apart},
           Row{"/srv/{client}", "/srv/db/old", second_inside},
           Row{"/srv/{client}", "/srv/mail/old", apart},
           Row{"/srv/{client}", "/srv/a-{client}", apart},
           Row{"/srv/{client}", "/srv/x-{client}", same},
           Row{"/srv/a-{client}", "/srv/b-{client}", apart},
           Row{"/srv/a-{client}.borg", "/srv/a-web.borg/x", second_inside},
           Row{"/srv/a-{client}.borg", "/srv/a.borg", apart},
           Row{"/srv/{client}/{client}", "/srv/db/web", same},
       }) {
    EXPECT_EQ(compare_places(row.a, row.b, clients), row.places) << row.a << " " << row.b;
    const Places turned = row.places == second_inside ? first_inside : row.places;
    EXPECT_EQ(compare_places(row.b, row.a, clients), turned) << row.b << " " << row.a;
  }
}

TEST(JumpHost, IsAUserAHostAndAPort) {
  struct Row {
    const char* text;
    const char* user;
    const char* host;
    int port;
  };
  for (const auto& row : {Row{"bastion", "me", "bastion", 22}, Row{"u@bastion", "u", "bastion", 22},
                          Row{"u@bastion:2222", "u", "bastion", 2222}, Row{"[::1]", "me", "::1", 22},
                          Row{"u@[fe80::1]:99", "u", "fe80::1", 99}}) {
    const auto target = parse_ssh_target(row.text, "me");
    ASSERT_TRUE(target) << row.text;
    EXPECT_EQ(target->user, row.user);
    EXPECT_EQ(target->address, row.host);
    EXPECT_EQ(target->port, row.port);
  }
  for (const char* text :
       {"", "@", "a@b@c", "a b", "host:", "host:0", "[]", "[::1", "-h", "u@", "h/x", "h;id"}) {
    EXPECT_FALSE(parse_ssh_target(text, "me")) << text;
  }
}

TEST(Hosts, HaveALengthAndAnAlphabet) {
  EXPECT_TRUE(is_valid_host(std::string(253, 'a')));
  EXPECT_FALSE(is_valid_host(std::string(254, 'a')));
  EXPECT_TRUE(is_valid_user(std::string(64, 'a')));
  EXPECT_FALSE(is_valid_user(std::string(65, 'a')));
  EXPECT_FALSE(is_valid_user("a:b"));
}

}  // namespace
}  // namespace cyborg
