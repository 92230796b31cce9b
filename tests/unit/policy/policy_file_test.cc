#include "policy/policy_file.h"

#include <catch2/catch.hpp>

using namespace consentry;
using namespace consentry::policy;

TEST_CASE("the shipped file holds the defaults, and every knob") {
  const auto shipped = read_policy_file(CONSENTRY_SOURCE_DIR "/conf/policy/default.toml");
  CHECK(knobs_of(shipped) == knobs_of(rule_knobs{}));
}

TEST_CASE("a wrong policy is refused with its line") {
  struct row {
    const char* text;
    const char* says;
  };
  for (const row& r : {
           row{"[consent]\ngranulartiy = \"day\"\n", "f.toml:2: unknown key granulartiy"},
           row{"[consent]\ngranularity = \"hour\"\n", "f.toml:2: granularity must be one of"},
           row{"[content]\n[exemptions]\nS1 = \"2027-01-01\"\nH4 = \"2027-01-01\"\n",
               "f.toml:4: exemptions.H4 cannot be set, the rule is fixed"},
           row{"[exempt]\nS1 = [\"shop\"]\n", "f.toml:1: exempt is no part of a policy"},
           row{"[exemption]\n", "f.toml:1: exemption is no part of a policy"},
           row{"[consents]\n", "f.toml:1: unknown key consents"},
           row{"[renewal]\nmax_silence_months = -1\n", "f.toml:2: max_silence_months"},
           row{"[purchase]\n\npreticked_valid_until = \"soon\"\n", "f.toml:3: preticked_valid"},
           row{"[content]\nhold = 6\nreject = 5\n", "f.toml:3: reject must not be below hold"},
           row{"[unscannable]\naction = \"pass\"\n", "f.toml:2: action must be one of"},
           row{"[preflight]\naction = \"on\"\n", "f.toml:2: action must be one of"},
           row{"[links]\nblocklist = \"pass\"\n", "f.toml:2: blocklist must be one of"},
           row{"[links]\nshortener = \"refuse\"\n", "f.toml:2: shortener must be one of"},
           row{"[links]\nshortener_score = -1\n", "f.toml:2: shortener_score must be between"},
           row{"[attachments]\ndepth_max = 0\n", "f.toml:2: depth_max must be between"},
           row{"[attachments]\nratio_max = 0\n", "f.toml:2: ratio_max must be between"},
           row{"[attachments]\ntotal_mib = 2000\n", "f.toml:2: total_mib must be between"},
           row{"[attachments]\nfiles_max = 0\n", "f.toml:2: files_max must be between"},
           row{"[attachments]\ntime_s = 0\n", "f.toml:2: time_s must be between"},
           row{"[ratio]\nfloor = 0\n", "f.toml:2: floor must be between"},
           row{"[consent]\ncheck = \"never\"\n", "f.toml:2: check must be one of"},
           row{"[consent]\nrequire_doi = 1\n", "f.toml:2: require_doi"},
           row{"[renewal]\nobjection_wait_h = 8761\n", "f.toml:2: objection_wait_h"},
           row{"[renewal]\nmax_silence_months = 121\n", "f.toml:2: max_silence_months"},
           row{"[renewal]\naccept_declared = \"yes\"\n", "f.toml:2: accept_declared"},
           row{"[purchase]\nuntick_withdraws = 0\n", "f.toml:2: untick_withdraws"},
           row{"[reminder]\nafter_months = 13\n", "f.toml:2: after_months"},
           row{"[reminder]\nafter_months = -1\n", "f.toml:2: after_months"},
           row{"[reminder]\naction = \"pass\"\n", "f.toml:2: action must be one of"},
           row{"[campaign]\nmax_unproven = \"101%\"\n", "f.toml:2: max_unproven must be a share"},
           row{"[campaign]\nmax_unproven = 5\n", "f.toml:2: max_unproven"},
           row{"[campaign]\nmin_asked = 10\n", "f.toml:2: unknown key min_asked"},
           row{"[bounce]\n\nhold_campaign = \"5\"\n", "f.toml:3: hold_campaign must be a share"},
           row{"[overdue]\nallow = \"bulk\"\n", "f.toml:2: allow must be one of"},
       }) {
    INFO(r.text);
    CHECK_THROWS_WITH(parse_policy(r.text, "f.toml"), Catch::StartsWith(r.says));
  }
}

TEST_CASE("E11: fixed rules cannot be loosened") {
  for (const char* text :
       {"[consent]\nmonths = 24\n", "[consent]\nrequired = false\n",
        "[consent]\nexempt_roles = [\"info\"]\n", "[provenance]\nallow = [\"purchased\"]\n",
        "[permission_request]\nallow = true\n", "[permission_request]\naction = \"hold\"\n",
        "[consent]\naccept_implicit = true\n", "[consent]\nignore_withdrawals = true\n",
        "[campaign]\nrelease_after_h = 24\n", "[suppress]\nignore = true\n",
        "[unblock]\nauto = true\n", "[unblock]\nafter_days = 7\n"}) {
    INFO(text);
    CHECK_THROWS_WITH(parse_policy(text, "f.toml"),
                      Catch::Contains("f.toml:2: ") && Catch::Contains("the rule is fixed"));
  }
}

TEST_CASE("each knob is read from its place, and shown as it stands there") {
  const auto k = parse_policy(
      "consent = { granularity = \"instant\", check = \"rcpt\", require_doi = true }\n"
      "renewal = { max_silence_months = 120, objection_wait_h = 8760, accept_declared = true }\n"
      "purchase = { untick_withdraws = false, preticked_valid_until = \"2018-01-31\" }\n"
      "reminder = { after_months = 12, action = \"hold\" }\n"
      "campaign = { max_unproven = \"2.5%\" }\n"
      "bounce = { hold_campaign = \"100%\" }\n",
      "f.toml");
  const auto shown = knobs_of(k);
  for (const auto& [name, value] :
       std::map<std::string, std::string>{{"consent.granularity", "instant"},
                                          {"consent.check", "rcpt"},
                                          {"consent.require_doi", "true"},
                                          {"renewal.max_silence_months", "120"},
                                          {"renewal.objection_wait_h", "8760"},
                                          {"renewal.accept_declared", "true"},
                                          {"purchase.untick_withdraws", "false"},
                                          {"purchase.preticked_valid_until", "2018-01-31"},
                                          {"reminder.after_months", "12"},
                                          {"reminder.action", "hold"},
                                          {"campaign.max_unproven", "2.5%"},
                                          {"bounce.hold_campaign", "100%"}}) {
    INFO(name);
    CHECK(shown.at(name) == value);
    CHECK(knobs_of(rule_knobs{}).at(name) != value);
  }
}

TEST_CASE("the version names the content, not the file") {
  const rule_knobs defaults;
  rule_knobs stricter;
  stricter.content_reject = 8;
  const auto a = make_policy_set(defaults, "patterns-1", "a.toml");
  CHECK(a->version == make_policy_set(defaults, "patterns-1", "b.toml")->version);
  CHECK(a->version != make_policy_set(stricter, "patterns-1")->version);
  CHECK(a->version != make_policy_set(defaults, "patterns-2")->version);
  CHECK(a->version.size() == 13);
  CHECK(parse_policy("", "f").consent_granularity == rule_knobs::granularity::day);
  CHECK(parse_policy("[content]\nreject = 8\n", "f").content_reject == 8);
}
