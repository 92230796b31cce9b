// RULES A2 12: the hand-over. Export and import again is the identity.
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <fstream>
#include <random>
#include <sstream>

#include "app/evidence_gatherer.h"
#include "app/tenant_export.h"
#include "app/tenant_import.h"
#include "app/tenant_removal.h"
#include "base/sealed_text.h"
#include "base/text.h"
#include "tests/unit/app/tenant_world.h"

using namespace consentry;
using app::export_format;
using consentry::tests::app_world;
using consentry::tests::tenant_world;
using policy::tenants::tenant_state;

namespace {

std::string content_of(const std::filesystem::path& file) {
  std::ostringstream out;
  out << std::ifstream{file, std::ios::binary}.rdbuf();
  return out.str();
}

using dice = std::mt19937;

std::string some_text(dice& random, std::size_t most = 12) {
  static const std::string_view pieces[] = {"a",  "Ő",  " ",    "\"",   "\\", "<", "&",
                                            "\n", "\t", "\x01", "\xff", "/",  "é", "]]>",
                                            "x",  "0",  "😀",   "\r",   "'"};
  std::string out;
  for (auto n = random() % (most + 1); n > 0; --n) out += pieces[random() % std::size(pieces)];
  return out;
}

std::optional<instant> some_time(dice& random) {
  if (random() % 3 == 0) return std::nullopt;
  return from_ms(1'600'000'000'000 + static_cast<std::int64_t>(random() % 100'000'000) * 1000 +
                 random() % 1000);
}

policy::consent::consent_record some_consent(dice& random, const std::string& sender, int n) {
  policy::consent::consent_record r;
  r.sender = sender;
  r.topic = "topic " + std::to_string(n) + some_text(random, 3);
  r.given_at = some_time(random);
  r.given_at_text = some_text(random);
  r.confirmed_at = some_time(random);
  r.confirmed_ip = some_text(random);
  r.confirmed_user_agent = some_text(random, 60);
  r.method = some_text(random);
  r.provenance = some_text(random);
  r.notice = {.version = some_text(random),
              .hash = some_text(random),
              .language = some_text(random),
              .url = some_text(random)};
  r.evidence_reference = some_text(random);
  r.form_id = some_text(random);
  r.tick = static_cast<policy::consent::tick_state>(random() % 4);
  if (random() % 3 != 0) r.box_came_ticked = random() % 2 == 0;
  r.doi_sent_at = some_time(random);
  r.purchase_id = some_text(random);
  if (random() % 3 == 0) r.birth_day = budapest_day(from_ms(-1'000'000'000'000));
  if (random() % 3 == 0) r.expires_on = budapest_day(from_ms(1'900'000'000'000));
  r.import_entry = {random() % 1000};
  r.ip = some_text(random);
  r.user_agent = some_text(random, 60);
  if (random() % 2 == 0) r.purchase_day = budapest_day(some_time(random).value_or(from_ms(1)));
  r.importer = some_text(random);
  r.recorded_at = some_time(random).value_or(instant{});
  r.salt = random_bytes(16);
  r.withdrawn_at = some_time(random);
  r.withdrawn_method = some_text(random);
  r.unticked_at = some_time(random);
  r.objected_at = some_time(random);
  if (const auto t = some_time(random))
    r.first_delivery = r.last_delivery = {.at = *t, .recipient = {random() % 1000}};
  if (random() % 4 == 0) r.declared_delivery_day = budapest_day(from_ms(1'700'000'000'000));
  return r;
}

struct world : tenant_world {
  using tenant_world::tenant_world;

