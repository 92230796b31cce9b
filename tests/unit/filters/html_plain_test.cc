// Reading without a tree against reading with gumbo's: wherever the first does not give up, it sees
// the same.
#include <catch2/catch.hpp>
#include <filesystem>
#include <random>
#include <tuple>

#include "filters/html_plain.h"
#include "tests/unit/filters/shipped.h"

using namespace consentry;
using namespace consentry::filters;
using namespace consentry::tests;

namespace {

bool is_same(const mapped_text& a, const mapped_text& b) {
  if (a.text != b.text) return false;
  for (std::size_t i = 0; i < a.text.size(); ++i) {
    if (a.map.original(i, i + 1) != b.map.original(i, i + 1)) return false;
  }
  return true;
}

bool is_plain(std::string_view source) {
  html_document out;
  html_reading reading{source, out, [](std::string_view) { return html_document{}; }};
  return read_plain_html(source, reading);
}

void check_same(std::string_view source) {
  const html_document fast = read_html(source);
  const html_document slow = read_html_as_tree(source);
  INFO(source.substr(0, 3000));
  REQUIRE(fast.visible.text == slow.visible.text);
  REQUIRE(fast.hidden.text == slow.hidden.text);
  REQUIRE(is_same(fast.visible, slow.visible));
  REQUIRE(is_same(fast.hidden, slow.hidden));
  REQUIRE(fast.turned == slow.turned);
  REQUIRE(fast.images == slow.images);
  REQUIRE(fast.links.size() == slow.links.size());
  for (std::size_t i = 0; i < fast.links.size(); ++i) {
    const html_link &a = fast.links[i], &b = slow.links[i];
    REQUIRE(std::tie(a.target, a.text, a.begin, a.end) ==
            std::tie(b.target, b.text, b.begin, b.end));
  }
}

std::string page(std::string_view body) {
  return "<!DOCTYPE html>\r\n<html><head><title>C&iacute;m</title></head>\r\n<body>" +
         std::string{body} + "</body></html>\r\n";
}

constexpr std::string_view pieces[] = {"<p>",
                                       "</p>",
                                       "<div>",
                                       "</div>",
                                       "<b>",
                                       "</b>",
                                       "<i>",
                                       "</i>",
                                       "<a href='/x?a=1&amp;b=2'>",
                                       "</a>",
                                       "<table>",
                                       "</table>",
                                       "<tr>",
                                       "</tr>",
                                       "<td>",
                                       "</td>",
                                       "<tbody>",
                                       "</tbody>",
                                       "<thead>",
                                       "</thead>",
                                       "<th>",
                                       "</th>",
                                       "<ul>",
                                       "</ul>",
                                       "<li>",
                                       "</li>",
                                       "<h1>",
                                       "</h1>",
                                       "<h2>",
                                       "</h2>",
                                       "<br>",
                                       "<br/>",
                                       "<hr>",
                                       "<img alt=\"k&eacute;p\" src=a>",
                                       "<span style='display:none'>",
                                       "</span>",
                                       "<font color=white>",
                                       "</font>",
                                       "text",
                                       " ",
                                       "\r\n",
                                       "&nbsp;",
                                       "&amp;",
                                       "&aacute;",
                                       "&copy",
                                       "a & b",
                                       "<!-- c -->",
                                       "<!--[if mso]><p>Outlook</p><![endif]-->",
                                       "<![if !mso]>",
                                       "<![endif]>",
                                       "<style>.a{color:red}</style>",
                                       "<center>",
                                       "</center>",
                                       "<sup>",
                                       "</sup>",
                                       "<section>",
                                       "</section>",
                                       "<blockquote>",
                                       "</blockquote>",
                                       "<form>",
                                       "</form>",
                                       "<input value=v>",
                                       "<pre>",
                                       "</pre>",
                                       "<nobr>",
                                       "<o:p>",
                                       "</o:p>",
                                       "<td/>",
                                       "<div/>",
                                       "<p title=\"t\">",
                                       "őű",
                                       "\n",
                                       "&#225;",
                                       "&#x151;",
                                       "&lt;",
                                       "<small>",
                                       "</small>",
                                       "<body>",
                                       "</body>",
                                       "<html>",
                                       "</html>",
                                       "<head>",
                                       "<title>",
                                       "<button>",
                                       "</button>",
                                       "<svg>",
                                       "</svg>",
                                       "<tfoot>",
                                       "<caption>"};

// Elements inside of one another, mostly closed as they should be.
std::string orderly(std::mt19937& random, int depth) {
  constexpr std::string_view names[] = {"div", "p",  "b", "span", "a",  "center",  "font", "i",
                                        "h2",  "ul", "u", "sub",  "em", "section", "table"};
  std::string out;
  for (unsigned n = random() % 4; n-- > 0;) {
    if (depth == 0 || random() % 3 == 0) {
      out += pieces[random() % std::size(pieces)];
      continue;
    }
    const std::string name{names[random() % std::size(names)]};
    const std::string inner = orderly(random, depth - 1);
    if (name == "table") {
      const bool has_body = random() % 2 == 0;
      out += std::string{"<table bgcolor=#fff>"} + (has_body ? "<tbody>\r\n" : " ") + "<tr><td>" +
             inner + "</td> <td>" + orderly(random, depth - 1) + "</td></tr>" +
             (has_body ? "</tbody>" : "") + "</table>";
    } else if (name == "ul") {
      out += "<ul><li>" + inner + "</li>\n<li>x</li></ul>";
    } else {
      out += "<" + name + ">" + inner + "</" + name + ">";
    }
  }
  return out;
}

}  // namespace

