// RULES E10: activation, rollback and what survives a restart; and what a comparison says.
#include "app/policy_versions.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "app/policy_diff.h"
#include "tests/unit/app/app_world.h"

using namespace consentry;
using namespace consentry::app;
using consentry::tests::app_world;

namespace {

std::string pattern_text(const std::string& word, int weight = 12, const std::string& more = {}) {
  return "language = \"hu\"\ncategory = \"S3\"\n[[pattern]]\nid = \"" + word +
         "\"\nweight = " + std::to_string(weight) + "\nwords = [\"" + word +
         "\"]\nmust_match = [\"" + word + "\"]\nmust_not_match = [\"x\"]\n" + more;
}

policy_bundle bundle_of(const std::string& knobs, const std::string& patterns) {
  policy_bundle b;
  b.files["policy/default.toml"] = {"default.toml", knobs};
  b.files["patterns/hu/a.toml"] = {"a.toml", patterns};
  return b;
}

// Files on disk beside a world's store.
struct conf_files {
  tests::temp_folder folder;
  conf_files() { std::filesystem::create_directories(folder.path() / "patterns/hu"); }
  void write(const std::string& knobs, const std::string& patterns) const {
    std::ofstream{folder.path() / "policy.toml"} << knobs;
    std::ofstream{folder.path() / "patterns/hu/a.toml"} << patterns;
  }
  std::string follow(policy_versions& v) const {
    return v.follow_files(folder.path() / "policy.toml", folder.path() / "patterns")->set->version;
  }
};

const policy_act eva{"desk:eva", "a test"};

std::string version_after(const policy_versions::outcome& done) {
  return std::get<policy_activation>(done).version;
}

}  // namespace

TEST_CASE("E10: a version is stored once, named by its content, and never changes") {
  app_world w;
  policy_versions v{w.rooms, w.live, w.clock};
  const auto first = bundle_of("", pattern_text("alpha"));
  const auto second = bundle_of("[content]\nhold = 4\n", pattern_text("alpha"));
  const auto a = version_after(v.activate(first, eva));
  const auto b = version_after(v.activate(second, eva));
  CHECK(a == version_of(first));
  CHECK(a != b);
  CHECK(w.live.policy.get()->set->version == b);
  CHECK(version_after(v.return_to(a, {"desk:otto", "back"})) == a);
  CHECK(w.live.policy.get()->set->version == a);
  w.read([&](read_txn& txn) {
    const auto made = w.rooms.policies.find(txn, a).value();
    CHECK(made.author == "desk:eva");  // who made it, not who came back to it
    CHECK(w.rooms.policies.files_of(txn, made).files.at("patterns/hu/a.toml").text ==
          pattern_text("alpha"));
    CHECK(w.rooms.policies.versions(txn).size() == 2);
    const auto history = w.rooms.policies.history(txn, 0, 10);
    REQUIRE(history.size() == 3);
    CHECK(history[0].kind == activation_kind::rolled_back);
    CHECK(history[0].previous == b);
    CHECK(history[2].previous.empty());
    CHECK(w.rooms.policies.history(txn, 3, 10).size() == 2);
    return 0;
  });
  CHECK(w.events(journal::event_kind::policy_activated).size() == 3);
  CHECK(std::get<failure>(v.activate(first, eva)).kind == failure_kind::conflict);
  CHECK(std::get<failure>(v.return_to("p0", eva)).kind == failure_kind::not_found);
}

TEST_CASE("E10: a set with a fault changes nothing") {
  app_world w;
  policy_versions v{w.rooms, w.live, w.clock};
  const auto a = version_after(v.activate(bundle_of("", pattern_text("alpha")), eva));
  for (const auto& bad :
       {bundle_of("[content]\nhold = 0\n", pattern_text("alpha")),
        bundle_of("", pattern_text("alpha", 12, "zones = [\"x\"]\n")),
        bundle_of("",
                  "language = \"hu\"\ncategory = \"S3\"\n[[pattern]]\nid = \"b\"\n"
                  "weight = 2\nwords = [\"b\"]\nmust_match = [\"c\"]\n"
                  "must_not_match = [\"x\"]\n"),
        policy_bundle{}}) {
    CHECK_FALSE(std::get<std::vector<toml_problem>>(v.activate(bad, eva)).empty());
    CHECK(w.live.policy.get()->set->version == a);
  }
  CHECK(w.events(journal::event_kind::policy_activated).size() == 1);
}

