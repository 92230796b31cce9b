#include "app/evidence_facts.h"

#include <algorithm>
#include <boost/json.hpp>

#include "app/admin/consent_json.h"
#include "app/mail_digest.h"
#include "app/outcome_feed.h"
#include "app/shown_notice.h"
#include "base/text.h"
#include "journal/event_json.h"
#include "journal/hash_chain.h"
#include "policy/consent/consent_codec.h"
#include "policy/judge.h"

namespace consentry::app {
namespace {

namespace json = boost::json;
namespace tenants = policy::tenants;
using journal::event_kind;

constexpr std::size_t messages_max = 20, persons_max = 50, events_max = 2000, history_max = 1000;
constexpr std::size_t rows_per_search = 500'000, changes_max = 20;
constexpr int looks_max = 20;  // at 100 000 entries each

class gathering {
 public:
  gathering(const store_rooms& rooms, const read_txn& txn, const tenants::tenant& t,
            const pack_request& r)
      : rooms_{rooms}, txn_{txn}, tenant_{t}, request_{r} {}
  evidence_facts run();

 private:
  void tell_message(message_id id);
  void take(const journal::entry& e);
  void sort_in(const journal::entry& e);
  void tell_person(const std::string& person);
  void tell_consents(json::object& o, const std::string& person);
  void tell_standing(instant since);
  void tell_suppressions(const std::string& person);
  json::object plain(const journal::entry& e) const;

