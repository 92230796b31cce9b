#include "app/intake.h"

#include <fmt/format.h>

#include "app/acceptance.h"
#include "app/evidence_gatherer.h"
#include "app/sign_up_template.h"
#include "base/log.h"
#include "filters/content_fingerprint.h"
#include "policy/judge.h"

namespace consentry::app {

namespace asio = boost::asio;
using smtp::reply;
using smtp::server::principal;
using smtp::server::session_info;

namespace {

const reply mail_ok{.code = 250, .enhanced = {2, 1, 0}, .text = "sender ok"};
const reply recipient_ok{.code = 250, .enhanced = {2, 1, 5}, .text = "recipient ok"};
const reply store_away{
    .code = 451, .enhanced = {4, 3, 0}, .text = "the gateway cannot decide now, try again later"};

// RFC 5321 section 3.8: the client goes elsewhere or comes again; a 451 would have it ask on for
// each message over the same connection.
const reply draining{.code = 421,
                     .enhanced = {4, 3, 2},
                     .text = "the gateway takes no new mail now, try again later",
                     .close = true};

reply refused(smtp::enhanced_code code, std::string_view reason, std::string_view text) {
  return {.code = 550, .enhanced = code, .text = fmt::format("{}: {}", reason, text)};
}

// What is known before the header: the credential, and the sub-address of the envelope sender.
result<campaign_name> names_of_envelope(const principal& who, const smtp::mailbox& sender) {
  auto from_address = from_sub_address(sender);
  if (!from_address) return from_address.error();
  if (from_address->campaign.empty()) from_address->campaign = who.campaign;
  if (from_address->topic.empty()) from_address->topic = who.topic;
  return from_address;
}

// RFC 7505 section 4.2.
policy::verdict takes_no_mail(const std::string& policy_version) {
  policy::verdict v;
  v.decision = policy::decision::refuse;
  v.reason = "recipient.null_mx";
  v.rule = "B.7505";
  v.policy_version = policy_version;
  v.enhanced = {5, 1, 10};
  v.text = "The recipient's domain takes no mail: its MX record says so (RFC 7505).";
  return v;
}

bool keeps_evidence(const active_policy& p) {
  return p.set->rules.evidence_keep != policy::rule_knobs::kept_evidence::nothing;
}

}  // namespace

intake::intake(parts p, options o) : parts_{std::move(p)}, options_{std::move(o)} {}

asio::awaitable<result<std::optional<smtp::server::scram_keys>>> intake::find_keys(
    std::string user) {
  const auto directory = parts_.rooms.directory.get();
  std::optional<smtp::server::scram_keys> keys;
  if (const auto* c = directory->find_credential(user); c != nullptr && c->active)
    keys = smtp::server::scram_keys{.salt = c->scram.salt,
                                    .iterations = c->scram.iterations,
                                    .stored_key = c->scram.stored_key,
                                    .server_key = c->scram.server_key};
  co_return keys;
}

asio::awaitable<result<principal>> intake::sign_in(const session_info& session, std::string user) {
  const auto directory = parts_.rooms.directory.get();
  const auto* c = directory->find_credential(user);
  if (c == nullptr || !c->active)
    co_return failure{.kind = failure_kind::refused,
                      .permanent = true,
                      .public_text = "credential is switched off"};
  log::info("app/intake", "signed_in",
            {{"session", session.id}, {"credential", user}, {"ip", session.remote_ip}});
  principal who{.tenant = c->tenant,
                .credential = c->user,
                .stream = c->stream,
                .campaign = c->campaign,
                .topic = c->topic};
  co_return who;
}

asio::awaitable<reply> intake::mail(const session_info& session, const smtp::envelope& so_far) {
  if (!parts_.rooms.stops.takes_mail()) co_return draining;
  const auto& who = *session.who;
  const auto directory = parts_.rooms.directory.get();
  const auto active = parts_.live.policy.get();
  const auto* tenant = directory->find(who.tenant);
  if (tenant == nullptr)
    co_return refused({5, 7, 1}, "tenant.terminated", "this tenant does not exist any more");
  const auto allowed =
      policy::tenants::permits(tenant->state, who.stream, active->set->rules.overdue);
  if (!allowed.allowed) co_return refused({5, 7, 1}, allowed.reason, allowed.text);
  if (!so_far.reverse_path.is_null() &&
      !directory->owns(who.tenant, so_far.reverse_path.ascii_domain()))
    co_return refused({5, 7, 1}, "sender.foreign_domain",
                      fmt::format("{} is not a verified sender domain of this tenant; add it with: "
                                  "consentry domain add {} {}",
                                  so_far.reverse_path.ascii_domain(), tenant->name,
                                  so_far.reverse_path.ascii_domain()));
  if (const auto names = names_of_envelope(who, so_far.reverse_path); !names)
    co_return refused({5, 1, 7}, "campaign.invalid", names.error().public_text);
  co_return mail_ok;
}

asio::awaitable<reply> intake::recipient(const session_info& session, const smtp::envelope& so_far,
                                         const smtp::envelope_recipient& next) {
  const auto& who = *session.who;
  auto names = names_of_envelope(who, so_far.reverse_path);
  if (!names) co_return refused({5, 1, 7}, "campaign.invalid", names.error().public_text);
  const auto directory = parts_.rooms.directory.get();
  const auto active = parts_.live.policy.get();
  const auto* tenant = directory->find(who.tenant);
  if (tenant == nullptr) co_return store_away;
  const auto key = next.address.key();
  auto person = policy::tenants::pseudonym(*tenant, key);
  kept_facts facts;
  auto v = parts_.rooms.env.read([&](read_txn& txn) {
    const stopwatch judging{parts_.rooms.counts.verdict_times};
    const question q{.phase = policy::phase::rcpt,
                     .now = parts_.clock.now(),
                     .tenant = who.tenant,
                     .stream = who.stream,
                     .campaign = names->campaign,
                     .topic = names->topic,
                     .sender_domain = so_far.reverse_path.ascii_domain(),
                     .recipient_key = key,
                     .person = person,
                     .recipient_count = static_cast<std::uint32_t>(so_far.recipients.size() + 1)};
    const auto evidence = gather(parts_.rooms, *directory, txn, q);
    auto verdict = policy::judge(*active->set, evidence);
    if (verdict.decision == policy::decision::refuse && (keeps_evidence(*active) || is_shadowed()))
      facts = facts_collector{}.take(evidence, person);
    return verdict;
  });
  if (!v) {
    log::error("app/intake", "store_unreadable",
               {{"session", session.id}, {"cause", describe(v.error())}});
    co_return store_away;
  }
  const bool is_trap = parts_.live.traps.get()->contains(key);
  if (v->decision == policy::decision::refuse)
    co_return co_await refuse_recipient(session, std::move(*names), std::move(person),
                                        std::move(facts), std::move(*v), is_trap);
  if (v->decision == policy::decision::defer) co_return to_reply(*v);
  if (parts_.null_mx == nullptr) co_return recipient_ok;
  auto domain = next.address.ascii_domain();
  if (!co_await parts_.null_mx->takes_no_mail(std::move(domain))) co_return recipient_ok;
  *v = takes_no_mail(active->set->version);
  facts = {};  // the DNS says so, not a policy: nothing to replay
  co_return co_await refuse_recipient(session, std::move(*names), std::move(person),
                                      std::move(facts), std::move(*v), is_trap);
}

// The refusal is journaled under a number of its own, which the reply names, so that `why` can
// explain it.
asio::awaitable<reply> intake::refuse_recipient(const session_info& session, campaign_name names,
                                                std::string person, kept_facts facts,
                                                policy::verdict v, bool is_trap) {
  journal::event e;
  e.kind = journal::event_kind::refused;
  e.at = parts_.clock.now();
  e.tenant = session.who->tenant;
  e.stream = session.who->stream;
  e.person = std::move(person);
  e.campaign = std::move(names.campaign);
  e.topic = std::move(names.topic);
  e.actor = "smtp:" + session.who->credential;
  describe_verdict(e, v);
  e.facts["phase"] = "rcpt";
  auto number = std::make_shared<message_id>();
  const auto active = parts_.live.policy.get();
  commit_loop::operation op = [&rooms = parts_.rooms, number, e, v, facts, active,
                               is_trap](write_txn& txn) mutable {
    e.message = message_id{rooms.ids.take(txn, 2)};
    e.recipient = recipient_id{e.message.value + 1};
    *number = e.message;
    rooms.journal.append(txn, e);
    rooms.verdicts.put(txn, e.recipient, e.at, v);
    if (keeps_evidence(*active))
      decision_store::recording{txn, rooms.decisions, e.tenant, e.message, e.at}.put(e.recipient,
                                                                                     facts);
    if (is_advertising(e.stream) && is_about_recipient(v.reason))
      rooms.campaigns.count(txn, e.tenant, e.campaign,
                            {.asked = 1,
                             .unproven = is_unproven_reason(v.reason) ? 1u : 0u,
                             .traps = is_trap ? 1u : 0u},
                            active->set->rules, e.at, busiest_day_of(txn, rooms, e.tenant, e.at));
  };
  const auto done = co_await parts_.rooms.commits.commit(std::move(op));
  if (!done) co_return to_reply(done.error());
  parts_.rooms.counts.verdict_of(e.stream, traffic_counts::refused);
  auto answer = to_reply(v);
  answer.text += fmt::format(" [{}]", to_string(*number));
  if (is_shadowed() && facts.message != nullptr) {
    shadow_case c{.tenant = e.tenant, .message = *number, .recipients = {}, .mail = {}};
    c.recipients.push_back({.facts = std::move(facts), .verdict = std::move(v)});
    parts_.shadow->offer(std::move(c));
  }
  co_return answer;
}

namespace {

constexpr int judgements_max = 5;

// Bulk is bulk; a sign-up's confirmation is the same text for all by its nature and has rules of
// its own (RULES A2 5.3).
bool is_counted_by_content(smtp::stream s) {
  return s == smtp::stream::transactional || s == smtp::stream::automation;
}

}  // namespace

struct intake::submission {
  const session_info& session;
  smtp::envelope envelope;
  std::string data;
  instant now{};
  std::shared_ptr<const policy::tenants::tenant_directory> directory;
  std::shared_ptr<const active_policy> active;
  const policy::tenants::tenant* tenant = nullptr;
  campaign_name names;
  message_reading reading;
  std::string fingerprint;  // empty: not counted
  kept_text text;           // empty: not kept
  mail_digest digest;
  std::vector<judged_recipient> recipients;
};

asio::awaitable<reply> intake::message(const session_info& session, smtp::envelope complete,
                                       std::string data) {
  submission s{.session = session, .envelope = std::move(complete), .data = std::move(data)};
  s.now = parts_.clock.now();
  s.directory = parts_.rooms.directory.get();
  s.active = parts_.live.policy.get();
  s.tenant = s.directory->find(session.who->tenant);
  if (s.tenant == nullptr) co_return store_away;
  auto reading = co_await read(s);
  if (!reading) co_return refused({5, 6, 0}, "header.invalid", reading.error().public_text);
  s.reading = std::move(*reading);
  const auto from_envelope = names_of_envelope(*session.who, s.envelope.reverse_path);
  if (!from_envelope)
    co_return refused({5, 1, 7}, "campaign.invalid", from_envelope.error().public_text);
  auto names = join(*from_envelope, s.reading.names);
  if (!names) co_return refused({5, 6, 0}, "campaign.contradiction", names.error().public_text);
  s.names = std::move(*names);
  // Who else is getting the same content is known for certain only in the transaction; where that
  // changes a verdict, all are judged again.
  for (int tries = 0; tries < judgements_max; ++tries) {
    if (const auto judged = judge_all(s); !judged) {
      log::error("app/intake", "store_unreadable",
                 {{"session", session.id}, {"cause", describe(judged.error())}});
      co_return store_away;
    }
    bool any_taken = false;
    for (const auto& r : s.recipients) {
      if (r.verdict.decision == policy::decision::defer) co_return to_reply(r.verdict);
      any_taken = any_taken || r.is_taken();
    }
    if (!any_taken) co_return co_await refuse_all(s);
    if (auto answer = co_await accept(s)) co_return std::move(*answer);
  }
  co_return store_away;
}

asio::awaitable<result<message_reading>> intake::read(submission& s) {
  const auto read_with = [&s](const filters::attachment_reader* reader) {
    auto read = read_message(s.data, *s.active->patterns,
                             {.directory = s.directory.get(), .tenant = s.tenant->id},
                             access_to_attachments(reader, s.active->set->rules));
    if (read && s.session.who->stream == smtp::stream::doi)
      read->doi_template = template_hash(read->mail);
    if (read && is_counted_by_content(s.session.who->stream))
      s.fingerprint = filters::fingerprint_of(read->mail).digest;
    if (s.active->set->rules.evidence_keep == policy::rule_knobs::kept_evidence::messages)
      s.text = keep_text(s.data);
    if (read) s.digest = digest_of(read->mail, read->scan.link_hosts);
    return read;
  };
  // Most mail is text: only what is not goes again, with the reader.
  const filters::noting_reader noting;
  const filters::attachment_reader* const first = parts_.attachments == nullptr ? nullptr : &noting;
  auto work = [&read_with, first] { return read_with(first); };
  auto reading = co_await parts_.workers.run(std::move(work));
  if (!noting.was_asked()) co_return std::move(reading);
  auto whole = [&read_with, this] { return read_with(parts_.attachments); };
  auto& threads =
      parts_.attachment_workers == nullptr ? parts_.workers : *parts_.attachment_workers;
  reading = co_await threads.run(std::move(whole));
  co_return std::move(reading);
}

std::size_t intake::fingerprint_limit(const submission& s) {
  return static_cast<std::size_t>(s.active->set->rules.fingerprint_recipients);
}

result<void> intake::judge_all(submission& s) const {
  s.recipients.clear();
  const bool wants_facts = keeps_evidence(*s.active) || is_shadowed();
  facts_collector facts;
  const stopwatch judging{parts_.rooms.counts.verdict_times};
  const auto traps = parts_.live.traps.get();
  return parts_.rooms.env.read([&](read_txn& txn) {
    content_window window;
    if (!s.fingerprint.empty())
      window = parts_.rooms.fingerprints.window(txn, s.tenant->id, s.fingerprint, s.now,
                                                fingerprint_limit(s));
    for (const auto& r : s.envelope.recipients) {
      const auto key = r.address.key();
      auto person = policy::tenants::pseudonym(*s.tenant, key);
      const bool is_bulk = window.turns_bulk(person);
      const question q{.phase = policy::phase::message,
                       .now = s.now,
                       .tenant = s.tenant->id,
                       .stream = is_bulk ? smtp::stream::bulk : s.session.who->stream,
                       .is_bulk_by_content = is_bulk,
                       .campaign = s.names.campaign,
                       .topic = s.names.topic,
                       .sender_domain = s.reading.from_domain,
                       .is_permission_request = s.reading.is_permission_request,
                       .recipient_key = key,
                       .person = person,
                       .recipient_count = static_cast<std::uint32_t>(s.envelope.recipients.size()),
                       .doi_template = s.reading.doi_template,
                       .scan = &s.reading.scan};
      const auto evidence = gather(parts_.rooms, *s.directory, txn, q);
      auto kept = wants_facts ? facts.take(evidence, person) : kept_facts{};
      s.recipients.push_back({.envelope = r,
                              .person = std::move(person),
                              .verdict = policy::judge(*s.active->set, evidence),
                              .is_bulk_by_content = is_bulk,
                              .is_trap = traps->contains(key),
                              .facts = std::move(kept)});
      if (s.recipients.back().is_taken()) window.add(s.recipients.back().person);
    }
  });
}

namespace {

void count_verdicts(traffic_counts& counts, const acceptance& a) {
  for (const auto& r : a.recipients)
    counts.verdict_of(r.is_bulk_by_content ? smtp::stream::bulk : a.stream,
                      r.verdict.decision == policy::decision::send   ? traffic_counts::sent
                      : r.verdict.decision == policy::decision::hold ? traffic_counts::held
                                                                     : traffic_counts::refused);
}

acceptance acceptance_of(const session_info& session, const policy::tenants::tenant& tenant,
                         const smtp::envelope& envelope, const campaign_name& names,
                         const std::string& from_domain, instant now,
                         std::vector<judged_recipient>& recipients) {
  acceptance a;
  a.tenant = tenant.id;
  a.stream = session.who->stream;
  a.credential = session.who->credential;
  a.names = names;
  a.envelope = envelope;
  a.from_domain = from_domain;
  a.sender = sender_identity(tenant);
  a.at = now;
  a.recipients = std::move(recipients);
  return a;
}

}  // namespace

// Behind the commit: the mail is needed no more.
void intake::show_shadow(submission& s, const acceptance& a, message_id message) const {
  if (!is_shadowed()) return;
  shadow_case c{
      .tenant = a.tenant, .message = message, .recipients = {}, .mail = std::move(s.data)};
  for (const auto& r : a.recipients)
    if (r.facts.message != nullptr)
      c.recipients.push_back({.facts = r.facts, .verdict = r.verdict});
  if (!c.recipients.empty()) parts_.shadow->offer(std::move(c));
}

asio::awaitable<reply> intake::refuse_all(submission& s) {
  auto a = std::make_shared<acceptance>(acceptance_of(s.session, *s.tenant, s.envelope, s.names,
                                                      s.reading.from_domain, s.now, s.recipients));
  a->knobs = s.active->set->rules;
  a->keeps_evidence = keeps_evidence(*s.active);
  a->text = std::move(s.text);
  a->fingerprint = s.fingerprint;
  auto number = std::make_shared<message_id>();
  commit_loop::operation op = [&rooms = parts_.rooms, a, number](write_txn& txn) {
    *number = record_refusals(txn, rooms, *a, message_id{});
    count_asked(txn, rooms, *a);
  };
  const auto done = co_await parts_.rooms.commits.commit(std::move(op));
  if (!done) co_return to_reply(done.error());
  count_verdicts(parts_.rooms.counts, *a);
  // One answer stands for all: the first recipient's reason, and how many share the fate.
  auto answer = to_reply(a->recipients.front().verdict);
  answer.text += fmt::format(" [{}]", to_string(*number));
  if (a->recipients.size() > 1)
    answer.text += fmt::format("\nall {} recipients were refused", a->recipients.size());
  show_shadow(s, *a, *number);
  co_return answer;
}

void intake::notify(const submission& s, const acceptance& a) {
  // A refusal after the end of data queues a notice too.
  if (!parts_.notify_flow || a.refused_count() > 0) return parts_.notify_queue(s.now);
  // Content that goes to many makes the rest of its recipients bulk (RULES A1.1).
  for (const auto stream : {a.stream, smtp::stream::bulk}) {
    parts_.notify_flow(queue::flow_of(s.tenant->id, stream, a.names.campaign),
                       queue::lane_of(stream), s.now);
    if (stream == smtp::stream::bulk) break;
  }
}

asio::awaitable<std::optional<reply>> intake::accept(submission& s) {
  auto a = std::make_shared<acceptance>(acceptance_of(s.session, *s.tenant, s.envelope, s.names,
                                                      s.reading.from_domain, s.now, s.recipients));
  a->expires_at = queue::expiry_of(options_.retry, a->stream, s.now);
  a->bulk_expires_at = queue::expiry_of(options_.retry, smtp::stream::bulk, s.now);
  a->policy_version = s.active->set->version;
  a->knobs = s.active->set->rules;
  a->keeps_evidence = keeps_evidence(*s.active);
  a->text = s.text;
  a->digest = s.digest;
  a->fingerprint = s.fingerprint;
  a->fingerprint_recipients = fingerprint_limit(s);
  auto spooled = spool_submission(parts_.rooms.bodies, *a, s.session, s.data, options_.host_name,
                                  options_.notices);
  if (!spooled) co_return to_reply(spooled.error());
  if (!a->stripped.empty())
    log::info(
        "app/intake", "stripped_fields",
        {{"session", s.session.id}, {"fields", fmt::format("{}", fmt::join(a->stripped, ","))}});
  auto number = std::make_shared<message_id>();
  commit_loop::operation op = [&rooms = parts_.rooms, a, number](write_txn& txn) {
    *number = record_acceptance(txn, rooms, *a);
  };
  const auto done = co_await parts_.rooms.commits.commit(std::move(op));
  if (!done) co_return to_reply(done.error());
  if (!*number) co_return std::nullopt;
  count_verdicts(parts_.rooms.counts, *a);
  const auto message_bytes = s.data.size();
  show_shadow(s, *a, *number);
  notify(s, *a);
  const auto refused_count = a->refused_count();
  if (log::is_on(log::level::info))  // its texts are not free
    log::info("app/intake", "accepted",
              {{"message", to_string(*number)},
               {"tenant", s.tenant->name},
               {"campaign", a->names.campaign},
               {"bytes", message_bytes},
               {"recipients", a->recipients.size() - refused_count},
               {"refused", refused_count}});
  auto text = fmt::format("queued as {}", to_string(*number));
  if (a->held_count() != 0)
    text += fmt::format(", {} held for review ({})", a->held_count(), a->hold_reason());
  if (refused_count != 0)
    text += fmt::format(", {} of {} recipients refused", refused_count, a->recipients.size());
  co_return reply{.code = 250, .enhanced = {2, 0, 0}, .text = std::move(text)};
}

}  // namespace consentry::app
