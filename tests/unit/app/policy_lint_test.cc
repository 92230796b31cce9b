// RULES E7, E11: what a lint says of a policy's files, all of it at once, with places and hints.
#include "app/policy_lint.h"

#include <catch2/catch.hpp>

using namespace consentry::app;

namespace {

const std::string head = "language = \"hu\"\ncategory = \"S3\"\n";

policy_bundle bundle_of(std::map<std::string, std::string> files) {
  policy_bundle b;
  b.files["policy/default.toml"] = {"policy/default.toml", ""};
  for (auto& [name, text] : files) b.files[name] = {name, std::move(text)};
  return b;
}

std::string pattern_of(const std::string& lines) {
  return "[[pattern]]\n" + lines;
}

const std::string good = head + pattern_of(
                                    "id = \"a\"\nweight = 4\nwords = [\"alma+\"]\n"
                                    "must_match = [\"alma\"]\nmust_not_match = [\"fa\"]\n");

std::vector<std::string> lines_of(const policy_bundle& b) {
  std::vector<std::string> out;
  for (const auto& p : check_policy(b).problems) out.push_back(to_line(p));
  return out;
}

}  // namespace

TEST_CASE("E7: the shipped files have no fault") {
  const std::filesystem::path conf{CONSENTRY_SOURCE_DIR "/conf"};
  const auto checked = check_policy(read_bundle(conf / "policy/default.toml", conf / "patterns"));
  for (const auto& p : checked.problems) FAIL_CHECK(to_line(p));
  REQUIRE(checked.policy != nullptr);
}

TEST_CASE("E7: a fault of the content model is told with its line") {
  const auto lines = lines_of(bundle_of(
      {{"patterns/hu/S3_a.toml", good},
       {"patterns/model.toml",
        "categories = [\"S3\"]\nweights = \"1000\"\nintercepts = \"0 -300\"\nwords = '''\n"
        "alma|100 1 2\nkorte|100 1\n'''\n"}}));
  REQUIRE(lines.size() == 1);
  CHECK_THAT(lines[0], Catch::StartsWith("patterns/model.toml:6:1: a line is"));
}

TEST_CASE("E7: every error of every file is told, with line, column and hint") {
  const auto lines = lines_of(bundle_of(
      {{"policy/default.toml",
        "[content]\nhold = \"5\"\nrejekt = 9\n[hard]\naction = \"rejct\"\n"
        "[consent]\nmonths = 24\n[bulk]\nfingerprint_recipients = 0\n"},
       {"patterns/hu/S3_a.toml",
        head +
            pattern_of("id = \"a\"\nweigth = 4\nwords = [\"alma\",\n  \"a~b\"]\ngroup = \"g\"\n") +
            pattern_of("id = \"b\"\nzones = [\"boddy\"]\nwords = [\"körte\"]\ngroup = \"g\"\n")},
       {"patterns/hu/S3_b.toml", "language = \n"}}));
  REQUIRE(lines.size() == 9);
  CHECK_THAT(lines[0], Catch::StartsWith("patterns/hu/S3_a.toml:5:1: unknown key weigth") &&
                           Catch::Contains("did you mean \"weight\"?"));
  CHECK_THAT(lines[1], Catch::StartsWith("patterns/hu/S3_a.toml:7:3: \"a~b\": "));
  CHECK_THAT(lines[2], Catch::StartsWith("patterns/hu/S3_a.toml:11:1: unknown zone \"boddy\""));
  CHECK_THAT(lines[3], Catch::StartsWith("patterns/hu/S3_b.toml:1:"));
  CHECK_THAT(lines[4], Catch::StartsWith("policy/default.toml:2:1: hold must be a number"));
  CHECK_THAT(lines[5], Catch::StartsWith("policy/default.toml:3:1: unknown key rejekt") &&
                           Catch::Contains("did you mean \"reject\"?"));
  CHECK_THAT(lines[6], Catch::StartsWith("policy/default.toml:5:1: action must be one of") &&
                           Catch::Contains("did you mean \"reject\"?"));
  CHECK_THAT(lines[7], Catch::StartsWith("policy/default.toml:7:1: consent.months cannot be set"));
  CHECK_THAT(lines[8],
             Catch::StartsWith("policy/default.toml:9:1: fingerprint_recipients must be"));
}

