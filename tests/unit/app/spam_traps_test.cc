#include "app/spam_traps.h"

#include <catch2/catch.hpp>

#include "app/mailbox_provider.h"
#include "base/result.h"
#include "smtp/address.h"

using namespace consentry;
using namespace consentry::app;

namespace {

std::string key(const char* address) {
  return smtp::mailbox::parse(address).value().key();
}

}  // namespace

TEST_CASE("spam traps are addresses and whole domains") {
  const auto traps =
      spam_traps::parse("# list\n\nTrap@Example.HU  # since May\n@never.example\r\n", "t");
  CHECK(traps.size() == 2);
  CHECK(traps.contains(key("trap@example.hu")));
  CHECK(traps.contains(key("TRAP@EXAMPLE.hu")));
  CHECK(traps.contains(key("anybody@never.example")));
  CHECK_FALSE(traps.contains(key("anybody@not.never.example")));
  CHECK_FALSE(traps.contains(key("other@example.hu")));
  CHECK_FALSE(spam_traps{}.contains(key("trap@example.hu")));
}

TEST_CASE("a line that is no address is an error with its place") {
  for (const char* bad : {"a@b.example\nnobody\n", "a@b.example\n@\n", "a@b.example\n<>\n"})
    CHECK_THROWS_WITH(spam_traps::parse(bad, "traps.txt"), Catch::StartsWith("traps.txt:2: "));
}

TEST_CASE(
    "C6: a provider is known by the host that took the mail, else by the recipient's domain") {
  const std::vector<reporter> listed{{.name = "Y",
                                      .dkim_domains = {},
                                      .from = {},
                                      .mailbox_domains = {"y.example"},
                                      .mail_hosts = {"hosts.example"}},
                                     {.name = "Z",
                                      .dkim_domains = {},
                                      .from = {},
                                      .mailbox_domains = {"z.example"},
                                      .mail_hosts = {}}};
  CHECK(find_provider(listed, "mta5.hosts.example", "own.example") == "Y");
  CHECK(find_provider(listed, "hosts.example", "own.example") == "Y");
  CHECK(find_provider(listed, "badhosts.example", "own.example").empty());
  CHECK(find_provider(listed, "smarthost.example", "z.example") == "Z");
  CHECK(find_provider(listed, "smarthost.example", "sub.z.example").empty());
  CHECK(find_provider({}, "mta5.hosts.example", "y.example").empty());
}
