#include "tests/unit/app/app_world.h"

#include "app/evidence_gatherer.h"
#include "filters/pattern_file.h"
#include "queue/failure_plan.h"
#include "smtp/server/sasl.h"

namespace consentry::tests {

namespace tenants = policy::tenants;

namespace {

constexpr std::string_view patterns_hard = R"(
language = "hu"
category = "H4"
[[pattern]]
id = "tiltott"
weight = 12
conclusive = true
words = ["tiltottszo"]
must_match = ["tiltottszo"]
must_not_match = ["szo"]
)";

constexpr std::string_view patterns_suspicious = R"(
language = "hu"
category = "S3"
[[pattern]]
id = "gyanus"
weight = 12
words = ["gyanusszo"]
must_match = ["gyanusszo"]
must_not_match = ["szo"]
)";

constexpr std::string_view patterns_permission = R"(
language = "hu"
category = "permission_request"
[[pattern]]
id = "keres"
weight = 12
words = ["engedelyszo"]
must_match = ["engedelyszo"]
must_not_match = ["szo"]
)";

constexpr std::string_view patterns_reminder = R"(
language = "hu"
category = "reminder"
[[pattern]]
id = "miert"
weight = 1
zones = ["body"]
words = ["feliratkozott"]
must_match = ["feliratkozott"]
must_not_match = ["szo"]
)";

app::store_options options_of(const std::filesystem::path& store, std::uint64_t reserve_bytes) {
  app::store_options o;
  o.folder = store;
  o.map_size = 1ULL << 30;
  o.reserve_bytes = reserve_bytes;
  return o;
}

const tenants::tenant& found(const tenants::tenant_directory& directory, tenant_id tenant) {
  const auto* t = directory.find(tenant);
  if (t == nullptr) throw std::runtime_error("no such tenant");
  return *t;
}

std::string key_of_address(std::string_view address) {
  return smtp::mailbox::parse(address).value().key();
}

}  // namespace

policy::rule_knobs small_knobs() {
  policy::rule_knobs k;
  k.reminder_after_months = 12;
  return k;
}

std::shared_ptr<const app::active_policy> small_policy() {
  static const auto policy = [] {
    filters::pattern_set set;
    set.files.push_back(filters::parse_pattern_file(patterns_hard, "hu/H4.toml"));
    set.files.push_back(filters::parse_pattern_file(patterns_suspicious, "hu/S3.toml"));
    set.files.push_back(filters::parse_pattern_file(patterns_permission, "hu/permission.toml"));
    set.files.push_back(filters::parse_pattern_file(patterns_reminder, "hu/reminder.toml"));
    auto out = std::make_shared<app::active_policy>();
    out->patterns = std::make_shared<const filters::pattern_database>(std::move(set));
    out->set = policy::make_policy_set(small_knobs(), "small");
    return std::shared_ptr<const app::active_policy>{std::move(out)};
  }();
  return policy;
}

std::shared_ptr<const smtp::token_ring> fixed_tokens() {
  std::vector<smtp::token_key> keys;
  keys.push_back({.number = 1, .secret = "0123456789abcdef0123456789abcdef"});
  return std::make_shared<const smtp::token_ring>(std::move(keys));
}

instant time_at(std::string_view text) {
  const auto t = parse_timestamp(text);
  if (!t) throw std::runtime_error("not a time: " + std::string{text});
  return *t;
}

app_world::app_world(const std::filesystem::path& store, std::uint64_t reserve_bytes)
    : rooms{options_of(store.empty() ? folder.path() / "store" : store, reserve_bytes),
            [this](const failure&) { is_broken = true; }} {
  live.policy.set(small_policy());
  live.tokens.set(fixed_tokens());
  live.reporters.set(std::make_shared<const std::vector<app::reporter>>(std::vector<app::reporter>{
      {.name = "Test reporter", .dkim_domains = {"reporter.test", "reporter.example"}}}));
}

app_world::~app_world() = default;

void app_world::change(commit_loop::operation op) {
  rooms.commits.run(std::move(op)).value();
}

tenant_id app_world::add_tenant(const std::string& name, tenants::tenant_state state) {
  tenant_id id;
  change([&](write_txn& txn) {
    tenants::tenant wanted;
    wanted.name = name;
    wanted.legal_name = name + " Kft.";
    wanted.contact = "office@" + name + ".test";
    id = rooms.tenants.add_tenant(txn, wanted, "desk:test", clock.now()).value().id;
  });
  rooms.reload_directory().value();
  if (state == tenants::tenant_state::overdue) set_state(id, tenants::tenant_state::active);
  if (state != tenants::tenant_state::pending) set_state(id, state);
  return id;
}