TEST_CASE("E11: what is fixed cannot be loosened: each such key is an error that says why") {
  for (const auto& [section, key] : std::map<std::string, std::string>{
           {"consent", "months"},
           {"provenance", "allow"},
           {"permission_request", "action"},
           {"campaign", "release_after_h"},
           {"unblock", "auto"},
           {"suppress", "ignore"},
       }) {
    const auto lines =
        lines_of(bundle_of({{"policy/default.toml", "[" + section + "]\n" + key + " = 1\n"},
                            {"patterns/hu/a.toml", good}}));
    INFO(section + "." + key);
    REQUIRE(lines.size() >= 1);
    CHECK_THAT(lines[0], Catch::StartsWith("policy/default.toml:2:1: ") &&
                             Catch::Contains("cannot be set, the rule is fixed"));
  }
}

TEST_CASE("E7, E11: lists of domains are linted line by line, and nobody is exempt from H1 to H8") {
  const auto lines = lines_of(bundle_of(
      {{"policy/default.toml", "[exemptions]\nS1 = \"shop\"\nH6 = \"shop\"\n"},
       {"patterns/hu/a.toml", good},
       {"lists/url_blocklist.txt", "evil.test\nhttps://evil.test/x\nhu\nevil.test # again\n"},
       {"lists/shorteners.txt", "# none\n*.bit.ly\n"}}));
  REQUIRE(lines.size() == 5);
  CHECK_THAT(lines[0], Catch::StartsWith("lists/shorteners.txt:2:1: \"*.bit.ly\" is not a domain"));
  CHECK_THAT(lines[1], Catch::StartsWith("lists/url_blocklist.txt:2:1: \"https://evil.test/x\"") &&
                           Catch::Contains("without scheme"));
  CHECK_THAT(lines[2],
             Catch::StartsWith("lists/url_blocklist.txt:3:1: \"hu\" is a whole top-level"));
  CHECK_THAT(lines[3],
             Catch::StartsWith("lists/url_blocklist.txt:4:1: evil.test stands in line 1 already"));
  CHECK_THAT(lines[4], Catch::StartsWith("policy/default.toml:3:1: exemptions.H6 cannot be set"));
}

TEST_CASE("E7: what shows in all files together, and what the engine refuses, has its place") {
  const auto lines = lines_of(bundle_of(
      {{"patterns/hu/a.toml",
        good +
            pattern_of("id = \"b\"\nweight = 2\nexpressions = [\"(\"]\n"
                       "must_match = [\"b\"]\nmust_not_match = [\"fa\"]\n") +
            pattern_of("id = \"c\"\nweight = 2\nexpressions = [\n\"x(?=y)\"]\n"
                       "must_match = [\"x\"]\nmust_not_match = [\"fa\"]\n")},
       {"patterns/hu/b.toml", head + pattern_of("id = \"d\"\nweight = 2\nwords = [\"dió+\"]\n"
                                                "requires = [\"nobody\"]\nmust_match = [\"dió\"]\n"
                                                "must_not_match = [\"fa\"]\n")}}));
  REQUIRE(lines.size() == 3);
  CHECK_THAT(lines[0], Catch::StartsWith("patterns/hu/a.toml:12:"));
  CHECK_THAT(lines[1], Catch::StartsWith("patterns/hu/a.toml:19:"));
  CHECK_THAT(lines[2],
             Catch::StartsWith("patterns/hu/b.toml:3:1: no pattern is in the group nobody"));
}

TEST_CASE("E7: samples that fail are told with their own line") {
  const auto lines = lines_of(bundle_of(
      {{"patterns/hu/a.toml",
        head +
            pattern_of("id = \"a\"\nweight = 4\nwords = [\"alma\"]\n"
                       "must_match = [\"alma\",\n  \"körte\"]\nmust_not_match = [\"alma\"]\n")}}));
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] == "patterns/hu/a.toml:8:3: hu.S3.a does not match \"körte\"");
  CHECK(lines[1] == "patterns/hu/a.toml:9:19: hu.S3.a matches \"alma\"");
}

TEST_CASE("F4: a Hungarian word without endings is a warning, and stops nothing") {
  const auto checked = check_policy(
      bundle_of({{"patterns/hu/a.toml",
                  head + pattern_of("id = \"a\"\nweight = 4\nwords = [\"kaszinó\", \"póker+\"]\n"
                                    "must_match = [\"kaszinó\"]\nmust_not_match = [\"fa\"]\n")}}));
  CHECK(checked.problems.empty());
  REQUIRE(checked.warnings.size() == 1);
  CHECK(to_line(checked.warnings[0]) ==
        "patterns/hu/a.toml:6:1: hu.S3.a: \"kaszinó\" is one form of a word only "
        "(\"kaszinó+\" has its usual endings too)");
}
