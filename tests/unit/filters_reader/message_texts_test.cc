// What a message carries reaches the scan, each text with its zone and place.
#include "filters/message_texts.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "base/text.h"
#include "tests/support/direct_reader.h"
#include "tests/unit/filters_reader/sample_files.h"

using namespace consentry;
using namespace consentry::filters;
using namespace consentry::tests;

namespace {

struct gathered {
  std::string shown;  // "part zone|text" a line
  message_texts texts;
};

gathered gather(const smtp::mime::walked_message& mail, const attachment_access& access) {
  gathered g;
  g.texts = gather_texts(mail, {}, access);
  for (const auto& t : g.texts.texts)
    g.shown += t.part + " " + std::string{to_string(t.where)} + "|" + std::string{t.seen} + "\n";
  for (const auto& u : g.texts.unscannable_because) g.shown += "!" + u + "\n";
  return g;
}

// A letter of a text and one more part: its header fields, and its octets in base64.
std::string shown(const std::string& fields, const std::string& bytes,
                  const std::string& text = "Jó napot kívánunk mindenkinek!",
                  reader::read_limits limits = {}) {
  const direct_reader direct;
  const auto mail = smtp::mime::walk(
      "Subject: hir\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
      "--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" +
      text + "\r\n--x\r\n" + fields + "\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
      base64(bytes) + "\r\n--x--\r\n");
  return gather(mail, {.reader = &direct, .limits = limits}).shown;
}

std::string attached(const std::string& type, const std::string& name) {
  return "Content-Type: " + type + "\r\nContent-Disposition: attachment; filename*=utf-8''" + name;
}

}  // namespace

TEST_CASE("documents, and documents in archives, stand below their part") {
  const auto r =
      shown(attached("application/zip", "t%C5%B1r%C5%91.zip"),
            zip({{"belso.zip", zip({{"ajánlat.docx", docx_saying("Online kaszinó")}})}}));
  CHECK_THAT(r, Catch::Contains("2 attachment|tűrő.zip\n"));
  CHECK_THAT(r, Catch::Contains("2/belso.zip/ajánlat.docx attachment|ajánlat.docx\n"));
  CHECK_THAT(r, Catch::Contains("2/belso.zip/ajánlat.docx attachment|Online kaszinó\n"));
  CHECK_THAT(r, !Catch::Contains("!part"));
}

TEST_CASE("links and hidden text in attachments are told apart as in bodies") {
  const auto r =
      shown(attached("text/html", "a.html"),
            "<p>Szia</p><p style='display:none'>rejtve</p><a href='http://a.example/'>ide</a>");
  CHECK_THAT(r, Catch::Contains("2 attachment|") && Catch::Contains("2 hidden|rejtve"));
  CHECK_THAT(r, Catch::Contains("2 link|http://a.example/"));
  const auto inner =
      shown(attached("application/zip", "a.zip"),
            zip({{"a.html", "<p>Szia</p><p hidden>rejtve</p>"}, {"b.txt", "www.b.example itt"}}));
  CHECK_THAT(inner, Catch::Contains("2/a.html hidden|rejtve") &&
                        Catch::Contains("2/b.txt link|www.b.example"));
}

TEST_CASE("an invitation in the mail is part of what is seen, a calendar file is attached") {
  const std::string event = "BEGIN:VCALENDAR\r\nSUMMARY:Nyi\r\n tás\\, ma\r\nEND:VCALENDAR\r\n";
  CHECK_THAT(shown("Content-Type: text/calendar; charset=utf-8", event),
             Catch::Contains("2 body|") && Catch::Contains("Nyitás, ma"));
  CHECK_THAT(shown(attached("text/calendar", "a.ics"), event),
             Catch::Contains("2 attachment|VCALENDAR\nNyitás, ma"));
}