TEST_CASE("orderly HTML is read without a tree") {
  CHECK(is_plain(page("<p>Szia!</p>")));
  CHECK(is_plain(
      page("<table width=\"100%\"><tr><td align=center><a href=\"https://a.example/?x=1&y=2\">"
           "<img src='a.png' alt='K&eacute;p'></a></td></tr></table>")));
  CHECK(is_plain(page("<ul><li>egy</li><li>k&eacute;t <b>alma</b></li></ul><hr/>")));
  CHECK(
      is_plain(page("<!--[if mso]><table><tr><td><![endif]--><div>x</div><!--[if mso]></td></tr>"
                    "</table><![endif]-->")));
  // What the tree builder would move, imply or repair.
  for (const std::string_view odd :
       {"<p>a<p>b", "<table>a<tr><td>b</td></tr></table>", "<b>a<p>b</b>c</p>",
        "<table><td>a</td></table>", "<p><div>a</div></p>", "<a>x<a>y</a></a>", "a &copy b",
        "<div/>a", "<script>x</script>", "<textarea><b></textarea>", "a<b", "<li>a</li>",
        "<h1><h2>a</h2></h1>", "<select><option>a</select>", "<img src=a.png alt=a alt=b>", "\x01",
        "<pre>\na</pre>", "<!-->a-->", "<p a\"b>x</p>"}) {
    INFO(odd);
    CHECK_FALSE(is_plain(page(odd)));
    check_same(page(odd));
  }
}

TEST_CASE("reading without a tree sees what gumbo's tree says") {
  std::mt19937 random{20261126};  // NOLINT(cert-msc51-cpp): the same pages in each run
  std::size_t plain = 0;
  for (int i = 0; i < 6000; ++i) {
    const std::string source = page(orderly(random, 4));
    plain += is_plain(source) ? 1 : 0;
    check_same(source);
  }
  for (int i = 0; i < 6000; ++i) {
    std::string body;
    for (unsigned n = random() % 8; n-- > 0;) body += pieces[random() % std::size(pieces)];
    plain += is_plain(page(body)) ? 1 : 0;
    check_same(page(body));
  }
  WARN(plain << " of 12000 pages were read without a tree");
  CHECK(plain > 1500);
}

TEST_CASE("newsletters of the corpora read the same without a tree") {
  if (corpora_folder().empty()) return;
  std::size_t pages = 0;
  std::size_t plain = 0;
  for (const auto& e : std::filesystem::recursive_directory_iterator{corpora_folder()}) {
    if (!e.is_regular_file() || e.file_size() > 1'000'000) continue;
    const std::string source = read_file(e.path());
    if (e.path().extension() == ".html" || e.path().extension() == ".htm") {
      ++pages;
      plain += is_plain(source) ? 1 : 0;
      check_same(source);
    }
    if (e.path().extension() != ".eml" && e.path().extension() != ".mbox") continue;
    for (const auto& part : smtp::mime::walk(source).parts) {
      if (part.type != "text/html" || part.text.empty()) continue;
      ++pages;
      plain += is_plain(part.text) ? 1 : 0;
      check_same(part.text);
    }
  }
  WARN(plain << " of " << pages << " pages were read without a tree");
  CHECK(pages > 50);
}
