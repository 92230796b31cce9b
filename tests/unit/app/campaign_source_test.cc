#include "app/campaign_source.h"

#include <catch2/catch.hpp>

using namespace consentry;
using namespace consentry::app;

namespace {

std::string shown(const result<campaign_name>& n) {
  return n ? n->campaign + "=" + n->topic : "invalid";
}

}  // namespace

TEST_CASE("campaign and topic stand in the envelope sender's sub-address") {
  struct row {
    const char* sender;
    const char* outcome;
  };
  for (const row& r : {
           row{"news@shop.hu", "="},
           row{"news+spring@shop.hu", "spring="},
           row{"news+spring-2026=newsletter@shop.hu", "spring-2026=newsletter"},
           row{"news+Spring_2.0=Tips@shop.hu", "Spring_2.0=Tips"},
           row{"+spring@shop.hu", "spring="},
           row{"news+@shop.hu", "invalid"},
           row{"news+spring=@shop.hu", "invalid"},
           row{"news+=tips@shop.hu", "invalid"},
           row{"news+a+b@shop.hu", "invalid"},
           row{"news+a=b=c@shop.hu", "invalid"},
           row{"news+a/b@shop.hu", "invalid"},
           row{"news+\xc3\xa1@shop.hu", "invalid"},
           row{"\"news+a\"@shop.hu", "invalid"},
       }) {
    INFO(r.sender);
    CHECK(shown(from_sub_address(smtp::mailbox::parse(r.sender).value())) == r.outcome);
  }
  CHECK(shown(from_sub_address(smtp::mailbox{})) == "=");
}

TEST_CASE("a name has 1 to 64 plain characters") {
  CHECK(valid_name("  spring ").value() == "spring");
  CHECK(valid_name(std::string(64, 'a')).has_value());
  for (const auto& bad :
       {std::string{}, std::string{"  "}, std::string(65, 'a'), std::string{"a b"},
        std::string{"a\r\nb"}, std::string{"a,b"}, std::string{"a\0b", 3}}) {
    INFO(bad);
    const auto n = valid_name(bad);
    REQUIRE_FALSE(n.has_value());
    CHECK(n.error().kind == failure_kind::invalid);
    CHECK(n.error().permanent);
    // It goes into a reply: one line.
    CHECK(n.error().public_text.find_first_of("\r\n") == std::string::npos);
  }
}

TEST_CASE("what comes later completes, and never contradicts") {
  struct row {
    campaign_name known;
    campaign_name later;
    const char* outcome;
  };
  for (const row& r : {
           row{{}, {}, "="},
           row{{"spring", "news"}, {}, "spring=news"},
           row{{}, {"spring", "news"}, "spring=news"},
           row{{"spring", ""}, {"", "news"}, "spring=news"},
           row{{"spring", "news"}, {"SPRING", "News"}, "spring=news"},
           row{{"spring", "news"}, {"autumn", "news"}, "invalid"},
           row{{"spring", "news"}, {"spring", "tips"}, "invalid"},
           row{{"", "news"}, {"spring", "tips"}, "invalid"},
       }) {
    INFO(r.known.campaign << "=" << r.known.topic << " and " << r.later.campaign << "="
                          << r.later.topic);
    CHECK(shown(join(r.known, r.later)) == r.outcome);
  }
  const auto both = join({"spring", "news"}, {"autumn", "news"});
  CHECK_THAT(both.error().public_text, Catch::Contains("autumn") && Catch::Contains("spring"));
}
