// What the eye reads where letters are made to run from right to left.
#include <catch2/catch.hpp>

#include "filters/html_text.h"
#include "filters/message_texts.h"
#include "filters/turned_text.h"
#include "tests/unit/filters/shipped.h"

using namespace consentry;
using namespace consentry::filters;
using namespace consentry::tests;

namespace {

std::string drawn(std::string_view html) {
  const auto d = read_html(html);
  const auto t = as_drawn(d.visible.text, &d.visible.map, d.turned);
  CHECK(t.map.size() == t.text.size());
  const auto tree = read_html_as_tree(html);
  CHECK(tree.visible.text == d.visible.text);
  CHECK(tree.turned == d.turned);
  return t.text;
}

}  // namespace

TEST_CASE("ranges are turned line by line, accents stay on their letters") {
  using range = std::pair<std::size_t, std::size_t>;
  const range all[] = {{2, 11}};
  CHECK(as_drawn("a óniz\nbca d", nullptr, all).text == "a zinó\nacb d");
  CHECK(as_drawn("o\u0301niz", nullptr, std::vector<range>{{0, 100}}).text == "zino\u0301");
  const range overlapping[] = {{0, 3}, {2, 4}, {1, 2}};
  CHECK(as_drawn("abcdef", nullptr, overlapping).text == "dcbaef");
  CHECK(as_drawn("", nullptr, all).text.empty());
}

TEST_CASE("U+202E turns what follows, up to its end or the line's") {
  CHECK(turns_itself("a\u202eb"));
  CHECK_FALSE(turns_itself("a\u202db\u202c"));
  CHECK(as_drawn("\u202eóniz\u202c szia", nullptr).text == "\u202ezinó\u202c szia");
  CHECK(as_drawn("\u202ecba\nfed", nullptr).text == "\u202eabc\nfed");
  CHECK(as_drawn("\u202ea\u202ab\u202cc\u202cd", nullptr).text == "\u202ec\u202cb\u202aa\u202cd");
  const auto t = as_drawn("szia \u202eóniz", nullptr);
  CHECK(t.map.original(8, 13) == std::pair<std::size_t, std::size_t>{8, 13});
}

TEST_CASE("HTML that turns its letters round") {
  for (const char* turned :
       {"<bdo dir=rtl>ónizsak</bdo>", "<bdo dir='RTL'><b>ó</b>niz<i>sak</i></bdo>",
        "<div dir=rtl><bdo>ónizsak</bdo></div>",
        "<span style='unicode-bidi:bidi-override;direction:rtl'>ónizsak</span>",
        "<p style='direction:rtl'><b style='unicode-bidi: isolate-override !important'>ónizsak</b>",
        "ka<bdo dir=rtl>nizs</bdo>ó",
        "<div style='display:flex;flex-flow:row-reverse wrap'><b>óni</b><b>zsak</b></div>",
        "<i style='float:right'>ó</i><i style='float:right'>n</i> <i style='float:right'>i</i>"
        "<i style='float:right'>z</i><i style='float:right'>s</i><i style='float:right'>a</i>"
        "<i style='float:right'>k</i>",
        "<style>.a { unicode-bidi: bidi-override; direction: rtl }</style><p "
        "class=a>ónizsak</p>"}) {
    INFO(turned);
    std::string letters;
    for (const char c : drawn(turned)) {
      if (c != ' ' && c != '\n') letters += c;
    }
    CHECK(letters.find("kaszinó") != std::string::npos);
  }
  for (const char* straight :
       {"<bdo dir=ltr>kaszinó</bdo>", "<p dir=rtl>kaszinó</p>",
        "<b style='unicode-bidi:bidi-override'>kaszinó</b>",
        "<div style='float:right'>kaszinó</div>", "<i style='float:right'>k</i>aszinó",
        "<bdo dir=rtl><bdo dir=ltr></bdo></bdo>kaszinó"}) {
    INFO(straight);
    CHECK(drawn(straight).find("kaszinó") != std::string::npos);
  }
}

TEST_CASE("a finding in turned text leads to the octets that it was made of") {
  const std::string source = "<p>Szia, itt az</p><bdo dir=rtl>ónizsak enilno</bdo>";
  const auto mail = plain_mail("hir", source, "text/html");
  const auto walked = smtp::mime::walk(mail);
  const auto texts = gather_texts(walked, {});
  bool is_found = false;
  for (const auto& t : texts.texts) {
    const auto at = t.seen.find("online kaszinó");
    if (at == std::string_view::npos) continue;
    const auto [begin, end] = t.place(at, at + 15);
    CHECK(t.original.substr(begin, end - begin) == "ónizsak enilno");
    is_found = true;
  }
  CHECK(is_found);
}

TEST_CASE("texts that mail programs show in another form are read in both") {
  const auto texts_of = [](std::string_view type, std::string_view body) {
    const auto mail = plain_mail("hir", body, type);
    const auto walked = smtp::mime::walk(mail);
    std::string all;
    for (const auto& t : gather_texts(walked, {}).texts) all.append(t.seen) += '|';
    return all;
  };
  CHECK(texts_of("text/enriched", "<bold>ka</bold>sz<italic>inó</italic>").find("kaszinó") !=
        std::string::npos);
  CHECK(texts_of("text/enriched", "<bold>ka</bold>szinó").find("<bold>ka</bold>szinó") !=
        std::string::npos);
  CHECK(texts_of("text/markdown", "ka**szi**_nó_").find("kaszinó") != std::string::npos);
  CHECK(texts_of("text/markdown", "ka**szi**nó").find("ka**szi**nó") != std::string::npos);
  CHECK(texts_of("text/plain", "ka**szi**nó").find("kaszinó") == std::string::npos);
  CHECK(texts_of("text/plain", "\u202eónizsak").find("kaszinó") != std::string::npos);
}
