// Text that style sheets and data in scripts have shown.
#include <catch2/catch.hpp>

#include "filters/css_text.h"
#include "filters/html_text.h"
#include "filters/turned_text.h"

using namespace consentry::filters;

namespace {

std::string strings(std::string_view css) {
  std::string out;
  for (const auto& s : read_css_text(css).strings) out += s.text + "|";
  return out;
}

}  // namespace

TEST_CASE("strings that are shown, and no others") {
  CHECK(strings("a::before{content:\"ka\" 'szi' \"nó\"}") == "kaszinó|");
  CHECK(strings("a:after { color: red; CONTENT : 'x' !important; }") == "x|");
  CHECK(strings("a:after{content:\"\\6b \\000061szi\\6e \\0000f3\"}") == "kaszinó|");
  CHECK(strings("a:after{content:\"a\\\"b\\\nc\"}") == "a\"bc|");
  CHECK(strings("@counter-style x { system: cyclic; symbols: \"ka\" \"szi\"; suffix: 'nó' }") ==
        "kaszi|nó|");
  CHECK(strings(":root{--x:'kaszinó'} a:after{content:var(--x)}") == "kaszinó|");
  CHECK(strings("q{quotes:'«' '»'} li{list-style-type:'x'}") == "«»|x|");
  CHECK(strings("@media screen{a:after{content:'x'}}") == "x|");
  CHECK(strings("a:after{/* content:'no' */content/**/:/**/'x'") == "x|");
  CHECK(strings("a{font-family:'Open Sans';background:url('x.png')} a[title='y']{color:red}")
            .empty());
  CHECK(strings("@import 'x.css'; @charset \"utf-8\"; a{src:url(data:x;content:'no')}").empty());
  CHECK(strings("a{content:'never ends").substr(0, 5) == "never");
  CHECK(strings("\\").empty());
  CHECK(strings("a{content:\"\\").empty());
}

TEST_CASE("who shows them, which attributes are shown, what turns text round") {
  const auto s = read_css_text(
      "p.a::before, .b .C:before, #d:after, e:before, .f g:after { content: 'x' }"
      "h { content: attr( Data-X ) }");
  REQUIRE(s.strings.size() == 1);
  CHECK(s.strings[0].before == std::vector<std::string>{".a", ".c"});
  CHECK(s.strings[0].after == std::vector<std::string>{"#d"});
  CHECK(s.attributes == std::vector<std::string>{"data-x"});
  CHECK_FALSE(s.turns_text);
  CHECK(read_css_text("a { direction: rtl; unicode-bidi: BIDI-override }").turns_text);
  CHECK(read_css_text("a { unicode-bidi: isolate-override").turns_text);
}

TEST_CASE("content stands where it is shown, in both ways of reading") {
  const std::string html =
      "<!DOCTYPE html><html><head><title>C</title><style>.a::before{content:'kas'} "
      ".b:after{content:'nó'} #c:before{content:'hi'} p:after{content:attr(data-x)}</style></head>"
      "<body><p class=\"x a b\">zi</p><p id=\"c\">tel</p><p data-x=\"vitamin\">y</p></body></html>";
  for (const auto& d : {read_html(html), read_html_as_tree(html)}) {
    CHECK(d.visible.text.find("kaszinó") != std::string::npos);
    CHECK(d.visible.text.find("hitel") != std::string::npos);
    CHECK(d.visible.text.find("vitamin") != std::string::npos);
    const auto at = d.visible.text.find("kas");
    const auto [begin, end] = d.visible.map.original(at, at + 3);
    CHECK(html.substr(begin, end - begin) == "content:'kas'");
  }
  CHECK(read_html(html).visible.text == read_html_as_tree(html).visible.text);
}

