// A scheduler over a store of its own, with a courier, a gate and a sink that do as told.
#pragma once

#include "queue/scheduler.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "tests/unit/queue/store_fixture.h"

namespace consentry::queue::tests {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using smtp::outcome_kind;
using smtp::outcome_scope;

inline smtp::outcome said(outcome_kind kind, int code, smtp::enhanced_code enhanced,
                          std::string text) {
  smtp::outcome o;
  o.kind = kind;
  o.last_reply = {.code = code, .enhanced = enhanced, .text = std::move(text)};
  o.remote_host = "mx.test";
  return o;
}
inline smtp::outcome delivered() {
  return said(outcome_kind::delivered, 250, {2, 0, 0}, "ok");
}
inline smtp::outcome greylisted() {
  return said(outcome_kind::deferred, 451, {4, 7, 1}, "later");
}
inline smtp::outcome no_such_user() {
  return said(outcome_kind::bounced, 550, {5, 1, 1}, "no such user");
}
inline smtp::outcome unreachable() {
  smtp::outcome o;
  o.scope = outcome_scope::site;
  o.cause = "connection refused";
  return o;
}

// Answers by script; a domain in `stuck` never answers until it is cancelled or let go.
struct fake_courier final : courier {
  std::function<smtp::outcome(const queued_message&, const queued_recipient&)> answer =
      [](const auto&, const auto&) { return delivered(); };
  std::set<std::string> stuck;
  std::vector<std::pair<std::string, bool>> carried_to;  // address, notice
  std::map<std::string, int> active, most_active;
  int active_in_all = 0, most_in_all = 0;
  std::function<void()> before_mail_from;
  asio::steady_timer release;
  explicit fake_courier(asio::io_context& io)
      : release{io, asio::steady_timer::time_point::max()} {}

  std::map<std::string, std::string> sites;  // of domains; others are their own
  std::set<std::string> unknown;             // until they were looked up
  std::optional<std::string> site_of(const std::string& domain) const override {
    if (unknown.contains(domain)) return std::nullopt;
    const auto site = sites.find(domain);
    return site == sites.end() ? domain : site->second;
  }
  asio::awaitable<void> find_site(std::string domain) override {
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    unknown.erase(domain);
  }
  std::set<std::string> paths;  // that were used

  asio::awaitable<carried> carry(std::shared_ptr<const queued_message> m,
                                 std::shared_ptr<const queued_recipient> r, departure from,
                                 std::function<bool()> may_start) override {
    paths.insert(from.path);
    most_active[r->domain] = std::max(most_active[r->domain], ++active[r->domain]);
    most_in_all = std::max(most_in_all, ++active_in_all);
    if (stuck.contains(r->domain)) {
      co_await release.async_wait(asio::as_tuple(asio::use_awaitable));
      const auto state = co_await asio::this_coro::cancellation_state;
      if (state.cancelled() != asio::cancellation_type::none)
        throw boost::system::system_error(asio::error::operation_aborted);
    } else {
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    }
    --active[r->domain];
    --active_in_all;
    carried out;
    if (before_mail_from) before_mail_from();
    if (!may_start()) {
      out.broken_off = true;
      co_return out;
    }
    carried_to.emplace_back(r->address, m->is_notice);
    out.outcome = answer(*m, *r);
    co_return out;
  }
};

struct fake_gate final : dispatch_gate {
  std::function<dispatch_decision(const queued_message&, const queued_recipient&)> decide =
      [](const auto&, const auto&) { return dispatch_decision{}; };
  std::atomic<bool> open{true};
  int asked = 0;
  dispatch_decision ask(const queued_message& m, const queued_recipient& r) override {
    ++asked;
    return decide(m, r);
  }
  bool may_start(tenant_id, smtp::stream) noexcept override { return open; }
};

struct fake_sink final : outcome_sink {
  table log;
  std::vector<std::string> settled_;
  void record(write_txn& txn, const queued_message&, const queued_recipient& r,
              const smtp::outcome& o, const attempt_facts& f) override {
    if (r.address.empty()) FAIL("the sink needs the address");
    txn.put(log, std::to_string(r.id.value) + "." + std::to_string(f.number) + "." + f.reason,
            smtp::to_string(o.kind));
  }
  void held(write_txn& txn, const queued_message&, const queued_recipient& r,
            const dispatch_decision& why) override {
    txn.put(log, std::to_string(r.id.value) + ".held", why.reason);
  }
  void notice_queued(write_txn& txn, const queued_message& notice,
                     const queued_recipient& to) override {
    txn.put(log, std::to_string(notice.id.value) + ".notice." + std::to_string(notice.about.value),
            to.address);
  }
  void settled(const queued_message&, const queued_recipient& r, const smtp::outcome& o,
               const attempt_facts&) override {
    settled_.push_back(r.address + " " + std::string{smtp::to_string(o.kind)});
  }
};

struct world {
  consentry::tests::temp_folder folder;
  store_on q{folder.path(), disk_calls::real(), 4096};
  asio::io_context io{1};
  manual_clock clock{noon};
  fake_courier carrier{io};
  fake_gate gate;
  fake_sink sink;
  scheduler_settings settings;
  std::shared_ptr<const pacing_rules> rules;  // null: the settings' alone
  std::optional<scheduler> s;