  const store_rooms& rooms_;
  const read_txn& txn_;
  const tenants::tenant& tenant_;
  const pack_request& request_;
  evidence_facts out_;
  std::vector<std::string> persons_;
};

json::object shown(const mail_digest& d) {
  json::object o{{"from", to_valid_utf8(d.from)},
                 {"subject", to_valid_utf8(d.subject)},
                 {"date", to_valid_utf8(d.date)},
                 {"message_id", to_valid_utf8(d.message_id_field)},
                 {"list_id", to_valid_utf8(d.list_id)},
                 {"type", to_valid_utf8(d.type)},
                 {"link_domains", json::value_from(d.link_domains)}};
  json::array fields;
  for (const auto& f : d.fields) fields.emplace_back(to_valid_utf8(f));
  o["fields"] = std::move(fields);
  return o;
}

json::object shown(const policy::verdict& v) {
  json::object dates;
  for (const auto& [name, day] : v.dates) dates[name] = day;
  return {{"decision", policy::to_string(v.decision)},
          {"reason", v.reason},
          {"rule", v.rule},
          {"rule_text", policy::rule_text(v.rule)},
          {"text", v.text},
          {"policy_version", v.policy_version},
          {"dates", std::move(dates)}};
}

json::object gathering::plain(const journal::entry& e) const {
  auto o = journal::to_json(e);
  o.erase("hash");
  o["tenant"] = tenant_.name;
  return o;
}

void gathering::take(const journal::entry& e) {
  if (!out_.entries.emplace(e.seq.value, e).second) return;
  const auto before = e.seq.value > 1 ? rooms_.journal.read(txn_, {e.seq.value - 1}) : std::nullopt;
  out_.previous[e.seq.value] = before ? before->hash : journal::chain_start;
  for (auto& raw : rooms_.journal.scan_raw(txn_, e.seq, 1))
    out_.encoded[e.seq.value] = std::move(raw.encoded);
  sort_in(e);
}

void gathering::sort_in(const journal::entry& e) {
  switch (e.what.kind) {
    case event_kind::delivered:
    case event_kind::deferred:
    case event_kind::bounced:
    case event_kind::attempted:
      out_.delivery.push_back(plain(e));
      break;
    case event_kind::complained:
      out_.complaints.push_back(plain(e));
      break;
    case event_kind::held:
    case event_kind::released:
    case event_kind::purged:
    case event_kind::desk_act:
    case event_kind::standing_changed:
    case event_kind::suppressed:
    case event_kind::unsuppressed:
      out_.acts.push_back(plain(e));
      break;
    default:
      break;
  }
}

void gathering::tell_message(message_id id) {
  const auto entries = rooms_.journal.of_message(txn_, id, events_max);
  if (entries.empty() || entries.front().what.tenant != tenant_.id) return;
  json::object o{{"message", to_string(id)}};
  const auto& head = entries.front().what;
  o["stream"] = smtp::to_string(head.stream);
  o["campaign"] = to_valid_utf8(head.campaign);
  o["topic"] = to_valid_utf8(head.topic);
  std::vector<std::pair<recipient_id, std::string>> recipients;
  const auto know = [&](recipient_id r, const std::string& person) {
    if (!r || person.empty() || (!request_.person.empty() && person != request_.person)) return;
    if (std::ranges::find(recipients, r, &std::pair<recipient_id, std::string>::first) ==
            recipients.end() &&
        recipients.size() < persons_max)
      recipients.emplace_back(r, person);
  };
  for (const auto& e : entries) {
    // Who looked is the tenant's audit's; the pack would tell of its own making.
    if (e.what.kind == event_kind::accessed) continue;
    if (!request_.person.empty() && !e.what.person.empty() && e.what.person != request_.person)
      continue;
    if (e.what.kind == event_kind::accepted) {
      o["accepted_at"] = to_string_utc(e.what.at);
      for (const auto* fact : {"body_sha256", "size", "original_message_id"})
        if (const auto f = e.what.facts.find(fact); f != e.what.facts.end()) o[fact] = f->second;
    }
    take(e);
    know(e.what.recipient, e.what.person);
  }
  if (const auto m = rooms_.queue.message(txn_, id))
    for (const auto& q : rooms_.queue.recipients_of(txn_, *m, persons_max)) know(q.id, q.person);
  if (const auto d = rooms_.digests.find(txn_, tenant_.id, id)) o["header"] = shown(*d);
  json::array told;
  std::ranges::sort(recipients);
  for (const auto& [r, person] : recipients) {
    json::object one{{"recipient", to_string(r)}, {"person", hex(person)}};
    if (const auto v = rooms_.verdicts.find(txn_, r)) one["verdict"] = shown(*v);
    told.push_back(std::move(one));
    if (std::ranges::find(persons_, person) == persons_.end()) persons_.push_back(person);
  }
  o["recipients"] = std::move(told);
  out_.messages.push_back(std::move(o));
  tell_standing(head.at);
}

// Blocks and their end, from the mail on.
void gathering::tell_standing(instant since) {
  auto changes = rooms_.blocker.history(txn_, tenant_.id, changes_max);
  for (const auto& c : changes)
    if (c.after.since >= since)
      if (const auto e = rooms_.journal.read(txn_, c.seq)) take(*e);
}

void gathering::tell_consents(json::object& o, const std::string& person) {
  json::array consents;
  for (const auto& c : rooms_.consents.list(txn_, tenant_.id, person)) {
    const auto whole = c.all_topics ? std::nullopt : rooms_.renewals.find(txn_, c.key);
    const auto& record = whole ? *whole : c.record;
    auto one = admin::to_json(record);
    if (c.all_topics) one["all_topics"] = true;
    if (const auto n = find_shown_notice(rooms_, txn_, tenant_.id, record.notice.hash)) {
      const auto name = hex(as_bytes(sha256(n->text)));
      out_.notices[name] = n->text;
      one["notice_file"] = "notices/" + name + ".txt";
    }
    if (const auto digest = policy::consent::blob_digest_of(record.evidence_reference);
        !digest.empty())
      if (const auto bytes = rooms_.evidence.bytes_of(txn_, tenant_.id, digest)) {
        out_.evidence[hex(digest)] = std::string{*bytes};
        one["evidence_file"] = "evidence/" + hex(digest);
      }
    consents.push_back(std::move(one));
  }
  o["consents"] = std::move(consents);
}

// The index of persons has none of them: what came after the first entry told of is looked through.
void gathering::tell_suppressions(const std::string& person) {
  const journal::event_filter filter{.tenant = tenant_.id,
                                     .recipient = {},
                                     .person = person,
                                     .kinds = {event_kind::suppressed, event_kind::unsuppressed}};
  journal_seq from{out_.entries.empty() ? 1 : out_.entries.begin()->first};
  for (int looks = 0; from && looks < looks_max; ++looks) {
    const auto page = rooms_.journal.scan(txn_, from, history_max, filter);
    for (const auto& e : page.entries) take(e);
    from = page.next;
  }
}

void gathering::tell_person(const std::string& person) {
  json::object o{{"person", hex(person)}};
  if (const auto p = rooms_.consents.find_person(txn_, tenant_.id, person)) {
    o["address"] = to_valid_utf8(p->address);
    if (!p->name.empty()) o["name"] = to_valid_utf8(p->name);
  }
  tell_consents(o, person);
  if (const auto s = rooms_.suppressions.find(txn_, tenant_.id, person, instant{}))
    o["suppression"] = admin::to_json(*s, true);
  o["history"] = admin::history_json(rooms_, txn_, tenant_.id, person, true);
  for (const auto& e : rooms_.journal.of_person(txn_, tenant_.id, person, history_max)) take(e);
  tell_suppressions(person);
  out_.persons.push_back(std::move(o));
}

evidence_facts gathering::run() {
  std::vector<message_id> messages;
  if (request_.message) {
    messages.push_back(request_.message);
  } else if (!request_.person.empty()) {
    digest_query q;
    q.person = request_.person;
    for (const auto& d :
         rooms_.digests.search(txn_, tenant_.id, q, {}, messages_max, rows_per_search).found)
      messages.push_back(d.message);
    persons_.push_back(request_.person);
  }
  std::ranges::sort(messages);
  for (const auto id : messages) tell_message(id);
  std::ranges::sort(persons_);
  for (const auto& p : persons_) tell_person(p);
  // Entries came from several indexes: told in the order of the journal.
  for (auto* list : {&out_.delivery, &out_.complaints, &out_.acts})
    std::ranges::sort(*list, {},
                      [](const json::value& v) { return v.at("seq").to_number<std::uint64_t>(); });
  return std::move(out_);
}

}  // namespace

evidence_facts read_evidence(const store_rooms& rooms, const read_txn& txn,
                             const tenants::tenant& t, const pack_request& r) {
  return gathering{rooms, txn, t, r}.run();
}

}  // namespace consentry::app
