#include "reputation/feedback_report.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace fs = std::filesystem;
using namespace consentry;
using consentry::reputation::parse_feedback;
using smtp::token_purpose;

namespace {

const smtp::token_ring& ring() {
  static const smtp::token_ring tokens{{{1, std::string(32, 'k')}}};
  return tokens;
}

std::string token(token_purpose purpose) {
  return ring().make(recipient_id{77}, purpose);
}

std::string report(const std::string& fields, const std::string& original) {
  return "From: <feedback@isp.example>\nTo: <fbl@gateway.example>\nMIME-Version: 1.0\n"
         "Content-Type: multipart/report; report-type=feedback-report; boundary=\"b\"\n\n"
         "--b\nContent-Type: text/plain\n\nThis is a complaint.\n"
         "--b\nContent-Type: message/feedback-report\n\n" +
         fields + "--b\n" + original + "--b--\n";
}

// The recipient that the tokens of the only report lead to; 0 if none.
std::uint64_t resolved(const std::string& message) {
  const auto parsed = parse_feedback(message);
  for (const auto& r : parsed.reports)
    for (const auto& t : r.tokens)
      if (const auto id = ring().read(t.text, t.purpose)) return id->value;
  return 0;
}

const std::string plain_original =
    "Content-Type: message/rfc822\n\nFrom: a@sender.example\nSubject: s\n\ntext\n";

fs::path corpora() {
  const char* given = std::getenv("CONSENTRY_CORPORA");
  return given ? fs::path{given} : fs::path{CONSENTRY_SOURCE_DIR} / ".." / "shared" / "corpora";
}

std::string content(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

}  // namespace

TEST_CASE("the fields of a report", "[feedback]") {
  const auto parsed = parse_feedback(
      report("Feedback-Type: Abuse\r\nUser-Agent: SomeGenerator/1.0\r\nVersion: 1\r\n"
             "Original-Mail-From: <a@sender.example>\r\nOriginal-Rcpt-To: <x@isp.example>\r\n"
             "Original-Rcpt-To: y@isp.example\r\nArrival-Date: Thu, 8 Mar 2005 14:00:00 EDT\r\n"
             "Reporting-MTA: dns; mail.isp.example\r\nSource-IP: 192.0.2.1 (host.example)\r\n"
             "Authentication-Results: mail.isp.example;\r\n  dkim=pass\r\n"
             "Reported-Domain: Sender.example\r\nReported-Uri: http://sender.example/\r\n"
             "Incidents: 500\r\nX-Own: something\r\n",
             "Content-Type: message/rfc822\n\nMessage-ID: <1@sender.example>\nSubject: "
             "=?utf-8?Q?=C3=A1r?=\n\nbody\n"));
  REQUIRE(parsed.reports.size() == 1);
  CHECK(parsed.problems.empty());
  const auto& r = parsed.reports.front();
  CHECK(r.type == "abuse");
  CHECK(r.version == "1");
  CHECK(r.user_agent == "SomeGenerator/1.0");
  CHECK(r.original_mail_from == "a@sender.example");
  CHECK(r.original_rcpt_to == std::vector<std::string>{"x@isp.example", "y@isp.example"});
  CHECK(r.arrival_date == "Thu, 8 Mar 2005 14:00:00 EDT");
  CHECK(r.reporting_mta == "dns; mail.isp.example");
  CHECK(r.source_ip == "192.0.2.1");
  CHECK(r.incidents == 500);
  CHECK(r.reported_domain == std::vector<std::string>{"sender.example"});
  CHECK(r.reported_uri == std::vector<std::string>{"http://sender.example/"});
  CHECK(r.authentication_results.size() == 1);
  CHECK(r.other_fields == std::vector<std::pair<std::string, std::string>>{{"x-own", "something"}});
  CHECK(r.original_header("message-id") == "<1@sender.example>");
  CHECK(r.original_header("Subject") == "ár");
  CHECK(r.original_header("List-Id").empty());
}

TEST_CASE("types and forms of reports", "[feedback]") {
  struct row {
    const char* name;
    std::string message;
    std::vector<std::string> types;
  };
  const std::string nested_report = report("Feedback-Type: fraud\n", plain_original);
  const std::string fields = "Feedback-Type: abuse\n";
  const row rows[] = {
      {"odd case", report("FEEDBACK-TYPE: NOT-SPAM\nversion: 0.1\n", plain_original), {"not-spam"}},
      {"only a type", report("Feedback-Type: virus\n", plain_original), {"virus"}},
      {"no type", report("Version: 1\n", plain_original), {"other"}},
      {"MIME fields before the report's",
       report("Content-Type: text/plain\n\n" + fields, plain_original),
       {"abuse"}},
      {"only a header returned",
       report(fields, "Content-Type: text/rfc822-headers\n\nSubject: s\n"),
       {"abuse"}},
      {"no original", report(fields, ""), {"abuse"}},
      {"forwarded as attachment",
       "Content-Type: multipart/mixed; boundary=f\n\n--f\n\nsee below\n--f\n"
       "Content-Type: message/rfc822\n\n" +
           nested_report + "--f--\n",
       {"fraud"}},
      {"two reports in one",
       report(fields, plain_original +
                          "--b\nContent-Type: message/feedback-report\n\n"
                          "Feedback-Type: opt-out\n--b\n" +
                          plain_original),
       {"abuse", "opt-out"}},
      {"mislabelled machine part",
       "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\ntext\n"
       "--b\nContent-Type: text/plain\n\nFeedback-Type: abuse\nVersion: 1\n--b\n" +
           plain_original + "--b--\n",
       {"abuse"}},
      {"machine part lost",
       "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n" +
           plain_original + "--b--\n",
       {"other"}},
      {"old JMRP",
       "From: staff@hotmail.com\nSubject: complaint about message from 192.0.2.7\n"
       "Content-Type: message/rfc822\n\nX-HmXmrOriginalRecipient: x@hotmail.com\nSubject: s\n\nt\n",
       {"abuse"}},
      {"machine-made unsubscribe",
       "X-Apple-Unsubscribe: true\nTo: u@x.hu\nSubject: unsubscribe\n\nt",
       {"opt-out"}},
      {"a person", "From: a@b.hu\nSubject: complaint\n\nStop this!\n", {}},
      {"a forwarded mail",
       "Content-Type: multipart/mixed; boundary=b\n\n--b\n" + plain_original + "--b--\n",
       {}},
      // What the mail complained about holds is its sender's word.
      {"a report written into the mail complained about",
       report(fields, "Content-Type: message/rfc822\n\n" + report("Feedback-Type: not-spam\n", "")),
       {"abuse"}},
      {"the same by its text",
       report(fields, "Content-Type: message/rfc822\n\n\nFeedback-Type: not-spam\n\nnews\n"),
       {"abuse"}},
      {"the same, machine part lost",
       "Content-Type: multipart/report; report-type=feedback-report; boundary=c\n\n--c\n"
       "Content-Type: message/rfc822\n\n" +
           report("Feedback-Type: not-spam\n", "") + "--c--\n",
       {"other"}},
      {"the same, old JMRP",
       "From: staff@hotmail.com\nSubject: complaint about message from 192.0.2.7\n"
       "Content-Type: message/rfc822\n\nSubject: s\n\nFeedback-Type: not-spam\n\nnews\n",
       {"abuse"}},
      {"a bounce",
       "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n"
       "Content-Type: message/delivery-status\n\nStatus: 5.1.1\n--b\n" +
           plain_original + "--b--\n",
       {}},
      {"nothing", "", {}},
  };
  for (const auto& r : rows) {
    INFO(r.name);
    std::vector<std::string> types;
    for (const auto& found : parse_feedback(r.message).reports) types.push_back(found.type);
    CHECK(types == r.types);
  }
  const auto jmrp = parse_feedback(rows[10].message).reports.front();
  CHECK(jmrp.original_rcpt_to == std::vector<std::string>{"x@hotmail.com"});
  CHECK(jmrp.source_ip == "192.0.2.7");
  CHECK(parse_feedback(report("Feedback-Type: abuse\nIncidents: many\n", plain_original))
            .reports.front()
            .incidents == 1);
}

TEST_CASE("any one token that survives redaction leads to the recipient (RULES C1)", "[feedback]") {
  const std::string vrp = token(token_purpose::return_path);
  const std::string mid = token(token_purpose::message_id);
  const std::string unsub = token(token_purpose::unsubscribe);
  const std::string cfbl = token(token_purpose::feedback);
  std::string upper = mid;
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c -= 32;
  const auto in_header = [](const std::string& field) {
    return report("Feedback-Type: abuse\n",
                  "Content-Type: text/rfc822-headers\n\nFrom: redacted\n" + field + "\n");
  };
  const std::string fields[] = {
      "Return-Path: <b-" + vrp + "@bounce.gateway.example>",
      "Message-ID: <" + mid + "@gateway.example>",
      "Message-ID: <" + upper + "@GATEWAY.EXAMPLE>",
      "Message-ID:\n <" + mid + "@gateway.example>",
      "List-Unsubscribe: <https://gateway.example/u/" + unsub + ">, <mailto:x@gateway.example>",
      "CFBL-Feedback-ID: " + cfbl,
      "CFBL-Feedback-ID: c:" + cfbl + ":gateway",
      "X-Copy: moved " + mid,
  };
  for (const auto& field : fields) {
    INFO(field);
    CHECK(resolved(in_header(field)) == 77);
  }
  CHECK(resolved(report("Feedback-Type: abuse\nOriginal-Mail-From: <b-" + vrp + "@b.example>\n",
                        "")) == 77);
  CHECK(resolved(
            report("Feedback-Type: abuse\n",
                   "Content-Type: message/rfc822\n\nContent-Transfer-Encoding: quoted-printable\n"
                   "Subject: s\n\nhttps://gateway.example/u/" +
                       unsub.substr(0, 10) + "=\n" + unsub.substr(10) + "\n")) == 77);
  CHECK(resolved("X-Apple-Unsubscribe: true\nTo: u-" + unsub + "@gateway.example\n\nx") == 77);
  CHECK(resolved(in_header("X: " + mid + "a")) == 0);  // 41 characters
  CHECK(resolved(in_header("X: nothing")) == 0);

  // Two reports keep their tokens apart.
  const auto two = parse_feedback(
      report("Feedback-Type: abuse\n",
             "Content-Type: message/rfc822\n\nMessage-ID: <" + mid +
                 "@g.example>\n\nx\n--b\n"
                 "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n--b\n" +
                 plain_original));
  REQUIRE(two.reports.size() == 2);
  CHECK_FALSE(two.reports[0].tokens.empty());
  CHECK(two.reports[1].tokens.empty());
}

TEST_CASE("what a person forwards or answers names the mail as well", "[feedback]") {
  const auto found = [](const std::string& mail) {
    for (const auto& t : reputation::tokens_of(smtp::mime::walk(mail)))
      if (const auto id = ring().read(t.text, t.purpose)) return id->value;
    return std::uint64_t{0};
  };
  const std::string mid = token(token_purpose::message_id);
  const std::string unsub = token(token_purpose::unsubscribe);
  CHECK(found("From: a@b.example\nIn-Reply-To: <" + mid + "@shop.example>\n\nStop!\n") == 77);
  CHECK(found("From: a@b.example\nReferences: <1@x>\n <" + mid + "@shop.example>\n\nx\n") == 77);
  CHECK(found("From: a@b.example\n\n> --- Forwarded ---\n> Leave: https://gw.example/u/" + unsub +
              "\n") == 77);
  CHECK(found("From: a@b.example\n\nhttps://safe.example/?url=https%3A%2F%2Fgw.example%2Fu%2F" +
              unsub + "&data=1\n") == 77);
  CHECK(found("From: a@b.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
              "Content-Type: message/rfc822\n\nMessage-ID: <" +
              mid + "@shop.example>\n\nx\n--b--\n") == 77);
  CHECK(found("From: a@b.example\n\nnothing of yours\n") == 0);
}

TEST_CASE("a flood of reports, fields and tokens stays small", "[feedback]") {
  std::string many;
  for (int i = 0; i < 400; ++i)
    many += "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n";
  const auto flood =
      parse_feedback("Content-Type: multipart/mixed; boundary=b\n\n" + many + "--b--\n");
  CHECK(flood.reports.size() == 100);
  CHECK_FALSE(flood.problems.empty());

  std::string fields = "Feedback-Type: abuse\n";
  for (int i = 0; i < 5000; ++i) fields += "Original-Rcpt-To: x@y.hu\nX-A: b\n";
  std::string text;
  for (int i = 0; i < 1000; ++i)
    text += ring().make(recipient_id{1u + i}, token_purpose::message_id) + "\n";
  const auto wide =
      parse_feedback(report(fields, "Content-Type: message/rfc822\n\nSubject: s\n\n" + text));
  REQUIRE(wide.reports.size() == 1);
  CHECK(wide.reports[0].original_rcpt_to.size() <= 50);
  CHECK(wide.reports[0].other_fields.size() <= 200);
  CHECK(wide.reports[0].tokens.size() <= 64);
}

TEST_CASE("reports of the corpora", "[feedback][corpora]") {
  if (!fs::exists(corpora() / "INDEX.tsv")) {
    WARN("skipped: no corpora");
    return;
  }
  struct row {
    const char* file;
    const char* type;
    const char* original_rcpt_to;
    const char* source_ip;
  };
  const row rows[] = {
      {"sisimai/arf/arf-12.eml", "opt-out", "", ""},
      {"sisimai/arf/arf-14.eml", "abuse", "kijitora@y.example.com", ""},
      {"sisimai/arf/arf-17.eml", "abuse", "kijitora@example.com", "192.0.2.3"},
      {"sisimai/arf/arf-19.eml", "auth-failure", "", "203.0.113.2"},
      {"sisimai/arf/arf-20.eml", "auth-failure", "", "203.0.113.2"},
      {"sisimai/arf/arf-26.eml", "opt-out", "", ""},
      {"kumomta/arf/rfc5965-3.eml", "abuse", "user@example.com", ""},
      {"mail-auth/arf/arf-003.eml", "auth-failure", "user@example.com", "192.0.2.1"},
      {"mail-auth/arf/arf-004.eml", "auth-failure", "", "148.163.85.135"},
      {"mail-auth/arf/arf-005.eml", "auth-failure", "", "192.0.2.1"},
      {"flanker/arf/complaint-aol.eml", "abuse", "", "173.193.210.34"},
      {"flanker/arf/complaint-yahoo.eml", "abuse", "user@yahoo.com", ""},
  };
  for (const auto& r : rows) {
    INFO(r.file);
    const auto parsed = parse_feedback(content(corpora() / r.file));
    REQUIRE(parsed.reports.size() == 1);
    const auto& found = parsed.reports.front();
    CHECK(found.type == r.type);
    CHECK((found.original_rcpt_to.empty() ? "" : found.original_rcpt_to.front()) ==
          std::string{r.original_rcpt_to});
    CHECK(found.source_ip == r.source_ip);
  }
  std::ifstream index{corpora() / "INDEX.tsv"};
  std::string line;
  std::getline(index, line);
  while (std::getline(index, line)) {
    const std::string file = line.substr(0, line.find('\t'));
    const bool is_report = line.find("\tarf\t") != std::string::npos;
    INFO(file);
    CHECK(parse_feedback(content(corpora() / file)).reports.empty() == !is_report);
  }
}