void app_world::set_state(tenant_id tenant, tenants::tenant_state state) {
  change([&](write_txn& txn) {
    const auto ended = state == tenants::tenant_state::terminated
                           ? tenants::termination_reason::by_tenant
                           : tenants::termination_reason::none;
    rooms.tenants.change_state(txn, tenant, state, "test", "desk:test", clock.now(), ended).value();
  });
  rooms.reload_directory().value();
}

void app_world::add_domain(tenant_id tenant, const std::string& domain, bool is_verified) {
  change([&](write_txn& txn) {
    rooms.tenants.add_domain(txn, tenant, domain, "c1", "desk:test", clock.now()).value();
    if (is_verified)
      rooms.tenants
          .verify_domain(txn, tenant, domain, tenants::domain_proof::operator_act, "desk:test",
                         clock.now())
          .value();
  });
  rooms.reload_directory().value();
}

void app_world::add_credential(tenant_id tenant, const std::string& user,
                               const std::string& password, smtp::stream stream,
                               const std::string& topic, const std::string& campaign) {
  auto keys = smtp::server::make_scram_keys(password, 4096).value();
  tenants::credential c;
  c.user = user;
  c.tenant = tenant;
  c.stream = stream;
  c.topic = topic;
  c.campaign = campaign;
  c.created_at = clock.now();
  c.scram = {.salt = keys.salt,
             .iterations = keys.iterations,
             .stored_key = keys.stored_key,
             .server_key = keys.server_key};
  change([&](write_txn& txn) {
    rooms.tenants.add_credential(txn, c, "desk:test", clock.now()).value();
  });
  rooms.reload_directory().value();
}

tenant_id app_world::tenant_named(std::string_view name) {
  const auto directory = rooms.directory.get();
  const auto* t = directory->find_named(name);
  if (t == nullptr) throw std::runtime_error("no tenant " + std::string{name});
  return t->id;
}

std::string app_world::person_of(tenant_id tenant, std::string_view address) {
  return tenants::pseudonym(found(*rooms.directory.get(), tenant), key_of_address(address));
}

policy::consent::consent_key app_world::key_of(tenant_id tenant, std::string_view address,
                                               const std::string& topic) {
  const auto directory = rooms.directory.get();
  return {.tenant = tenant,
          .person = person_of(tenant, address),
          .sender = app::sender_identity(found(*directory, tenant)),
          .topic = topic};
}

void app_world::give_consent(tenant_id tenant, std::string_view address, const std::string& topic,
                             instant given_at, const std::string& provenance) {
  const auto key = key_of(tenant, address, topic);
  policy::consent::consent_record r;
  r.sender = key.sender;
  r.topic = topic;
  r.given_at = given_at;
  r.given_at_text = to_string_budapest(given_at);
  r.method = "web_form";
  r.provenance = provenance;
  r.notice.hash = "5f16";
  r.salt = "0123456789abcdef";
  r.recorded_at = clock.now();
  change([&](write_txn& txn) {
    rooms.consents.put(txn, key, r, {.at = clock.now(), .actor = "desk:test"});
  });
}

policy::consent::pending_sign_up app_world::sign_up(tenant_id tenant, std::string_view address,
                                                    const std::string& topic) {
  policy::consent::pending_sign_up p;
  p.id = policy::consent::make_sign_up_id(clock.now());
  p.source = policy::consent::sign_up_source::api;
  p.key = key_of(tenant, address, topic);
  p.address = key_of_address(address);
  p.evidence.sender = p.key.sender;
  p.evidence.topic = topic;
  p.evidence.given_at = p.evidence.recorded_at = clock.now();
  p.evidence.method = "double_opt_in";
  p.evidence.provenance = "own_form";
  p.evidence.notice.hash = "sha256:aa";
  p.evidence.tick = policy::consent::tick_state::ticked;
  p.evidence.salt = std::string(16, 's');
  change([&](write_txn& txn) {
    // The clock stands still, so that two of many may be given the same number.
    while (!rooms.sign_ups.add(txn, p, {.at = clock.now(), .actor = "desk:test"}))
      p.id = policy::consent::make_sign_up_id(clock.now());
  });
  return p;
}

void app_world::withdraw(tenant_id tenant, std::string_view address, const std::string& topic) {
  const auto key = key_of(tenant, address, topic);
  change([&](write_txn& txn) {
    rooms.consents.withdraw(txn, key, clock.now(), "desk",
                            {.at = clock.now(), .actor = "desk:test"});
  });
}

void app_world::suppress(tenant_id tenant, std::string_view address,
                         reputation::suppression_reason why) {
  const auto person = person_of(tenant, address);
  change([&](write_txn& txn) {
    rooms.suppressions.add(txn, tenant, person,
                           {.reason = why, .source = "test", .at = clock.now()}, "desk:test");
  });
}

