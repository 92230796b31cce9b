// One forbidden sentence, in every disguise that mail allows: it is found, and the finding leads to
// the original octets.
#include <catch2/catch.hpp>
#include <utility>

#include "tests/unit/filters/shipped.h"

using namespace consentry;
using namespace consentry::tests;

namespace {

std::string mail(std::string_view type_and_encoding, std::string_view body,
                 std::string_view subject = "hir") {
  std::string out = "From: Bolt <a@bolt.example>\r\nTo: b@example.org\r\nSubject: ";
  out.append(subject);
  out += "\r\nMIME-Version: 1.0\r\n";
  out.append(type_and_encoding);
  out += "\r\n\r\n";
  out.append(body);
  return out + "\r\n";
}

std::string utf8(std::string_view body) {
  return mail("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit", body);
}
std::string html(std::string_view body) {
  return mail("Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit", body);
}

}  // namespace

TEST_CASE("no disguise hides a forbidden word") {
  // Each says "online kaszinó ... bónusz" or "kurva" one way or another.
  const std::pair<const char*, std::string> cases[] = {
      {"plain", utf8("Online kaszinó, 100% befizetési bónusz!")},
      {"accents dropped", utf8("Online kaszino, 100% befizetesi bonusz!")},
      {"upper case", utf8("ONLINE KASZINÓ, 100% BEFIZETÉSI BÓNUSZ!")},
      {"leet", utf8("Onl1ne k4sz1n0, 100% befizetési bónusz!")},
      {"spelled out", utf8("Online k a s z i n ó  100% befizetési bónusz!")},
      {"dots", utf8("Online k.a.s.z.i.n.ó, 100% befizetési bónusz!")},
      {"zero width", utf8("Online ka\u200bszi\u200dnó, 100% be\u2060fizetési bónusz!")},
      {"soft hyphens", utf8("Online ka\u00adszi\u00adnó, 100% befizetési bó\u00adnusz!")},
      {"Cyrillic letters", utf8("Online kаszinó, 100% bеfizetési bónusz!")},
      {"fullwidth", utf8("Online ｋａｓｚｉｎｏ, 100% befizetési bónusz!")},
      {"combining accents", utf8("Online kaszino\u0301, 100% befizete\u0301si bo\u0301nusz!")},
      {"tags inside", html("Online ka<b></b>szi<i>nó</i>, 100% befizet<!-- x -->ési bó<wbr>nusz!")},
      {"entities", html("Online kaszin&oacute;, 100% befizet&#233;si b&#xF3;nusz!")},
      {"entity for a letter", html("Online k&#97;szin&oacute;, 100% befizetési bónusz!")},
      {"hidden", html("<p>Szép napot!</p><div style='display:none'>Online kaszinó, 100% befizetési "
                      "bónusz!</div>")},
      {"quoted-printable",
       mail("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
            "quoted-printable",
            "Online kaszin=C3=B3, 100% be=\r\nfizet=C3=A9si b=C3=B3nusz!")},
      {"base64",
       mail("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64",
            "T25saW5lIGthc3ppbsOzLCAxMDAlIGJlZml6ZXTDqXNpIGLDs251c3oh")},
      {"ISO-8859-2", mail("Content-Type: text/plain; charset=iso-8859-2\r\n"
                          "Content-Transfer-Encoding: 8bit",
                          "Online kaszin\xF3, 100% befizet\xE9si b\xF3nusz!")},
      {"windows-1250", mail("Content-Type: text/plain; charset=windows-1250\r\n"
                            "Content-Transfer-Encoding: 8bit",
                            "Online kaszin\xF3, 100% befizet\xE9si b\xF3nusz!")},
      {"wrong label", mail("Content-Type: text/plain; charset=us-ascii\r\n"
                           "Content-Transfer-Encoding: 8bit",
                           "Online kaszin\xF3, 100% befizet\xE9si b\xF3nusz!")},
      {"mojibake", utf8("Online kaszinĂł, 100% befizetĂ©si bĂłnusz!")},
      {"encoded subject",
       mail("Content-Type: text/plain; charset=utf-8", "Szia",
            "=?utf-8?B?T25saW5lIGthc3ppbsOzLCAxMDAlIGJlZml6ZXTDqXNpIGLDs251c3oh?=")},
      {"text attachment",
       mail("Content-Type: multipart/mixed; boundary=x",
            "--x\r\nContent-Type: text/plain\r\n\r\nSzia, lasd a mellekletet\r\n--x\r\n"
            "Content-Type: text/plain; charset=utf-8; name=a.txt\r\nContent-Disposition: "
            "attachment; filename=a.txt\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
            "Online kaszinó, 100% befizetési bónusz!\r\n--x--")},
      {"nested message",
       mail("Content-Type: multipart/mixed; boundary=x",
            "--x\r\nContent-Type: text/plain\r\n\r\nTovabbitom a kapott levelet\r\n--x\r\n"
            "Content-Type: message/rfc822\r\n\r\nFrom: c@d.example\r\nSubject: Online kaszino\r\n"
            "Content-Type: text/plain\r\n\r\n100% befizetesi bonusz!\r\n--x--")},
  };
  for (const auto& [name, text] : cases) {
    const auto walked = smtp::mime::walk(text);
    const auto r = filters::scan(walked, shipped_patterns());
    INFO(name);
    CHECK(score_of(r, "S3") >= 10);
    CHECK_FALSE(r.unscannable);
    for (const auto& f : r.findings) {
      if (f.category != "S3") continue;
      // The offsets lead to the octets that were matched.
      const std::string* original = nullptr;
      for (const auto& p : walked.parts) {
        if (p.path == f.part && !p.text.empty()) original = &p.text;
      }
      if (f.part == "0" && f.zone == filters::zone::subject) {
        original = &walked.header("subject")->text;
      }
      // Of a nested message also the header is scanned.
      if (original == nullptr || std::string_view{name} == "nested message") continue;
      REQUIRE(f.end <= original->size());
      REQUIRE(f.begin < f.end);
      CHECK(original->substr(f.begin, f.end - f.begin).substr(0, f.matched.size()) == f.matched);
    }
  }
}

