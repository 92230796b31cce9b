#include "smtp/auth/key_folder.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "base/text.h"
#include "smtp/auth/key_pem.h"
#include "smtp/auth/key_ring.h"
#include "tests/support/temp_folder.h"

using namespace consentry;
using namespace consentry::smtp::auth;
namespace fs = std::filesystem;

namespace {

constexpr instant monday = from_ms(1'790'000'000'000);
constexpr instant friday = monday + std::chrono::days{4};

// "c1e signing", ..
std::vector<std::string> states(const key_folder& folder, const std::string& domain) {
  std::vector<std::string> out;
  for (const auto& k : read_keys(folder, domain))
    out.push_back(k.key->selector() + " " + std::string{to_string(k.state)});
  return out;
}
using words = std::vector<std::string>;

std::string content(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::shared_ptr<const secret_text> passphrase(const char* text) {
  return std::make_shared<const secret_text>(std::string{text});
}

}  // namespace

TEST_CASE("new keys wait, sign, and retire the old of their algorithm", "[key_folder]") {
  const tests::temp_folder temp;
  const key_folder folder{temp.path()};
  REQUIRE(create_keys(folder, "a.hu", "c1").has_value());
  const auto next = add_next_keys(folder, "a.hu", "", monday);
  REQUIRE(next.has_value());
  CHECK(next->size() == 2);
  CHECK(states(folder, "a.hu") ==
        words{"c2r waiting", "c2e waiting", "c1r signing", "c1e signing"});
  CHECK(key_ring::load(folder)->of("a.hu")[0]->selector() == "c1r");
  CHECK(key_ring::load(folder)->of("a.hu").size() == 2);
  CHECK(add_next_keys(folder, "a.hu", "", monday).error().kind == failure_kind::conflict);

  // Its record of one algorithm only: the other goes on as it was.
  const auto first = start_signing(folder, "a.hu", {"c2r"}, friday);
  REQUIRE(first.has_value());
  CHECK(first->now_signing == words{"c2r"});
  CHECK(first->now_retired == words{"c1r"});
  CHECK(states(folder, "a.hu") ==
        words{"c2e waiting", "c2r signing", "c1e signing", "c1r retired"});
  CHECK(read_keys(folder, "a.hu")[1].since == friday);
  CHECK(read_keys(folder, "a.hu")[1].made_at == monday);
  REQUIRE(start_signing(folder, "a.hu", {"c2e", "c1r", "none"}, friday)->now_signing ==
          words{"c2e"});
  CHECK(states(folder, "a.hu") ==
        words{"c2r signing", "c2e signing", "c1r retired", "c1e retired"});

  CHECK(remove_key(folder, "a.hu", "c2r").error().kind == failure_kind::conflict);
  CHECK(remove_key(folder, "a.hu", "c9r").error().kind == failure_kind::not_found);
  REQUIRE(remove_key(folder, "a.hu", "c1r"));
  REQUIRE(remove_key(folder, "a.hu", "c1e"));
  CHECK(states(folder, "a.hu") == words{"c2r signing", "c2e signing"});
  CHECK_FALSE(fs::exists(folder.of("a.hu") / "c1r.pem"));
  CHECK(add_next_keys(folder, "a.hu", "c2", friday).error().kind == failure_kind::conflict);
  CHECK(add_next_keys(folder, "a.hu", "../c3", friday).error().kind == failure_kind::invalid);
  CHECK(add_next_keys(folder, "a.hu", "", friday)->front().key->selector() == "c3r");
}

TEST_CASE("a domain's first keys wait too when they come by rotation", "[key_folder]") {
  const tests::temp_folder temp;
  const key_folder folder{temp.path() / "dkim"};
  REQUIRE(add_next_keys(folder, "gw.hu", "", monday).has_value());
  CHECK(states(folder, "gw.hu") == words{"c1r waiting", "c1e waiting"});
  CHECK(key_ring::load(folder)->of("gw.hu").empty());
  CHECK(key_ring::load(folder)->all_of("gw.hu").size() == 2);
  CHECK(key_ring::load(folder)->domains() == words{"gw.hu"});
}

TEST_CASE("whatever is last before a crash, no key is lost and none signs too early",
          "[key_folder]") {
  const tests::temp_folder temp;
  const key_folder folder{temp.path()};
  REQUIRE(create_keys(folder, "a.hu", "c1").has_value());
  REQUIRE(add_next_keys(folder, "a.hu", "", monday).has_value());
  const auto place = folder.of("a.hu");
  const auto unlike = [&](const char* selector, const char* name) {
    const auto kept = content(place / (std::string{selector} + ".pem"));
    fs::rename(place / (std::string{selector} + ".pem"), place / name);
    return kept;
  };

  SECTION("the second of the new keys was not written") {
    unlike("c2e", "c2e.pem.new");
    CHECK(states(folder, "a.hu") == words{"c2r waiting", "c1r signing", "c1e signing"});
    const auto rsa = content(place / "c2r.pem");
    CHECK(add_next_keys(folder, "a.hu", "", monday)->size() == 2);
    CHECK(states(folder, "a.hu").front() == "c2r waiting");
    CHECK(content(place / "c2r.pem") == rsa);  // its record may be published already
  }
  SECTION("neither was") {
    unlike("c2e", "x");
    unlike("c2r", "y");
    CHECK(states(folder, "a.hu") == words{"c1r signing", "c1e signing"});
    CHECK(add_next_keys(folder, "a.hu", "", monday)->front().key->selector() == "c2r");
  }
  SECTION("a removed key's line is still there") {
    REQUIRE(start_signing(folder, "a.hu", {"c2r", "c2e"}, friday).has_value());
    unlike("c1r", "x");
    CHECK(states(folder, "a.hu") == words{"c2r signing", "c2e signing", "c1e retired"});
    REQUIRE(remove_key(folder, "a.hu", "c1e"));
  }
  SECTION("a half-written list stands beside the whole one") {
    std::ofstream{place / "keys.state.new"} << "consentry-dk";
    CHECK(states(folder, "a.hu").size() == 4);
    REQUIRE(start_signing(folder, "a.hu", {"c2r"}, friday).has_value());
    CHECK_FALSE(fs::exists(place / "keys.state.new"));
  }
  SECTION("a list that nobody wrote is not guessed at") {
    for (const char* text : {"", "consentry-dkim-keys 2\n", "consentry-dkim-keys 1\nc1r odd x y\n",
                             "consentry-dkim-keys 1\nc1r signing\n"}) {
      std::ofstream{place / "keys.state"} << text;
      CHECK_THROWS_WITH(key_ring::load(folder), Catch::Contains("keys.state:"));
    }
  }
}

TEST_CASE("keys that others could reach are refused", "[key_folder]") {
  const tests::temp_folder temp;
  const key_folder folder{temp.path() / "dkim"};
  REQUIRE(create_keys(folder, "a.hu", "c1").has_value());
  const auto place = folder.of("a.hu");
  const auto chmod = [](const fs::path& p, unsigned mode) { fs::permissions(p, fs::perms{mode}); };
  const auto refuses = [&folder](const char* why) {
    CHECK_THROWS_WITH(key_ring::load(folder), Catch::Contains(why));
  };
  CHECK(key_ring::load(folder)->size() == 2);
  chmod(place / "c1r.pem", 0640);
  refuses("c1r.pem: others can read this key");
  chmod(place / "c1r.pem", 0600);
  chmod(place, 0750);
  refuses("a.hu: others can look into");
  chmod(place, 0700);
  chmod(folder.path(), 0711);
  refuses("dkim: others can look into");
  chmod(folder.path(), 0700);

  fs::rename(place / "c1r.pem", temp.path() / "elsewhere.pem");
  fs::create_symlink(temp.path() / "elsewhere.pem", place / "c1r.pem");
  refuses("c1r.pem: a symbolic link");
  fs::remove(place / "c1r.pem");
  fs::create_directory_symlink(place, folder.path() / "b.hu");
  refuses("b.hu: a symbolic link");
  fs::remove(folder.path() / "b.hu");
  fs::create_directory(place / "c9r.pem");
  chmod(place / "c9r.pem", 0700);
  refuses("c9r.pem: no plain file");
}

TEST_CASE("keys at rest are encrypted where there is a passphrase", "[key_folder]") {
  const tests::temp_folder temp;
  const key_folder plain{temp.path()};
  const key_folder sealed{temp.path(), passphrase("sixteen letters!")};
  REQUIRE(create_keys(plain, "a.hu", "c1").has_value());
  const auto value = read_keys(plain, "a.hu")[0].key->dns_value();
  CHECK(encrypt_keys(plain).value() == 0);
  CHECK(read_keys(sealed, "a.hu").size() == 2);  // not yet encrypted
  CHECK(encrypt_keys(sealed).value() == 2);
  CHECK(encrypt_keys(sealed).value() == 0);
  for (const char* s : {"c1r.pem", "c1e.pem"}) {
    const auto text = content(plain.of("a.hu") / s);
    CHECK(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    CHECK((fs::status(plain.of("a.hu") / s).permissions() & fs::perms{077}) == fs::perms::none);
  }
  CHECK(read_keys(sealed, "a.hu")[0].key->dns_value() == value);
  REQUIRE(add_next_keys(sealed, "a.hu", "", monday).has_value());
  CHECK(content(plain.of("a.hu") / "c2e.pem").find("ENCRYPTED") != std::string::npos);
  CHECK(read_keys(sealed, "a.hu").size() == 4);
  CHECK_THROWS_WITH(key_ring::load(plain), Catch::Contains("there is no passphrase"));
  const key_folder wrong{temp.path(), passphrase("sixteen letters?")};
  CHECK_THROWS_WITH(key_ring::load(wrong), Catch::Contains("does not open this key"));
}
