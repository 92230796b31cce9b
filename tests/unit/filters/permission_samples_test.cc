// RULES 5.1 and 5.4: requests for permission and reminders, over realistic mails.
#include <catch2/catch.hpp>
#include <vector>

#include "base/strict_toml.h"
#include "tests/unit/filters/shipped.h"

using namespace consentry;
using namespace consentry::tests;

namespace {

struct sample {
  std::string category;  // "" for a mail that is none
  std::string subject;
  std::string text;
};

std::vector<sample> load(const std::string& name) {
  auto t = toml_section::from_file(std::filesystem::path{CONSENTRY_SOURCE_DIR} / "tests" / "unit" /
                                   "filters" / "samples" / name);
  t.required_text("language");
  std::vector<sample> out;
  for (auto& m : t.sections("mail")) {
    out.push_back({m.text("category", ""), m.required_text("subject"), m.required_text("text")});
    m.finish();
  }
  t.finish();
  return out;
}

std::string findings_of(const filters::scan_result& r) {
  std::string out;
  for (const auto& f : r.findings)
    out += "\n    " + f.pattern + " " + std::to_string(static_cast<int>(f.score)) + " \"" +
           f.matched + "\"";
  return out;
}

}  // namespace

TEST_CASE("5.1: requests for permission are stopped, other mail that speaks of consent passes") {
  int requests = 0, refused = 0, stopped = 0, others = 0;
  for (const char* name :
       {"permission_hu.toml", "permission_en.toml", "permission_hu_2.toml", "permission_en_2.toml"})
    for (const auto& s : load(name)) {
      const auto r = scan_mail(plain_mail(s.subject, s.text));
      const double score = score_of(r, "permission_request");
      INFO(s.subject << " " << score << findings_of(r));
      if (s.category.empty()) {
        ++others;
        CHECK(score < 5);
      } else {
        ++requests;
        refused += score >= 10 ? 1 : 0;
        stopped += score >= 5 ? 1 : 0;
        CHECK(score >= 5);
      }
    }
  WARN("refused " << refused << " and stopped " << stopped << " of " << requests << " requests; "
                  << others << " other mails");
  CHECK(refused * 10 >= requests * 9);
}

TEST_CASE("5.4: reminders are known") {
  int all = 0;
  for (const char* name : {"reminder_hu.toml", "reminder_en.toml"})
    for (const auto& s : load(name)) {
      const auto r = scan_mail(plain_mail(s.subject, s.text));
      INFO(s.subject << ": " << s.text << findings_of(r));
      CHECK((score_of(r, "reminder") > 0) == (s.category == "reminder"));
      ++all;
    }
  WARN(all << " mails looked at");
}

TEST_CASE("5.1: no ordinary and no forbidden mail is taken for a request for permission") {
  for (const char* kind : {"clean", "forbidden"})
    for (const char* name : {"hu", "hu_2", "hu_3", "en", "en_2", "en_3"})
      for (const auto& s : load(std::string{kind} + "_" + name + ".toml")) {
        const auto r = scan_mail(plain_mail(s.subject, s.text));
        INFO(s.subject << findings_of(r));
        // A double opt-in mail is one, for every stream but its own (RULES 5.3).
        const bool is_doi = s.subject == "Confirm your subscription";
        CHECK((score_of(r, "permission_request") < 5) == !is_doi);
      }
}

TEST_CASE("5.4: a reminder that nobody sees is none") {
  const auto html = [](const std::string& body) {
    return scan_mail(plain_mail("Hírek", "<html><body>" + body + "</body></html>", "text/html"));
  };
  const std::string reminder = "Azért kapja ezt a levelet, mert feliratkozott hírlevelünkre.";
  const std::string news = "<p>Megérkeztek a tavaszi kabátok, nézze meg őket.</p>";
  CHECK(score_of(html(news + "<p>" + reminder + "</p>"), "reminder") > 0);
  CHECK(score_of(html(news + "<p style=\"display:none\">" + reminder + "</p>"), "reminder") == 0);
  CHECK(score_of(html(news + "<!-- " + reminder + " -->"), "reminder") == 0);
}

