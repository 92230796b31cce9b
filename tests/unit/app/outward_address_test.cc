// Where a tenant's URL may lead (SSRF).
#include <catch2/catch.hpp>

#include "app/outward_address.h"

using namespace consentry;
using namespace consentry::app;

namespace {

bool is_outward_text(const char* text) {
  return is_outward(boost::asio::ip::make_address(text));
}

}  // namespace

TEST_CASE("only addresses of the internet are outward", "[webhooks]") {
  for (const auto* inward :
       {"0.0.0.0",      "10.0.0.1",         "100.64.0.1",      "100.127.255.255", "127.0.0.1",
        "127.9.9.9",    "169.254.169.254",  "172.16.0.1",      "172.31.255.255",  "192.0.0.1",
        "192.168.0.1",  "192.0.2.1",        "198.18.0.1",      "198.19.255.255",  "198.51.100.1",
        "203.0.113.1",  "224.0.0.1",        "240.0.0.1",       "255.255.255.255", "::",
        "::1",          "::ffff:127.0.0.1", "::ffff:10.1.1.1", "::127.0.0.1",     "fe80::1",
        "fc00::1",      "fd12::1",          "fec0::1",         "ff02::1",         "64:ff9b::7f00:1",
        "64:ff9b:1::1", "2001::1",          "2001:db8::1",     "2002:7f00:1::1",  "100::1",
        "3fff::1"}) {
    INFO(inward);
    CHECK_FALSE(is_outward_text(inward));
  }
  for (const auto* outward :
       {"8.8.8.8", "1.1.1.1", "100.63.0.1", "100.128.0.1", "172.15.0.1", "172.32.0.1", "193.6.1.1",
        "198.17.0.1", "::ffff:8.8.8.8", "2606:4700::1111", "2a00:1450::1", "2001:4860::1"}) {
    INFO(outward);
    CHECK(is_outward_text(outward));
  }
}

TEST_CASE("a setting opens networks, and nothing beside them", "[webhooks]") {
  opened_networks n;
  REQUIRE(n.add("10.1.0.0/16"));
  REQUIRE(n.add("::1"));
  for (const auto* wrong : {"10.1.0.0/33", "10.1", "x", "", "::/129", "10.0.0.0/", "10.0.0.0/8x"})
    CHECK_FALSE(n.add(wrong));
  const auto has = [&n](const char* a) { return n.has(boost::asio::ip::make_address(a)); };
  CHECK(has("10.1.2.3"));
  CHECK(has("::ffff:10.1.2.3"));
  CHECK(has("::1"));
  CHECK_FALSE(has("10.2.0.1"));
  CHECK_FALSE(has("::2"));
}

TEST_CASE("hosts that are addresses in disguise are no hosts", "[webhooks]") {
  CHECK(outward_host("https://hook.example.hu/x?y").value() == "hook.example.hu");
  CHECK(outward_host("HTTPS://Hook.Example.hu:8443/").value() == "hook.example.hu");
  CHECK(outward_host("https://hook.example.hu:443").has_value());
  for (const auto* wrong : {"http://hook.example.hu/",
                            "https://127.0.0.1/",
                            "https://[::1]/",
                            "https://2130706433/",
                            "https://0x7f.0x1/",
                            "https://0177.1/",
                            "https://a.0x7f/",
                            "https://localhost/",
                            "https://u@hook.example.hu/",
                            "https://hook.example.hu:25/",
                            "https://hook.example.hu:0/",
                            "https://hook.example.hu:70000/",
                            "https://hook.example.hu:44x/",
                            "https://hook.example.hu:/",
                            "https://hook.example.hu./",
                            "https:///",
                            "",
                            "hook",
                            "https://hook.example.hu /",
                            "gopher://hook.example.hu/"}) {
    INFO(wrong);
    CHECK_FALSE(outward_host(wrong).has_value());
  }
}