  // A tenant with something of everything.
  tenant_id make(dice& random, const std::string& name) {
    const auto id = add_tenant(name);
    for (auto n = random() % 3; n > 0; --n)
      add_domain(id, name + std::to_string(n) + ".test", random() % 2 == 0);
    for (auto n = random() % 3; n > 0; --n)
      add_credential(id, name + std::to_string(n), "secret password",
                     static_cast<smtp::stream>(1 + random() % 4), some_label(random));
    const auto sender = name + " Kft.";
    change([&](write_txn& txn) {
      for (int n = 0; n < static_cast<int>(random() % 40); ++n) {
        const auto address = "p" + std::to_string(n % 15) + "@one.test";
        const auto person = person_of(id, address);
        policy::consent::listed_consent c;
        c.record = some_consent(random, sender, n);
        c.key = {id, person, c.record.sender, c.record.topic};
        c.all_topics = random() % 8 == 0;
        if (c.all_topics) c.record.sender = c.record.topic = c.key.sender = c.key.topic = "";
        rooms.consents.restore(txn, c);
        // Erased: the pseudonym stays alone.
        if (random() % 5 != 0)
          rooms.consents.put_person(txn, id, person, {address, some_text(random)});
      }
      for (auto n = random() % 10; n > 0; --n)
        rooms.suppressions.add(
            txn, id, person_of(id, "s" + std::to_string(n) + "@one.test"),
            {.reason = static_cast<reputation::suppression_reason>(1 + random() % 5),
             .source = some_text(random),
             .at = clock.now(),
             .expires_at = some_time(random),
             .message = {77},
             .recipient = {78},
             .campaign = "spring"},
            "desk:test");
      for (auto n = random() % 20; n > 0; --n)
        rooms.tally.record_delivered(txn, {.recipient = {rooms.ids.take(txn, 1)},
                                           .message = {1},
                                           .tenant = id,
                                           .stream = smtp::stream::bulk,
                                           .campaign = random() % 2 == 0 ? "spring" : "ősz",
                                           .person = person_of(id, "p1@one.test"),
                                           .at = clock.now()});
      for (auto n = random() % 4; n > 0; --n) {
        const policy::consent::act by{.at = clock.now(), .actor = "desk:test"};
        rooms.evidence.put_evidence(txn, id, random_bytes(1 + random() % 5000), "image/png", by)
            .value();
        const auto text = "notice " + std::to_string(n) + " ]]> <b>őű</b>\r\n";
        rooms.evidence.put_notice(txn, id, {.version = "v" + std::to_string(n)}, text, by).value();
      }
      if (random() % 2 == 0)
        rooms.fingerprints.approve(txn, id,
                                   {.digest = random_bytes(16),
                                    .approver = "desk:anna",
                                    .reason = some_text(random),
                                    .approved_at = clock.now(),
                                    .expires_at = clock.now() + std::chrono::days{5}});
      for (std::uint32_t n = random() % 4; n > 0; --n) {
        policy::tenants::exemption x{.number = n, .category = "S3", .approver = "desk:anna"};
        x.reason = some_text(random);
        x.last_day = budapest_day(clock.now());
        x.ended_at = some_time(random);
        rooms.exemptions.restore(txn, id, x);
      }
    });
    make_sign_ups(random, id, name);
    if (random() % 2 == 0) block(id, "complaints");
    if (random() % 4 == 0) set_state(id, tenant_state::overdue);
    return id;
  }
  // Forms with every text they ever showed, sign-ups that wait, templates, and people.
  void make_sign_ups(dice& random, tenant_id id, const std::string& name) {
    const policy::consent::act by{.at = clock.now(), .actor = "tenant:anna"};
    change([&](write_txn& txn) {
      for (auto n = random() % 3; n > 0; --n) {
        policy::consent::sign_up_form f;
        f.id = "abcdefghijklmn" + std::string(1, static_cast<char>('a' + id.value)) +
               std::string(1, static_cast<char>('a' + n));
        f.tenant = id;
        f.topic = "news";
        f.language = "hu";
        f.title = "Hírlevél";
        f.from = "hirlevel@" + name + ".test";
        f.embed_origins = {"https://www." + name + ".test", "https://b.test"};
        f.is_enabled = random() % 2 == 0;
        f.created_at = clock.now();
        f.created_by = "tenant:anna";
        for (std::uint32_t version = 1; version <= 1 + random() % 3; ++version) {
          f.notice = {.version = version,
                      .text = "Kérem a hírlevelet. " + std::to_string(version) + "\n",
                      .hash = {},
                      .url = "https://www.b.test/privacy",
                      .since = clock.now()};
          f.notice.hash = policy::consent::hash_of_notice(f.notice.text);
          rooms.sign_ups.put_form(txn, f, "changed", by);
        }
      }
      rooms.sign_ups.approve(txn, id,
                             {.hash = random_bytes(32),
                              .name = "doi-hu",
                              .approved_by = "desk:eva",
                              .approved_at = clock.now()},
                             by);
      for (const char* login : {"admin", "clerk"})
        rooms.users
            .add(txn,
                 {.login = name + "-" + login,
                  .name = "Anna Nagy ő",
                  .tenant = id,
                  .as = std::string_view{login} == "admin" ? policy::tenants::role::tenant_admin
                                                           : policy::tenants::role::tenant_user,
                  .active = false},
                 {.actor = "desk:eva", .reason = "x", .at = clock.now()})
            .value();
    });
    for (auto n = random() % 4; n > 0; --n)
      sign_up(id, "waiting" + std::to_string(n) + "@one.test", "news");
  }
  static std::string some_label(dice& random) { return random() % 2 == 0 ? "news" : ""; }