TEST_CASE("text without a label that says so is read, in any charset") {
  CHECK_THAT(shown(attached("application/octet-stream", "a.txt"), "kaszin\xF3 v\xE1r"),
             Catch::Contains("2 attachment|kaszinó vár"));
  CHECK_THAT(
      shown(attached("application/octet-stream", "a.htm"), "<p>kaszin\xF3</p>"),
      Catch::Contains("2 attachment|") && Catch::Contains("kaszinó") && !Catch::Contains("<p>"));
  CHECK_THAT(shown(attached("application/octet-stream", "a.bin"), std::string{"\0\1\2\3\4", 5}),
             Catch::Contains("!part 2: application/octet-stream is octets of an unknown format"));
}

TEST_CASE("uuencoded files in a text are read") {
  const std::string uu = "Szia!\r\nbegin 644 x.txt\r\n+:&5L;&\\@=V]R;&0`\r\n`\r\nend\r\nUtana";
  const auto r = shown(attached("text/plain", "a.txt"), "masik", uu);
  CHECK_THAT(r, Catch::Contains("1/x.txt attachment|x.txt\n") &&
                    Catch::Contains("1/x.txt attachment|hello world\n") &&
                    !Catch::Contains("!part"));
  CHECK_THAT(shown(attached("text/plain", "a.txt"), "masik",
                   "Szia!\r\nbegin 644 x.txt\r\n+:&5L;&\\@=V]R;&0`\r\n"),
             Catch::Contains("!part 1/x.txt: holds broken uuencoded data"));
}

TEST_CASE("labels that lie are told") {
  CHECK_THAT(shown(attached("image/png", "a.png"), "<p>kaszin\xF3</p>"),
             Catch::Contains("!part 2: is labelled image/png, but holds text") &&
                 Catch::Contains("kaszinó"));
  CHECK_THAT(shown(attached("application/pdf", "a.pdf"), "\x89PNG\r\n\x1a\nxxxx"),
             Catch::Contains("!part 2: is labelled application/pdf, but holds a picture"));
  CHECK_THAT(shown(attached("text/plain", "a.txt"), docx_saying("Online kaszinó")),
             Catch::Contains("!part 2: text/plain is labelled text/plain, but holds a ZIP") &&
                 Catch::Contains("Online kaszinó"));
  CHECK_THAT(shown(attached("image/png", "a.png"), "\x89PNG\r\n\x1a\nxxxx"),
             !Catch::Contains("!part"));
  CHECK_THAT(shown(attached("application/octet-stream", "a.png"), "\x89PNG\r\n\x1a\nxxxx"),
             !Catch::Contains("!part"));
}

TEST_CASE("what all attachments hold together is bounded") {
  const auto file = zip({{"a.txt", std::string(700'000, 'a')}});
  const direct_reader direct;
  std::string mail = "Content-Type: multipart/mixed; boundary=x\r\n\r\n";
  for (int i = 0; i < 3; ++i)
    mail += "--x\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
            base64(file) + "\r\n";
  const auto walked = smtp::mime::walk(mail + "--x--\r\n");
  const auto r = gather(walked, {.reader = &direct, .limits = {.unpacked_max = 3'000'000}}).shown;
  CHECK_THAT(r, !Catch::Contains("!part 1") && !Catch::Contains("!part 2"));
  CHECK_THAT(r, Catch::Contains("!part 3: application/zip holds more than"));
}

TEST_CASE("messages in messages count as levels") {
  std::string mail = "Content-Type: text/plain\r\n\r\nmag\r\n";
  for (int i = 0; i < 7; ++i) mail = "Content-Type: message/rfc822\r\n\r\n" + mail;
  const direct_reader direct;
  const auto walked = smtp::mime::walk(mail);
  const auto r = gather(walked, {.reader = &direct, .limits = {}}).shown;
  CHECK_THAT(r, Catch::Contains("is nested too deeply"));
  CHECK_THAT(r, Catch::Contains("|mag"));
}

TEST_CASE("without a reader only text is read") {
  const auto mail = smtp::mime::walk(
      "Content-Type: application/zip\r\nContent-Transfer-Encoding: "
      "base64\r\n\r\n" +
      base64(zip({{"a.txt", "x"}})) + "\r\n");
  CHECK_THAT(gather(mail, {}).shown,
             Catch::Contains("!part 0: application/zip cannot be read here"));
}
