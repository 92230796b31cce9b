#include "policy/consent/import_signs.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/unit/policy_consent/import_world.h"

using namespace consentry;
using namespace consentry::policy::consent;
using namespace consentry::policy::consent::tests;

TEST_CASE("the most frequent values are found in bounded memory, in parts of any order") {
  frequent_values a, b, none;
  for (std::uint64_t i = 0; i < 20000; ++i) {
    a.see(i % 2 == 0 ? 7 : 1000 + i);
    b.see(i % 4 == 0 ? 8 : 100000 + i);
  }
  CHECK(a.share_of_frequent(0.1) == Approx(0.5).margin(0.01));
  CHECK(b.share_of_frequent(0.1) == Approx(0.25).margin(0.01));
  auto both = a;
  both.add(b);
  both.add(none);
  CHECK(both.share_of_frequent(0.1) == Approx(0.375).margin(0.02));
  b.add(a);
  CHECK(b.share_of_frequent(0.1) == Approx(both.share_of_frequent(0.1)).margin(0.01));
  CHECK(none.share_of_frequent(0.1) == 0);
  CHECK(both.seen() == 40000);
}

TEST_CASE("role names and throw-away domains are told from others") {
  const known_lists lists{.roles = {"info", "sales"}, .throwaway_domains = {"mailinator.com"}};
  import_signs s;
  for (const char* address : {"info@b.hu", "infor@b.hu", "x@mailinator.com", "y@a.mailinator.com",
                              "z@notmailinator.com", "sales@mailinator.com"})
    s.see(address, "2026-01-10T10:00:00", &lists);
  CHECK(s.rows == 6);
  CHECK(s.roles == 2);
  CHECK(s.throwaways == 3);
}

TEST_CASE("the lists that are shipped can be read") {
  const std::filesystem::path folder{CONSENTRY_SOURCE_DIR "/conf/lists"};
  const auto lists =
      load_known_lists(folder / "role-local-parts.txt", folder / "throwaway-domains.txt");
  CHECK(lists.roles.contains("info"));
  CHECK(lists.throwaway_domains.contains("mailinator.com"));
  CHECK(lists.throwaway_domains.size() > 5000);
  CHECK_THROWS_AS(load_known_lists(folder / "none", folder / "none"), configuration_error);
}

TEST_CASE("2.5.3: what a bought list looks like, and what a shop's own does not") {
  struct row {
    const char* name;
    import_shares shares;
    int least, most;
  };
  for (const row& r : {
           row{"a shop's own",
               {.rows = 5000, .roles = 0.02, .same_time = 0.1, .overlap = 0.15},
               0,
               0},
           row{"freemail readers of many shops", {.rows = 5000, .overlap = 0.3}, 10, 30},
           row{"sold to others too", {.rows = 5000, .overlap = 0.9}, 61, 100},
           row{"made in one go, half of it known",
               {.rows = 800, .same_time = 1, .overlap = 0.5},
               61,
               100},
           row{"roles and throw-aways, of one moment",
               {.rows = 800, .roles = 0.4, .throwaways = 0.1, .same_time = 0.8},
               61,
               100},
           row{"dead addresses", {.rows = 5000, .delivered = 80, .bounced = 20}, 61, 100},
           row{"too few mails to say", {.rows = 5000, .delivered = 60, .bounced = 20}, 0, 0},
           row{"complaints", {.rows = 5000, .delivered = 2000, .complained = 10}, 61, 100},
           row{"one complaint", {.rows = 5000, .delivered = 100, .complained = 1}, 1, 20},
           row{"too small to say", {.rows = 500, .roles = 1, .same_time = 1, .overlap = 1}, 0, 0},
       }) {
    INFO(r.name);
    const auto score = score_of(r.shares);
    CHECK(score.points >= r.least);
    CHECK(score.points <= r.most);
    CHECK(score.reasons.empty() == (score.points == 0));
  }
}

TEST_CASE("shares are rounded to five percent") {
  CHECK(rounded_share(0, 0) == 0);
  CHECK(rounded_share(1, 100) == 0);
  CHECK(rounded_share(3, 100) == Approx(0.05));
  CHECK(rounded_share(57, 100) == Approx(0.55));
  CHECK(rounded_share(100, 100) == 1);
}

TEST_CASE("a plan counts signs and samples whoever refused the row") {
  std::string file = import_header + "\n";
  for (int i = 0; i < 400; ++i)
    file += "p" + std::to_string(i) + "@b.hu,news,2026-01-10T10:00:00," +
            (i % 2 == 0 ? "implicit" : "web_form") + ",own_form,h\n";
  auto l = lookup();
  l.platform_hash = [](std::string_view a) { return std::hash<std::string_view>{}(a); };
  const auto p = plan_text(file, request(), l);
  REQUIRE(p.has_value());
  CHECK(p->plan.signs.rows == 400);
  CHECK(shares_of(p->plan.signs).same_time == Approx(1.0));
  std::uintmax_t bytes = 0;
  for (const auto& f : p->plan.samples) bytes += std::filesystem::file_size(f);
  const auto sampled = bytes / sizeof(std::uint64_t);
  CHECK(sampled > 400 / sample_rate / 2);
  CHECK(sampled < 400 / sample_rate * 2);
}