TEST_CASE("E10: what a person decided stands over restarts until the files change") {
  app_world w;
  w.live.policy.set(nullptr);
  conf_files conf;
  conf.write("", pattern_text("alpha"));
  policy_versions v{w.rooms, w.live, w.clock};
  const auto first = conf.follow(v);
  conf.write("", pattern_text("beta"));
  const auto beta = version_after(v.activate(bundle_of("", pattern_text("beta")), eva));
  REQUIRE(beta != first);
  CHECK(version_after(v.return_to("", eva)) == first);
  CHECK(conf.follow(v) == first);  // a reload
  w.live.policy.set(nullptr);
  policy_versions after_restart{w.rooms, w.live, w.clock};
  CHECK(conf.follow(after_restart) == first);
  CHECK(w.live.policy.get()->set->version == first);
  conf.write("", pattern_text("gamma"));
  const auto gamma = conf.follow(after_restart);
  CHECK(gamma != first);
  CHECK(gamma != beta);
  const auto count = w.events(journal::event_kind::policy_activated).size();
  CHECK(conf.follow(after_restart) == gamma);
  CHECK(w.events(journal::event_kind::policy_activated).size() == count);
}

TEST_CASE("E10: bad files: a reload refuses them, a start goes on with what was in force") {
  app_world w;
  w.live.policy.set(nullptr);
  conf_files conf;
  policy_versions v{w.rooms, w.live, w.clock};
  conf.write("[content]\nhold = \"x\"\n", pattern_text("alpha"));
  CHECK_THROWS_AS(conf.follow(v), configuration_error);  // nothing to go on with
  conf.write("", pattern_text("alpha"));
  const auto good = conf.follow(v);
  conf.write("[content]\nhold = \"x\"\n", pattern_text("alpha"));
  CHECK_THROWS_WITH(conf.follow(v), Catch::Contains("policy.toml:2"));
  CHECK(w.live.policy.get()->set->version == good);
  w.live.policy.set(nullptr);
  policy_versions after_restart{w.rooms, w.live, w.clock};
  CHECK(conf.follow(after_restart) == good);
}

TEST_CASE("a comparison speaks of knobs and of patterns by their ids") {
  const auto d = compare(
      bundle_of("", pattern_text("alpha") +
                        "[[pattern]]\nid = \"gone\"\nweight = 1\nwords = [\"g\"]\n"
                        "must_match = [\"g\"]\nmust_not_match = [\"x\"]\n"),
      bundle_of("[content]\nhold = 4\n",
                pattern_text("alpha", 9, "allow = [\"alpha romeo\"]\nzones = [\"body\"]\n") +
                    "[[pattern]]\nid = \"new\"\nweight = 1\nwords = [\"n\"]\n"
                    "must_match = [\"n\"]\nmust_not_match = [\"x\"]\n"));
  REQUIRE(d.knobs.size() == 1);
  CHECK(d.knobs[0].knob == "content.hold");
  CHECK(d.knobs[0].from == "5");
  CHECK(d.knobs[0].to == "4");
  REQUIRE(d.patterns.size() == 3);
  CHECK(d.patterns[0].id == "hu.S3.alpha");
  CHECK(d.patterns[0].what ==
        std::vector<std::string>{"weight: 12 -> 9", "+ allow: alpha romeo", "+ zones: body"});
  CHECK(d.patterns[1].id == "hu.S3.gone");
  CHECK(d.patterns[1].fate == pattern_fate::removed);
  CHECK(d.patterns[2].fate == pattern_fate::added);
  CHECK(d.files.size() == 2);
  const auto same = bundle_of("", pattern_text("alpha"));
  CHECK(compare(same, same).is_empty());
}

TEST_CASE("E10: lists of domains are read from beside the patterns, and belong to the version") {
  conf_files conf;
  conf.write("", pattern_text("alma"));
  const auto write = [&](const char* name, const char* text) {
    std::ofstream{conf.folder.path() / "lists" / name} << text;
  };
  const auto read = [&] {
    return read_bundle(conf.folder.path() / "policy.toml", conf.folder.path() / "patterns");
  };
  const auto without = read();
  CHECK(load_policy(without)->patterns->lists().is_empty());
  std::filesystem::create_directories(conf.folder.path() / "lists");
  write("url_blocklist.txt", "evil.test\n");
  write("role-local-parts.txt", "info\n");  // none of a policy's
  const auto with = read();
  CHECK(with.files.size() == 3);
  CHECK(version_of(with) != version_of(without));
  CHECK(load_policy(with)->patterns->lists().blocked.find("a.evil.test") == "evil.test");
  CHECK(version_of(bundle_from_json(to_json(with))) == version_of(with));
  CHECK(compare(without, with).files == std::vector<std::string>{"lists/url_blocklist.txt"});
  write("url_blocklist.txt", "worse.test\n");
  CHECK(compare(with, read()).patterns.at(0).what ==
        std::vector<std::string>{"- domains: evil.test", "+ domains: worse.test"});
}
