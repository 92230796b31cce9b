#include "smtp/mime/header_text.h"

#include <catch2/catch.hpp>

#include "base/text.h"

namespace mime = consentry::smtp::mime;

TEST_CASE("headers are unfolded and their encoded words decoded", "[header_text]") {
  struct row {
    std::string raw;
    std::string text;
  };
  const row rows[] = {
      {" plain", "plain"},
      {" folded\r\n  twice\r\n\there", "folded  twice\there"},
      {"=?utf-8?Q?=C3=A1rv=C3=ADz?=", "árvíz"},
      {"=?UTF-8?B?w6FydsOteg==?=", "árvíz"},
      {"=?ISO-8859-2?Q?t=FBr=F5?=", "tűrő"},
      {"=?windows-1250?Q?t=FBr=F5?=", "tűrő"},
      {"=?iso-8859-1?Q?t=FBr=F5?=", "tûrõ"},  // as decoded; folding is the filters' work (F2)
      {"=?utf-8?Q?a?= =?utf-8?Q?b?=", "ab"},
      {"=?utf-8?Q?a?=\r\n =?utf-8?Q?b?=", "ab"},
      {"=?utf-8?Q?=C5?= =?utf-8?Q?=91?=", "ő"},  // one character in two words
      {"=?utf-8?Q?a?= and =?utf-8?Q?b?=", "a and b"},
      {"=?utf-8?Q?a_b?=", "a b"},
      {"=?utf-8*hu?Q?a?=", "a"},
      {"\"=?utf-8?Q?quoted?=\" <a@b.hu>", "\"quoted\" <a@b.hu>"},
      {"x=?utf-8?Q?glued?=y", "xgluedy"},
      {"=?utf-8?Q?what?\?=", "what?"},
      {"=?utf-8?Q?broken", "=?utf-8?Q?broken"},
      {"=?utf-8?X?broken?=", "=?utf-8?X?broken?="},
      {"=?x-nowhere?Q?t=FBr=F5?=", "tűrő"},
      {"=?utf-8?B?dGVzdA?=", "test"},
      {"raw t\xfbr\xf5", "raw tűrő"},
      {"raw tűrő", "raw tűrő"},
      {"=?utf-8?Q?two=0D=0ALines?=", "two\r\nLines"},
      {"", ""},
  };
  for (const auto& r : rows) {
    INFO(r.raw);
    CHECK(mime::decode_header(r.raw) == r.text);
  }
}

TEST_CASE("parameters: quoted, commented, continued, encoded", "[header_text]") {
  using map = std::map<std::string, std::string>;
  struct row {
    std::string raw;
    std::string value;
    map params;
  };
  const row rows[] = {
      {"text/plain", "text/plain", {}},
      {" Text/HTML; charset=UTF-8", "text/html", {{"charset", "UTF-8"}}},
      {"text/plain; charset=\"utf-8\"; format=flowed",
       "text/plain",
       {{"charset", "utf-8"}, {"format", "flowed"}}},
      {"text/plain (really); charset=us-ascii (plain)", "text/plain", {{"charset", "us-ascii"}}},
      {"multipart/mixed; boundary=\"a;b=c\"", "multipart/mixed", {{"boundary", "a;b=c"}}},
      {"multipart/mixed; boundary=----=_Part_1", "multipart/mixed", {{"boundary", "----=_Part_1"}}},
      {"multipart/mixed; boundary=\"=?x?\"", "multipart/mixed", {{"boundary", "=?x?"}}},
      {"a/b; name=\"q\\\"uo\\\\te\"", "a/b", {{"name", "q\"uo\\te"}}},
      {"a/b; name=\"C:\\dir\\x.txt\"", "a/b", {{"name", "C:\\dir\\x.txt"}}},
      {"a/b;\r\n name=\r\n x.txt", "a/b", {{"name", "x.txt"}}},
      {"a/b; name=\"unclosed", "a/b", {{"name", "unclosed"}}},
      {"a/b; name=\"x\" charset=utf-8", "a/b", {{"name", "x"}, {"charset", "utf-8"}}},
      {"a/b; name*=utf-8''t%C5%B1r%C5%91.txt", "a/b", {{"name", "tűrő.txt"}}},
      {"a/b; name*0*=iso-8859-2'hu't%FB; name*1*=r%F5; name*2=\".txt\"",
       "a/b",
       {{"name", "tűrő.txt"}}},
      {"a/b; name*1=b; name*0=a", "a/b", {{"name", "ab"}}},
      {"a/b; name=plain; name*=utf-8''extended", "a/b", {{"name", "extended"}}},
      {"a/b; name=first; name=second", "a/b", {{"name", "first"}}},
      {"a/b; name=\"=?utf-8?Q?t=C5=B1r?=\"", "a/b", {{"name", "tűr"}}},
      {"attachment; filename = x.pdf ;", "attachment", {{"filename", "x.pdf"}}},
      {"; charset=x", "", {{"charset", "x"}}},
      {"", "", {}},
  };
  for (const auto& r : rows) {
    INFO(r.raw);
    const auto [value, params] = mime::parse_parameters(r.raw);
    CHECK(value == r.value);
    CHECK(params == r.params);
  }
}

