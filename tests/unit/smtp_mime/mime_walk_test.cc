#include "smtp/mime/mime_walk.h"

#include <algorithm>
#include <catch2/catch.hpp>

namespace mime = consentry::smtp::mime;

namespace {

const mime::part* find(const mime::walked_message& m, std::string_view path) {
  for (const auto& p : m.parts)
    if (p.path == path) return &p;
  return nullptr;
}

bool has_problem(const mime::walked_message& m, std::string_view text) {
  return std::any_of(m.problems.begin(), m.problems.end(),
                     [text](const std::string& p) { return p.find(text) != std::string::npos; });
}

std::string with_crlf(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

const std::string nested =
    "From: a@b.hu\n"
    "Subject: =?utf-8?Q?=C3=A1rv=C3=ADz?=\n"
    "Content-Type: multipart/mixed; boundary=\"out\"\n"
    "\n"
    "preamble\n"
    "--out\n"
    "Content-Type: multipart/alternative; boundary=in\n"
    "\n"
    "--in\n"
    "Content-Type: text/plain; charset=iso-8859-2\n"
    "Content-Transfer-Encoding: quoted-printable\n"
    "\n"
    "t=FBr=F5\n"
    "--in\n"
    "Content-Type: text/html\n"
    "\n"
    "<b>bold</b>\n"
    "\n"
    "--in--\n"
    "--out\n"
    "Content-Type: application/pdf; name=\"x.pdf\"\n"
    "Content-Disposition: attachment; filename*=utf-8''%C5%91.pdf\n"
    "Content-Transfer-Encoding: base64\n"
    "\n"
    "aGVsbG8=\n"
    "--out\n"
    "Content-Type: message/rfc822\n"
    "\n"
    "Subject: inner\n"
    "Content-Type: multipart/mixed; boundary=deep\n"
    "\n"
    "--deep\n"
    "\n"
    "inner text\n"
    "--deep--\n"
    "--out--\n"
    "epilogue\n";

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("parts, paths, bodies and places", "[mime_walk]") {
  for (const auto& message : {nested, with_crlf(nested)}) {
    const auto m = mime::walk(message);
    CHECK_FALSE(m.unscannable);
    CHECK(m.problems.empty());
    std::vector<std::string> paths;
    for (const auto& p : m.parts) paths.push_back(p.path);
    CHECK(paths == std::vector<std::string>{"0", "1", "1.1", "1.2", "2", "3", "3.0", "3.1"});
    REQUIRE(m.header("subject"));
    CHECK(m.header("subject")->text == "árvíz");
    CHECK(m.count("FROM") == 1);
    CHECK(message.substr(m.header("Subject")->offset, 8) == "Subject:");

    const auto* text = find(m, "1.1");
    CHECK(text->depth == 2);
    CHECK(text->text == "tűrő");
    CHECK(text->charset == "iso-8859-2");
    CHECK(message.substr(text->body_offset, text->body_length) == "t=FBr=F5");
    CHECK(find(m, "1.2")->text.starts_with("<b>bold</b>"));
    const auto* pdf = find(m, "2");
    CHECK(pdf->type == "application/pdf");
    CHECK(pdf->disposition == "attachment");
    CHECK(pdf->file_name == "ő.pdf");
    CHECK(pdf->body == "hello");
    CHECK(pdf->text.empty());
    CHECK(find(m, "3")->is_container);
    CHECK(find(m, "3.0")->is_container);
    CHECK(find(m, "3.0")->headers.front().text == "inner");
    CHECK(find(m, "3.1")->text == "inner text");
    CHECK(find(m, "3.1")->type == "text/plain");
  }
}

TEST_CASE("what a sender writes to hide text is read or said", "[mime_walk]") {
  struct row {
    const char* name;
    std::string message;
    std::string text;  // must be found in some leaf
    bool unscannable;
    std::string problem;
  };
  const std::string head = "Content-Type: multipart/mixed; boundary=b\n\n";
  const row rows[] = {
      {"no closing boundary", head + "--b\n\nhidden", "hidden", false, "closing boundary"},
      {"behind the closing boundary", head + "--b\n\na\n--b--\n--b\n\nhidden\n--b--\n", "hidden",
       false, "behind the closing"},
      {"boundary never occurs", head + "hidden", "hidden", true, "does not occur"},
      {"no boundary", "Content-Type: multipart/mixed\n\n--\n\nhidden", "hidden", true,
       "without a boundary"},
      {"words behind the boundary", head + "--b words\n\nhidden\n--b--\n", "hidden", true,
       "begins like a boundary"},
      {"a longer boundary", head + "--b\n\na\n--bb\n\nhidden\n--b--\n", "hidden", true,
       "begins like a boundary"},
      {"unknown encoding", "Content-Transfer-Encoding: rot13\n\nhidden", "hidden", true,
       "unknown transfer encoding"},
      {"encoded enclosed message",
       "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
       "U3ViamVjdDogeA0KDQpoaWRkZW4NCg==\n",
       "hidden", false, "enclosed message with transfer encoding"},
      {"a second content type", "Content-Type: text/plain\nContent-Type: text/html\n\nhidden",
       "hidden", true, "two different Content-Type"},
      {"blank before the colon", "Content-Transfer-Encoding : base64\n\naGlkZGVu\n", "hidden",
       false, "before the colon"},
      {"fields behind a line that is none",
       "Subject: x\nno field\nContent-Transfer-Encoding: base64\n\naGlkZGVu\n", "", true,
       "no field"},
      {"the same, far behind",
       "Subject: x\nno field\n" + repeated("X: y\n", 200) +
           "Content-Transfer-Encoding: base64\n\naGlkZGVu\n",
       "", true, "no field"},
      {"TNEF", "Content-Type: application/ms-tnef\n\nx", "", true, "TNEF"},
      {"TNEF by name", "Content-Type: application/octet-stream; name=WINMAIL.DAT\n\nx", "", true,
       "TNEF"},
      {"PGP", "\n-----BEGIN PGP MESSAGE-----\n\nx\n", "", true, "PGP"},
      {"S/MIME", "Content-Type: application/pkcs7-mime\n\nx", "", true, "S/MIME"},
      {"encrypted", "Content-Type: multipart/encrypted; boundary=b\n\n--b\n\nx\n--b--\n", "x", true,
       "encrypted"},
      {"a fragment", "Content-Type: message/partial; number=1\n\nSubject: x\n\nhidden", "hidden",
       true, "fragment"},
      {"uuencode as an encoding",
       "Content-Transfer-Encoding: x-uuencode\n\nbegin 644 x\n+:&5L;&\\@=V]R;&0`\n`\nend\n",
       "hello world", false, ""},
      {"digest",
       "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\nhidden\n--b--\n",
       "hidden", false, ""},
      {"odd content type", "Content-Type: nothing\n\nhidden", "hidden", false, "content type"},
      {"UTF-16 text",
       "Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: base64\n\n//5oAGkA\n",
       "hi", false, ""},
      {"charset in the HTML", "Content-Type: text/html\n\n<meta charset=\"iso-8859-2\">t\xfbr\xf5",
       "tűrő", false, ""},
      {"CR alone", "Subject: x\r\rhidden\r", "hidden", false, ""},
      {"mbox line first", "From a@b.hu Tue Jul 10 18:50:15 2012\nSubject: x\n\nhidden", "hidden",
       false, ""},
  };
  for (const auto& r : rows) {
    INFO(r.name);
    const auto m = mime::walk(r.message);
    CHECK(m.unscannable == r.unscannable);
    CHECK((r.problem.empty() ? m.problems.empty() : has_problem(m, r.problem)));
    CHECK(std::any_of(m.parts.begin(), m.parts.end(), [&r](const mime::part& p) {
      return p.text.find(r.text) != std::string::npos;
    }));
  }
}

TEST_CASE("the smallest messages", "[mime_walk]") {
  for (const char* message : {"", "\n", "\r\n", "x", "Subject: x", ":", " ", "--", "\n\n"}) {
    const auto m = mime::walk(message);
    REQUIRE(m.parts.size() == 1);
    CHECK(m.parts[0].path == "0");
    CHECK(m.parts[0].type == "text/plain");
  }
  CHECK(mime::walk("just text").parts[0].text == "just text");
}

TEST_CASE("what stands before and behind the parts of a multipart is its text", "[mime_walk]") {
  const auto m = mime::walk(
      "Content-Type: multipart/mixed; boundary=x\n\nbef\xc3\xb6re\n--x\n\npart\n--x--\nbehind\n");
  REQUIRE(m.parts.size() == 2);
  CHECK(m.parts[0].is_container);
  CHECK(m.parts[0].text == "beföre\nbehind\n");
  CHECK(m.parts[0].body.empty());
  CHECK(m.parts[1].text == "part");
  CHECK_FALSE(m.unscannable);
  const auto blank =
      mime::walk("Content-Type: multipart/mixed; boundary=x\n\n\n--x\n\npart\n--x--\n\n");
  CHECK(blank.parts[0].text.empty());
}
