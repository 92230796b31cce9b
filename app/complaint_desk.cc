#include "app/complaint_desk.h"

#include <algorithm>

#include "base/text.h"

namespace consentry::app {
namespace {

constexpr std::size_t reason_bytes_max = 1000;
constexpr std::size_t rows_per_look = 50'000;
constexpr std::size_t reports_per_look = 50;

failure wrong(failure_kind kind, std::string text) {
  return {.kind = kind, .permanent = true, .public_text = std::move(text)};
}

result<void> check(const desk_decision& by) {
  if (trim(by.actor).empty())
    return wrong(failure_kind::invalid, "the person who decides must be named");
  if (trim(by.reason).empty() || by.reason.size() > reason_bytes_max || !is_valid_utf8(by.reason))
    return wrong(failure_kind::invalid, "a reason is needed, in at most 1000 bytes");
  return {};
}

bool is_channel(std::string_view s) {
  return !s.empty() && s.size() <= 40 && std::all_of(s.begin(), s.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

// Whoever decides of a report must have found it undecided.
result<report_record> undecided(const read_txn& txn, const store_rooms& rooms, journal_seq number) {
  auto r = rooms.reports.find(txn, number);
  if (!r) return wrong(failure_kind::not_found, "no such report");
  if (r->state == report_state::counted)
    return wrong(failure_kind::conflict, "this report counts already");
  if (r->decided_at)
    return wrong(failure_kind::conflict,
                 "this report is " + std::string{name_of(r->state)} + " already, by " + r->actor);
  return std::move(*r);
}

void decide(report_record& r, report_state state, const desk_decision& by) {
  r.state = state;
  r.actor = by.actor;
  r.reason = by.reason;
  r.decided_at = by.at;
}

// Journals, counts, suppresses; r is confirmed then.
decided_report confirm(write_txn& txn, store_rooms& rooms, const policy::rule_knobs& rules,
                       report_record r, const mail_facts& mail, const desk_decision& by) {
  decided_report out;
  r.tenant = mail.tenant;
  r.message = mail.message;
  r.person = mail.person;
  r.campaign = mail.campaign;
  suppress_complainer(txn, rooms, mail, r.recipient, "desk:" + r.channel, by.at);
  const auto done = count_complaint(txn, rooms, rules, mail, r.recipient, r.at, by.at);
  out.counts = done.effect == reputation::complaint_effect::counted;
  out.blocks = done.blocks;
  if (!out.counts) out.why = reputation::to_string(done.effect);
  auto e = complaint_event(by.at, r.recipient, mail, by.actor);
  e.reason = by.reason;
  e.rule = "C2";
  e.facts = {{"act", "complaint.confirm"},
             {"feedback_type", r.type},
             {"channel", r.channel},
             {"counts", out.counts ? "yes" : "no"},
             {"complained_at", to_string_utc(r.at)}};
  if (r.number) e.facts["report"] = std::to_string(r.number.value);
  if (!out.why.empty()) e.facts["why"] = out.why;
  const auto seq = rooms.journal.append(txn, e);
  if (!r.number) r.number = seq;
  r.why = out.why;
  decide(r, report_state::confirmed, by);
  rooms.reports.put(txn, r);
  out.report = std::move(r);
  return out;
}

}  // namespace

result<decided_report> confirm_report(write_txn& txn, store_rooms& rooms,
                                      const policy::rule_knobs& rules, journal_seq number,
                                      std::optional<recipient_id> about, const desk_decision& by) {
  if (auto ok = check(by); !ok) return ok.error();
  auto r = undecided(txn, rooms, number);
  if (!r) return r.error();
  if (r->recipient && about && *about != r->recipient)
    return wrong(failure_kind::conflict, "the report's token names another mail");
  if (!r->recipient && about) r->recipient = *about;
  if (!r->recipient)
    return wrong(failure_kind::invalid,
                 "the report holds no token of ours: say which mail it is about");
  const auto mail = find_mail(txn, rooms, r->recipient);
  if (!mail) return wrong(failure_kind::invalid, "no such mail was sent");
  return confirm(txn, rooms, rules, std::move(*r), *mail, by);
}

result<decided_report> reject_report(write_txn& txn, store_rooms& rooms, journal_seq number,
                                     const desk_decision& by) {
  if (auto ok = check(by); !ok) return ok.error();
  auto r = undecided(txn, rooms, number);
  if (!r) return r.error();
  journal::event e{.kind = journal::event_kind::desk_act,
                   .at = by.at,
                   .tenant = r->tenant,
                   .reason = by.reason,
                   .rule = "C2",
                   .actor = by.actor};
  e.facts = {{"act", "complaint.reject"}, {"report", std::to_string(number.value)}};
  rooms.journal.append(txn, e);
  decide(*r, report_state::rejected, by);
  rooms.reports.put(txn, *r);
  decided_report out;
  out.report = std::move(*r);
  out.why = "rejected";
  return out;
}

result<decided_report> record_told_complaint(write_txn& txn, store_rooms& rooms,
                                             const policy::rule_knobs& rules, recipient_id about,
                                             const std::string& channel, const desk_decision& by) {
  if (auto ok = check(by); !ok) return ok.error();
  if (!is_channel(channel))
    return wrong(failure_kind::invalid, "channel must be phone, post, authority or another word");
  const auto mail = find_mail(txn, rooms, about);
  if (!mail) return wrong(failure_kind::invalid, "no such mail was sent");
  report_record r;
  r.at = by.at;
  r.type = "desk";
  r.channel = channel;
  r.recipient = about;
  return confirm(txn, rooms, rules, std::move(r), *mail, by);
}

result<recipient_id> newest_mail_to(const store_rooms& rooms, const std::string& person,
                                    const std::string& campaign) {
  recipient_id newest, resume;
  do {
    const auto looked = rooms.env.read([&](read_txn& txn) {
      for (const auto& r : rooms.queue.all_of_person(txn, person, resume, rows_per_look)) {
        const auto sent = rooms.tally.find(txn, r.id);
        if (sent && sent->delivered && sent->stream == smtp::stream::bulk &&
            (campaign.empty() || sent->campaign == campaign))
          newest = std::max(newest, r.id);
      }
    });
    if (!looked) return looked.error();
  } while (resume);
  return newest;
}

namespace {

bool names(const erased_person& who, const report_record& r) {
  return who.name.is_named_in(r.raw()) || who.name.is_named_in(r.from) ||
         who.name.is_named_in(r.mail_from) || who.name.is_named_in(r.reason);
}

result<std::uint64_t> erase_in_reports_of(store_rooms& rooms, tenant_id tenant,
                                          const erased_person& who) {
  std::uint64_t changed = 0;
  journal_seq after;
  for (;;) {
    const auto page = rooms.env.read([&](read_txn& txn) {
      return rooms.reports.of_tenant(txn, tenant, after, reports_per_look);
    });
    if (!page) return page.error();
    if (page->empty()) return changed;
    after = page->back().number;
    for (const auto& r : *page) {
      if (!names(who, r)) continue;
      const auto done = rooms.commits.run([&](write_txn& txn) {
        auto now = rooms.reports.find(txn, r.number);
        if (!now) return;
        if (!now->packed_raw.empty()) now->packed_raw = packed_report(who.name.redacted(r.raw()));
        now->from = who.name.without(now->from);
        now->mail_from = who.name.without(now->mail_from);
        now->reason = who.name.without(now->reason);
        rooms.reports.put(txn, *now);
      });
      if (!done) return done.error();
      ++changed;
    }
  }
}

}  // namespace

erasure_hook hook_for_reports(store_rooms& rooms) {
  return [&rooms](const erased_person& who) -> result<std::uint64_t> {
    std::uint64_t changed = 0;
    for (const auto tenant : {who.tenant, tenant_id{}}) {
      const auto done = erase_in_reports_of(rooms, tenant, who);
      if (!done) return done.error();
      changed += *done;
    }
    return changed;
  };
}

}  // namespace consentry::app
