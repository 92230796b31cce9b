// What a text is about, by all its words together.
#include "filters/content_model.h"

#include <catch2/catch.hpp>

#include "base/result.h"
#include "filters/pattern_file.h"
#include "filters/scanner.h"
#include "smtp/mime/mime_walk.h"
#include "tests/unit/filters/shipped.h"

using namespace consentry::filters;
using Catch::Matchers::Contains;

namespace {

// "kaszino" and "nyerj ma" speak for S3, "konyv" and "olvass ma" for ordinary mail.
std::string file_with(const std::string& words) {
  return "categories = [\"H1\", \"S3\"]\nweights = \"500 1000\"\nintercepts = \"100 -400 -400\"\n"
         "holds_from = 0.7\nlength = 2\nwords = '''\n" +
         words + "'''\n";
}
content_model model() {
  return parse_model(file_with("kaszino|200 -900 -200 1400\nnyerj ma|200 -300 0 900\n"
                               "konyv|200 1400 -200 -900\noivass ma|200 900 0 -300\n"
                               "ma|100 0 0 0\n"),
                     "model.toml");
}
std::vector<content_model::word> words(std::string_view text) {
  std::vector<content_model::word> out;
  content_model::add_words(text, out);
  return out;
}
double forbidden(std::string_view subject, std::string_view text) {
  return model().judge(words(subject), words(text)).forbidden;
}

}  // namespace

TEST_CASE("words are letters in a row, two and more; I and l are the same") {
  const auto w = words("a kaszino, 24-es st\n x kaszlno");
  REQUIRE(w.size() == 4);
  CHECK(w[0].begin == 2);
  CHECK(w[0].end == 9);
  CHECK(w[1].begin == 14);  // es
  CHECK(words("online")[0].hash == words("oniine")[0].hash);
  CHECK(words("online")[0].hash != words("onlyne")[0].hash);
  CHECK(words("").empty());
  CHECK(words("ir nekunk: info@x.test, www.x.test vagy https://x.test/a").size() == 3);
  CHECK(words("jon.\nmenj 10.-ig").size() == 3);
  CHECK(words("ajandek")[0].stem == words("ajandeka")[0].stem);
  CHECK(words("ajande")[0].stem == 0);
}

TEST_CASE("words speak for and against, in the subject and in the text") {
  CHECK(forbidden("", "valami egeszen mas") < 0.1);
  CHECK(forbidden("", "kaszino") > 0.9);
  CHECK(forbidden("kaszino", "valami egeszen mas") > 0.9);
  CHECK(forbidden("", "szep konyv, nyerj ma") > forbidden("", "szep konyv, nyerj holnap"));
  CHECK(forbidden("", "konyv a kaszino") < 0.5);
  CHECK(forbidden("", "kaszino kaszino kaszino konyv") == forbidden("", "kaszino konyv"));
  const auto strict = parse_model("unknown = 5\n" + file_with("kaszino|200 -900 -200 1400\n"), "m");
  CHECK(strict.judge({}, words("kaszino")).forbidden > 0.9);
  CHECK(strict.judge({}, words("kaszino a mely erdo kozepen")).forbidden < 0.2);
  const auto o = model().judge({}, words("kaszino"));
  REQUIRE(o.shares.size() == 2);
  CHECK(o.shares[0] + o.shares[1] == Approx(o.forbidden));
  CHECK(o.shares[1] > 10 * o.shares[0]);
}

TEST_CASE("what is forbidden is found among what is not") {
  std::string many;
  for (int n = 0; n < 300; ++n) many += "szo ";
  CHECK(forbidden("", "konyv " + many) < 0.1);
  const std::size_t at = 301;
  const auto all = words("konyv " + many + "kaszino nyerj ma " + many);
  const auto o = model().judge({}, all);
  CHECK(o.forbidden > 0.7);  // of four fifths
  CHECK(o.begin <= at);
  CHECK(o.end > at);
  CHECK(o.end - o.begin <= 100);
}

TEST_CASE(
    "the score is the category's weight where it is forbidden enough, and half more at most") {
  const auto m = model();
  content_model::opinion o{.forbidden = 0.7, .shares = {0.1, 0.6}};
  CHECK(m.score(o, 1) == Approx(10));
  CHECK(m.score(o, 0) == 0);  // far less likely than the other
  o = {.forbidden = 0.3, .shares = {0, 0.3}};
  CHECK(m.score(o, 1) == 0);
  o = {.forbidden = 1, .shares = {0.4, 0.6}};
  CHECK(m.score(o, 1) == Approx(15));
  CHECK(m.score(o, 0) == Approx(5));
}

TEST_CASE("the strongest words are told, the strongest first, none twice") {
  const auto all = words("nyerj ma a kaszino konyv kaszino");
  const auto strong = model().strongest(all, 1, 5);
  REQUIRE(strong.size() == 2);
  CHECK(strong[0].begin == 11);
  CHECK(strong[1].begin == 0);
  CHECK(strong[1].end == 8);
  CHECK(model().strongest(all, 1, 1).size() == 1);
}

TEST_CASE("a model that cannot be read is refused with its line") {
  const auto refused = [](const std::string& text, const std::string& why) {
    CHECK_THROWS_WITH(parse_model(text, "model.toml"), Contains(why));
  };
  refused(file_with("kaszino|1 2 3\n"), "model.toml:7: a line is");
  refused(file_with("kaszino|1 2 3 4\nka1|1 2 3 4\n"), "model.toml:8: one word or two");
  refused(file_with("ab cd~|1 2 3 4\n"), "one word or two");
  refused(file_with("kaszino~|1 2 3 4\n"), "six letters and a ~");
  refused(file_with("a b c|1 2 3 4\n"), "one word or two");
  refused(file_with("kaszino|1 2 3 99999\n"), "a line is");
  refused(file_with("# none\n"), "a line is");
  refused("categories = [\"H1\"]\nweights = \"500 1\"\n", "1 whole numbers");
  refused("categories = [\"X1\"]\n", "unknown category \"X1\"");
  refused("categories = []\n", "model.toml:1: between 1 and 15");
}

TEST_CASE("a mail that only all its words give away is found, with these in their places") {
  const std::string text =
      "Szia! Emlékszel, hogy panaszkodtál a fizetésedre? Én már nem járok be dolgozni. Napi egy "
      "óra a telefonomon, és hetente kétszer utalnak. Nem kell hozzá semmi tudás, csak egy kis "
      "indulótőke, a többit a rendszer csinálja helyetted. Múlt héten már az autót is kifizettem "
      "belőle. Ha érdekel, kattints, ma még van pár szabad hely.";
  const std::string head =
      "From: a@x.test\r\nTo: b@y.test\r\nSubject: pihenj, a penz jon\r\nMIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\n\r\n";
  const auto mail = consentry::smtp::mime::walk(head + text + "\r\n");
  const auto result = scan(mail, consentry::tests::shipped_patterns());
  CHECK(result.scores.at("S6") >= 10);
  std::size_t shown = 0;
  for (const finding& f : result.findings) {
    if (f.pattern != "model.S6") continue;
    ++shown;
    CHECK(f.view == 2);
    CHECK(f.part == "0");
    CHECK(text.substr(f.begin, f.end - f.begin) == f.matched);
    CHECK(!f.matched.empty());
  }
  CHECK(shown == 5);
}