namespace {

// What patterns say, without what the model makes of all the words.
std::vector<filters::finding> of_patterns(const filters::scan_result& r) {
  std::vector<filters::finding> out;
  for (const auto& f : r.findings)
    if (!f.pattern.starts_with("model.")) out.push_back(f);
  return out;
}

double sum_of(const std::vector<filters::finding>& findings) {
  double sum = 0;
  for (const auto& f : findings) sum += f.score;
  return sum;
}

}  // namespace

TEST_CASE("zones weigh as the rules say, each pattern once") {
  const auto body = scan_mail(plain_mail("hir", "Bazmeg. Bazmeg. Bazmeg."));
  const auto subject = scan_mail(plain_mail("Bazmeg", "Bazmeg."));
  const auto hidden =
      scan_mail(html("<p>Jó napot kívánunk!</p><p style='display:none'>Bazmeg.</p>"));
  const auto found = of_patterns(body);
  CHECK(sum_of(found) == 6);
  CHECK(sum_of(of_patterns(subject)) == 12);
  CHECK(sum_of(of_patterns(hidden)) == 9);
  REQUIRE(found.size() == 3);
  CHECK(found.front().score == 6);
  CHECK(found.back().score == 0);
  const auto link = scan_mail(html("<a href='https://onlinekaszino24.example/'>Lásd</a>"));
  REQUIRE_FALSE(link.findings.empty());
  CHECK(link.findings.front().zone == filters::zone::link);
  CHECK(link.findings.front().matched.find("onlinekaszino24") != std::string::npos);
}

