#include "smtp/server/sasl.h"

#include <gsasl.h>

#include <catch2/catch.hpp>

#include "base/text.h"
#include "smtp/server/saslprep.h"

using namespace consentry;
using namespace consentry::smtp::server;
using kind = sasl_step::kind;

namespace {

using text = std::string_view;

sasl_step step_with_nul(sasl_exchange& e, text a, text b, text c) {
  return e.respond(std::string{a} + '\0' + std::string{b} + '\0' + std::string{c});
}

// A client nobody here wrote, against our server. true: both sides are content.
bool gsasl_signs_in(const char* mechanism, const char* user, const char* password,
                    const scram_keys& keys) {
  Gsasl* library = nullptr;
  Gsasl_session* client = nullptr;
  REQUIRE(gsasl_init(&library) == GSASL_OK);
  REQUIRE(gsasl_client_start(library, mechanism, &client) == GSASL_OK);
  gsasl_property_set(client, GSASL_AUTHID, user);
  gsasl_property_set(client, GSASL_PASSWORD, password);
  const auto server = sasl_exchange::make(mechanism);
  REQUIRE(server);
  auto step = server->start();
  bool client_done = false;
  while (step.what == kind::challenge || step.what == kind::need_keys) {
    if (step.what == kind::need_keys) {
      CHECK(server->user() == user);
      step = server->use_keys(keys);
      continue;
    }
    std::string answer;
    if (!client_done) {
      char* out = nullptr;
      std::size_t length = 0;
      const int code = gsasl_step(client, step.data.data(), step.data.size(), &out, &length);
      if (code != GSASL_OK && code != GSASL_NEEDS_MORE) break;
      client_done = code == GSASL_OK && std::string_view{mechanism} == "SCRAM-SHA-256";
      answer.assign(out, length);
      gsasl_free(out);
    }
    step = server->respond(answer);
  }
  gsasl_finish(client);
  gsasl_done(library);
  return step.what == kind::proven;
}

}  // namespace

