// The desk's queue of complaints (RULES C2, E1, E4).
//
//   GET  /v1/reports?state=open&tenant=T&before=N&limit=N
//   GET  /v1/reports/N[?mail=true]
//   POST /v1/reports/N/confirm   {"reason": "...", "tenant": "T", "address": "...", "campaign":
//   "..."} POST /v1/reports/N/reject    {"reason": "..."} POST /v1/complaints          {"tenant":
//   "T", "address": "...", "channel": "phone", "reason": "..."} GET  /v1/report-days?days=N
#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>

#include "app/admin/access.h"
#include "app/admin/commit_change.h"
#include "app/complaint_desk.h"
#include "app/queue_control.h"
#include "base/civil_date.h"
#include "base/log.h"
#include "base/text.h"
#include "smtp/address.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;
namespace tenants = policy::tenants;

json::object shown(const api_context& c, const report_record& r) {
  const auto directory = c.rooms.directory.get();
  json::object o{{"report", r.number.value},
                 {"state", name_of(r.state)},
                 {"at", to_string_utc(r.at)},
                 {"type", to_valid_utf8(r.type)},
                 {"channel", r.channel}};
  const auto* t = r.tenant ? directory->find(r.tenant) : nullptr;
  if (t != nullptr) o["tenant"] = t->name;
  if (r.recipient) o["recipient"] = to_string(r.recipient);
  if (r.message) o["message"] = to_string(r.message);
  if (!r.person.empty()) o["person"] = hex(r.person);
  for (const auto& [name, value] :
       {std::pair<const char*, const std::string&>{"campaign", r.campaign},
        {"why", r.why},
        {"reporter", r.reporter},
        {"dkim_domain", r.dkim_domain},
        {"spf", r.spf},
        {"actor", r.actor},
        {"reason", r.reason}})
    if (!value.empty()) o[name] = to_valid_utf8(value);
  if (r.decided_at) o["decided_at"] = to_string_utc(*r.decided_at);
  return o;
}

// What may name a person who wrote to us, too.
json::object shown_whole(const api_context& c, const report_record& r) {
  auto o = shown(c, r);
  o["from"] = to_valid_utf8(r.from);
  o["mail_from"] = to_valid_utf8(r.mail_from);
  o["remote_ip"] = r.remote_ip;
  if (!r.spf_why.empty()) o["spf_why"] = r.spf_why;
  return o;
}

std::optional<journal_seq> number_in(const std::string& text) {
  journal_seq n;
  const auto* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, n.value);
  if (parsed.ec != std::errc{} || parsed.ptr != end || !n) return std::nullopt;
  return n;
}

std::string query_text(const request& r, const char* name) {
  const auto found = r.query.find(name);
  return found == r.query.end() ? std::string{} : found->second;
}

response list(api_context& c, const request& r) {
  report_store::filter which;
  if (const auto state = query_text(r, "state"); !state.empty()) {
    which.state = parse_report_state(state);
    if (!which.state) return problem(422, "state: open, counted, noted, confirmed or rejected");
  }
  if (const auto name = query_text(r, "tenant"); !name.empty()) {
    const auto directory = c.rooms.directory.get();
    const auto* t = directory->find_named(name);
    if (t == nullptr) return problem(404, "no such tenant");
    which.tenant = t->id;
  }
  const journal_seq before{number_of(r, "before", 0, UINT64_MAX)};
  const auto limit = number_of(r, "limit", 100, 1000);
  auto o = c.rooms.env.read([&](read_txn& txn) {
    journal_seq next;
    json::array rows;
    for (const auto& row : c.rooms.reports.list(txn, which, before, limit, next))
      rows.push_back(shown(c, row));
    json::object out{{"reports", std::move(rows)}};
    if (next) out["next"] = next.value;
    return out;
  });
  return o ? json_response(*o) : problem_of(o.error());
}

resource show(api_context& c, request r, journal_seq number) {
  const auto found = c.rooms.env.read([&](read_txn& txn) {
    auto report = c.rooms.reports.find(txn, number);
    if (report && report->packed_raw.empty() && report->raw_in != number)
      if (const auto first = c.rooms.reports.find(txn, report->raw_in))
        report->packed_raw = first->packed_raw;
    return report;
  });
  if (!found) co_return problem_of(found.error());
  if (!*found) co_return problem(404, "no such report");
  const auto& report = **found;
  auto o = shown_whole(c, report);
  if (query_text(r, "mail") == "true") o["mail"] = base64(report.raw());
  if (report.tenant) {
    looked_at what{.tenant = report.tenant,
                   .what = "showReport",
                   .person = report.person,
                   .message = report.message};
    if (const auto noted = co_await note_access(c, r, std::move(what)); !noted)
      co_return problem_of(noted.error());
  }
  co_return json_response(o);
}

// The mail that a person speaks of: by its recipient's number, or the newest bulk mail to an
// address. nullopt: neither is named.
struct meant {
  std::string recipient, tenant, address, campaign;
};
meant read_meant(json_body& body) {
  return {.recipient = body.text("recipient"),
          .tenant = body.text("tenant"),
          .address = body.text("address"),
          .campaign = body.text("campaign")};
}

