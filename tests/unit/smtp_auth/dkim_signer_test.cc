#include "smtp/auth/dkim_signer.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <thread>

#include "base/text.h"
#include "smtp/auth/dkim_verifier.h"
#include "tests/unit/smtp_auth/corpora.h"

using namespace consentry;
using namespace consentry::smtp::auth;

namespace {

struct key_pair {
  std::shared_ptr<const dkim_key> rsa;
  std::shared_ptr<const dkim_key> ed;
};

const key_pair& test_keys() {
  static const key_pair keys = [] {
    secret_text pem;
    return key_pair{
        dkim_key::generate("sender.example", "r1", dkim_algorithm::rsa_sha256, pem),
        dkim_key::generate("sender.example", "e1", dkim_algorithm::ed25519_sha256, pem)};
  }();
  return keys;
}

result<std::vector<std::string>> look_up(const std::string& name) {
  for (const auto& key : {test_keys().rsa, test_keys().ed})
    if (name == key->dns_name()) return std::vector<std::string>{key->dns_value()};
  return failure{failure_kind::not_found, true, failure_scope::none, "no key", {}};
}

constexpr instant signed_at = from_ms(1'700'000'000'000);

std::string signed_by_both(const std::string& message) {
  const auto end = message.find("\r\n\r\n");
  const std::string_view head = std::string_view{message}.substr(0, end + 2);
  const digest256 hash = relaxed_body_hash(std::string_view{message}.substr(end + 4));
  const auto options = dkim_options::standard();
  return dkim_signature_field(*test_keys().ed, head, hash, signed_at, options) +
         dkim_signature_field(*test_keys().rsa, head, hash, signed_at, options) + message;
}

bool both_pass(const dkim_verifier& verifier, const std::string& message) {
  const auto results = verifier.verify(message, look_up);
  return results.size() >= 2 && results[0].status == dkim_status::pass &&
         results[1].status == dkim_status::pass;
}

const std::string simple =
    "From: a@sender.example\r\nTo: b@x.hu\r\nSubject: t\xc5\xb1r\xc5\x91\r\n\r\nHello\r\n";

}  // namespace

