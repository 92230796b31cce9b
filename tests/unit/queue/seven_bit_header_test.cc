#include "queue/seven_bit_header.h"

#include <catch2/catch.hpp>
#include <random>

#include "base/text.h"
#include "queue/encoded_text.h"
#include "queue/header_fields.h"
#include "queue/message_copy.h"
#include "queue/seven_bit.h"
#include "smtp/mime/header_text.h"
#include "tests/unit/queue/store_fixture.h"

using namespace consentry;
using namespace consentry::queue;
using namespace consentry::queue::tests;
namespace mime = consentry::smtp::mime;

namespace {

std::string converted(std::string_view field) {
  const auto out = to_seven_bit_header(field);
  return out ? *out : "(none)";
}

// As mail programs show it.
std::string shown(std::string_view field) {
  std::string flat{field.substr(field.find(':') + 1)};
  for (auto at = flat.find("\r\n"); at != flat.npos; at = flat.find("\r\n")) flat.erase(at, 2);
  return mime::decode_header(trim(flat));
}

void check_lines(const std::string& field) {
  CHECK(is_ascii(field));
  CHECK(field.ends_with("\r\n"));
  for (auto line : split(std::string_view{field}.substr(0, field.size() - 2), '\n')) {
    CHECK(line.size() <= 79);  // 76, and what a word without a place to fold adds
    CHECK_FALSE(trim(line).empty());
  }
}

}  // namespace

TEST_CASE("8-bit header fields: known forms", "[seven_bit_header]") {
  const std::pair<std::string, std::string> rows[] = {
      {"Subject: plain\r\n folded\r\n", "Subject: plain\r\n folded\r\n"},
      {"Subject: árvíz\r\n", "Subject: =?utf-8?Q?=C3=A1rv=C3=ADz?=\r\n"},
      {"Subject: az árvíz  nagy\r\n", "Subject: az =?utf-8?Q?=C3=A1rv=C3=ADz?=  nagy\r\n"},
      {"Subject: űű őő\r\n", "Subject: =?utf-8?B?xbHFsSDFkcWR?=\r\n"},
      // White space beside the sender's encoded words is shown as before.
      {"Subject: =?utf-8?Q?=C3=A1?= é\r\n", "Subject: =?utf-8?Q?=C3=A1?= =?utf-8?Q?_=C3=A9?=\r\n"},
      {"Subject: é  =?utf-8?Q?=C3=A1?= x\r\n",
       "Subject: =?utf-8?Q?=C3=A9__?= =?utf-8?Q?=C3=A1?= x\r\n"},
      {"Subject:é\r\n", "Subject:=?utf-8?Q?=C3=A9?=\r\n"},
      {"X-Note: a?=b_c é=_?\r\n", "X-Note: a?=b_c =?utf-8?B?w6k9Xz8=?=\r\n"},
      {"From: Kovács János <k@x.hu>\r\n", "From: =?utf-8?Q?Kov=C3=A1cs_J=C3=A1nos?= <k@x.hu>\r\n"},
      {"From: \"Kovács, \\\"J\\\"\"<k@x.hu>\r\n",
       "From: =?utf-8?Q?Kov=C3=A1cs=2C_=22J=22?= <k@x.hu>\r\n"},
      {"To: a@x.hu (Ági), \"B, C\" <b@x.hu>,\r\n Dénes <d@x.hu>\r\n",
       "To: a@x.hu (=?utf-8?Q?=C3=81gi?=), \"B, C\" <b@x.hu>, =?utf-8?Q?D=C3=A9nes?=\r\n "
       "<d@x.hu>\r\n"},
      {"To: Barátok: a@x.hu, b@x.hu;\r\n", "To: =?utf-8?Q?Bar=C3=A1tok?= : a@x.hu, b@x.hu;\r\n"},
      {"Reply-To: <info@kávé.hu>\r\n", "Reply-To: <info@xn--kv-mia7a.hu>\r\n"},
      {"List-Id: Kerti hírek <kert.x.hu>\r\n",
       "List-Id: =?utf-8?Q?Kerti_h=C3=ADrek?= <kert.x.hu>\r\n"},
      {"Content-Disposition: attachment; filename=\"árvíz.pdf\"; size=3\r\n",
       "Content-Disposition: attachment; filename*=utf-8''%C3%A1rv%C3%ADz.pdf;\r\n size=3\r\n"},
  };
  for (const auto& [field, expected] : rows) {
    INFO(field);
    CHECK(converted(field) == expected);
    if (field.find("Content-") == field.npos && field.find('"') == field.npos &&
        field.find("kávé") == field.npos && field.find("Bar") == field.npos)
      CHECK(shown(field) == shown(expected));
  }
}

