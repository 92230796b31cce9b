#include "tests/sim/queue_world.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/civil_date.h"
#include "tests/sim/sim_store.h"

namespace consentry::tests {
namespace {

using namespace queue;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

const instant begin_of_time = *parse_timestamp("2026-11-02T06:00:00");  // a Monday, no clock change
constexpr std::size_t told_of_each = 5;

// t0 to t2 have campaigns of a million, the last half of the tenants some ten mails now and then.
constexpr std::string_view rules_text = R"(
[default]
connections_max = 20
[[site]]
id = "limited"
hosts = ["limited.sim"]
connections_max = 5
rate = "600/min"
[[site]]
id = "careful"
hosts = ["careful.sim"]
connections_max = 4
pause_s = 600
[[reply]]
id = "too-fast"
text = ['4\.7\.28']
[[reply]]
id = "busy"
text = ['^421 ']
action = "slow"
[[source]]
name = "a"
[[source]]
name = "b"
warm_up_from = "2026-11-02"
warm_up_per_day = ["20", "40", "80"]
[[pool]]
name = "default"
sources = ["a:3", "b"]
[[flow]]
tenant = "t3"
per_hour = 500
per_day = 4000
[[flow]]
tenant = "t4"
window = "08:00-20:00"
[[flow]]
tenant = "t5"
connections_max = 2
[[flow]]
tenant = "t6"
rate = "120/min"
)";

enum class manner : std::uint8_t { healthy, slow, dead, flapping, limited, careful, greylisting };

struct site {
  std::string name;
  manner how = manner::healthy;
  milliseconds latency{};
  unsigned per_minute_max = 0;  // careful: more than so many a minute and path get 421 4.7.28
};

// The independent account of one path.
struct path_account {
  std::size_t in_flight = 0;
  std::map<std::uint32_t, std::size_t> of_tenant;
  std::deque<instant> starts;
  instant no_start_before{};
  instant minute{};
  unsigned in_minute = 0;
  instant day_begin{};
  std::uint64_t today = 0;  // delivered or in flight since day_begin
};

class world {
 public:
  explicit world(const sim_options& o);
  sim_report run();

 private:
  struct event {
    instant at;
    std::uint64_t number;
    std::function<void()> what;
    bool operator>(const event& o) const { return std::tie(at, number) > std::tie(o.at, o.number); }
  };

  void at(instant t, std::function<void()> what) {
    events_.push({t, ++event_number_, std::move(what)});
  }
  double chance(std::uint64_t salt, std::uint64_t id, std::uint64_t n) const;
  void make_sites();
  void make_campaigns();
  void submit(std::uint32_t flow, std::size_t count, instant when, bool is_small);

  void pass();
  void carry_out(loader::found what);
  void start(working_set::picked p);
  void check_start(const working_set::picked& p, const mail& m, path_account& a);
  void end(const working_set::picked& p);
  smtp::outcome answer(const working_set::picked& p, const mail& m, path_account& a);
  void finish(mail& m, const due_row& row);
  void breaks(const std::string& what, const std::string& detail);

