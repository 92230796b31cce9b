#include "app/metrics_page.h"

#include <fmt/format.h>

#include "app/report_services.h"
#include "base/metrics.h"
#include "base/secret.h"

namespace consentry::app {
namespace {

using admin::api_context;
using admin::response;

constexpr std::string_view verdict_names[] = {"send", "refuse", "hold"};
constexpr std::string_view outcome_names[] = {"delivered", "deferred", "bounced"};

std::string_view stream_name(std::size_t s) {
  return s == 0 ? "none" : smtp::to_string(static_cast<smtp::stream>(s));
}

template <class Counts, class Names>
void by_stream(metrics_text& m, const Counts& counts, std::string_view label, const Names& names) {
  for (std::size_t s = 0; s < counts.size(); ++s)
    for (std::size_t k = 0; k < counts[s].size(); ++k)
      m.value(counts[s][k].value(), {{"stream", stream_name(s)}, {label, names[k]}});
}

void traffic(metrics_text& m, const traffic_counts& n) {
  m.family("consentry_verdicts_total", "counter", "Recipients by what was decided of them");
  by_stream(m, n.verdicts, "decision", verdict_names);
  m.family("consentry_outcomes_total", "counter", "Attempts to deliver by what came of them");
  by_stream(m, n.outcomes, "outcome", outcome_names);
  m.family("consentry_reports_total", "counter", "Feedback reports that came in");
  m.value(n.reports.value());
  m.family("consentry_blocks_total", "counter", "Tenants whose bulk mail a report stopped");
  m.value(n.blocks.value());
  m.family("consentry_verdict_seconds", "histogram", "One judgement").value(n.verdict_times);
  m.family("consentry_delivery_seconds", "histogram", "One attempt to deliver")
      .value(n.delivery_times);
  m.family("consentry_block_seconds", "histogram",
           "From the last octet of a report to the block on disk")
      .value(n.block_times);
}

void queue_now(metrics_text& m, const queue::queue_stats& q) {
  m.family("consentry_queue_recipients", "gauge", "Recipients in the queue");
  const std::pair<std::string_view, std::uint64_t> states[] = {
      {"queued", q.queued}, {"held", q.held}, {"in_flight", q.in_flight}};
  for (const auto& [name, n] : states) m.value(n, {{"state", name}});
  m.family("consentry_queue_in_memory", "gauge", "Queued recipients in the working set")
      .value(q.working_set);
  m.family("consentry_spool_bytes", "gauge", "Of spooled mail").value(q.spool_bytes);
  m.family("consentry_spool_segments", "gauge", "Files of spooled mail").value(q.spool_segments);
}

void store_now(metrics_text& m, const api_context& c) {
  const auto& rooms = c.rooms;
  m.family("consentry_commit_seconds", "histogram", "One transaction of the store, with its sync")
      .value(rooms.commits.times());
  m.family("consentry_commits_total", "counter", "Transactions").value(rooms.commits.commits());
  m.family("consentry_operations_total", "counter", "Operations in transactions")
      .value(rooms.commits.operations());
  m.family("consentry_store_bytes", "gauge", "Of the database's file")
      .value(rooms.env.file_bytes());
  m.family("consentry_store_free_disk_bytes", "gauge", "Left on its disk")
      .value(rooms.env.free_disk_bytes());
  m.family("consentry_renewals_pending", "gauge", "Renewals of consents not yet written")
      .value(static_cast<std::uint64_t>(rooms.renewals.pending()));
}

// Standings and webhooks, counted from their tables.
void tenants_now(metrics_text& m, const api_context& c) {
  const auto directory = c.rooms.directory.get();
  std::uint64_t blocked = 0, active = 0, failing = 0, paused = 0, journal_last = 0;
  const auto done = c.rooms.env.read([&](read_txn& txn) {
    blocked = c.rooms.blocker.blocked(txn).size();
    journal_last = c.rooms.journal.last(txn).value;
    for (const auto& [tenant, w] : c.rooms.webhooks.all(txn))
      ++(w.is_paused ? paused : w.failures != 0 ? failing : active);
  });
  m.family("consentry_store_readable", "gauge", "1: the last look at the store went well")
      .value(static_cast<std::uint64_t>(done ? 1 : 0));
  m.family("consentry_tenants", "gauge", "Tenants by standing of their bulk mail");
  const std::uint64_t all = directory->tenants().size();
  m.value(blocked, {{"bulk", "blocked"}}).value(all - std::min(all, blocked), {{"bulk", "open"}});
  m.family("consentry_webhooks", "gauge", "Webhooks by how they do");
  m.value(active, {{"state", "active"}});
  m.value(failing, {{"state", "failing"}}).value(paused, {{"state", "paused"}});
  m.family("consentry_journal_entries", "gauge", "Number of the newest entry").value(journal_last);
}

response text(int status, std::string body, std::string type = "text/plain; charset=utf-8") {
  return {.status = status, .content_type = std::move(type), .body = std::move(body)};
}

response metrics(const api_context& c) {
  metrics_text m;
  traffic(m, c.rooms.counts);
  queue_now(m, c.queue_stats());
  store_now(m, c);
  tenants_now(m, c);
  m.family("consentry_sessions", "gauge", "SMTP sessions of clients")
      .value(static_cast<std::uint64_t>(c.sessions()));
  m.family("consentry_sending", "gauge", "1: mail is sent")
      .value(static_cast<std::uint64_t>(c.is_sending ? 1 : 0));
  m.family("consentry_start_time_seconds", "gauge", "When it was started")
      .value(static_cast<double>(to_ms(c.started_at)) / 1000);
  return text(200, m.take(), "text/plain; version=0.0.4; charset=utf-8");
}

std::string sickness(const api_context& c) {
  if (c.rooms.commits.is_broken()) return "store_broken\n";
  const auto read = c.rooms.env.read([&](read_txn& txn) { return c.rooms.journal.last(txn); });
  return read ? std::string{} : std::string{"store_unreadable\n"};
}

std::string unreadiness(const api_context& c) {
  auto out = sickness(c);
  if (!c.is_sending) out += "sending_is_off\n";
  if (!c.rooms.stops.takes_mail()) out += "draining\n";
  return out;
}

}  // namespace

bool is_probe(const admin::request& r) {
  return r.path.size() == 1 &&
         (r.path[0] == "metrics" || r.path[0] == "healthz" || r.path[0] == "readyz");
}

std::optional<response> probe_refusal(const api_context& c, const admin::request& r) {
  if (r.method != "GET" && r.method != "HEAD") {
    auto out = admin::problem(405, "only GET");
    out.headers.emplace_back("Allow", "GET");
    return out;
  }
  if (r.path[0] != "metrics" || !r.kernel_login.empty()) return std::nullopt;
  const auto* own = c.reporting;
  if (own != nullptr && !own->metrics_token().empty() &&
      equal_in_constant_time(r.bearer, own->metrics_token()))
    return std::nullopt;
  if (!r.bearer.empty()) {
    const auto found = c.rooms.env.read(
        [&](read_txn& txn) { return c.rooms.users.sign_in(txn, sha256(r.bearer), c.clock.now()); });
    if (found && *found && policy::tenants::is_staff((*found)->who.as)) return std::nullopt;
  }
  auto out = admin::problem(401, "a bearer token of staff, or that of [metrics], is required");
  out.headers.emplace_back("WWW-Authenticate", "Bearer");
  return out;
}

response answer_probe(const api_context& c, const admin::request& r) {
  if (r.path[0] == "metrics") return metrics(c);
  const auto wrong = r.path[0] == "healthz" ? sickness(c) : unreadiness(c);
  return wrong.empty() ? text(200, "ok\n") : text(503, wrong);
}

}  // namespace consentry::app