TEST_CASE("forms that carry text past a scanner are refused, and say which") {
  const std::string clean =
      "--x\r\nContent-Type: text/plain\r\n\r\nJo napot kivanunk mindenkinek!\r\n--x\r\n";
  const std::pair<std::string, std::string> parts[] = {
      {"Content-Type: application/ms-tnef\r\nContent-Transfer-Encoding: base64\r\n\r\neJ8+Ig==",
       "TNEF"},
      {"Content-Type: application/octet-stream; name=Winmail.DAT\r\n\r\nx", "TNEF"},
      {"Content-Type: application/mac-binhex40; name=a.hqx\r\n\r\n:$f*TEQKPH#jS!!!:", "BinHex"},
      {"Content-Type: text/plain\r\n\r\n(This file must be converted with BinHex 4.0)\r\n\r\n:x:",
       "BinHex"},
      {"Content-Type: text/plain\r\n\r\n=ybegin line=128 size=3 name=a.txt\r\nabc\r\n=yend size=3",
       "yEnc"},
      {"Content-Type: text/plain\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nhQEMA\r\n", "PGP"},
      {"Content-Type: application/pkcs7-mime\r\n\r\nMIAG", "S/MIME"},
      {"Content-Type: message/partial; id=a; number=1; total=2\r\n\r\nSubject: x\r\n\r\ny",
       "fragment"},
      {"Content-Type: message/external-body; access-type=url; url=\"http://a.example/\"\r\n\r\n"
       "Content-Type: text/plain\r\n\r\nx",
       "elsewhere"},
      {"Content-Type: multipart/encrypted; boundary=y\r\n\r\n--y\r\n\r\nVersion: 1\r\n--y--",
       "encrypted"},
      {"Content-Type: text/plain\r\nContent-Transfer-Encoding: x-own\r\n\r\nabc",
       "unknown transfer encoding"},
      {"Content-Type: application/applefile\r\nContent-Transfer-Encoding: "
       "base64\r\n\r\nAAUWBwACAAA=",
       "cannot be read"},
      {"Content-Type: multipart/mixed\r\n\r\nx", "without a boundary"},
  };
  for (const auto& [part, why] : parts) {
    INFO(part);
    const auto r =
        scan_mail(mail("Content-Type: multipart/mixed; boundary=x", clean + part + "\r\n--x--"));
    CHECK(r.unscannable);
    std::string all;
    for (const auto& w : r.unscannable_because) all += w + "; ";
    CAPTURE(all);
    CHECK(all.find(why) != std::string::npos);
  }
}

TEST_CASE("what cannot be read says so") {
  const std::string head = "Content-Type: multipart/mixed; boundary=x";
  const std::string text =
      "--x\r\nContent-Type: text/plain\r\n\r\nJo napot kivanunk mindenkinek!\r\n";
  const auto with = [&](std::string_view part) {
    return scan_mail(mail(head, text + "--x\r\n" + std::string{part} + "\r\n--x--"));
  };
  CHECK(with("Content-Type: application/pdf\r\n\r\n%PDF-1.4 x").unscannable);
  CHECK(with("Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: "
             "base64\r\n\r\nUEsDBAo=")
            .unscannable);
  CHECK(with("Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nUEsDBAo=")
            .unscannable);
  CHECK(with("Content-Type: text/plain\r\n\r\nbegin 644 x.exe\r\nM123\r\nend").unscannable);
  CHECK_FALSE(with("Content-Type: image/png\r\nContent-Transfer-Encoding: "
                   "base64\r\n\r\niVBORw0KGgo=")
                  .unscannable);
  CHECK_FALSE(with("Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR").unscannable);
  CHECK_FALSE(with("Content-Type: application/json\r\n\r\n{}").unscannable);
  CHECK(scan_mail(html("<img src='https://a.example/x.png'>")).unscannable);
  CHECK_FALSE(scan_mail(html("<img src='https://a.example/x.png'><p>Tavaszi hírlevelünk "
                             "megérkezett.</p>"))
                  .unscannable);
}