boost::asio::awaitable<result<std::optional<recipient_id>>> find_meant(api_context& c, meant m) {
  const auto wrong = [](failure_kind kind, const char* text) {
    return failure{.kind = kind, .permanent = true, .public_text = text};
  };
  if (!m.recipient.empty()) {
    const auto id = parse_recipient_id(m.recipient);
    if (!id) co_return wrong(failure_kind::invalid, "recipient: not a recipient's number");
    co_return std::optional{*id};
  }
  if (m.address.empty() && m.tenant.empty()) co_return std::optional<recipient_id>{};
  const auto directory = c.rooms.directory.get();
  const auto* t = directory->find_named(m.tenant);
  if (t == nullptr) co_return wrong(failure_kind::not_found, "no such tenant");
  const auto address = smtp::mailbox::parse(m.address);
  if (!address || address->is_null()) co_return wrong(failure_kind::invalid, "address: none");
  const auto person = tenants::pseudonym(*t, address->key());
  auto work = [&rooms = c.rooms, person, campaign = m.campaign] {
    return newest_mail_to(rooms, person, campaign);
  };
  const auto newest = co_await c.workers.run(std::move(work));
  if (!newest) co_return newest.error();
  if (!*newest)
    co_return wrong(failure_kind::not_found, "no bulk mail of that kind was delivered to them");
  co_return std::optional{*newest};
}

response shown(const api_context& c, const decided_report& d) {
  auto o = shown(c, d.report);
  o["counts"] = d.counts;
  if (!d.counts) o["why"] = d.why;
  o["blocks"] = d.blocks;
  return json_response(o);
}

// Commits a decision; the gate, the queue and the log follow.
resource commit_decision(api_context& c, request r,
                         std::function<result<decided_report>(write_txn&)> f) {
  const auto done = co_await commit_change<decided_report>(c, std::move(f));
  if (!done) {
    // The gate may have closed before the commit failed: what is stored decides again.
    const auto seen = c.rooms.env.read([&](read_txn& txn) { c.rooms.blocker.refresh_closed(txn); });
    if (!seen) log::error("app/admin", "store_unreadable", {{"cause", describe(seen.error())}});
    co_return problem_of(done.error());
  }
  log::info("app/admin", "report_decided",
            {{"report", done->report.number.value},
             {"state", name_of(done->report.state)},
             {"counts", done->counts},
             {"person", r.person}});
  if (done->blocks) {
    log::warn("app/admin", "bulk_blocked", {{"tenant", done->report.tenant.value}});
    co_await hold_bulk(c.rooms, c.clock, done->report.tenant);
  }
  co_return shown(c, *done);
}

resource confirm(api_context& c, request r, journal_seq number) {
  json_body body{r.body};
  const desk_decision by{
      .actor = actor_of(r), .reason = body.required_text("reason"), .at = c.clock.now()};
  auto which = read_meant(body);
  body.finish();
  const auto about = co_await find_meant(c, std::move(which));
  if (!about) co_return problem_of(about.error());
  const auto active = c.live.policy.get();
  std::function<result<decided_report>(write_txn&)> f = [&rooms = c.rooms, active, number,
                                                         about = *about, by](write_txn& txn) {
    return confirm_report(txn, rooms, active->set->rules, number, about, by);
  };
  co_return co_await commit_decision(c, std::move(r), std::move(f));
}

resource reject(api_context& c, request r, journal_seq number) {
  json_body body{r.body};
  const desk_decision by{
      .actor = actor_of(r), .reason = body.required_text("reason"), .at = c.clock.now()};
  body.finish();
  std::function<result<decided_report>(write_txn&)> f = [&rooms = c.rooms, number,
                                                         by](write_txn& txn) {
    return reject_report(txn, rooms, number, by);
  };
  co_return co_await commit_decision(c, std::move(r), std::move(f));
}

}  // namespace

resource reports_resource(api_context& c, request r) {
  if (r.path.size() == 2) co_return list(c, r);
  const auto number = number_in(r.path[2]);
  if (!number) co_return problem(404, "no such report");
  if (r.path.size() == 3) co_return co_await show(c, std::move(r), *number);
  if (r.path[3] == "confirm") co_return co_await confirm(c, std::move(r), *number);
  co_return co_await reject(c, std::move(r), *number);
}

resource complaints_resource(api_context& c, request r) {
  json_body body{r.body};
  const desk_decision by{
      .actor = actor_of(r), .reason = body.required_text("reason"), .at = c.clock.now()};
  const auto channel = body.required_text("channel");
  auto which = read_meant(body);
  body.finish();
  const auto about = co_await find_meant(c, std::move(which));
  if (!about) co_return problem_of(about.error());
  if (!*about) co_return problem(422, "say which mail: recipient, or tenant and address");
  const auto active = c.live.policy.get();
  std::function<result<decided_report>(write_txn&)> f = [&rooms = c.rooms, active, about = **about,
                                                         channel, by](write_txn& txn) {
    return record_told_complaint(txn, rooms, active->set->rules, about, channel, by);
  };
  co_return co_await commit_decision(c, std::move(r), std::move(f));
}

resource report_days_resource(api_context& c, request r) {
  const auto days = number_of(r, "days", 30, 400);
  const auto today = reputation::day_of(c.clock.now());
  auto o = c.rooms.env.read([&](read_txn& txn) {
    json::array rows;
    for (std::uint64_t i = 0; i < days; ++i) {
      const auto day = today - static_cast<reputation::day_number>(i);
      const auto d = c.rooms.reports.day(txn, day);
      if (d.reports == 0) continue;
      rows.push_back(json::object{
          {"day", to_string(reputation::to_date(day))},
          {"reports", d.reports},
          {"unattributed", d.unattributed},
          {"counted", d.counted},
          {"unattributed_percent",
           100.0 * static_cast<double>(d.unattributed) / static_cast<double>(d.reports)},
          {"alarm", d.is_alarmed}});
    }
    return json::object{{"days", std::move(rows)}};
  });
  co_return o ? json_response(*o) : problem_of(o.error());
}

}  // namespace consentry::app::admin