  std::filesystem::path export_of(const std::string& name, export_format f = export_format::json) {
    const auto t = *rooms.directory.get()->find_named(name);
    const auto made = app::export_tenant(care, t, f, true, "desk:anna").value();
    return app::find_export(care, t.id, made.id).value();
  }
};

// Section -> rows as text, each without what is sealed anew each time.
std::map<std::string, std::vector<std::string>> rows_in(const std::filesystem::path& file) {
  const auto whole = boost::json::parse(content_of(file)).as_object();
  std::map<std::string, std::vector<std::string>> out;
  const auto shown = [](boost::json::object o) {
    o.erase("sealed_key");
    o.erase("sealed_password");
    o.erase("sealed_complaint");
    o.erase("sealed_objection");
    // A login comes back switched off.
    if (o.contains("login")) o.erase("active");
    return boost::json::serialize(o);
  };
  for (const auto& [name, v] : whole) {
    if (v.is_array())
      for (const auto& r : v.as_array()) out[name].push_back(shown(r.as_object()));
    if (std::string_view{name} == "tenant") out[name].push_back(shown(v.as_object()));
  }
  return out;
}

}  // namespace

namespace {

// Without the numbers of mails, which stay in their store.
std::map<std::string, reputation::suppression> suppressions_of(world& w, tenant_id id) {
  std::map<std::string, reputation::suppression> out;
  std::string resume;
  for (auto& l :
       w.read([&](read_txn& txn) { return w.rooms.suppressions.all(txn, id, 1000, resume); })) {
    l.what.message = {};
    l.what.recipient = {};
    out[l.person] = l.what;
  }
  return out;
}

std::vector<std::optional<instant>> objections_of(world& w, tenant_id id) {
  std::vector<std::optional<instant>> out;
  std::string resume;
  for (const auto& c :
       w.read([&](read_txn& txn) { return w.rooms.consents.rows(txn, id, 1000, resume); }))
    out.push_back(c.record.objected_at);
  std::ranges::sort(out);
  return out;
}

}  // namespace