  sim_options o_;
  sim_report report_;
  instant now_ = begin_of_time;
  std::vector<site> sites_;
  std::vector<std::uint32_t> site_of_domain_;
  std::unordered_map<std::string, std::uint32_t> domains_;
  std::unordered_map<std::string, std::uint32_t> site_by_name_;
  std::set<std::string> known_sites_;  // domains
  sim_store store_;
  std::map<flow_id, std::uint32_t> flow_number_;
  std::shared_ptr<const pacing_rules> rules_;
  working_set memory_;
  loader loader_;
  retry_settings retry_;
  std::unordered_map<std::string, path_account> accounts_;
  std::priority_queue<event, std::vector<event>, std::greater<>> events_;
  std::uint64_t event_number_ = 0;
  std::size_t open_ = 0, to_come_ = 0;
  std::size_t in_flight_ = 0;
  std::map<std::pair<std::string, instant>, std::uint64_t> hourly_, daily_;
  std::map<std::string, std::size_t> told_;
  std::vector<milliseconds> small_waits_;
  instant midnight_{}, next_midnight_{};
};

// --- what comes in ---

double world::chance(std::uint64_t salt, std::uint64_t id, std::uint64_t n) const {
  std::uint64_t x =
      o_.seed * 0x9e3779b97f4a7c15u + salt * 0xbf58476d1ce4e5b9u + id * 0x94d049bb133111ebu + n;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  x ^= x >> 31;
  return static_cast<double>(x >> 11) * 0x1.0p-53;
}

void world::make_sites() {
  constexpr std::array<std::string_view, 7> names{"healthy", "slow",    "dead",       "flapping",
                                                  "limited", "careful", "greylisting"};
  for (std::uint32_t i = 0; i < o_.sites; ++i) {
    const auto c = chance(1, i, 0);
    site s;
    s.how = c < .72   ? manner::healthy
            : c < .77 ? manner::slow
            : c < .80 ? manner::dead
            : c < .85 ? manner::flapping
            : c < .90 ? manner::limited
            : c < .95 ? manner::careful
                      : manner::greylisting;
    s.latency =
        s.how == manner::slow ? 2000ms : milliseconds{20 + static_cast<int>(chance(2, i, 0) * 300)};
    s.per_minute_max = 30 + static_cast<unsigned>(chance(3, i, 0) * 200);
    s.name = fmt::format("mx{}.{}.sim", i, names[static_cast<std::size_t>(s.how)]);
    site_by_name_[s.name] = i;
    const auto domains = 1 + static_cast<int>(chance(4, i, 0) * 4);
    for (int d = 0; d < domains; ++d) {
      domains_[fmt::format("d{}", site_of_domain_.size())] =
          static_cast<std::uint32_t>(site_of_domain_.size());
      site_of_domain_.push_back(i);
    }
    sites_.push_back(std::move(s));
  }
}

void world::submit(std::uint32_t flow, std::size_t count, instant when, bool is_small) {
  to_come_ += count;
  constexpr std::size_t at_once = 500;
  // Some thousands a second, as fast as a gateway takes them.
  for (std::size_t done = 0; done < count; done += at_once) {
    const auto n = std::min(at_once, count - done);
    at(when + milliseconds{done / 5}, [this, flow, n, is_small] {
      for (std::size_t i = 0; i < n; ++i) {
        mail m{
            .accepted_at = to_ms(now_), .next_at = to_ms(now_), .flow = flow, .is_small = is_small};
        const auto id = store_.mails.size() + 1;
        do {
          m.domain = static_cast<std::uint32_t>(chance(5, id, m.attempts++) *
                                                static_cast<double>(site_of_domain_.size()));
        } while (is_small && sites_[site_of_domain_[m.domain]].how != manner::healthy);
        m.attempts = 0;
        store_.mails.push_back(m);
        store_.put_due(recipient_id{id});
        ++open_;
        --to_come_;
      }
      loader_.seen(store_.flows[flow].id, store_.flows[flow].in, now_);
    });
  }
}

void world::make_campaigns() {
  const auto add_flow = [&](std::uint32_t tenant, smtp::stream stream, std::uint32_t campaign) {
    flow_facts f{.id = {tenant_id{tenant + 1}, stream, campaign},
                 .tenant = fmt::format("t{}", tenant),
                 .in = lane_of(stream)};
    flow_number_[f.id] = static_cast<std::uint32_t>(store_.flows.size());
    store_.flows.push_back(f);
    return static_cast<std::uint32_t>(store_.flows.size() - 1);
  };
  const auto giants = o_.messages * 6 / 10 / 3;
  std::size_t left = o_.messages;
  std::uint32_t campaign = 0;
  for (std::uint32_t t = 0; t < 3; ++t) {
    submit(add_flow(t, smtp::stream::bulk, ++campaign), giants,
           begin_of_time + std::chrono::minutes{t}, false);
    left -= giants;
  }
  const auto middle = std::max<std::size_t>(4, o_.tenants / 2);
  for (std::size_t n = 0; left > o_.messages / 10; ++n) {
    const auto t = static_cast<std::uint32_t>(3 + n % (middle - 3));
    const auto stream = chance(6, n, 0) < .1 ? smtp::stream::transactional : smtp::stream::bulk;
    const auto count = std::min(
        left,
        1 + static_cast<std::size_t>(chance(6, n, 1) * static_cast<double>(o_.messages) / 50));
    submit(add_flow(t, stream, ++campaign), count,
           begin_of_time + milliseconds{static_cast<std::int64_t>(chance(6, n, 2) * 36e6)}, false);
    left -= count;
  }
  for (std::size_t n = 0; left > 0; ++n) {
    const auto t = static_cast<std::uint32_t>(middle + n % (o_.tenants - middle));
    const auto count = std::min<std::size_t>(left, 10);
    submit(add_flow(t, smtp::stream::bulk, ++campaign), count,
           begin_of_time + milliseconds{static_cast<std::int64_t>(chance(7, n, 0) * 36e6)}, true);
    left -= count;
  }
}

// --- what the scheduler does ---

void world::carry_out(loader::found what) {
  for (const auto in : {lane::prompt, lane::bulk}) {
    if (!what.moves(in)) continue;
    auto groups = std::move(what.park[static_cast<std::size_t>(in)]);
    at(now_ + 2ms, [this, in, groups = std::move(groups)] {
      for (const auto& [name, some] : groups)
        for (const auto& row : some) {
          const auto& m = store_.of(row.recipient);
          if (m.ended || m.next_at != to_ms(row.at)) continue;
          store_.park(row, name);
          ++report_.parked;
        }
      loader_.parked(in, groups, true);
    });
  }
  for (const auto& domain : what.unknown)
    at(now_ + 30ms, [this, domain] {
      known_sites_.insert(domain);
      loader_.site_known(domain);
    });
}

void world::pass() {
  const sim_index index{store_};
  for (bool more = true; more;) {
    ++report_.passes;
    auto found = loader_.load(index, now_);
    more = found.more;
    carry_out(std::move(found));
    while (auto p = memory_.take(now_)) start(std::move(*p));
    report_.most_in_memory = std::max(report_.most_in_memory, memory_.size());
  }
}

void world::breaks(const std::string& what, const std::string& detail) {
  if (++told_[what] <= told_of_each)
    report_.broken.push_back(fmt::format("{} at {}: {}", what, to_string_utc(now_), detail));
}

void world::check_start(const working_set::picked& p, const mail& m, path_account& a) {
  const auto& limits = rules_->limits_of(site_of_path(p.path));
  const auto& f = store_.flows[m.flow];
  if (m.ended || m.in_flight) breaks("sent twice", to_string(p.row.recipient));
  if (m.next_at > to_ms(now_)) breaks("sent before its time", to_string(p.row.recipient));
  if (++a.in_flight > limits.connections_max) breaks("too many connections", p.path);
  if (++in_flight_ > o_.in_flight_max) breaks("too many in flight", p.path);
  if (++a.of_tenant[f.id.tenant.value] > 2 && f.tenant == "t5")
    breaks("a tenant has too many connections", p.path);
  if (now_ < a.no_start_before) breaks("started in a pause", p.path);
  a.starts.push_back(now_);
  if (limits.rate.count != 0 && a.starts.size() > limits.rate.count) {
    if (now_ - a.starts.front() < limits.rate.per) breaks("rate passed", p.path);
    a.starts.pop_front();
  } else if (limits.rate.count == 0) {
    a.starts.clear();
  }
  if (now_ >= next_midnight_) {
    midnight_ = budapest_midnight(budapest_day(now_));
    next_midnight_ = midnight_ + 24h;
  }
  if (f.tenant == "t4" && (now_ - midnight_ < 8h || now_ - midnight_ >= 20h))
    breaks("sent outside the window", to_string(p.row.recipient));
  if (a.day_begin != midnight_) {
    a.day_begin = midnight_;
    a.today = 0;
  }
  ++a.today;
  if (const auto allowed =
          rules_->find_source(source_of_path(p.path))->allowed_on(budapest_day(now_));
      allowed != 0 && a.today > allowed)
    breaks("warm-up passed", p.path);
  if (f.tenant == "t3") {
    const auto stream = std::string{smtp::to_string(f.id.stream)};
    if (++hourly_[{stream, std::chrono::floor<std::chrono::hours>(now_)}] > 500)
      breaks("hourly quota passed", stream);
    if (++daily_[{stream, midnight_}] > 4000) breaks("daily quota passed", stream);
  }
}

void world::start(working_set::picked p) {
  auto& m = store_.of(p.row.recipient);
  if (site_of_path(p.path) == nowhere || sim_store::expires(m) <= now_) {
    if (sim_store::expires(m) > now_) breaks("ended before its time", to_string(p.row.recipient));
    memory_.done(p, {}, now_);
    ++report_.expired;
    finish(m, p.row);
    return;
  }
  auto& a = accounts_[p.path];
  check_start(p, m, a);
  report_.most_in_flight = std::max(report_.most_in_flight, in_flight_);
  m.in_flight = true;
  ++m.attempts;
  ++report_.attempts;
  const auto& s = sites_[site_of_domain_[m.domain]];
  const auto takes = s.how == manner::dead ? 30'000ms : s.latency;
  at(now_ + takes, [this, p = std::move(p)] { end(p); });
}

smtp::outcome world::answer(const working_set::picked& p, const mail& m, path_account& a) {
  const auto& s = sites_[site_of_domain_[m.domain]];
  smtp::outcome o;
  const auto hour = static_cast<std::uint64_t>(to_ms(now_) / 1'200'000);
  const bool is_down = s.how == manner::dead || (s.how == manner::flapping &&
                                                 chance(8, site_of_domain_[m.domain], hour) < .3);
  if (is_down) {
    o.scope = smtp::outcome_scope::site;
    o.cause = "connection timed out";
    return o;
  }
  o.remote_host = s.name;
  if (now_ - a.minute >= 1min) {
    a.minute = now_;
    a.in_minute = 0;
  }
  if (s.how == manner::careful && ++a.in_minute > s.per_minute_max) {
    o.last_reply = {.code = 421, .enhanced = {4, 7, 28}, .text = "too fast"};
    // The first to say so begins the pause.
    if (now_ >= a.no_start_before) a.no_start_before = now_ + 600s;
    return o;
  }
  const auto id = p.row.recipient.value;
  if (chance(9, id, 0) < .02) {
    o.kind = smtp::outcome_kind::bounced;
    o.last_reply = {.code = 550, .enhanced = {5, 1, 1}, .text = "no such user"};
  } else if ((s.how == manner::greylisting && m.attempts == 1) ||
             chance(10, id, m.attempts) < .01) {
    o.last_reply = {.code = 451, .enhanced = {4, 7, 1}, .text = "try again later"};
  } else if (chance(11, id, m.attempts) < .002) {
    o.last_reply = {.code = 421, .enhanced = {4, 3, 2}, .text = "closing"};
  } else {
    o.kind = smtp::outcome_kind::delivered;
    o.last_reply = {.code = 250, .text = "ok"};
  }
  return o;
}

void world::end(const working_set::picked& p) {
  auto& m = store_.of(p.row.recipient);
  auto& a = accounts_[p.path];
  const auto& f = store_.flows[m.flow];
  m.in_flight = false;
  --a.in_flight;
  --in_flight_;
  --a.of_tenant[f.id.tenant.value];
  const auto o = answer(p, m, a);
  const bool delivered = o.kind == smtp::outcome_kind::delivered;
  if (!delivered) {
    if (a.day_begin == midnight_ && a.today > 0 && p.at >= midnight_) --a.today;
    if (f.tenant == "t3") {
      const auto stream = std::string{smtp::to_string(f.id.stream)};
      --hourly_[{stream, std::chrono::floor<std::chrono::hours>(p.at)}];
      --daily_[{stream, budapest_midnight(budapest_day(p.at))}];
    }
  }
  working_set::ended how{.delivered = delivered, .advice = rules_->advise(site_of_path(p.path), o)};
  how.reached = o.remote_host.empty() ? path_pace::contact::failed : path_pace::contact::reached;
  if (o.kind == smtp::outcome_kind::deferred) {
    ++report_.deferred;
    const auto& rule = retry_.of(f.id.stream);
    auto next = now_ + retry_wait(rule, m.attempts, chance(12, p.row.recipient.value, m.attempts));
    next = std::min(next, sim_store::expires(m) - 1ms);
    store_.erase(p.row, m.next_at);
    m.next_at = to_ms(std::max(next, now_ + 1ms));
    store_.put_due(p.row.recipient);
    loader_.seen(f.id, f.in, from_ms(m.next_at));
  } else {
    delivered ? ++report_.delivered : ++report_.bounced;
    if (delivered && m.is_small && m.attempts == 1)
      small_waits_.push_back(now_ - from_ms(m.accepted_at));
    finish(m, p.row);
  }
  loader_.put_back(memory_.done(p, how, now_));
}

void world::finish(mail& m, const due_row& row) {
  if (m.ended) breaks("ended twice", to_string(row.recipient));
  m.ended = true;
  --open_;
  store_.erase(row, m.next_at);
}

world::world(const sim_options& o)
    : o_{o},
      rules_{pacing_rules::parse(rules_text, "sim", {}, {})},
      memory_{{.in_flight_max = o.in_flight_max}, rules_},
      loader_{memory_,
              [this](const std::string& domain) -> std::optional<std::string> {
                if (!known_sites_.contains(domain)) return std::nullopt;
                return sites_[site_of_domain_[domains_.at(domain)]].name;
              },
              {}} {
  make_sites();
  store_.mails.reserve(o.messages);
  make_campaigns();
}

sim_report world::run() {
  const auto last = begin_of_time + 72h + 36h + 24h;
  const auto housekeeping = 10min;
  auto kept_house = now_;
  while (open_ + to_come_ > 0) {
    pass();
    if (now_ >= kept_house + housekeeping) {
      kept_house = now_;
      memory_.forget_idle(now_);
    }
    std::optional<instant> next;
    const auto note = [&next](instant t) { next = std::min(next.value_or(t), t); };
    if (!events_.empty()) note(events_.top().at);
    if (const auto t = loader_.next_due()) note(*t);
    if (const auto t = memory_.next_start()) note(*t);
    note(now_ + 5s);
    now_ = std::max(*next, now_ + 1ms);
    while (!events_.empty() && events_.top().at <= now_) {
      auto what = std::move(const_cast<event&>(events_.top()).what);
      events_.pop();
      what();
    }
    if (now_ > last) {
      breaks("starved", fmt::format("{} messages have not ended", open_));
      break;
    }
  }
  if (memory_.in_flight() != 0 || in_flight_ != 0) breaks("something is in flight at the end", "");
  const auto ended = report_.delivered + report_.bounced + report_.expired;
  if (ended != o_.messages) breaks("lost", fmt::format("{} of {} ended", ended, o_.messages));
  std::sort(small_waits_.begin(), small_waits_.end());
  if (!small_waits_.empty()) {
    report_.small_tenant_p99 = small_waits_[small_waits_.size() * 99 / 100];
    report_.small_tenant_worst = small_waits_.back();
  }
  report_.took = std::chrono::duration_cast<std::chrono::hours>(now_ - begin_of_time);
  return report_;
}

}  // namespace

sim_report simulate(const sim_options& o) {
  return world{o}.run();
}

}  // namespace consentry::tests