TEST_CASE("bytes become UTF-8 whatever the label says (RULES F2)", "[header_text]") {
  using namespace std::string_literals;
  struct row {
    std::string label;
    std::string bytes;
    std::string text;
    std::string used;
  };
  const row rows[] = {
      {"", "t\xfbr\xf5", "tűrő", "windows-1250"},
      {"", "tűrő", "tűrő", "utf-8"},
      {"iso-8859-2", "t\xfbr\xf5", "tűrő", "iso-8859-2"},
      {"windows-1250", "\x84t\xfbr\xf5\x94", "„tűrő”", "windows-1250"},
      {"iso-8859-1", "t\xfbr\xf5", "tûrõ", "iso-8859-1"},
      {"iso-8859-1", "tűrő", "tűrő", "utf-8"},
      {"utf-8", "t\xfbr\xf5", "tűrő", "windows-1250"},
      {"us-ascii", "t\xfbr\xf5", "tűrő", "windows-1250"},
      {"utf-8", "tűrő \xff tűrő", "tűrő \xef\xbf\xbd tűrő", "utf-8"},
      {"x-unknown", "t\xfbr\xf5", "tűrő", "windows-1250"},
      {"\"UTF-8\"", "abc", "abc", "utf-8"},
      {"utf-16le", "a\0b\0"s, "ab", "utf-16le"},
      {"utf-16", "readable all the same", "readable all the same", "us-ascii"},
      {"", "\xff\xfe"s + "a\0"s, "a", "utf-16le"},
      {"utf-8", "\xef\xbb\xbfx", "x", "utf-8"},
      {"utf-7", "+AOE-", "á", "utf-7"},
      {"iso-2022-jp", "\x1b$B$\"\x1b(B", "あ", "iso-2022-jp"},
      {"koi8-r", "\xc1", "а", "koi8-r"},
      {"gb2312", "\xc4\xe3", "你", "gb2312"},
  };
  for (const auto& r : rows) {
    INFO(r.label << " / " << r.text);
    std::string label = r.label;
    CHECK(mime::to_utf8(r.bytes, label) == r.text);
    CHECK(label == r.used);
  }
  std::string label = "iso-8859-2";
  std::string large;
  for (int i = 0; i < 20000; ++i) large += "\xf5 ";
  const std::string text = mime::to_utf8(large, label);
  CHECK(text.size() == 60000);
  CHECK(consentry::is_valid_utf8(text));
}

TEST_CASE("address lists", "[header_text]") {
  struct row {
    std::string raw;
    bool ok;
    std::vector<std::pair<std::string, std::string>> found;
  };
  const row rows[] = {
      {"a@b.hu", true, {{"", "a@b.hu"}}},
      {"<a@b.hu>", true, {{"", "a@b.hu"}}},
      {"Kis Pista <a@b.hu>", true, {{"Kis Pista", "a@b.hu"}}},
      {"\"Kis, Pista\" <a@b.hu>", true, {{"Kis, Pista", "a@b.hu"}}},
      {"=?utf-8?Q?J=C3=B3zsef?= <a@b.hu>", true, {{"József", "a@b.hu"}}},
      {"\"=?utf-8?Q?J=C3=B3zsef?=\" <a@b.hu>", true, {{"József", "a@b.hu"}}},
      {"a@b.hu, c@d.hu", true, {{"", "a@b.hu"}, {"", "c@d.hu"}}},
      {"a@b.hu,\r\n X Y <c@d.hu>", true, {{"", "a@b.hu"}, {"X Y", "c@d.hu"}}},
      {"a@b.hu (a comment (nested))", true, {{"", "a@b.hu"}}},
      {"group: a@b.hu, c@d.hu;", true, {{"", "a@b.hu"}, {"", "c@d.hu"}}},
      {"undisclosed-recipients:;", true, {}},
      {"\"odd local\"@b.hu", true, {{"", "\"odd local\"@b.hu"}}},
      {"a@[192.0.2.1]", true, {{"", "a@[192.0.2.1]"}}},
      {"John Q. Public <a@b.hu>", true, {{"John Q. Public", "a@b.hu"}}},
      {"<@r.hu,@s.hu:a@b.hu>", true, {{"", "a@b.hu"}}},
      {"a . b @ c . hu", true, {{"", "a.b@c.hu"}}},
      {"not an address", false, {{"", "notanaddress"}}},
      {"a@b.hu c@d.hu", false, {{"", "a@b.huc@d.hu"}}},
      {"<a@b.hu> <c@d.hu>", false, {{"", "a@b.hu"}, {"", "c@d.hu"}}},
      {"<a@b.hu", false, {{"", "a@b.hu"}}},
      {"a@b@c.hu", false, {{"", "a@b@c.hu"}}},
      {"\"open <a@b.hu>", false, {{"", "\"open <a@b.hu>"}}},
      {"", false, {}},
  };
  for (const auto& r : rows) {
    INFO(r.raw);
    bool ok = false;
    std::vector<std::pair<std::string, std::string>> found;
    for (auto& m : mime::parse_address_list(r.raw, ok))
      found.emplace_back(m.display_name, m.address);
    CHECK(ok == r.ok);
    CHECK(found == r.found);
  }
}