TEST_CASE("A2.12 export, import into an empty store, export: the same (property)") {
  for (unsigned seed = 1; seed <= 6; ++seed) {
    INFO("seed " << seed);
    dice random{seed};
    world from;
    from.make(random, "other");
    from.make(random, "shop");
    const auto first = from.export_of("shop");
    world to;
    const auto made = app::import_tenant(to.care, first, "", "desk:anna");
    REQUIRE(made.has_value());
    CHECK(made->left_out.empty());
    const auto second = to.export_of("shop");
    auto a = rows_in(first), b = rows_in(second);
    // The old history comes first, then what happened here.
    REQUIRE(b["history"].size() > a["history"].size());
    b["history"].resize(a["history"].size());
    for (const auto& [section, rows] : a) {
      INFO(section);
      CHECK(b[section] == rows);
    }
    CHECK(a.size() == b.size());
    // Names still lead to their persons, those without an address too.
    const auto old_id = from.tenant_named("shop"), new_id = to.tenant_named("shop");
    CHECK(from.person_of(old_id, "p1@one.test") == to.person_of(new_id, "p1@one.test"));
    const auto scram = [](world& w, const std::string& user) {
      const auto d = w.rooms.directory.get();
      const auto* c = d->find_credential(user);
      return c == nullptr ? std::string{} : c->scram.stored_key;
    };
    for (const auto* user : {"shop1", "shop2"}) CHECK(scram(from, user) == scram(to, user));
    // Complaints come back whole, though the file shows their day alone (RULES D5).
    CHECK(suppressions_of(from, old_id) == suppressions_of(to, new_id));
    CHECK(objections_of(from, old_id) == objections_of(to, new_id));
    // Who is handed over signs in with nothing of before.
    for (const auto& u : to.read([&](read_txn& txn) { return to.rooms.users.list(txn, new_id); }))
      CHECK_FALSE(u.active);
    for (const auto& f :
         from.read([&](read_txn& txn) { return from.rooms.sign_ups.forms_of(txn, old_id); })) {
      const auto again =
          to.read([&](read_txn& txn) { return to.rooms.sign_ups.find_form(txn, f.id); });
      REQUIRE(again);
      CHECK(again->tenant == new_id);
      CHECK(again->notice.text == f.notice.text);
    }
    CHECK(from.rooms.blocker.is_bulk_closed(old_id) == to.rooms.blocker.is_bulk_closed(new_id));
    CHECK(to.read([&](read_txn& txn) { return to.rooms.removals.all(txn); }).empty());
  }
}

TEST_CASE("A2.12 the trailer counts the rows, and the digest is that of the bytes before it") {
  dice random{7};
  world w;
  w.make(random, "shop");
  const auto text = content_of(w.export_of("shop"));
  const auto whole = boost::json::parse(text).as_object();
  std::size_t sections = 0;
  for (const auto& [name, n] : whole.at("trailer").at("counts").as_object()) {
    CHECK(whole.at(name).as_array().size() == n.to_number<std::size_t>());
    ++sections;
  }
  CHECK(sections == 18);
  const auto before = text.substr(0, text.find("\"trailer\":"));
  CHECK(whole.at("trailer").at("sha256").as_string() == hex(as_bytes(sha256(before))));
}

