#include "app/inbound.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/acceptance.h"
#include "app/bounce_intake.h"
#include "base/log.h"
#include "base/text.h"
#include "smtp/mime/header_text.h"
#include "smtp/mime/mime_walk.h"

namespace consentry::app {

namespace asio = boost::asio;
using smtp::reply;
using smtp::server::session_info;

namespace {

constexpr std::string_view unsubscribe_prefix = "u-";
constexpr std::string_view bounce_prefix = "b-";

constexpr std::chrono::milliseconds spf_time{8'000};

struct read_report {
  reputation::parsed_feedback feedback;
  reputation::token_candidates tokens;  // of a mail that is no report
  std::string from;                     // key of the one From address
  bool is_automatic = false;            // RFC 3834 section 5
  reporter_proof proof;
  std::string signatures;
  std::string packed_mail;
};

// The key of the one From address; empty if there is none, or several.
std::string from_key(const smtp::mime::walked_message& mail) {
  const auto* field = mail.header("From");
  if (field == nullptr || mail.count("From") != 1) return {};
  bool ok = false;
  const auto list = smtp::mime::parse_address_list(field->raw, ok);
  if (!ok || list.size() != 1) return {};
  const auto parsed = smtp::mailbox::parse(list.front().address);
  return parsed ? parsed->key() : std::string{};
}

// Blocks on DNS: for a worker.
read_report read_and_verify(const std::string& data, const smtp::auth::dkim_verifier& verifier,
                            smtp::dns::resolver& dns, std::chrono::milliseconds timeout,
                            const std::vector<reporter>& listed) {
  read_report out;
  const auto mail = smtp::mime::walk(data);
  out.feedback = reputation::parse_feedback(mail);
  if (out.feedback.reports.empty()) out.tokens = reputation::tokens_of(mail);
  out.from = from_key(mail);
  const auto* automatic = mail.header("Auto-Submitted");
  out.is_automatic = automatic != nullptr && !ascii_iequals(trim(automatic->text), "no");
  const auto lookup = [&](const std::string& name) { return dns.txt_blocking(name, timeout); };
  out.packed_mail = packed_report(data);
  const auto signatures = verifier.verify(data, lookup);
  out.proof = prove(signatures, out.from, listed);
  std::vector<std::string> fields;
  for (const auto& f : mail.headers)
    if (ascii_iequals(f.name, "DKIM-Signature")) fields.push_back(f.raw);
  out.signatures = signature_digests(signatures, fields);
  return out;
}

}  // namespace

asio::awaitable<result<std::optional<smtp::server::scram_keys>>> inbound::find_keys(std::string) {
  std::optional<smtp::server::scram_keys> none;
  co_return none;
}

asio::awaitable<result<smtp::server::principal>> inbound::sign_in(const session_info&,
                                                                  std::string) {
  co_return failure{
      .kind = failure_kind::refused, .permanent = true, .public_text = "no AUTH here"};
}

asio::awaitable<reply> inbound::mail(const session_info&, const smtp::envelope&) {
  co_return reply{.code = 250, .enhanced = {2, 1, 0}, .text = "sender ok"};
}

bool inbound::is_own_domain(const std::string& domain) const {
  const auto& also = options_.local_domains;
  return domain == options_.feedback_address.ascii_domain() || domain == options_.bounce_domain ||
         domain == options_.host_name ||
         std::find(also.begin(), also.end(), domain) != also.end() ||
         !parts_.live.dkim_keys.get()->of(domain).empty() ||
         parts_.rooms.directory.get()->governing(domain) != nullptr;
}

std::optional<std::string_view> inbound::channel_of(const smtp::mailbox& m) const {
  if (m.key() == options_.feedback_address.key()) return "feedback";
  for (const std::string_view role : {"abuse", "postmaster"})
    if (ascii_iequals(m.local(), role) && is_own_domain(m.ascii_domain())) return role;
  return std::nullopt;
}

std::optional<recipient_id> inbound::unsubscribing(const smtp::mailbox& m) const {
  if (m.ascii_domain() != options_.bounce_domain ||
      !ascii_istarts_with(m.local(), unsubscribe_prefix))
    return std::nullopt;
  return parts_.live.tokens.get()->read(
      std::string_view{m.local()}.substr(unsubscribe_prefix.size()),
      smtp::token_purpose::unsubscribe);
}

std::optional<recipient_id> inbound::bouncing(const smtp::mailbox& from,
                                              const smtp::mailbox& m) const {
  if (!from.is_null() || m.ascii_domain() != options_.bounce_domain ||
      !ascii_istarts_with(m.local(), bounce_prefix))
    return std::nullopt;
  return parts_.live.tokens.get()->read(std::string_view{m.local()}.substr(bounce_prefix.size()),
                                        smtp::token_purpose::return_path);
}

asio::awaitable<reply> inbound::recipient(const session_info&, const smtp::envelope& so_far,
                                          const smtp::envelope_recipient& next) {
  if (channel_of(next.address) || unsubscribing(next.address) ||
      bouncing(so_far.reverse_path, next.address))
    co_return reply{.code = 250, .enhanced = {2, 1, 5}, .text = "recipient ok"};
  co_return reply{.code = 550,
                  .enhanced = {5, 7, 1},
                  .text = "relay.denied: this is no address of this gateway"};
}

asio::awaitable<reply> inbound::message(const session_info& session, smtp::envelope complete,
                                        std::string data) {
  bool is_reported = false, is_bounced = false;
  for (const auto& r : complete.recipients) {
    result<void> done;
    if (const auto channel = channel_of(r.address)) {
      // One mail is one report, however often a stranger names the address: verifying it costs
      // seconds.
      if (std::exchange(is_reported, true)) continue;
      std::string by{*channel};
      auto mail_from = complete.reverse_path.text();
      done = co_await take_report(data, std::move(by), std::move(mail_from), session);
    } else if (const auto who = unsubscribing(r.address)) {
      done = co_await take_unsubscribe(*who);
    } else if (const auto whose = bouncing(complete.reverse_path, r.address)) {
      // A copy has a return path of its own: one mail speaks of one.
      if (std::exchange(is_bounced, true)) continue;
      done = co_await take_bounce(data, *whose, session.remote_ip);
    }
    if (!done && done.error().kind == failure_kind::dns)
      co_return reply{
          .code = 451, .enhanced = {4, 4, 3}, .text = std::move(done.error().public_text)};
    if (!done) {
      log::error("app/inbound", "not_recorded",
                 {{"session", session.id}, {"cause", describe(done.error())}});
      co_return to_reply(done.error());
    }
  }
  co_return reply{.code = 250, .enhanced = {2, 0, 0}, .text = "taken"};
}

asio::awaitable<result<void>> inbound::take_report(std::string data, std::string channel,
                                                   std::string mail_from, session_info session) {
  const auto begun = std::chrono::steady_clock::now();
  const auto listed = parts_.live.reporters.get();
  auto work = [this, &data, listed] {
    return read_and_verify(data, verifier_, parts_.dns, options_.dns_timeout, *listed);
  };
  const auto read = co_await parts_.workers.run(std::move(work));
  const auto tokens = parts_.live.tokens.get();
  auto reports = std::make_shared<std::vector<weighed_report>>();
  for (const auto& r : read.feedback.reports) reports->push_back(weigh(r, read.proof, *tokens));
  // A mail that is no report is recorded too: nothing that came to this address is lost in silence.
  // Who writes to the postmaster, and what writes by itself, does not complain.
  const bool complains = channel != "postmaster" && !mail_from.empty() && !read.is_automatic;
  if (reports->empty()) reports->push_back(weigh_letter(read.tokens, complains, *tokens));
  const auto active = parts_.live.policy.get();
  auto arrival = std::make_shared<report_arrival>();
  arrival->channel = std::move(channel);
  arrival->from = read.from;
  arrival->mail_from = mail_from;
  arrival->remote_ip = session.remote_ip;
  arrival->signatures = read.signatures;
  arrival->packed_raw = read.packed_mail;
  arrival->at = parts_.clock.now();
  auto recorded = std::make_shared<recorded_reports>();
  commit_loop::operation op = [&rooms = parts_.rooms, active, reports, recorded, arrival,
                               proof = read.proof,
                               alarm = options_.unmatched_alarm_percent](write_txn& txn) {
    *recorded = record_reports(txn, rooms, active->set->rules, *reports, proof, *arrival, alarm);
  };
  const auto done = co_await parts_.rooms.commits.commit(std::move(op));
  if (!done) {
    // The gate was closed before the commit failed: what is stored decides again.
    for (const auto t : recorded->blocked) {
      const auto seen =
          parts_.rooms.env.read([&](read_txn& txn) { parts_.rooms.blocker.refresh(txn, t); });
      if (!seen) log::error("app/inbound", "store_unreadable", {{"cause", describe(seen.error())}});
    }
    co_return done.error();
  }
  auto& counts = parts_.rooms.counts;
  counts.reports.add(reports->size());
  if (!recorded->blocked.empty())
    counts.block_times.observe(std::chrono::steady_clock::now() - begun);
  counts.blocks.add(recorded->blocked.size());
  log::info("app/inbound", "report",
            {{"ip", session.remote_ip},
             {"channel", arrival->channel},
             {"reports", reports->size()},
             {"reporter", read.proof.reporter},
             {"type", reports->front().type},
             {"recipient", to_string(reports->front().recipient.value_or(recipient_id{}))},
             {"why_not", reports->front().why_not}});
  for (const auto t : recorded->blocked) {
    log::warn("app/inbound", "bulk_blocked", {{"tenant", t.value}});
    parts_.hold_bulk_of(t);
  }
  if (const auto& day = recorded->alarm)
    log::warn("app/inbound", "fbl_unmatched_alarm",
              {{"reports", day->reports}, {"unattributed", day->unattributed}});
  // Only now: the block must not wait for a stranger's DNS.
  auto numbers = recorded->numbers;
  co_await record_spf(std::move(numbers), std::move(mail_from), std::move(session));
  // Suppressed it is already; but whether it counts is not known. It shall come again.
  if (read.proof.may_pass_later)
    co_return failure{
        .kind = failure_kind::dns,
        .public_text = "the key of the signature cannot be read now, try again later"};
  co_return result<void>{};
}

// RULES C2: recorded, never required. A failure leaves the report as it is.
asio::awaitable<void> inbound::record_spf(std::vector<journal_seq> reports, std::string mail_from,
                                          session_info session) {
  if (options_.spf.program.empty() || reports.empty()) co_return;
  smtp::auth::spf::check_request request;
  const auto from = smtp::mailbox::parse(mail_from);
  // RFC 7208 section 2.4: of the null path, the name that the client gave.
  const auto said = smtp::ascii_domain(session.ehlo_name);
  if (from && !from->is_null()) {
    request.domain = from->ascii_domain();
    request.local_part = from->local();
  } else if (said) {
    request.domain = *said;
  }
  request.address = session.remote_ip;
  if (request.domain.empty()) co_return;
  auto how = options_.spf;
  how.time = spf_time;
  smtp::auth::dns_lookup lookup = [&dns = parts_.dns](std::string name,
                                                      smtp::dns::record_type type) {
    return dns.lookup_within(std::move(name), type, spf_time);
  };
  const auto verdict =
      co_await smtp::auth::check_spf(parts_.workers, std::move(lookup), std::move(how), request);
  commit_loop::operation op = [&rooms = parts_.rooms, reports, verdict](write_txn& txn) {
    for (const auto number : reports) {
      auto r = rooms.reports.find(txn, number);
      if (!r) continue;
      r->spf = to_string(verdict.result);
      r->spf_why = verdict.why;
      rooms.reports.put(txn, *r);
    }
  };
  const auto done = co_await parts_.rooms.commits.commit(std::move(op));
  if (!done) log::warn("app/inbound", "spf_not_recorded", {{"cause", describe(done.error())}});
}

asio::awaitable<result<void>> inbound::take_bounce(std::string data, recipient_id recipient,
                                                   std::string remote_ip) {
  const auto rules = parts_.live.bounces.get();
  auto work = [&data, rules] { return read_late_bounce(data, *rules); };
  const auto read = co_await parts_.workers.run(std::move(work));
  // Auto-replies and delays come here, too; they change nothing.
  auto recorded = std::make_shared<std::optional<recorded_bounce>>();
  if (read) {
    const auto active = parts_.live.policy.get();
    commit_loop::operation op = [&rooms = parts_.rooms, active, recorded, recipient, read,
                                 at = parts_.clock.now()](write_txn& txn) {
      *recorded = record_late_bounce(txn, rooms, active->set->rules, recipient, *read, at);
    };
    const auto done = co_await parts_.rooms.commits.commit(std::move(op));
    if (!done) co_return done.error();
  }
  if (*recorded) parts_.rooms.renewals.observe((*recorded)->seq, (*recorded)->what);
  log::info("app/inbound", "late_bounce",
            {{"ip", remote_ip},
             {"recipient", to_string(recipient)},
             {"class", read ? to_string(read->verdict.what) : std::string_view{"no bounce"}},
             {"recorded", recorded->has_value()}});
  co_return result<void>{};
}

asio::awaitable<result<void>> inbound::take_unsubscribe(recipient_id recipient) {
  const auto active = parts_.live.policy.get();
  commit_loop::operation op = [&rooms = parts_.rooms, active, recipient,
                               at = parts_.clock.now()](write_txn& txn) {
    record_unsubscribe(txn, rooms, active->set->rules, recipient, "mailto", at);
  };
  co_return co_await parts_.rooms.commits.commit(std::move(op));
}

}  // namespace consentry::app