TEST_CASE("5.4: the sender's name, however its legal form is written") {
  struct row {
    const char* name;
    const char* text;
    bool shows;
  };
  const std::string reminder = "Azért kapja ezt a levelet, mert feliratkozott hírlevelünkre. ";
  for (const row& r : {
           row{"Shop Kft.", "Feladó: Shop Kft.", true},
           row{"Shop Kft.", "Feladó: SHOP KFT, 1011 Budapest", true},
           row{"Shop Kft.", "A Shop Kft.-től", true},
           row{"Shop Kft.", "A Shop Kft-nek", true},
           row{"Shop Kft.", "Shop Korlátolt Felelősségű Társaság", true},
           row{"Shop Korlátolt Felelősségű Társaság", "Shop Kft.", true},
           row{"Shop Kft.", "Shop Ltd.", true},
           row{"Shop Kft.", "Jöjjön a shop oldalára", false},  // a word, not the sender
           row{"Shop Kft.", "Shop Zrt.", false},               // another company
           row{"Shop Kft.", "Workshop Kft.", false},
           row{"Shop", "Üdvözlettel: Shop", true},
           row{"Kertészet és Társa Bt.", "Kerteszet & Tarsa Bt", true},
           row{"Kertészet és Társa Bt.", "Kertészet Társa Betéti Társaság", true},
           row{"Nagy Példa Zrt.", "Nagy Példa Zártkörűen Működő Részvénytársaság", true},
           row{"Kovács Jánosné e.v.", "Kovács Jánosné egyéni vállalkozó", true},
           row{"Kovács Jánosné e.v.", "Kovács Jánosné", false},
           row{"Őrségi Tökmag Kft.", "ŐRSÉGI TÖKMAG KFT.", true},
           row{"Пример Kft.", "Пример Kft.", true},
           row{"Пример Kft.", "Другой Kft.", false},
           row{"Kft.", "A Kft. hírei", true},
           row{"", "bármi", false},
       }) {
    INFO(r.name << " in " << r.text);
    const auto mail = plain_mail("Hírek", reminder + r.text);
    const auto scan =
        filters::scan(smtp::mime::walk(mail), shipped_patterns(), {.sender_name = r.name});
    CHECK(scan.shows_sender_name == r.shows);
  }
}

TEST_CASE("5.4: the sender's name is sought where a reader sees it") {
  const auto shows = [](const std::string& body) {
    const auto mail = plain_mail("Shop Kft.", "<html><body>" + body + "</body></html>", "text/html",
                                 "Shop Kft. <hirlevel@bolt.example>");
    return filters::scan(smtp::mime::walk(mail), shipped_patterns(), {.sender_name = "Shop Kft."})
        .shows_sender_name;
  };
  const std::string reminder = "<p>Azért kapja ezt a levelet, mert feliratkozott listánkra.</p>";
  CHECK(shows(reminder + "<p><b>Shop</b>&nbsp;K&shy;ft.</p>"));
  CHECK_FALSE(shows(reminder + "<p style=\"display:none\">Shop Kft.</p>"));
  CHECK_FALSE(shows(reminder));  // in the subject and in From it is no text
}

TEST_CASE("5.1: no ham of the corpora is taken for a request for permission") {
  const auto folder = corpora_folder();
  if (folder.empty()) {
    WARN("skipped: the corpora are not there");
    return;
  }
  int looked_at = 0;
  for (const char* source : {"spamassassin", "rspamd", "flanker", "james"}) {
    const auto mails = folder / source / "ham";
    if (!std::filesystem::exists(mails)) continue;
    for (const auto& f : std::filesystem::directory_iterator{mails}) {
      const auto r = scan_mail(read_file(f.path()));
      INFO(f.path().filename() << findings_of(r));
      CHECK(score_of(r, "permission_request") < 5);
      ++looked_at;
    }
  }
  CHECK(looked_at >= 50);
}
