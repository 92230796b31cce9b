#include "smtp/auth/key_ring.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "base/result.h"
#include "tests/support/temp_folder.h"

using namespace consentry;
using namespace consentry::smtp::auth;
namespace fs = std::filesystem;

TEST_CASE("keys are made once, written privately and found by domain", "[key_ring]") {
  const tests::temp_folder folder;
  const auto made = create_keys(folder.path(), "example.hu", "s2024");
  REQUIRE(made.has_value());
  REQUIRE(made->size() == 2);
  CHECK(made->front()->dns_name() == "s2024r._domainkey.example.hu");
  CHECK(made->front()->dns_value().starts_with("v=DKIM1; k=rsa; p="));
  CHECK(made->back()->dns_value().starts_with("v=DKIM1; k=ed25519; p="));
  for (const auto& entry : fs::directory_iterator{folder.path() / "example.hu"})
    CHECK((entry.status().permissions() & fs::perms{077}) == fs::perms::none);

  REQUIRE(create_keys(folder.path(), "masik.hu", "s").has_value());
  const auto again = create_keys(folder.path(), "example.hu", "s2024");
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().kind == failure_kind::conflict);

  const auto ring = key_ring::load(folder.path());
  CHECK(ring->size() == 4);
  REQUIRE(ring->of("example.hu").size() == 2);
  CHECK(ring->of("example.hu")[0]->algorithm() == dkim_algorithm::rsa_sha256);
  CHECK(ring->of("example.hu")[0]->dns_value() == made->front()->dns_value());
  CHECK(ring->of("example.hu")[1]->selector() == "s2024e");
  CHECK(ring->of("nowhere.hu").empty());
  CHECK(key_ring{}.of("example.hu").empty());
}

TEST_CASE("a key that cannot be used is named", "[key_ring]") {
  const tests::temp_folder folder;
  REQUIRE(create_key_folder(folder.path() / "example.hu"));
  const fs::path file = folder.path() / "example.hu" / "s.pem";
  std::ofstream{file} << "no key";
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  CHECK_THROWS_WITH(key_ring::load(folder.path()), Catch::Contains("s.pem"));
  fs::remove(file);
  REQUIRE(create_keys(folder.path(), "example.hu", "s").has_value());
  fs::permissions(folder.path() / "example.hu" / "sr.pem",
                  fs::perms::owner_read | fs::perms::group_read);
  CHECK_THROWS_AS(key_ring::load(folder.path()), configuration_error);
  CHECK_THROWS_AS(key_ring::load(folder.path() / "absent"), configuration_error);
}