TEST_CASE("content does not multiply beyond what can be read") {
  std::string html = "<style>.a:before{content:'" + std::string(100'000, 'x') + "'}</style>";
  for (int i = 0; i < 1'000; ++i) html += "<i class=a></i>";
  CHECK_FALSE(read_html(html).unreadable.empty());
  std::string rules = "<style>";
  for (int i = 0; i < 50'000; ++i) rules += ".a" + std::to_string(i) + ":before{content:'x'}";
  rules += "</style>";
  for (int i = 0; i < 20'000; ++i) rules += "<i class=a" + std::to_string(i) + "></i>";
  CHECK(read_html(rules).unreadable.empty());
  std::string selectors = "<style>";
  for (int i = 0; i < 50'000; ++i) selectors += ".a:before,";
  selectors += "b{";
  for (int i = 0; i < 50'000; ++i) selectors += "content:'x';";
  CHECK(read_html(selectors + "}</style>").unreadable.empty());
}

TEST_CASE("what stands behind elements does not multiply either") {
  const std::string sheet = "<style>.a:after{content:'" + std::string(100'000, 'x') + "'}</style>";
  std::string many = sheet + "<p class=\"";
  for (int i = 0; i < 100'000; ++i) many += "a ";
  CHECK_FALSE(read_html(many + "\">x</p>").unreadable.empty());
  std::string deep = sheet;
  for (int i = 0; i < 10'000; ++i) deep += "<i class=a>";
  CHECK_FALSE(read_html(deep).unreadable.empty());
  // One long string for many names.
  std::string names = "<style>";
  for (char a = 'a'; a <= 'z'; ++a)
    for (char b = 'a'; b <= 'm'; ++b) names += std::string{'.', a, b} + ":before,";
  names += "b:before{content:'" + std::string(100'000, 'x') + "'}</style>";
  CHECK_FALSE(read_html(names).unreadable.empty());
}

TEST_CASE("style sheets that take time: comments, attributes, sheets, a line without an end") {
  std::string comments = "<style>a{" + std::string(1'000'000, ' ') + "x";
  for (int i = 0; i < 250'000; ++i) comments += "/**/";
  read_html(comments + "}</style>");
  std::string sheets;
  for (int i = 0; i < 4'000; ++i) {
    sheets += "<style>a{--x:";
    for (int k = 0; k < 40; ++k) sheets += "attr(a" + std::to_string(i * 40 + k) + ")";
    sheets += "}</style>";
  }
  for (int i = 0; i < 20'000; ++i) sheets += "<i a=1 b=2 c=3 d=4 e=5 f=6 g=7 h=8></i>";
  read_html(sheets);
  std::string turned;
  for (int i = 0; i < 300'000; ++i) turned += "a\u202eb\u202cc";
  CHECK(as_drawn(turned, nullptr).text.size() == turned.size());
}

TEST_CASE("names in escapes, comments in selectors, text turned in a frame") {
  CHECK(read_html("<style>.a:before{c\\6fntent:'kaszinó'}</style><p class=a>x</p>")
            .visible.text.find("kaszinó") != std::string::npos);
  CHECK(read_html("<style>.a:before/* */{content:'kas'}</style><p class=a>zinó</p>")
            .visible.text.find("kaszinó") != std::string::npos);
  const auto d = read_html("<p>x</p><iframe srcdoc=\"<bdo dir=rtl>onizsak</bdo>\"></iframe>");
  REQUIRE(d.turned.size() == 1);
  const auto [begin, end] = d.turned[0];
  CHECK(d.visible.text.substr(begin, end - begin) == "onizsak");
}

TEST_CASE("data that mail programs show") {
  const auto d = read_html(
      "<script type='application/ld+json'>{\"description\": \"kaszin\\u00f3 \\ud83d\\ude00\", "
      "\"x\": \"a\\\"b\\nc\"}</script><script>var hitel = \"hitel\"</script>"
      "<meta itemprop=description content=vitamin><meta name=description content=masik>");
  CHECK(d.visible.text.find("kaszinó \U0001f600") != std::string::npos);
  CHECK(d.visible.text.find("a\"b c") != std::string::npos);
  CHECK(d.visible.text.find("vitamin") != std::string::npos);
  CHECK(d.visible.text.find("hitel") == std::string::npos);
  CHECK(d.visible.text.find("masik") == std::string::npos);
  for (const char* odd : {"\"", "\"\\", "\"\\u", "\"\\u12", "\"\\ud83d\\u", "\"\\ud83d\\udz\""}) {
    json_strings(odd);
  }
}