TEST_CASE("RFC 8463 appendix A: the same bytes", "[dkim]") {
  // The keys published there; the Ed25519 seed wrapped in PKCS#8.
  const std::string seed = *parse_base64("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=");
  const std::string der = *parse_hex("302e020100300506032b657004220420") + seed;
  const secret_text ed_pem{
      "-----BEGIN PRIVATE"
      " KEY-----\n" +
      base64(der) +
      "\n-----END PRIVATE"
      " KEY-----\n"};
  const auto ed = dkim_key::from_pem("football.example.com", "brisbane", ed_pem);
  REQUIRE(ed.has_value());
  CHECK((*ed)->dns_value() == "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
  const std::string head =
      "From: Joe SixPack <joe@football.example.com>\r\n"
      "To: Suzie Q <suzie@shopping.example.net>\r\n"
      "Subject: Is dinner ready?\r\n"
      "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
      "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n";
  const std::string body = "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
  CHECK(base64(as_bytes(relaxed_body_hash(body))) ==
        "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
  const std::vector<std::string> names{"from",       "to",   "subject", "date",
                                       "message-id", "from", "subject", "date"};
  const std::string field =
      "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
      " d=football.example.com; i=@football.example.com;\r\n"
      " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
      " subject : date : message-id : from : subject : date;\r\n"
      " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=";
  CHECK(base64(dkim_signature_bytes(**ed, head, names, field)) ==
        "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==");

  const auto rsa_file = test::corpora() / "mailauth" / "dkim-rfc8463" / "private-rsa.pkcs1.b64";
  if (!std::filesystem::exists(rsa_file)) {
    WARN("RSA half skipped: no corpora");
    return;
  }
  const auto rsa = dkim_key::from_pem("football.example.com", "test",
                                      secret_text{"-----BEGIN RSA PRIVATE"
                                                  " KEY-----\n" +
                                                  std::string{trim(test::content(rsa_file))} +
                                                  "\n-----END RSA PRIVATE"
                                                  " KEY-----\n"});
  REQUIRE(rsa.has_value());
  const std::string rsa_field =
      "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
      " d=football.example.com; i=@football.example.com;\r\n"
      " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
      " date : message-id : from : subject : date;\r\n"
      " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=";
  CHECK(base64(dkim_signature_bytes(**rsa, head, names, rsa_field)) ==
        "F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3DhCVlUrSjV4BwcVcOF6+"
        "FF3Zo9Rpo1tFOeS9m"
        "PYQTnGdaSGsgeefOsk2JzdA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=");
}

TEST_CASE("the signature field", "[dkim]") {
  const std::string head = "From: a@b.hu\r\nTo: x@y.hu\r\nReceived: a\r\nTo: z@y.hu\r\n";
  dkim_options options;
  options.signed_headers = {"From", "To", "Subject"};
  options.oversigned = {"from", "Cc"};
  options.valid_for = std::chrono::seconds{100};
  const std::string field =
      dkim_signature_field(*test_keys().rsa, head, relaxed_body_hash(""), signed_at, options);
  CHECK(field.starts_with("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;"));
  CHECK(field.ends_with("\r\n"));
  CHECK(field.find("h=From:From:To:To:Cc;") != std::string::npos);
  CHECK(field.find("t=1700000000;") != std::string::npos);
  CHECK(field.find("x=1700000100;") != std::string::npos);
  CHECK(field.find("l=") == std::string::npos);
  for (const auto line : split(field, '\n')) CHECK(line.size() <= 79);
}

TEST_CASE("RULES B: the standard list", "[dkim]") {
  const std::string head =
      "List-Id: <a.b>\r\nFrom: a@b.hu\r\nX-Mailer: m\r\nMIME-Version: 1.0\r\nList-Odd: 1\r\n"
      "list-id: <c.d>\r\nMessage-ID: <1@b.hu>\r\nFeedback-ID: a:b:c:d\r\n"
      "CFBL-Address: c@b.hu; report=arf\r\nCFBL-Feedback-ID: 7\r\nReceived: x\r\n"
      "List-;l=0: tag\r\n";
  const digest256 hash = relaxed_body_hash("");
  std::string field =
      dkim_signature_field(*test_keys().ed, head, hash, signed_at, dkim_options::standard());
  for (const char* fold : {"\r\n\t", " "})
    for (auto at = field.find(fold); at != std::string::npos; at = field.find(fold))
      field.erase(at, std::string_view{fold}.size());
  const auto begin = field.find(";h=") + 3;
  CHECK(field.substr(begin, field.find(';', begin) - begin) ==
        "From:From:To:Cc:Subject:Date:Reply-To:Content-Type:Message-ID:MIME-Version:List-Id:"
        "List-Id:List-Odd:Feedback-ID:CFBL-Address:CFBL-Feedback-ID");
  const dkim_verifier verifier{signed_at};
  const auto message = signed_by_both(head + "\r\nx\r\n");
  CHECK(both_pass(verifier, message));
}

TEST_CASE("hundreds of fields leave a signature that verifiers read", "[dkim]") {
  std::string head = "From: a@b.hu\r\n";
  for (int i = 0; i < 500; ++i) head += "List-" + std::to_string(i) + ": x\r\n";
  const auto field = dkim_signature_field(*test_keys().rsa, head, relaxed_body_hash(""), signed_at,
                                          dkim_options::standard());
  CHECK(field.size() < 3000);
  CHECK(both_pass(dkim_verifier{signed_at}, signed_by_both(head + "\r\nx\r\n")));
}

TEST_CASE("several threads sign with one key", "[dkim]") {
  const std::string head = "From: a@b.hu\r\n";
  const auto hash = relaxed_body_hash("x\r\n");
  const auto expected =
      dkim_signature_field(*test_keys().rsa, head, hash, signed_at, dkim_options::standard());
  std::atomic<int> same{0};
  {
    std::vector<std::jthread> threads;
    for (int n = 0; n < 4; ++n)
      threads.emplace_back([&] {
        for (int i = 0; i < 25; ++i)
          same += dkim_signature_field(*test_keys().rsa, head, hash, signed_at,
                                       dkim_options::standard()) == expected;
      });
  }
  CHECK(same == 100);  // PKCS #1 v1.5 has no chance in it
}

TEST_CASE("what is signed cannot be changed, added or taken away", "[dkim]") {
  const dkim_verifier verifier{signed_at};
  const std::string message = signed_by_both(simple);
  REQUIRE(both_pass(verifier, message));
  const auto head_end = message.find("\r\n\r\n");
  const auto changed = [&message](std::string_view from, std::string_view to) {
    std::string out = message;
    out.replace(out.rfind(from), from.size(), to);
    return out;
  };
  CHECK_FALSE(both_pass(verifier, changed("Hello", "Hallo")));
  CHECK_FALSE(both_pass(verifier, changed("Subject: t", "Subject: T")));
  CHECK_FALSE(both_pass(verifier, message + "more\r\n"));
  for (const char* added : {"From: evil@x.hu", "Subject: second", "Cc: c@x.hu", "Reply-To: e@x.hu",
                            "Content-Type: text/html"}) {
    INFO(added);
    std::string more = message;
    more.insert(head_end, std::string{"\r\n"} + added);
    CHECK_FALSE(both_pass(verifier, more));
  }
  std::string received = "Received: by relay\r\n" + message;
  CHECK(both_pass(verifier, received));
  CHECK(both_pass(verifier, changed("Subject: t", "SUBJECT:\r\n  t")));
  CHECK(both_pass(verifier, message + "\r\n\r\n"));
}

TEST_CASE("libopendkim takes our signatures over the corpora and mutated white space",
          "[dkim][corpora]") {
  const dkim_verifier verifier{signed_at};
  std::vector<std::string> messages{simple, "From: a@b.hu\r\n\r\n", "From: a@b.hu\r\n\r\n\r\n\r\n",
                                    "From: a@b.hu\r\n\r\n \r\n\t\r\n", "From: a@b.hu\r\n\r\nx"};
  std::mt19937 random{7};
  const char* const pieces[] = {" ", "\t", "\r\n", "x", "  ", "\r\n\r\n", "y z"};
  for (int i = 0; i < 150; ++i) {
    std::string body;
    for (unsigned n = random() % 30; n > 0; --n) body += pieces[random() % 7];
    std::string fold = random() % 2 ? "\r\n " : " \t";
    messages.push_back("From:" + fold + "a@b.hu \t\r\nSubject :a" + fold +
                       "b  c\t\r\nTo: \r\n\r\n" + body);
  }
  const auto files = test::mails();
  if (files.empty()) WARN("corpora skipped: not here");
  for (std::size_t i = 0; i < files.size(); i += 3)
    messages.push_back(to_crlf(test::content(files[i])));
  int checked = 0;
  for (const auto& message : messages) {
    // Not what a gateway signs: without an empty line, or with an unsignable header.
    if (message.find("\r\n\r\n") == std::string::npos || message.find('\0') != std::string::npos)
      continue;
    const std::string head = message.substr(0, message.find("\r\n\r\n") + 2);
    std::size_t from = 0;
    bool is_clean = true;
    for (const auto line : split(head, '\n')) {
      from += ascii_istarts_with(line, "from:");
      const bool is_field = line.find(':') != std::string_view::npos || line.empty() ||
                            line[0] == ' ' || line[0] == '\t';
      is_clean = is_clean && is_field;
    }
    if (from != 1 || !is_clean) continue;
    ++checked;
    INFO(printable(message, 400));
    CHECK(both_pass(verifier, signed_by_both(message)));
  }
  CHECK(checked > 150);
  if (!files.empty()) CHECK(checked > 300);
}

TEST_CASE("unusable keys are refused when they are read", "[dkim]") {
  CHECK_FALSE(dkim_key::from_pem("d", "s", secret_text{"no key"}).has_value());
  CHECK_FALSE(dkim_key::from_pem("d", "s", secret_text{""}).has_value());
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> weak{
      EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{768}), EVP_PKEY_free};
  const std::unique_ptr<BIO, int (*)(BIO*)> out{BIO_new(BIO_s_mem()), BIO_free};
  REQUIRE(PEM_write_bio_PrivateKey(out.get(), weak.get(), nullptr, nullptr, 0, nullptr, nullptr) ==
          1);
  char* pem = nullptr;
  const long length = BIO_get_mem_data(out.get(), &pem);
  const auto refused =
      dkim_key::from_pem("d", "s", secret_text{std::string(pem, static_cast<std::size_t>(length))});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().public_text.find("1024") != std::string::npos);
}
