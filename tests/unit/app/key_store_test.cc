#include "app/key_store.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "base/result.h"
#include "tests/support/temp_folder.h"

using namespace consentry;
using namespace consentry::app;
namespace fs = std::filesystem;

namespace {

void write_key(const fs::path& file, const std::string& text,
               fs::perms mode = fs::perms::owner_read) {
  std::ofstream{file} << text;
  fs::permissions(file, mode);
}

}  // namespace

TEST_CASE("a key is made once, for its owner only, and stays") {
  const consentry::tests::temp_folder f;
  const auto folder = f.path() / "keys";
  const auto key = load_or_create_key(folder, "a.key");
  CHECK(key.size() == 32);
  CHECK(load_or_create_key(folder, "a.key") == key);
  CHECK(load_or_create_key(folder, "b.key") != key);
  CHECK((fs::status(folder / "a.key").permissions() & fs::perms::mask) ==
        (fs::perms::owner_read | fs::perms::owner_write));
  CHECK((fs::status(folder).permissions() & fs::perms::mask) == fs::perms::owner_all);
}

TEST_CASE("a key that cannot be trusted stops the start") {
  const consentry::tests::temp_folder f;
  write_key(f.path() / "open.key", std::string(64, 'a'),
            fs::perms::owner_read | fs::perms::group_read);
  write_key(f.path() / "short.key", std::string(62, 'a'));
  write_key(f.path() / "long.key", std::string(66, 'a'));
  write_key(f.path() / "odd.key", std::string(64, 'x'));
  write_key(f.path() / "empty.key", "");
  for (const char* name : {"open.key", "short.key", "long.key", "odd.key", "empty.key"}) {
    INFO(name);
    CHECK_THROWS_AS(load_or_create_key(f.path(), name), configuration_error);
  }
  write_key(f.path() / "good.key", std::string(64, 'a') + "\n");
  CHECK(load_or_create_key(f.path(), "good.key") == std::string(32, '\xaa'));
}

TEST_CASE("the newest key makes tokens, all of them read") {
  const consentry::tests::temp_folder f;
  const auto first = load_token_ring(f.path());
  const auto old_token = first->make(recipient_id{7}, smtp::token_purpose::unsubscribe);
  CHECK(load_token_ring(f.path())->make(recipient_id{7}, smtp::token_purpose::unsubscribe) ==
        old_token);

  write_key(f.path() / "token.3.key", std::string(64, 'b'));
  const auto both = load_token_ring(f.path());
  const auto new_token = both->make(recipient_id{7}, smtp::token_purpose::unsubscribe);
  CHECK(new_token != old_token);
  CHECK(both->read(old_token, smtp::token_purpose::unsubscribe) == recipient_id{7});
  CHECK(both->read(new_token, smtp::token_purpose::unsubscribe) == recipient_id{7});
  CHECK_FALSE(first->read(new_token, smtp::token_purpose::unsubscribe));
}

TEST_CASE("token keys rotate: old tokens read until their key may go") {
  using std::chrono::hours;
  const consentry::tests::temp_folder f;
  const auto token =
      load_token_ring(f.path())->make(recipient_id{7}, smtp::token_purpose::feedback);
  const hours max_age{24 * 90};
  const auto now = system_wall_clock{}.now();
  CHECK(remove_token_key(f.path(), 1, now, max_age).error().kind == failure_kind::conflict);
  const auto second = add_token_key(f.path());
  REQUIRE(second.has_value());
  CHECK(second->number == 2);
  CHECK_FALSE(second->superseded_at);
  const auto both = read_token_ring(f.path());
  CHECK(both->read(token, smtp::token_purpose::feedback) == recipient_id{7});
  CHECK(both->make(recipient_id{7}, smtp::token_purpose::feedback) != token);

  CHECK(remove_token_key(f.path(), 1, now, max_age).error().kind == failure_kind::conflict);
  CHECK(remove_token_key(f.path(), 2, now + 2 * max_age, max_age).error().kind ==
        failure_kind::conflict);
  CHECK(remove_token_key(f.path(), 9, now, max_age).error().kind == failure_kind::not_found);
  CHECK(remove_token_key(f.path(), 1, now + 2 * max_age, max_age).has_value());
  CHECK(list_token_keys(f.path())->size() == 1);
  // No first key is made again, and its tokens are strangers' words.
  CHECK_FALSE(load_token_ring(f.path())->read(token, smtp::token_purpose::feedback));
  CHECK(add_token_key(f.path())->number == 3);
}