TEST_CASE("A2.12 an export holds that tenant only, and no secret") {
  dice random{3};
  world w;
  const auto shop = w.make(random, "shop"), other = w.make(random, "other");
  w.give_consent(shop, "mine@one.test", "news", w.clock.now());
  const auto complained_at = from_ms(1'700'000'012'345);
  w.change([&](write_txn& txn) {
    w.rooms.consents.put_person(txn, other, w.person_of(other, "theirs@one.test"),
                                {"theirs@one.test", "Their Name"});
    w.rooms.suppressions.add(txn, shop, w.person_of(shop, "angry@one.test"),
                             {.reason = reputation::suppression_reason::complaint,
                              .source = "arf:loop.example",
                              .at = complained_at,
                              .message = {5},
                              .recipient = {6},
                              .campaign = "angry-campaign"},
                             "gateway");
    w.rooms.consents.object_all(txn, shop, w.person_of(shop, "angry@one.test"), complained_at);
    w.rooms.journal.append(txn, {.kind = journal::event_kind::complained,
                                 .at = complained_at,
                                 .tenant = shop,
                                 .message = {5},
                                 .recipient = {6},
                                 .person = w.person_of(shop, "angry@one.test"),
                                 .facts = {{"reporter", "loop"}}});
  });
  const auto keys = *w.rooms.directory.get()->find(shop);
  for (const auto f : {export_format::json, export_format::xml}) {
    const auto text = content_of(w.export_of("shop", f));
    CHECK(text.find("theirs@one.test") == std::string::npos);
    CHECK(text.find("other") == std::string::npos);
    CHECK(text.find(hex(w.person_of(other, "theirs@one.test"))) == std::string::npos);
    CHECK(text.find(hex(keys.pseudonym_key)) == std::string::npos);
    CHECK(text.find(base64(keys.pseudonym_key)) == std::string::npos);
    for (const auto* c : w.rooms.directory.get()->credentials_of(shop)) {
      CHECK(text.find(base64(c->scram.stored_key)) == std::string::npos);
      CHECK(text.find(hex(c->scram.stored_key)) == std::string::npos);
    }
    // RULES D5: who complained stands there as suppressed, and when, how and about what nowhere.
    CHECK(text.find("complained") != std::string::npos);
    CHECK(text.find(hex(w.person_of(shop, "angry@one.test"))) != std::string::npos);
    for (const auto* words : {"loop", "angry-campaign", "m0000005", "r0000006"})
      CHECK(text.find(words) == std::string::npos);
    CHECK(text.find(to_string_utc(complained_at)) == std::string::npos);
    CHECK(text.find(to_string_utc(complained_at).substr(0, 16)) == std::string::npos);
  }
  CHECK(w.events(journal::event_kind::tenant_exported).size() == 2);
}

TEST_CASE("A2.12 a file that was changed, cut, or made elsewhere is refused and leaves nothing") {
  dice random{5};
  world w;
  w.make(random, "shop");
  const auto file = w.export_of("shop");
  const auto good = content_of(file);
  world to;
  const auto tried = [&](const std::string& text) {
    const auto f = to.folder.path() / "file.json";
    std::ofstream{f, std::ios::binary} << text;
    const auto made = app::import_tenant(to.care, f, "", "desk:anna");
    CHECK(to.rooms.directory.get()->tenants().empty());
    return made ? failure_kind::io : made.error().kind;
  };
  auto changed = good;
  changed.replace(changed.find("shop Kft."), 4, "Shop");
  CHECK(tried(changed) == failure_kind::refused);
  CHECK(tried(good.substr(0, good.size() / 2)) == failure_kind::invalid);
  CHECK(tried("{}\n") == failure_kind::invalid);
  CHECK(tried("") == failure_kind::invalid);
  CHECK(tried(std::string(5u << 20, 'x')) == failure_kind::invalid);
  to.care.export_key = std::string(32, 'f');
  CHECK(tried(good) == failure_kind::refused);
}

TEST_CASE("A2.12 the same tenant twice: the name, its logins and domains are taken") {
  dice random{2};
  world w;
  w.make(random, "shop");
  w.add_domain(w.tenant_named("shop"), "shop.example");
  w.add_credential(w.tenant_named("shop"), "shop-crm", "secret password", smtp::stream::bulk);
  const auto file = w.export_of("shop");
  CHECK(app::import_tenant(w.care, file, "", "desk:anna").error().kind == failure_kind::conflict);
  CHECK(app_world::wait_for(app::remove_ended_tenants(w.care)).has_value());
  CHECK(w.rooms.directory.get()->tenants().size() == 1);
  // Nothing is merged into the one that is there (RULES A2 5.3).
  const auto made = app::import_tenant(w.care, file, "shop-2", "desk:anna");
  REQUIRE(made.has_value());
  CHECK(made->tenant.legal_name == "shop Kft.");
  CHECK_THAT(made->left_out,
             Catch::VectorContains(
                 std::string{"domain shop.example: the domain is verified for another tenant"}));
  CHECK(made->tenant.id != w.tenant_named("shop"));
}

