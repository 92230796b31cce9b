// The text of an SPF record, and the one that mends what stands there.
#include "smtp/auth/spf_record.h"

#include <catch2/catch.hpp>

using namespace consentry::smtp::auth;

TEST_CASE("RFC 7208 12: which terms are sound") {
  for (const char* good : {"all",
                           "-ALL",
                           "a",
                           "?a/24",
                           "a//64",
                           "a/24//64",
                           "a:b.test",
                           "mx:b.test/30",
                           "mx",
                           "ptr",
                           "ptr:b.test",
                           "ip4:192.0.2.1",
                           "+ip4:192.0.2.0/24",
                           "ip6:2001:db8::/32",
                           "ip6:::1",
                           "include:_spf.b.test",
                           "include:b.test.",
                           "exists:%{ir}.%{v}._spf.%{d2}",
                           "exists:%{l1r-}.x.test",
                           "redirect=b.test",
                           "redirect=%{d}",
                           "exp=why.%{d}",
                           "foo=bar",
                           "foo=",
                           "x-y.z_1=%%%_%-"}) {
    INFO(good);
    CHECK(is_spf_term(good));
  }
  for (const char* bad : {"",
                          "-",
                          "foo",
                          "foo:bar",
                          "all:b.test",
                          "all/24",
                          "a:",
                          "a/",
                          "a/33",
                          "a//129",
                          "a/024",
                          "a:192.0.2.1",
                          "mx:localhost",
                          "ptr:",
                          "ptr/24",
                          "ip4",
                          "ip4:",
                          "ip4:192.0.2.256",
                          "ip4:192.0.2.1/33",
                          "ip4:2001:db8::1",
                          "ip6:192.0.2.1",
                          "ip6:2001:db8::/129",
                          "ip6:fe80::1%1",
                          "ipv4:192.0.2.1",
                          "include",
                          "include:",
                          "include:b.test/24",
                          "exists:%{x}.test",
                          "exists:%{d",
                          "exists:%d.test",
                          "redirect=",
                          "redirect=localhost",
                          "1x=y",
                          "=y",
                          "--all",
                          "-include=b.test",
                          "a:\xc3\xa1.test"}) {
    INFO(bad);
    CHECK_FALSE(is_spf_term(bad));
  }
}

TEST_CASE("RFC 7208 4.5: which texts are records") {
  CHECK(spf_records_of({"v=spf1", "V=SPF1 -all", "v=spf10 -all", "v=spf1\t-all", " v=spf1",
                        "words"}) == std::vector<std::string>{"v=spf1", "V=SPF1 -all"});
}

TEST_CASE("the record to publish: our addresses before all else, one record, sound") {
  struct row {
    std::vector<std::string> present;
    const char* wanted;  // behind our address
  };
  for (const auto& r : {
           row{{}, "?all"},
           row{{"v=spf1"}, ""},
           row{{"v=spf1 include:x.test  -all"}, "include:x.test -all"},
           row{{"v=spf1 mx redirect=x.test exp=y.test"}, "mx redirect=x.test exp=y.test"},
           // What is unsound goes, and whom it meant is not disowned.
           row{{"v=spf1 ip4:192.0.2.256 mx -all"}, "mx ?all"},
           row{{"v=spf1 ipv4:198.51.100.7 a redirect=x.test"}, "a include:x.test ?all"},
           row{{"v=spf1 redirect=x.test redirect=y.test"}, "include:x.test include:y.test ?all"},
           row{{"v=spf1 foo -all mx"}, "?all"},
           // Of several, one; as strict as the mildest.
           row{{"v=spf1 mx -all", "v=spf1 include:x.test MX ~all"}, "mx include:x.test ~all"},
           row{{"v=spf1 mx -all", "v=spf1 a -all"}, "mx a -all"},
           row{{"v=spf1 mx -all", "v=spf1 a +all"}, "mx a ?all"},
           row{{"v=spf1 mx -all", "v=spf1 redirect=x.test"}, "mx include:x.test ?all"},
           row{{"v=spf1 a redirect=x.test -all", "v=spf1 -all"}, "a -all"},
           row{{"v=spf1 ip4:192.0.2.1 -all", "v=spf1 bad -all"}, "?all"},
       }) {
    INFO(r.wanted);
    const std::string behind = r.wanted;
    CHECK(spf_record_with({"192.0.2.1"}, r.present) ==
          "v=spf1 ip4:192.0.2.1" + (behind.empty() ? "" : " " + behind));
  }
  CHECK(spf_record_with({"192.0.2.1", "2001:db8::1"}, {"v=spf1 -all"}) ==
        "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all");
}
