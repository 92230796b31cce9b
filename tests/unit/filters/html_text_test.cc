// What is seen, what is hidden, where links go; and HTML made to break parsers.
#include <catch2/catch.hpp>

#include "filters/html_style.h"
#include "filters/html_text.h"
#include "filters/link_extract.h"
#include "filters/link_host.h"

using namespace consentry::filters;

TEST_CASE("inline tags, comments and wbr join; blocks separate; scripts are no text") {
  const auto d = read_html(
      "<style>p{color:red}</style><script>var viagra</script><p>v<b>ia</b><!-- x -->g<wbr>ra</p>"
      "<p>m&aacute;s<br>sor&nbsp;itt</p><img alt=\"K\u00e9p\" title=tipp src=x.png>");
  CHECK(d.visible.text.find("viagra") == 0);
  CHECK(d.visible.text.find("más\nsor\u00a0itt") != std::string::npos);
  CHECK(d.visible.text.find("Kép") != std::string::npos);
  CHECK(d.visible.text.find("tipp") != std::string::npos);
  CHECK(d.visible.text.find("var") == std::string::npos);
  CHECK(d.visible.text.find("color") == std::string::npos);
  CHECK(d.images == 1);
}

TEST_CASE("text offsets lead to the source, through entities and tags") {
  const std::string source = "<div>\r\n  Olcs&oacute; <i>hi</i>tel &amp; k&#246;lcs&#xf6;n</div>";
  const auto d = read_html(source);
  const std::string& text = d.visible.text;
  const auto place = [&](std::string_view piece) {
    const auto at = text.find(piece);
    REQUIRE(at != std::string::npos);
    const auto [begin, end] = d.visible.map.original(at, at + piece.size());
    return source.substr(begin, end - begin);
  };
  CHECK(place("Olcsó") == "Olcs&oacute;");
  CHECK(place("hitel") == "hi</i>tel");
  CHECK(place("&") == "&amp;");
  CHECK(place("kölcsön") == "k&#246;lcs&#xf6;n");
}

TEST_CASE("hidden text is told apart") {
  for (const std::string hidden :
       {"<div style='display:none'>titok</div>", "<p hidden>titok</p>",
        "<span style='visibility: hidden'>titok</span>", "<span style='font-size:0px'>titok</span>",
        "<span style='color:#ffffff'>titok</span>", "<font color=white>titok</font>",
        "<table><td bgcolor='#ff0000'><font color='red'>titok</font></td></table>",
        "<div style='background:#123456'><p style='color: rgb(18,52,86)'>titok</p></div>",
        "<div style='max-height:0;overflow:hidden'>titok</div>",
        "<div style='position:absolute;left:-9999px'>titok</div>",
        "<div style='opacity:0'>titok</div>",
        "<div style='display:none'><b style='display:block'>titok</b></div>",
        "<div style='text-indent:-999em'>titok</div>"}) {
    INFO(hidden);
    const auto d = read_html("<p>lát</p>" + hidden);
    CHECK(d.hidden.text.find("titok") != std::string::npos);
    CHECK(d.visible.text.find("titok") == std::string::npos);
    CHECK(d.visible.text.find("lát") != std::string::npos);
  }
  for (const std::string shown :
       {"<div style='font-size:0'><span style='font-size:14px'>nyílt</span></div>",
        "<div style='background:#000'><p style='color:#fff'>nyílt</p></div>",
        "<div style='background-image:url(x.png)'><p style='color:#fff'>nyílt</p></div>",
        "<table><td background=x.png><font color=white>nyílt</font></td></table>",
        "<div style='visibility:hidden'><b style='visibility:visible'>nyílt</b></div>",
        "<a href='x' style='color:#06c'>nyílt</a>", "<div style='height:0'>nyílt</div>",
        "<!--[if mso]><p>nyílt</p><![endif]-->"}) {
    INFO(shown);
    CHECK(read_html(shown).visible.text.find("nyílt") != std::string::npos);
  }
}

TEST_CASE("links carry their target, text and place") {
  const std::string source =
      "<a href=\"https://a.example/x?y=1&amp;z=2\">Kattints <b>ide</b></a><form "
      "action='//b.example/'>";
  const auto d = read_html(source);
  REQUIRE(d.links.size() == 2);
  CHECK(d.links[0].target == "https://a.example/x?y=1&z=2");
  CHECK(d.links[0].text == "Kattints ide");
  CHECK(source.substr(d.links[0].begin, d.links[0].end - d.links[0].begin) ==
        "\"https://a.example/x?y=1&amp;z=2\"");
  CHECK(make_link(d.links[1].target, "", 0, 0).host == "b.example");
}