TEST_CASE("A2.1 whoever comes back after the end of a contract is verified anew") {
  dice random{2};
  world w;
  const auto id = w.make(random, "shop");
  w.add_domain(id, "shop.example");
  w.set_state(id, tenant_state::terminated);
  const auto file = w.export_of("shop");
  world to;
  const auto made = app::import_tenant(to.care, file, "", "desk:anna").value();
  CHECK(made.tenant.state == tenant_state::pending);
  CHECK_FALSE(made.tenant.is_contact_confirmed());
  CHECK_FALSE(to.rooms.directory.get()->owns(made.tenant.id, "shop.example"));
  // The keys are new: private ones never leave a gateway.
  CHECK(std::filesystem::exists(to.care.dkim_folder.of("shop.example")));
}

TEST_CASE("A2.10 an import that did not end is swept away") {
  dice random{2};
  tests::temp_folder folder;
  {
    world w{folder.path() / "store"};
    // What a crash in the middle leaves: rows under a number without a tenant, and the order.
    w.change([&](write_txn& txn) {
      const auto id = w.rooms.tenants.reserve_id(txn);
      w.rooms.past.put(txn, id, 1, "{}");
      w.rooms.removals.put(
          txn,
          {.tenant = id, .name = "(import)", .begun_at = w.clock.now() + std::chrono::hours{12}});
    });
    app_world::wait_for(app::remove_ended_tenants(w.care)).value();
    CHECK(w.read([&](read_txn& txn) { return w.rooms.by_tenant.count(txn, {1}); }) == 1);
  }
  world w{folder.path() / "store"};
  w.clock.advance(std::chrono::hours{13});
  app_world::wait_for(app::remove_ended_tenants(w.care)).value();
  CHECK(w.read([&](read_txn& txn) { return w.rooms.by_tenant.count(txn, {1}); }) == 0);
  CHECK(w.read([&](read_txn& txn) { return w.rooms.removals.all(txn); }).empty());
}

TEST_CASE("A2.12 JSON is handed over once invoices are settled, XML at any time") {
  world w;
  const auto id = w.add_tenant("shop");
  w.set_state(id, tenant_state::overdue);
  const auto t = *w.rooms.directory.get()->find_named("shop");
  const auto kind_of = [&](export_format f, bool is_settled) {
    const auto made = app::export_tenant(w.care, t, f, is_settled, "desk:anna");
    return made ? std::string{"made"} : std::string{to_string(made.error().kind)};
  };
  CHECK(kind_of(export_format::json, false) == "refused");
  CHECK(kind_of(export_format::xml, false) == "made");
  CHECK(kind_of(export_format::json, true) == "made");
  CHECK(w.events(journal::event_kind::tenant_exported).back().facts.at("invoices") == "settled");
}

TEST_CASE("what is sealed opens with its key and purpose only") {
  const std::string key(32, 'k');
  for (const auto& secret : {std::string{}, std::string{"x"}, std::string(1000, 's')}) {
    const auto sealed = seal(key, "one", secret);
    CHECK(unseal(key, "one", sealed) == secret);
    CHECK(seal(key, "one", secret) != sealed);
    CHECK_FALSE(unseal(std::string(32, 'l'), "one", sealed));
    CHECK_FALSE(unseal(key, "two", sealed));
    for (std::size_t i = 0; i < sealed.size(); i += 7) {
      auto bad = sealed;
      bad[i] = static_cast<char>(bad[i] ^ 1);
      CHECK_FALSE(unseal(key, "one", bad));
    }
    CHECK_FALSE(unseal(key, "one", sealed.substr(1)));
  }
  CHECK_FALSE(unseal(key, "one", ""));
}
