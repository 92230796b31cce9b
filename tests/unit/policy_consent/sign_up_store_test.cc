// RULES A2 5.3: forms, pending sign-ups and their ends in the store.
#include "policy/consent/sign_up_store.h"

#include <catch2/catch.hpp>

#include "tests/unit/policy_consent/consent_world.h"

using namespace consentry;
using namespace consentry::policy::consent;
using namespace consentry::policy::consent::tests;
using std::chrono::hours;

namespace {

sign_up_form good_form() {
  sign_up_form f;
  f.id = "abcdefghijklmnop";
  f.tenant = tenant_id{1};
  f.topic = "news";
  f.language = "hu";
  f.title = "Hírlevél";
  f.notice.text = "Hozzájárulok.\n\nBármikor visszavonhatom.";
  f.notice.hash = hash_of_notice(f.notice.text);
  f.from = "news@shop.test";
  f.embed_origins = {"https://www.shop.test"};
  return f;
}

struct sign_up_world {
  consentry::tests::temp_folder folder;
  store_env env{{.folder = folder.path() / "store", .map_size = 64 << 20}};
  journal::event_journal history{env};
  sign_up_store store{env, history};
  instant now = from_ms(1'700'000'000'000);

  template <class F>
  void write(F f) {
    auto txn = env.begin_write();
    f(txn);
    txn.commit();
  }
  template <class F>
  auto read(F f) {
    return env.read(f).value();
  }
  pending_sign_up sign_up(char person, const std::string& topic = "news",
                          tenant_id t = tenant_id{1}) {
    pending_sign_up p;
    p.id = make_sign_up_id(now);
    p.key = {.tenant = t, .person = std::string(16, person), .sender = "Shop Kft.", .topic = topic};
    p.address = std::string(1, person) + "@one.test";
    p.name = "Kiss Éva";
    p.evidence.sender = p.key.sender;
    p.evidence.topic = topic;
    p.evidence.given_at = p.evidence.recorded_at = now;
    p.evidence.method = "double_opt_in";
    p.evidence.provenance = "own_form";
    p.evidence.notice = {.version = "1", .hash = "sha256:aa", .language = "hu", .url = "https://x"};
    p.evidence.tick = tick_state::ticked;
    p.evidence.ip = "192.0.2.1";
    p.evidence.user_agent = "Firefox";
    p.evidence.salt = std::string(16, 's');
    write([&](write_txn& txn) { CHECK(store.add(txn, p, {now, "form"})); });
    return p;
  }
  std::size_t sweep() {
    std::size_t count = 0;
    write([&](write_txn& txn) { count = store.remove_expired(txn, now, 100); });
    return count;
  }
  sign_up_mark mark(const consent_key& k) {
    return read([&](read_txn& txn) { return store.mark_of(txn, k); });
  }
  bool is_there(sign_up_id id) {
    return read([&](read_txn& txn) { return store.find(txn, id).has_value(); });
  }
};

}  // namespace

TEST_CASE("A2.5.3: what a form may say") {
  CHECK(validate(good_form()));
  struct row {
    const char* wrong;
    std::function<void(sign_up_form&)> change;
  };
  for (const row& r : std::initializer_list<row>{
           {"language", [](auto& f) { f.language = "de"; }},
           {"no title", [](auto& f) { f.title = " "; }},
           {"two lines of title", [](auto& f) { f.title = "a\nBcc: x"; }},
           {"a title too long", [](auto& f) { f.title = std::string(201, 'x'); }},
           {"no notice", [](auto& f) { f.notice.text = "\n"; }},
           {"a notice with CR", [](auto& f) { f.notice.text = "a\r\nb"; }},
           {"bytes that are no UTF-8", [](auto& f) { f.notice.text = "\xff"; }},
           {"a script as notice URL", [](auto& f) { f.notice.url = "javascript:alert(1)"; }},
           {"a quote in the return URL", [](auto& f) { f.return_url = "https://x/\"onclick=\""; }},
           {"an origin with a path", [](auto& f) { f.embed_origins = {"https://x.test/a"}; }},
           {"an origin that is a policy",
            [](auto& f) { f.embed_origins = {"https://x;script-src"}; }},
           {"everybody", [](auto& f) { f.embed_origins = {"https://*"}; }},
       }) {
    INFO(r.wrong);
    auto f = good_form();
    r.change(f);
    CHECK_FALSE(validate(f));
  }
}

TEST_CASE("A2.5.3, D1: a form keeps every text it ever showed, and is the tenant's own") {
  sign_up_world w;
  auto f = good_form();
  w.write([&](write_txn& txn) { w.store.put_form(txn, f, "added", {w.now, "desk:anna"}); });
  f.notice.text = "Új szöveg";
  f.notice.hash = hash_of_notice(f.notice.text);
  f.notice.version = 2;
  w.write(
      [&](write_txn& txn) { w.store.put_form(txn, f, "notice changed", {w.now, "desk:anna"}); });
  w.read([&](read_txn& txn) {
    const auto found = w.store.find_form(txn, "ABCDEFGHIJKLMNOP");
    REQUIRE(found);
    CHECK(encode(*found) == encode(f));
    const auto notices = w.store.notices_of(txn, *found);
    REQUIRE(notices.size() == 2);
    CHECK(notices[0].text == good_form().notice.text);
    CHECK(w.store.forms_of(txn, tenant_id{1}).size() == 1);
    CHECK(w.store.forms_of(txn, tenant_id{2}).empty());
    CHECK_FALSE(w.store.find_form(txn, "unknown"));
    CHECK(w.history.last(txn) == journal_seq{2});
    return 0;
  });
}