  world() {
    sink.log = q.env.open_table("test_log");
    settings.retry.bulk.jitter = 0;
    settings.retry.transactional.jitter = 0;
    settings.look_again = 5ms;
    settings.commit_again = 1ms;
    settings.housekeeping = 1s;
    settings.notices = {.host_name = "gw.test", .from = "mailer-daemon@gw.test"};
  }
  ~world() { stop(); }

  std::function<std::shared_ptr<const pacing_rules>()> pacing() {
    if (!rules) return {};
    return [this] { return rules; };
  }
  void start() {
    s.emplace(io.get_executor(),
              scheduler::parts{.env = q.env,
                               .commits = q.commits,
                               .store = q.store,
                               .bodies = q.bodies,
                               .carrier = carrier,
                               .gate = gate,
                               .sink = sink,
                               .clock = clock,
                               .pacing = pacing()},
              settings);
    s->start();
  }
  void stop(std::chrono::milliseconds patience = 0ms) {
    if (!s) return;
    bool done = false;
    asio::co_spawn(io, s->stop(patience), [&](std::exception_ptr) { done = true; });
    until([&] { return done; });
    s.reset();
    io.restart();
    io.poll();
  }
  // Runs until it holds; a test that waits in vain fails after a long time instead of hanging.
  void until(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (!holds()) {
      if (std::chrono::steady_clock::now() >= deadline) {
        const auto stats = s->stats();
        FAIL("waited in vain: queued " << stats.queued << " working set " << stats.working_set
                                       << " in flight " << stats.in_flight << " delivered "
                                       << stats.delivered << " parked " << stats.parked
                                       << " carried " << carrier.carried_to.size() << " due "
                                       << q.due(lane::bulk, clock.now()).size());
      }
      io.restart();
      io.run_one_for(10ms);
    }
  }
  void settle_all() {
    until([&] {
      const auto stats = s->stats();
      const auto now = clock.now();
      return stats.in_flight == 0 && stats.working_set == 0 && q.due(lane::bulk, now, 1).empty() &&
             q.due(lane::prompt, now, 1).empty();
    });
  }
  std::map<std::string, std::string> log() {
    std::map<std::string, std::string> out;
    const auto txn = q.env.begin_read();
    auto at = txn.scan(sink.log);
    for (bool ok = at.first(); ok; ok = at.next())
      out.emplace(std::string{at.key()}, std::string{at.value()});
    return out;
  }
  // Many rows without many commits.
  void fill(const std::string& domain, std::size_t count,
            smtp::stream stream = smtp::stream::bulk) {
    auto m = bulk_message();
    m.stream = stream;
    m.reverse_path.clear();
    m.body_at = q.bodies.append("Subject: x\r\n\r\nbody\r\n").value().location;
    const std::vector<queued_recipient> one{to("u", domain)};
    for (std::size_t done = 0; done < count;) {
      const auto n = std::min<std::size_t>(count - done, 5000);
      q.commits
          .run([&](write_txn& txn) {
            for (std::size_t i = 0; i < n; ++i) q.store.accept(txn, m, one);
          })
          .value();
      done += n;
    }
  }
};

}  // namespace consentry::queue::tests