TEST_CASE("long 8-bit fields are folded, no character is cut", "[seven_bit_header]") {
  std::string subject = "Subject:";
  for (int i = 0; i < 60; ++i) subject += i % 3 == 0 ? " árvíztűrő" : " tükörfúrógép";
  subject += "\r\n";
  const auto field = converted(subject);
  check_lines(field);
  CHECK(shown(field) == shown(subject));
  // One word without an end, of characters of four octets.
  std::string smile = "Subject: ";
  for (int i = 0; i < 200; ++i) smile += "\xf0\x9f\x98\x80";
  check_lines(converted(smile + "\r\n"));
  CHECK(shown(converted(smile + "\r\n")) == shown(smile + "\r\n"));
  std::string name(60, 'x');
  for (int i = 0; i < 50; ++i) name += "ő";
  const auto disposition =
      converted("Content-Disposition: attachment; filename=\"" + name + ".pdf\"\r\n");
  check_lines(disposition);
  const auto [type, params] = mime::parse_parameters(disposition.substr(20));
  CHECK(params.at("filename") == name + ".pdf");
}

TEST_CASE("what has no 7-bit form is left as it is, all of it", "[seven_bit_header]") {
  for (const char* field :
       {"From: ágnes@x.hu\r\n", "From: Ági <ági@x.hu>\r\n", "Message-ID: <á@x.hu>\r\n",
        "Received: by á\r\n", "Tárgy: x\r\n", "Subject: =?utf-8?Q?x?=á\r\n", "no field á\r\n",
        "From: \"á <a@x.hu>\r\n", "To: (á (b)) a@x.hu\r\n", "From: á (b) c <a@x.hu>\r\n",
        "Content-Type: multipart/mixed; boundary=\"á\"\r\n", "List-Unsubscribe: <https://x/á>\r\n",
        "Content-Disposition: attachment; filename=\"á\"; filename*=utf-8''b\r\n",
        "Content-Type: text/á\r\n", "DKIM-Signature: v=1; i=á@x.hu\r\n"}) {
    INFO(field);
    CHECK(converted(std::string{"Subject: á\r\n"} + field) == "(none)");
  }
}

TEST_CASE("text in another charset is what the filters read", "[seven_bit_header]") {
  // windows-1250 as the body says, and unlabelled.
  CHECK(to_seven_bit_header("Subject: \xf5r\r\n", "iso-8859-2") ==
        "Subject: =?utf-8?Q?=C5=91r?=\r\n");
  const std::string raw = "Subject: t\xfbr\xf5\r\n";
  CHECK(shown(converted(raw)) == mime::decode_header("t\xfbr\xf5"));
}

TEST_CASE("a copy with converted fields needs no SMTPUTF8", "[seven_bit_header]") {
  const std::string mail = "From: Kovács <k@shop.example>\r\nSubject: árvíz\r\n\r\nx\r\n";
  const auto content = make_shared_content(bulk_message(), mail, message_id_rewrite::none);
  CHECK_FALSE(content->eight_bit_header);
  CHECK(is_ascii(content->header));
  const auto other = make_shared_content(bulk_message(), "To: á@x.hu\r\nSubject: é\r\n\r\nx\r\n",
                                         message_id_rewrite::none);
  CHECK(other->eight_bit_header);
  CHECK(other->header == "To: á@x.hu\r\nSubject: é\r\n");
}

TEST_CASE("8-bit headers of parts are converted too, not those of enclosed messages",
          "[seven_bit_header]") {
  const std::string begin =
      "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n";
  const std::string end = "\r\n--b--\r\n";
  const auto seven =
      to_seven_bit(begin + "Content-Disposition: attachment; filename=á.txt\r\n\r\nx" + end);
  REQUIRE(seven);
  CHECK(*seven ==
        begin + "Content-Disposition: attachment; filename*=utf-8''%C3%A1.txt\r\n\r\nx" + end);
  CHECK_FALSE(
      to_seven_bit(begin + "Content-Type: message/rfc822\r\n\r\nSubject: á\r\n\r\nx" + end));
  CHECK_FALSE(to_seven_bit(begin + "Content-ID: <á>\r\n\r\nx" + end));
}

TEST_CASE("whatever the words, what is shown stays", "[seven_bit_header]") {
  std::mt19937 random{2047};
  const char* const pieces[] = {
      " ",  "  ",           "\t", "\r\n ", "a", "word", "é",  "őű", "=",    "?",  "_", "=?",
      ",",  "\"",           "(",  ")",     "<", ">",    "\\", ":",  "日本", "😀", "@", "x.hu",
      "; ", "=?utf-8?Q?x?="};
  unsigned done = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (unsigned n = 1 + random() % 14; n > 0; --n) text += pieces[random() % std::size(pieces)];
    if (trim(text).empty()) continue;
    for (const char* name : {"Subject: x", "To: "}) {
      const auto field = name + text + "\r\n";
      const auto out = to_seven_bit_header(field);
      if (!out || is_ascii(field)) continue;
      ++done;
      INFO(field);
      CHECK(is_ascii(*out));
      if (name[0] == 'S') {
        CHECK(shown(*out) == shown(field));
      } else {
        bool was_good = false, is_good = false;
        const auto before = mime::parse_address_list(shown(field), was_good);
        const auto after = mime::parse_address_list(out->substr(3), is_good);
        if (!was_good) continue;
        CHECK(before.size() == after.size());
      }
    }
  }
  CHECK(done > 5000);
}
