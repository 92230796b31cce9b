#include "base/tar_archive.h"

#include <catch2/catch.hpp>

#include "base/secret.h"
#include "base/signing_key.h"

using namespace consentry;

TEST_CASE("the same files give the same archive, and come back", "[tar]") {
  const std::vector<archived_file> files{
      {"a.txt", "one"}, {"notices/b.txt", std::string(5000, 'x')}, {"c", ""}};
  const auto tar = make_tar(files);
  CHECK(tar == make_tar(files));
  CHECK(tar.size() % 512 == 0);
  const auto back = read_tar(tar);
  REQUIRE(back.has_value());
  REQUIRE(back->size() == 3);
  for (std::size_t i = 0; i < files.size(); ++i) {
    CHECK((*back)[i].name == files[i].name);
    CHECK((*back)[i].bytes == files[i].bytes);
  }
  CHECK_FALSE(read_tar(tar, 2).has_value());
  CHECK_FALSE(read_tar(tar, 10, 100).has_value());
  CHECK_FALSE(read_tar("no archive at all").has_value());
  CHECK_FALSE(read_tar(std::string_view{tar}.substr(0, 700)).has_value());
}

TEST_CASE("RFC 8032: the first test vector, and what was changed", "[signing]") {
  const auto octets = [](std::string_view hex) {
    std::string out;
    for (std::size_t i = 0; i < hex.size(); i += 2)
      out += static_cast<char>(std::stoi(std::string{hex.substr(i, 2)}, nullptr, 16));
    return out;
  };
  const signing_key key{octets("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")};
  CHECK(key.public_key() ==
        octets("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"));
  const auto signature = key.sign("");
  CHECK(signature ==
        octets("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb88215"
               "90a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"));
  CHECK(verify_signature(key.public_key(), "", signature));
  CHECK_FALSE(verify_signature(key.public_key(), "x", signature));
  CHECK_FALSE(verify_signature(key.public_key().substr(1), "", signature));
  CHECK_FALSE(verify_signature(key.public_key(), "", signature.substr(1)));
}
