#include "smtp/auth/dkim_verifier.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <stdexcept>
#include <thread>

#include "base/text.h"
#include "smtp/auth/dkim_signer.h"
#include "smtp/auth/key_text.h"
#include "tests/unit/smtp_auth/corpora.h"

using namespace consentry;
using namespace consentry::smtp::auth;

namespace {

constexpr instant signed_at = from_ms(1'700'000'000'000);
const std::string plain = "From: a@b.hu\r\nSubject: s\r\n\r\nHello\r\n";

struct signed_mail {
  std::string message;
  std::string name;
  std::string record;
};

signed_mail make_signed(dkim_algorithm algorithm,
                        const dkim_options& options = dkim_options::standard()) {
  secret_text pem;
  const auto key = dkim_key::generate("b.hu", "s", algorithm, pem);
  const auto end = plain.find("\r\n\r\n");
  return {dkim_signature_field(*key, plain.substr(0, end + 2),
                               relaxed_body_hash(plain.substr(end + 4)), signed_at, options) +
              plain,
          key->dns_name(), key->dns_value()};
}

key_lookup records(std::vector<std::string> values) {
  return [values](const std::string&) -> result<std::vector<std::string>> { return values; };
}

}  // namespace

TEST_CASE("what the key's owner publishes decides", "[dkim_verifier]") {
  const dkim_verifier verifier{signed_at};
  const signed_mail mail = make_signed(dkim_algorithm::ed25519_sha256);
  const std::string other = make_signed(dkim_algorithm::rsa_sha256).record;
  const failure temporary{failure_kind::timeout, false, failure_scope::none, "timeout", {}};
  const failure final{failure_kind::dns, true, failure_scope::none, "bogus", {}};
  const failure absent{failure_kind::not_found, true, failure_scope::none, "none", {}};
  std::string testing = mail.record;
  testing.insert(testing.find("p="), "t=y; ");
  struct row {
    const char* name;
    key_lookup keys;
    dkim_status status;
    bool is_testing;
  };
  const row rows[] = {
      {"key", records({mail.record}), dkim_status::pass, false},
      {"two kinds of key", records({other, mail.record}), dkim_status::pass, false},
      {"testing", records({testing}), dkim_status::pass, true},
      {"no record", records({}), dkim_status::permerror, false},
      {"revoked", records({"v=DKIM1; k=ed25519; p="}), dkim_status::permerror, false},
      {"no key record", records({"v=spf1 -all"}), dkim_status::permerror, false},
      {"another key", records({other}), dkim_status::permerror, false},
      {"too long", records({std::string(100'000, 'x')}), dkim_status::permerror, false},
      {"temporary", [&](const std::string&) { return result<std::vector<std::string>>{temporary}; },
       dkim_status::temperror, false},
      {"final", [&](const std::string&) { return result<std::vector<std::string>>{final}; },
       dkim_status::permerror, false},
      {"absent", [&](const std::string&) { return result<std::vector<std::string>>{absent}; },
       dkim_status::permerror, false},
      {"throws",
       [](const std::string&) -> result<std::vector<std::string>> {
         throw std::runtime_error("lookup");
       },
       dkim_status::temperror, false},
  };
  for (const auto& r : rows) {
    INFO(r.name);
    const auto results = verifier.verify(mail.message, r.keys);
    REQUIRE(results.size() == 1);
    CHECK(results[0].status == r.status);
    CHECK(results[0].reason.empty() == (r.status == dkim_status::pass));
    CHECK(results[0].domain == "b.hu");
    CHECK(results[0].selector == "s");
    CHECK(results[0].algorithm == "ed25519-sha256");
    if (r.status == dkim_status::pass) CHECK(results[0].is_testing == r.is_testing);
    CHECK(std::count(results[0].signed_headers.begin(), results[0].signed_headers.end(), "from") ==
          2);
  }
}

TEST_CASE("time, length limits, broken and missing signatures", "[dkim_verifier]") {
  dkim_options options = dkim_options::standard();
  options.valid_for = std::chrono::seconds{60};
  const signed_mail mail = make_signed(dkim_algorithm::rsa_sha256, options);
  const auto keys = records({mail.record});
  CHECK(dkim_verifier{signed_at}.verify(mail.message, keys)[0].status == dkim_status::pass);
  const dkim_verifier later{signed_at + std::chrono::hours{1}};
  CHECK(later.verify(mail.message, keys)[0].status == dkim_status::fail);
  CHECK(later.verify(plain, keys).empty());
  CHECK(later.verify("", keys).empty());

  std::string limited = mail.message;
  limited.insert(limited.find("t="), "l=5; ");
  const auto results = dkim_verifier{signed_at}.verify(limited, keys);
  REQUIRE(results.size() == 1);
  CHECK(results[0].has_length_limit);

  for (const char* field :
       {"DKIM-Signature: nonsense", "DKIM-Signature:", "dkim-signature: v=8; d=x.hu",
        "DKIM-Signature: v=1; a=rsa-sha256; d=b.hu; s=s; h=subject; bh=; b="}) {
    INFO(field);
    const auto broken =
        dkim_verifier{signed_at}.verify(std::string{field} + "\r\n" + mail.message, keys);
    REQUIRE(broken.size() == 2);
    CHECK(broken[0].status == dkim_status::permerror);
    CHECK(broken[1].status == dkim_status::pass);
  }
}

TEST_CASE("a pass is told of the domain whose key was asked, and of nobody else",
          "[dkim_verifier]") {
  secret_text pem;
  const auto key = dkim_key::generate("evil.hu", "s", dkim_algorithm::ed25519_sha256, pem);
  const auto end = plain.find("\r\n\r\n");
  const auto hash = relaxed_body_hash(plain.substr(end + 4));
  struct row {
    const char* tags;
    dkim_status status;
    bool has_length_limit = false;
  };
  const row rows[] = {
      {"d=evil.hu;", dkim_status::pass},
      {"d = evil.hu ;", dkim_status::pass},
      {"d=b.hu; d=evil.hu;", dkim_status::permerror},  // RFC 6376 section 3.2
      {"d=evil.hu; d=b.hu;", dkim_status::permerror},
      {"d=b.hu; d =evil.hu;", dkim_status::permerror},
      {"d=b.hu;\r\n\td=evil.hu;", dkim_status::permerror},
      {"d=evil.hu; s=t;", dkim_status::permerror},
      {"d=evil.hu; l=7;", dkim_status::pass, true},
      {"d=evil.hu; l=7; l=7;", dkim_status::permerror, true},
      {"d=evil.hu; x=1699999999;", dkim_status::fail},
      {"d=evil.hu; x=+1699999999;", dkim_status::fail},
      {"d=evil.hu; x=1700000000;", dkim_status::pass},
      {"d=evil.hu; x=1; x=1700000001;", dkim_status::permerror},
  };
  for (const auto& r : rows) {
    INFO(r.tags);
    const std::string field =
        std::string{"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; "} + r.tags +
        " s=s; h=from:subject; bh=" + base64(as_bytes(hash)) + "; b=";
    const auto signature =
        dkim_signature_bytes(*key, plain.substr(0, end + 2), {"from", "subject"}, field);
    std::string asked;
    const auto results = dkim_verifier{signed_at}.verify(
        field + base64(signature) + "\r\n" + plain,
        [&](const std::string& name) -> result<std::vector<std::string>> {
          asked = name;
          return std::vector<std::string>{key->dns_value()};
        });
    REQUIRE(results.size() == 1);
    CHECK(results[0].status == r.status);
    if (results[0].status != dkim_status::pass) continue;
    CHECK(asked == "s._domainkey." + results[0].domain);
    CHECK(results[0].has_length_limit == r.has_length_limit);
    CHECK(results[0].signed_headers == std::vector<std::string>{"from", "subject"});
  }
}

TEST_CASE("a signature may name every field there is, and more", "[dkim_verifier]") {
  // libopendkim writes behind its list of fields once all are used up: freeing it ends the process.
  const dkim_verifier verifier{signed_at};
  for (int fields = 0; fields < 40; ++fields) {
    std::string head, names = "dkim-signature:from";
    for (int i = 0; i < fields; ++i) {
      head += "X-" + std::to_string(i) + ": v\r\n";
      names += ":x-" + std::to_string(i);
    }
    const auto results = verifier.verify(
        "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=b.hu; s=s; h=" + names +
            ":more:and:more; bh=AAAA; b=AAAA\r\n" + head + "From: a@b.hu\r\n\r\nHello\r\n",
        records({"v=DKIM1; k=ed25519; p=AAAA"}));
    REQUIRE(results.size() == 1);
    CHECK(results[0].status != dkim_status::pass);
  }
}

TEST_CASE("every signature is reported, a stranger's thousand are not all checked",
          "[dkim_verifier]") {
  const signed_mail mail = make_signed(dkim_algorithm::ed25519_sha256);
  const std::string field = mail.message.substr(0, mail.message.find("From: "));
  std::string many;
  for (int i = 0; i < 1000; ++i) many += field;
  int lookups = 0;
  const key_lookup keys = [&](const std::string&) -> result<std::vector<std::string>> {
    ++lookups;
    return std::vector<std::string>{mail.record};
  };
  const auto results = dkim_verifier{signed_at}.verify(many + plain, keys);
  REQUIRE(results.size() == 1000);
  CHECK(results[4].status == dkim_status::pass);
  CHECK(results[5].status == dkim_status::none);
  CHECK(lookups <= 5);
}

TEST_CASE("damaged messages are judged, whatever is damaged", "[dkim_verifier]") {
  const dkim_verifier verifier{signed_at};
  const signed_mail mail = make_signed(dkim_algorithm::ed25519_sha256);
  std::mt19937 random{6376};
  for (int i = 0; i < 3000; ++i) {
    std::string message = mail.message;
    std::string record = mail.record;
    for (unsigned n = 1 + random() % 4; n > 0; --n) {
      const std::string pieces[] = {std::string(1, '\0'), "\r\n", ";", "=", ":", " ", "\n",
                                    "DKIM-Signature:"};
      std::string& target = random() % 4 ? message : record;
      const std::size_t at = random() % target.size();
      switch (random() % 3) {
        case 0:
          target.insert(at, pieces[random() % 8]);
          break;
        case 1:
          target.erase(at, 1 + random() % 20);
          break;
        default:
          target[at] = static_cast<char>(random());
      }
      if (target.empty()) target = "x";
    }
    for (const auto& r : verifier.verify(message, records({record})))
      CHECK(r.reason.empty() == (r.status == dkim_status::pass));
  }
}

TEST_CASE("one verifier serves many threads", "[dkim_verifier]") {
  const dkim_verifier verifier{signed_at};
  const signed_mail mail = make_signed(dkim_algorithm::rsa_sha256);
  const auto keys = records({mail.record});
  std::atomic<int> passed = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i)
        passed += verifier.verify(mail.message, keys)[0].status == dkim_status::pass;
    });
  for (auto& t : threads) t.join();
  CHECK(passed == 200);
}

TEST_CASE("signatures of others", "[dkim_verifier][corpora]") {
  const auto folder = test::corpora();
  if (!std::filesystem::exists(folder / "chasquid")) {
    WARN("skipped: no corpora");
    return;
  }
  using s = dkim_status;
  struct row {
    const char* message;
    const char* keys;
    std::vector<s> statuses;
  };
  const row rows[] = {
      {"01-rfc8463.msg", "01-rfc8463.dns", {s::pass, s::pass}},
      {"02-too_many_headers.msg",
       "02-too_many_headers.dns",
       {s::pass, s::pass, s::pass, s::pass, s::pass, s::none, s::none}},
      {"04-bad_dkim_signature_header.msg", "01-rfc8463.dns", {s::permerror}},
      {"05-dns_temp_error.msg", "05-dns_temp_error.dns", {s::temperror, s::pass}},
      {"06-dns_perm_error.msg", "06-dns_perm_error.dns", {s::permerror, s::pass}},
      {"07-algo_mismatch.msg", "07-algo_mismatch.dns", {s::pass, s::pass}},
      {"10-strict_domain_check_pass.msg", "10-strict_domain_check_pass.dns", {s::pass, s::pass}},
  };
  const auto check = [](const std::string& message, const std::string& keys,
                        const std::vector<s>& expected, instant at) {
    const auto parsed = key_text::parse(keys);
    REQUIRE(parsed.has_value());
    std::vector<s> found;
    for (const auto& r : dkim_verifier{at}.verify(to_crlf(message), *parsed))
      found.push_back(r.status);
    CHECK(found == expected);
  };
  for (const auto& r : rows) {
    INFO(r.message);
    const auto dkim = folder / "chasquid" / "dkim";
    check(test::content(dkim / r.message), test::content(dkim / r.keys), r.statuses, signed_at);
  }
  for (const auto& entry : std::filesystem::directory_iterator{folder / "mail-auth" / "dkim"}) {
    INFO(entry.path());
    const std::string file = to_crlf(test::content(entry.path()));
    const auto gap = file.find("\r\n\r\n");
    const auto parsed = key_text::parse(file.substr(0, gap));
    REQUIRE(parsed.has_value());
    const auto results =
        dkim_verifier{from_ms(1'667'843'664'000)}.verify(file.substr(gap + 4), *parsed);
    REQUIRE_FALSE(results.empty());
    CHECK(results.back().status == s::pass);
  }
}