TEST_CASE("A2.5.3: a sign-up comes back as it was told; its number tells its time") {
  sign_up_world w;
  const auto p = w.sign_up('a');
  const auto found = w.read([&](read_txn& txn) { return w.store.find(txn, p.id); });
  REQUIRE(found);
  CHECK(encode(*found) == encode(p));
  CHECK(found->evidence.ip == "192.0.2.1");
  CHECK(time_of(p.id) == w.now);
  CHECK(parse_sign_up_id(to_string(p.id)) == p.id);
  CHECK_FALSE(parse_sign_up_id("s123"));
  CHECK_FALSE(parse_sign_up_id("sxxxxxxxxxxxxxxxx"));
  w.write([&](write_txn& txn) { CHECK_FALSE(w.store.add(txn, p, {w.now, "form"})); });
}

TEST_CASE("A2.5.3: a sign-up is open for 24 hours, then goes with its address") {
  sign_up_world w;
  const auto p = w.sign_up('a');
  w.write([&](write_txn& txn) { w.store.note_mail(txn, p.key, message_id{7}, w.now); });
  CHECK(p.is_open(w.now + hours{24}));
  CHECK_FALSE(p.is_open(w.now + hours{24} + std::chrono::milliseconds{1}));
  w.now += hours{24};
  CHECK(w.sweep() == 0);
  w.now += std::chrono::minutes{1};
  CHECK(w.sweep() == 1);
  CHECK_FALSE(w.is_there(p.id));
  CHECK_FALSE(w.mark(p.key).last);
}

TEST_CASE(
    "A2.5.3: a second mail within 24 hours changes nothing; a late first one is guarded too") {
  sign_up_world w;
  const auto p = w.sign_up('a');
  w.now += hours{20};
  w.write([&](write_txn& txn) { w.store.note_mail(txn, p.key, message_id{7}, w.now); });
  w.write([&](write_txn& txn) { w.store.note_mail(txn, p.key, message_id{8}, w.now); });
  CHECK(w.mark(p.key).mail == message_id{7});
  w.now += hours{10};
  CHECK(w.sweep() == 0);
  const auto again = w.sign_up('a');
  CHECK(w.mark(again.key).is_mailed(w.now));
  CHECK(w.mark(again.key).last == again.id);
  w.now += hours{14};
  CHECK_FALSE(w.mark(again.key).is_mailed(w.now));
  CHECK(w.sweep() == 1);
  CHECK(w.is_there(again.id));
}

TEST_CASE("A2.5.3: lists and tenants are apart") {
  sign_up_world w;
  const auto p = w.sign_up('a', "news");
  w.write([&](write_txn& txn) { w.store.note_mail(txn, p.key, message_id{7}, w.now); });
  auto other = p.key;
  other.topic = "jobs";
  CHECK_FALSE(w.mark(other).is_mailed(w.now));
  other = p.key;
  other.tenant = tenant_id{2};
  CHECK_FALSE(w.mark(other).is_mailed(w.now));
  other = p.key;
  other.topic = " NEWS ";
  CHECK(w.mark(other).is_mailed(w.now));
}

TEST_CASE("A2.5.3: templates are approved for one tenant, and no longer") {
  sign_up_world w;
  const doi_template t{.hash = std::string(32, 'h'), .name = "confirm.eml", .approved_by = "anna"};
  w.write([&](write_txn& txn) { w.store.approve(txn, tenant_id{1}, t, {w.now, "desk:anna"}); });
  const auto approved = [&](tenant_id id, const std::string& hash) {
    return w.read([&](read_txn& txn) { return w.store.is_approved(txn, id, hash); });
  };
  CHECK(approved(tenant_id{1}, t.hash));
  CHECK_FALSE(approved(tenant_id{2}, t.hash));
  CHECK_FALSE(approved(tenant_id{1}, std::string(32, 'x')));
  CHECK_FALSE(approved(tenant_id{1}, ""));
  w.write([&](write_txn& txn) {
    CHECK_FALSE(w.store.revoke(txn, tenant_id{2}, t.hash, {w.now, "desk:anna"}));
    CHECK(w.store.revoke(txn, tenant_id{1}, t.hash, {w.now, "desk:anna"}));
  });
  CHECK_FALSE(approved(tenant_id{1}, t.hash));
}

TEST_CASE("clauses 10, 12: a person and a tenant go without a trace, and nobody else") {
  sign_up_world w;
  const auto a = w.sign_up('a'), b = w.sign_up('b'), other = w.sign_up('a', "news", tenant_id{2});
  w.write([&](write_txn& txn) {
    w.store.put_form(txn, good_form(), "added", {w.now, "desk:anna"});
    w.store.erase_person(txn, tenant_id{1}, a.key.person);
  });
  CHECK_FALSE(w.is_there(a.id));
  CHECK(w.is_there(b.id));
  CHECK(w.is_there(other.id));
  CHECK_FALSE(w.mark(a.key).last);
  w.write([&](write_txn& txn) {
    while (w.store.erase_tenant(txn, tenant_id{1}, 2) != 0) {
    }
  });
  CHECK_FALSE(w.is_there(b.id));
  CHECK(w.is_there(other.id));
  w.read([&](read_txn& txn) {
    CHECK_FALSE(w.store.find_form(txn, good_form().id));
    return 0;
  });
}