TEST_CASE("SCRAM-SHA-256 gives the example of RFC 7677 section 3") {
  const auto salt = parse_base64("W22ZaJ0SNY7soEsUEjb6gQ==");
  REQUIRE(salt);
  const auto keys = derive_scram_keys("pencil", *salt, 4096).value();
  const auto server = sasl_exchange::make("scram-sha-256", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
  REQUIRE(server);
  auto step = server->respond("n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  REQUIRE(step.what == kind::need_keys);
  CHECK(server->user() == "user");
  step = server->use_keys(keys);
  REQUIRE(step.what == kind::challenge);
  CHECK(step.data ==
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  step = server->respond(
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
      "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  REQUIRE(step.what == kind::challenge);
  CHECK(step.data == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  CHECK(server->respond("").what == kind::proven);
}

TEST_CASE("SCRAM refuses what does not fit") {
  const auto keys = derive_scram_keys("pencil", "0123456789abcdef", 4096).value();
  const auto begin = [&](std::string_view first) {
    auto server = sasl_exchange::make("SCRAM-SHA-256", "server");
    const auto step = server->respond(first);
    if (step.what == kind::need_keys) server->use_keys(keys);
    return std::pair{std::move(server), step.what};
  };
  const struct {
    const char* first;
    kind what;
  } firsts[] = {
      {"n,,n=user,r=abc", kind::need_keys},
      {"y,,n=user,r=abc", kind::need_keys},
      {"n,a=user,n=user,r=abc", kind::need_keys},
      {"n,a=other,n=user,r=abc", kind::wrong},
      {"p=tls-exporter,,n=user,r=abc", kind::malformed},
      {"n,,m=x,n=user,r=abc", kind::malformed},
      {"n,,n=,r=abc", kind::malformed},
      {"n,,n=us=er,r=abc", kind::malformed},
      {"n,,n=us=2Cer,r=abc", kind::need_keys},
      {"n,,n=user,r=", kind::malformed},
      {"n,,n=user", kind::malformed},
      {"x,,n=user,r=abc", kind::malformed},
      {"", kind::malformed},
  };
  for (const auto& f : firsts) {
    CAPTURE(f.first);
    CHECK(begin(f.first).second == f.what);
  }
  const struct {
    const char* final;
    kind what;
  } finals[] = {
      {"c=biws,r=abcserver,p=AAAA", kind::wrong},
      {"c=eSws,r=abcserver,p=AAAA",
       kind::wrong},  // another gs2 header than before: stripped on the way
      {"c=biws,r=abcother,p=AAAA", kind::wrong},
      {"c=biws,r=abcserver", kind::malformed},
      {"c=b,r=abcserver,p=AAAA", kind::malformed},
      {"", kind::malformed},
  };
  for (const auto& f : finals) {
    CAPTURE(f.final);
    auto [server, what] = begin("n,,n=user,r=abc");
    CHECK(server->respond(f.final).what == f.what);
  }
}

TEST_CASE("PLAIN") {
  const auto keys = make_scram_keys("secret", 4096).value();
  const struct {
    text authzid, user, password;
    kind what;
  } rows[] = {
      {"", "crm", "secret", kind::proven},     {"crm", "crm", "secret", kind::proven},
      {"", "crm", "Secret", kind::wrong},      {"", "crm", "secret ", kind::wrong},
      {"other", "crm", "secret", kind::wrong}, {"", "", "secret", kind::malformed},
      {"", "crm", "", kind::malformed},
  };
  for (const auto& r : rows) {
    CAPTURE(r.authzid, r.user, r.password);
    const auto e = sasl_exchange::make("plain");
    auto step = step_with_nul(*e, r.authzid, r.user, r.password);
    if (step.what == kind::need_keys) step = e->use_keys(keys);
    CHECK(step.what == r.what);
  }
  CHECK(sasl_exchange::make("PLAIN")->respond("no separators").what == kind::malformed);
}

TEST_CASE("a client of libgsasl signs in by every mechanism") {
  for (const char* mechanism : {"PLAIN", "LOGIN", "SCRAM-SHA-256"}) {
    CAPTURE(mechanism);
    const auto keys = make_scram_keys("pass,word=1", 4096).value();
    CHECK(gsasl_signs_in(mechanism, "crm,eu=1", "pass,word=1", keys));
    CHECK_FALSE(gsasl_signs_in(mechanism, "crm", "wrong", keys));
    CHECK_FALSE(gsasl_signs_in(mechanism, "crm", "wrong", make_false_keys("crm", "secret")));
  }
  // é composed and decomposed are the same password (RFC 4013)
  CHECK(gsasl_signs_in("PLAIN", "crm", "e\xcc\x81", make_scram_keys("\xc3\xa9", 4096).value()));
}

TEST_CASE("keys differ by salt, and bad passwords make none") {
  const auto a = make_scram_keys("secret", 4096).value();
  const auto b = make_scram_keys("secret", 4096).value();
  CHECK(a.salt != b.salt);
  CHECK(a.stored_key != b.stored_key);
  CHECK(a.stored_key.size() == 32);
  CHECK(a.server_key.size() == 32);
  for (const char* bad : {"", "a\nb", "\xff"}) CHECK_FALSE(make_scram_keys(bad, 4096).has_value());
}

TEST_CASE("an unknown user always gets the same salt, another than others") {
  CHECK(make_false_keys("a", "secret").salt == make_false_keys("a", "secret").salt);
  CHECK(make_false_keys("a", "secret").salt != make_false_keys("b", "secret").salt);
  CHECK(make_false_keys("a", "secret").salt != make_false_keys("a", "other").salt);
  CHECK(make_false_keys("a", "secret").salt.size() ==
        make_scram_keys("x", 4096).value().salt.size());
}

TEST_CASE("saslprep gives the examples of RFC 4013 section 3") {
  CHECK(saslprep("I\xc2\xadX") == "IX");
  CHECK(saslprep("user") == "user");
  CHECK(saslprep("USER") == "USER");
  CHECK(saslprep("\xc2\xaa") == "a");
  CHECK(saslprep("\xe2\x85\xa8") == "IX");
  CHECK_FALSE(saslprep("\x07"));
  CHECK_FALSE(saslprep("\xd8\xa7\x31"));
}

TEST_CASE("a name of which nothing is left is none", "[sasl]") {
  const text soft_hyphen = "\xc2\xad";  // SASLprep maps it to nothing
  CHECK(step_with_nul(*sasl_exchange::make("PLAIN"), "", soft_hyphen, "x").what == kind::malformed);
  const auto login = sasl_exchange::make("LOGIN");
  login->start();
  CHECK(login->respond(soft_hyphen).what == kind::malformed);
}
