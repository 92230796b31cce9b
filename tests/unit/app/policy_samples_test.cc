// Labelled messages and the lint: what they count, and what they say of broken files.
#include "app/policy_samples.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "app/policy_loading.h"
#include "tests/support/temp_folder.h"

using namespace consentry;
using namespace consentry::app;

namespace {

const std::filesystem::path conf = std::filesystem::path{CONSENTRY_SOURCE_DIR} / "conf";

void write(const std::filesystem::path& file, const std::string& text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream{file, std::ios::binary} << text;
}

std::shared_ptr<const active_policy> shipped() {
  static const auto p = load_policy(conf / "policy/default.toml", conf / "patterns");
  return p;
}

}  // namespace

TEST_CASE(
    "F10: found is held or refused; the label's own category and false alarms are told apart") {
  consentry::tests::temp_folder folder;
  write(folder.path() / "hu/s3.toml",
        "label = \"s3\"\nlanguage = \"hu\"\n"
        "[[message]]\nid = \"1\"\nsubject = \"Online kaszinó\"\ntext = \"100% befizetési bónusz\"\n"
        "[[message]]\nid = \"2\"\nsubject = \"Nyitva\"\ntext = \"Kilenctől ötig.\"\n"
        "[[message]]\nid = \"3\"\nsubject = \"Online kaszinó\"\ntext = \"Lásd lent\"\n"
        "html = \"<p>100% befizetési bónusz</p>\"\n");
  write(folder.path() / "hu/clean_pub.toml",
        "label = \"clean\"\nlanguage = \"hu\"\ntrade = \"pub\"\n"
        "[[message]]\nid = \"4\"\nsubject = \"Online kaszinó\"\ntext = \"100% befizetési bónusz\"\n"
        "[[message]]\nid = \"5\"\nsubject = \"Nyitva\"\ntext = \"Kilenctől ötig.\"\n");
  write(folder.path() / "en/h6.toml",
        "label = \"h6\"\nlanguage = \"en\"\n"
        "[[message]]\nid = \"6\"\nalso = [\"s3\"]\nsubject = \"Online casino\"\n"
        "text = \"100% deposit bonus\"\n");
  const auto f = measure(*shipped(), load_samples(folder.path()));
  CHECK(f.by_label.at("S3").at("hu").all == 3);
  CHECK(f.by_label.at("S3").at("hu").stopped == 2);
  CHECK(f.recall("S3") == Approx(2.0 / 3));
  CHECK(f.recall("H6") == 1);
  CHECK(f.by_label.at("H6").at("en").own == 1);
  CHECK(f.false_alarms() == Approx(0.5));
  REQUIRE(f.alarms.size() == 1);
  CHECK(f.alarms[0].id == "4");
  CHECK(f.alarms[0].reason == "content.s3");
  REQUIRE(f.misses.size() == 1);
  CHECK(f.misses[0].id == "2");
  // Of the four that gambling stopped, one was clean.
  CHECK(f.stopped_by.at("S3") == std::pair<std::size_t, std::size_t>{4, 3});
}

TEST_CASE("samples that do not read are refused with file and line") {
  consentry::tests::temp_folder folder;
  CHECK_THROWS_AS(load_samples(folder.path()), configuration_error);
  write(folder.path() / "hu/s3.toml", "label = \"s9\"\nlanguage = \"hu\"\n");
  CHECK_THROWS_WITH(load_samples(folder.path()), Catch::Contains("s3.toml:1"));
  write(folder.path() / "hu/s3.toml",
        "label = \"s3\"\nlanguage = \"hu\"\n[[message]]\nid = \"1\"\nsubject = \"x\"\n"
        "text = \"y\"\nbody = \"z\"\n");
  CHECK_THROWS_WITH(load_samples(folder.path()), Catch::Contains("s3.toml:7"));
}

TEST_CASE("every shipped sample reads, and the set is as large as its page says") {
  std::map<std::string, std::size_t> by_label;
  std::set<std::string> ids;
  for (const char* set : {"tuning", "held-out"}) {
    for (const auto& m : load_samples(conf / "samples" / set)) {
      CHECK(ids.insert(m.id).second);
      ++by_label[m.label];
    }
  }
  CHECK(by_label.at("clean") >= 250);
  for (const auto& [label, n] : by_label)
    if (is_judged_by_words(label)) CHECK(n >= 30);
}