TEST_CASE("hosts and links of plain text") {
  CHECK(host_of("HTTPS://User:pw@Www.Pelda.HU:8080/x") == "www.pelda.hu");
  CHECK(host_of("http://xn--e1awd7f.example") == "еріс.example");
  CHECK(host_of("mailto:x@y.hu").empty());
  CHECK(host_of("http://a%2eexample/") == "a.example");
  const auto links =
      links_of_text("Lásd (https://a.example/%6Br). és www.b.example, http:nem xhttp://no");
  REQUIRE(links.size() == 2);
  CHECK(links[0].url == "https://a.example/kr");
  CHECK(links[1].host == "www.b.example");
}

TEST_CASE("HTML made to break parsers ends, soon and in bounded memory") {
  const auto repeat = [](std::string_view piece, std::size_t n) {
    std::string out;
    for (std::size_t i = 0; i < n; ++i) out += piece;
    return out;
  };
  CHECK(!read_html(repeat("<div>", 100'000)).unreadable.empty());
  CHECK(!read_html(std::string(9u << 20, 'x')).unreadable.empty());
  // Deep, but within the bounds: read to its end, no recursion.
  CHECK(read_html(repeat("<div>", 20'000) + "alul").visible.text.find("alul") != std::string::npos);
  // Formatting elements that every paragraph opens again: a tree of millions of nodes.
  std::string bomb = "<p>";
  for (int i = 0; i < 5'000; ++i) bomb += "<font color=" + std::to_string(i) + ">";
  CHECK(!read_html(bomb + repeat("</p><p>x", 20'000)).unreadable.empty());
  read_html(repeat("<table>", 5'000) + "x");
  read_html(repeat("<a href=x>", 20'000));
  read_html(repeat("<svg><foreignObject>", 5'000));
  read_html(repeat("<!--[if mso]>", 10'000));
  read_html(repeat("&amp", 100'000));
  read_html(repeat("<template>", 3'000));
  read_html(std::string{"<p>\0x\xff\xfe</p>", 12});
  read_html("");
}

TEST_CASE("colours") {
  CHECK(plain_color(" #FfF ") == "ffffff");
  CHECK(plain_color("rgb(255, 0,16)") == "ff0010");
  CHECK(plain_color("rgba(1,2,3,0)") == "none");
  CHECK(plain_color("White") == "ffffff");
  CHECK(plain_color("inherit").empty());
}

TEST_CASE("a frame's own document is read where the frame stands") {
  const std::string_view html =
      "<p>Szia</p><iframe srcdoc=\"&lt;p&gt;ka&lt;b&gt;szi&lt;/b&gt;n&oacute; &lt;i style='display:"
      "none'&gt;titok&lt;/i&gt;&lt;a href=x.hu&gt;ide&lt;/a&gt;\"></iframe>";
  for (const auto& d : {read_html(html), read_html_as_tree(html)}) {
    CHECK(d.unreadable.empty());
    const auto at = d.visible.text.find("kaszinó");
    REQUIRE(at != std::string::npos);
    const auto [begin, end] = d.visible.map.original(at, at + 8);
    CHECK(html.substr(begin, end - begin).find("&lt;p&gt;ka") != std::string_view::npos);
    CHECK(d.hidden.text.find("titok") != std::string::npos);
    REQUIRE(d.links.size() == 1);
    CHECK(d.links[0].target == "x.hu");
  }
}

TEST_CASE("frames in frames in frames are read so deep and no deeper") {
  const auto nested = [](int n) {
    std::string html = "kaszinó";
    for (int i = 0; i < n; ++i) {
      std::string value;
      for (const char c : html) {
        if (c == '&') {
          value += "&amp;";
        } else if (c == '"') {
          value += "&quot;";
        } else {
          value += c;
        }
      }
      html = "<iframe srcdoc=\"" + value + "\"></iframe>";
    }
    return html;
  };
  CHECK(read_html(nested(3)).visible.text.find("kaszinó") != std::string::npos);
  CHECK(read_html(nested(4)).unreadable == "HTML in a frame that cannot be read");
  CHECK_FALSE(read_html(nested(100)).unreadable.empty());
}

TEST_CASE("names that are read aloud are text") {
  const auto d = read_html("<a href='x' aria-label='kaszinó'>ide</a><option label='hitel'>");
  CHECK(d.visible.text.find("kaszinó") != std::string::npos);
  CHECK(d.visible.text.find("hitel") != std::string::npos);
}