void app_world::block(tenant_id tenant, const std::string& reason) {
  change([&](write_txn& txn) {
    rooms.blocker.block(txn, tenant, "desk:test", reason, clock.now()).value();
  });
  read([&](read_txn& txn) {
    rooms.blocker.refresh(txn, tenant);
    return 0;
  });
}

void app_world::unblock(tenant_id tenant, const std::string& reason) {
  change([&](write_txn& txn) {
    rooms.blocker.unblock(txn, tenant, "desk:test", reason, clock.now()).value();
  });
  read([&](read_txn& txn) {
    rooms.blocker.refresh(txn, tenant);
    return 0;
  });
}

message_id app_world::enqueue(tenant_id tenant, smtp::stream stream,
                              const std::vector<std::string>& addresses,
                              const std::string& campaign, const std::string& topic) {
  auto body = rooms.bodies.append("Subject: x\r\n\r\nbody\r\n").value();
  queue::queued_message m;
  m.tenant = tenant;
  m.stream = stream;
  m.campaign = campaign;
  m.topic = topic;
  m.reverse_path = "news@shop.test";
  m.sender_domain = "shop.test";
  m.accepted_at = clock.now();
  m.expires_at = clock.now() + std::chrono::hours{72};
  m.body_at = body.location;
  std::vector<queue::queued_recipient> to;
  for (const auto& a : addresses) {
    const auto mailbox = smtp::mailbox::parse(a).value();
    queue::queued_recipient r;
    r.address = a;
    r.domain = mailbox.ascii_domain();
    r.person = person_of(tenant, a);
    r.next_attempt_at = r.changed_at = clock.now();
    to.push_back(std::move(r));
  }
  message_id id;
  change([&](write_txn& txn) { id = rooms.queue.accept(txn, m, to); });
  return id;
}

void app_world::settle(app::outcome_recorder& recorder, recipient_id recipient_number,
                       const smtp::outcome& o) {
  const auto r = recipient(recipient_number).value();
  const auto m = message_of(recipient_number);
  queue::attempt_facts facts;
  facts.at = clock.now();
  facts.number = r.attempts + 1;
  facts.transmitted = true;
  // As the queue does before it tells anybody.
  auto judged = o;
  queue::judge_reply(*smtp::bounce_rules::shipped(), judged, facts);
  auto after = r;
  after.attempts = facts.number;
  after.changed_at = facts.at;
  after.state = o.kind == smtp::outcome_kind::delivered ? queue::recipient_state::delivered
                : o.kind == smtp::outcome_kind::bounced ? queue::recipient_state::bounced
                                                        : queue::recipient_state::queued;
  if (o.kind == smtp::outcome_kind::deferred)
    after.next_attempt_at = facts.at + std::chrono::minutes{5};
  change([&](write_txn& txn) {
    recorder.record(txn, m, r, o, facts);
    rooms.queue.update(txn, after);
  });
  recorder.settled(m, r, o, facts);
}

smtp::outcome app_world::delivered() {
  smtp::outcome o;
  o.kind = smtp::outcome_kind::delivered;
  o.last_reply = {.code = 250, .enhanced = {2, 0, 0}, .text = "taken"};
  o.remote_host = "mx.remote.test";
  return o;
}

smtp::outcome app_world::bounced(int code, smtp::enhanced_code enhanced, std::string text) {
  smtp::outcome o;
  o.kind = smtp::outcome_kind::bounced;
  o.last_reply = {.code = code, .enhanced = enhanced, .text = std::move(text)};
  o.remote_host = "mx.remote.test";
  return o;
}

std::optional<queue::queued_recipient> app_world::recipient(recipient_id id) {
  return read([&](read_txn& txn) { return rooms.queue.recipient(txn, id); });
}

queue::queued_message app_world::message_of(recipient_id id) {
  return read([&](read_txn& txn) { return rooms.queue.message_of(txn, id); }).value();
}

void app_world::set_policy(const policy::rule_knobs& knobs) {
  auto next = std::make_shared<app::active_policy>(*small_policy());
  next->set = policy::make_policy_set(knobs, "small");
  live.policy.set(std::shared_ptr<const app::active_policy>{std::move(next)});
}

std::vector<journal::event> app_world::events(std::optional<journal::event_kind> kind) {
  journal::event_filter filter;
  if (kind) filter.kinds = {*kind};
  std::vector<journal::event> out;
  read([&](read_txn& txn) {
    for (auto& e : rooms.journal.scan(txn, {}, 10000, filter).entries)
      out.push_back(std::move(e.what));
    return 0;
  });
  return out;
}

}  // namespace consentry::tests
