#include "app/tls_reports.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "app/own_mail.h"
#include "app/tls_report_mail.h"
#include "base/compression.h"
#include "base/https_client.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"

namespace consentry::app {

namespace asio = boost::asio;
using smtp::security::day_of;
using smtp::security::start_of;
using smtp::security::tls_day;
using smtp::security::tls_report_store;

namespace {

constexpr std::chrono::seconds between_rounds{60};
constexpr std::chrono::hours spread{4};  // RFC 8460 section 5.5: not all at midnight
constexpr std::chrono::hours mail_lifetime{24};
constexpr std::uint32_t days_tried = 3;
constexpr std::size_t domains_counted_max = 20'000;  // in one minute
constexpr std::size_t wanted_max = 100'000;
constexpr std::size_t rows_per_slice = 50;

// The same for a domain and day, however often it is asked.
instant due_at(const tls_report_store::row& r) {
  const auto digest = sha256(r.domain + std::to_string(r.day));
  const auto dice = static_cast<unsigned>(digest[0]) << 8 | static_cast<unsigned>(digest[1]);
  return start_of(r.day + 1) + std::chrono::milliseconds{spread} * dice / 65536;
}

}  // namespace

tls_reports::tls_reports(parts p, tls_report_options o)
    : p_{std::move(p)}, options_{std::move(o)} {}

void tls_reports::count(const smtp::security::tls_session& s) {
  if (!options_.is_on) return;
  key k{day_of(p_.clock.now()), s.domain};
  if (const auto known = wanted_.find(s.domain);
      known != wanted_.end() && !known->second && wanted_day_ == k.first)
    return;
  const auto found = counted_.find(k);
  if (found != counted_.end()) return found->second.add(s);
  if (counted_.size() < domains_counted_max) counted_[std::move(k)].add(s);
}

// Only what somebody will read is written down. Whom the DNS does not answer for may want it.
asio::awaitable<bool> tls_reports::is_wanted(std::string domain) {
  const auto today = day_of(p_.clock.now());
  if (wanted_day_ != today || wanted_.size() >= wanted_max) wanted_.clear();
  wanted_day_ = today;
  if (const auto known = wanted_.find(domain); known != wanted_.end()) co_return known->second;
  const auto txt = co_await p_.dns.txt("_smtp._tls." + domain);
  if (!txt && !txt.error().permanent) co_return true;
  const bool is_asked_for = txt && !smtp::security::report_addresses(*txt).empty();
  wanted_[domain] = is_asked_for;
  co_return is_asked_for;
}

asio::awaitable<result<void>> tls_reports::flush() {
  auto batch = std::make_shared<std::map<key, tls_day>>(std::move(counted_));
  counted_.clear();
  // A name server that does not answer at the end costs no counts.
  for (auto it = batch->begin(); !*is_closed_ && it != batch->end();)
    it = co_await is_wanted(it->first.second) ? std::next(it) : batch->erase(it);
  if (batch->empty()) co_return result<void>{};
  commit_loop::operation op = [&rooms = p_.rooms, batch](write_txn& txn) {
    for (const auto& [k, day] : *batch) rooms.tls_days.add(txn, k.first, k.second, day);
  };
  auto done = co_await p_.rooms.commits.commit(std::move(op));
  if (!done && done.error().kind == failure_kind::storage_full)
    for (const auto& [k, day] : *batch) counted_[k].add(day);
  co_return done;
}

asio::awaitable<bool> tls_reports::post(std::string uri, std::string packed) {
  const auto host = https_host(uri);
  if (host.empty()) co_return false;
  const smtp::dns::mx_settings usable{.allow_loopback = options_.allow_loopback};
  auto where = co_await smtp::dns::find_addresses(p_.dns, host, usable);
  if (!where) co_return false;
  https_request request;
  request.url = uri;
  request.addresses = std::move(*where);
  request.body = std::move(packed);
  request.content_type = "application/tlsrpt+gzip";
  request.authorities = options_.authorities;
  request.is_given_up = [closed = is_closed_] { return closed->load(); };
  std::function<result<https_answer>()> job = [request = std::move(request)] {
    return ask_https(request);
  };
  const auto answer = co_await p_.workers.run(std::move(job));
  if (answer && answer->status / 100 == 2) co_return true;
  log::warn("app/tls_reports", "post_failed",
            {{"to", printable(uri)},
             {"why", answer ? std::to_string(answer->status) : describe(answer.error())}});
  co_return false;
}

asio::awaitable<result<void>> tls_reports::report_one(tls_report_store::row which) {
  auto& rooms = p_.rooms;
  const auto now = p_.clock.now();
  auto day = rooms.env.read(
      [&](const read_txn& txn) { return rooms.tls_days.find(txn, which.day, which.domain); });
  if (!day) co_return day.error();
  if (!*day) co_return result<void>{};
  const auto txt = co_await p_.dns.txt("_smtp._tls." + which.domain);
  const bool is_too_old = day_of(now) > which.day + days_tried;
  if (!txt && !txt.error().permanent && !is_too_old) co_return result<void>{};
  const auto addresses = txt ? smtp::security::report_addresses(*txt) : std::vector<std::string>{};

  const smtp::security::report_head head{.organization = options_.organization,
                                         .contact = options_.contact.text(),
                                         .report_id = base32(random_bytes(10)),
                                         .domain = which.domain,
                                         .day = start_of(which.day)};
  const auto packed = gzipped(smtp::security::report_json(head, **day));
  auto mails = std::make_shared<std::vector<spooled_own_mail>>();
  std::size_t posts = 0, posted = 0;
  for (const auto& uri : addresses) {
    if (auto to = mailto_address(uri)) {
      own_mail m;
      m.is_notice = true;  // asked about at no gate, never bounces back
      m.about = "tls_report";
      m.from = options_.contact;
      m.to = *to;
      m.tls = smtp::tls_wish::waived;
      auto spooled = spool_composed(
          rooms.bodies, m, tls_report_mail(head, m.from, *to, options_.host_name, packed, now), now,
          now + mail_lifetime);
      if (!spooled) co_return spooled.error();
      mails->push_back(std::move(*spooled));
    } else if (ascii_istarts_with(uri, "https:")) {
      ++posts;
      posted += co_await post(uri, packed) ? 1 : 0;
    }
  }
  // One way is enough; where there is only the one that fails it is tried again.
  if (posts > 0 && posted == 0 && mails->empty() && !is_too_old) co_return result<void>{};
  commit_loop::operation op = [&rooms, mails, which](write_txn& txn) {
    for (const auto& m : *mails) queue_own_mail(txn, rooms, m, "gateway");
    rooms.tls_days.erase(txn, which.day, which.domain);
  };
  auto done = co_await rooms.commits.commit(std::move(op));
  if (!done) co_return done.error();
  if (!mails->empty()) p_.notify_queue(now);
  log::info("app/tls_reports", "reported",
            {{"domain", which.domain}, {"mails", mails->size()}, {"posts", posted}});
  co_return result<void>{};
}

asio::awaitable<result<void>> tls_reports::report() {
  tls_report_store::row at;
  for (;;) {
    const auto now = p_.clock.now();
    auto rows = p_.rooms.env.read([&](const read_txn& txn) {
      return p_.rooms.tls_days.past(txn, day_of(now), at, rows_per_slice);
    });
    if (!rows) co_return rows.error();
    if (rows->empty()) co_return result<void>{};
    for (const auto& row : *rows) {
      at = row;
      if (due_at(row) > now) continue;
      auto done = co_await report_one(row);
      if (!done) co_return done.error();
    }
  }
}

asio::awaitable<void> tls_reports::run() {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  constexpr unsigned rounds_between_reports = 10;
  constexpr std::size_t policies_per_trim = 1000;
  for (unsigned round = 0;; ++round) {
    auto done = co_await flush();
    if (done && round % rounds_between_reports == 0) {
      done = co_await report();
      commit_loop::operation trim = [this, now = p_.clock.now()](write_txn& txn) {
        p_.rooms.sts_policies.trim(txn, now, policies_per_trim);
      };
      if (done) done = co_await p_.rooms.commits.commit(std::move(trim));
    }
    if (!done) log::warn("app/tls_reports", "failed", {{"cause", describe(done.error())}});
    timer.expires_after(between_rounds);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<void> tls_reports::close() {
  *is_closed_ = true;
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto done = co_await flush();
  if (!done) log::warn("app/tls_reports", "not_kept", {{"cause", describe(done.error())}});
}

}  // namespace consentry::app
