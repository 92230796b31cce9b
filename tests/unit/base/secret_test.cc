#include "base/secret.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "base/text.h"
#include "base/tls_context.h"
#include "tests/support/temp_folder.h"

using namespace consentry;

TEST_CASE("hashes agree with published vectors") {
  CHECK(hex(as_bytes(sha256("abc"))) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  // RFC 4231, case 2
  CHECK(hex(as_bytes(hmac_sha256("Jefe", "what do ya want for nothing?"))) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  // RFC 7677: the salted password behind the example exchange
  CHECK(base64(as_bytes(pbkdf2_sha256("pencil", *parse_base64("W22ZaJ0SNY7soEsUEjb6gQ=="),
                                      4096))) == "xKSVEDI6tPlSysH6mUQZOeeOp01r6B3fcJbodRPcYV0=");
}

TEST_CASE("a key file is private and never overwritten") {
  const tests::temp_folder folder;
  const auto file = folder.path() / "key";
  REQUIRE(create_key_file(file, "secret"));
  CHECK(create_key_file(file, "other").error().kind == failure_kind::conflict);
  CHECK(read_key_file(file).value().reveal() == "secret");
  ::chmod(file.c_str(), 0644);
  CHECK(read_key_file(file).error().kind == failure_kind::invalid);
  CHECK(read_key_file(folder.path() / "none").error().kind == failure_kind::not_found);

  REQUIRE(replace_key_file(file, "next"));
  CHECK(read_key_file(file).value().reveal() == "next");
  std::filesystem::create_symlink(file, folder.path() / "link");
  CHECK(read_key_file(folder.path() / "link").error().kind == failure_kind::invalid);
  CHECK(create_key_file(folder.path() / "link", "x").error().kind == failure_kind::conflict);
  REQUIRE(::mkfifo((folder.path() / "pipe").c_str(), 0600) == 0);
  CHECK(read_key_file(folder.path() / "pipe").error().kind == failure_kind::invalid);  // at once
  REQUIRE(remove_key_file(file));
  REQUIRE(remove_key_file(file));
  CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE("a folder of keys is its owner's alone") {
  const tests::temp_folder temp;
  const auto folder = temp.path() / "a/b";
  REQUIRE(create_key_folder(folder));
  REQUIRE(create_key_folder(folder));
  CHECK(check_key_folder(folder));
  ::chmod(folder.c_str(), 0710);
  CHECK(check_key_folder(folder).error().kind == failure_kind::invalid);
  std::filesystem::create_directory_symlink(temp.path() / "a", temp.path() / "link");
  CHECK(check_key_folder(temp.path() / "link").error().kind == failure_kind::invalid);
  CHECK(check_key_folder(temp.path() / "none").error().kind == failure_kind::not_found);
}

TEST_CASE("a self-signed identity is a usable one, a broken one names its file") {
  const tests::temp_folder folder;
  const tls_identity identity{folder.path() / "cert.pem", folder.path() / "key.pem"};
  make_self_signed(identity, "mail.example.hu");
  CHECK(make_server_tls(identity) != nullptr);
  std::ofstream{folder.path() / "bad.pem"} << "nonsense";
  CHECK_THROWS_WITH(make_server_tls({folder.path() / "bad.pem", identity.private_key}),
                    Catch::Contains("bad.pem"));
}
