// RULES A1.1: what makes two mails the same content.
#include <catch2/catch.hpp>

#include "base/secret.h"
#include "base/text.h"
#include "filters/content_fingerprint.h"

using namespace consentry;
using filters::fingerprint_of;

namespace {

std::string digest(std::string mail) {
  std::string crlf;
  for (const char c : mail) {
    if (c == '\n') crlf += '\r';
    crlf += c;
  }
  return hex(fingerprint_of(smtp::mime::walk(crlf)).digest);
}

std::string plain(const std::string& to, const std::string& subject, const std::string& text) {
  return "From: shop@shop.test\nTo: " + to + "\nSubject: " + subject +
         "\nContent-Type: text/plain; charset=utf-8\n\n" + text + "\n";
}

std::string html(const std::string& to, const std::string& text) {
  return "From: shop@shop.test\nTo: " + to +
         "\nSubject: Rendelés\nContent-Type: text/html; charset=utf-8\n\n<p>" + text + "</p>\n";
}

}  // namespace

TEST_CASE("A1.1 personalised copies of one template agree") {
  const struct {
    const char* what;
    std::string a, b;
  } table[] = {
      {"names, greeting and order numbers",
       plain("Kovács Anna <anna@x.test>", "Anna, a 4711. rendelése úton van",
             "Kedves Kovács Anna!\n\nA 4711. számú csomagját feladtuk, 2 nap múlva érkezik.\n"),
       plain("Nagy-Szabó Bertalan Ödön <b@y.test>", "Bertalan, a 12. rendelése úton van",
             "Kedves Nagy-Szabó Bertalan Ödön!\n\nA 12. számú csomagját feladtuk, 14 nap múlva "
             "érkezik.\n")},
      {"a suffix on the name", plain("x@x.test", "Hír", "Szia! Örülünk Annának és mindenkinek."),
       plain("y@x.test", "Hír", "Szia! Örülünk Bertalannak és mindenkinek.")},
      {"a name in small letters, known from the address",
       plain("anna.kovacs@x.test", "Hír", "szia anna, itt az új cikk"),
       plain("bela@y.test", "Hír", "szia bela, itt az új cikk")},
      {"a name in capitals, known from the display name",
       plain("\"KOVÁCS ANNA\" <a@x.test>", "Hír", "KOVÁCS ANNA részére küldjük a levelet"),
       plain("\"NAGY BÉLA\" <b@x.test>", "Hír", "NAGY BÉLA részére küldjük a levelet")},
      {"e-mail addresses", plain("a@x.test", "Hír", "ezt a@x.test kapta, mert kérte"),
       plain("b@y.test", "Hír", "ezt b@y.test kapta, mert kérte")},
      {"the path of a link", plain("a@x.test", "Hír", "nézd meg: https://shop.test/o/4f?k=1 most"),
       plain("b@y.test", "Hír", "nézd meg: https://shop.test/o/9a/2b?k=2&u=zz most")},
      {"amounts, dates and codes",
       plain("a@x.test", "Kód", "a belépő kód A1B2C3, összeg 12 500 Ft"),
       plain("b@y.test", "Kód", "a belépő kód 99XX, összeg 7 Ft")},
      {"case and accents of the text", plain("a@x.test", "Hír", "itt az ÚJ cikk"),
       plain("b@y.test", "Hír", "itt az uj cikk")},
      {"line breaks", plain("a@x.test", "Hír", "egy hosszú\nmondat vége"),
       plain("b@y.test", "Hír", "egy hosszú mondat\n\nvége")},
      {"markup and the target of a link",
       html("a@x.test", "itt a <b>csomag</b> <a href='https://shop.test/a/1'>megnézem</a>"),
       html("b@y.test", "itt a <i>csomag</i> <a href='https://shop.test/b/2'>megnézem</a>")},
      {"a decomposed accent", plain("a@x.test", "Hír", "a ház és a kert"),
       plain("a@x.test", "Hír", "a ha\xCC\x81z e\xCC\x81s a kert")},
  };
  for (const auto& row : table) {
    INFO(row.what);
    CHECK(digest(row.a) == digest(row.b));
  }
}

TEST_CASE("A1.1 other contents differ") {
  const std::string mails[] = {
      plain("a@x.test", "Hír", "a csomagját feladtuk, holnap érkezik"),
      plain("a@x.test", "Hír", "a csomagját átvették, köszönjük"),
      plain("a@x.test", "Hír", "a csomagját feladtuk, holnap érkezik, addig is akció van"),
      plain("a@x.test", "Számla", "a csomagját feladtuk, holnap érkezik szépen"),
      plain("a@x.test", "Hír", "a jelszava lejárt, itt kérhet újat: https://shop.test/p/1"),
      plain("a@x.test", "Hír", "a jelszava lejárt, itt kérhet újat: https://evil.test/p/1"),
      html("a@x.test", "a megrendelt termék: kék bögre"),
      html("a@x.test", "a megrendelt termék: zöld sapka"),
      html("a@x.test", "<a href='https://one.test/x'><img src='cid:1'></a>"),
      html("a@x.test", "<a href='https://two.test/x'><img src='cid:1'></a>"),
  };
  for (std::size_t i = 0; i < std::size(mails); ++i)
    for (std::size_t j = i + 1; j < std::size(mails); ++j) {
      INFO(i << " and " << j);
      CHECK(digest(mails[i]) != digest(mails[j]));
    }
}

TEST_CASE("A1.1 a fingerprint is the same in every build, and bad input has one too") {
  // Stored: a change of the formula forgets a day's counts and every approval.
  CHECK(digest(plain("a@x.test", "Hír", "a csomagját feladtuk")) ==
        "a52fb7d9b18f3cc6ad1de0af3d95b12a");
  const auto f = fingerprint_of(smtp::mime::walk("no header at all"));
  CHECK(f.digest.size() == 16);
  for (const auto* bad : {"", "\r\n", "Subject: \xff\xfe\r\n\r\n\xff", "To: @@@\r\n\r\nx"})
    CHECK(fingerprint_of(smtp::mime::walk(bad)).digest.size() == 16);
}
