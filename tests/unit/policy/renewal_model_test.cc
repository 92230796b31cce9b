// The judge against a slow, obvious model: random histories of one consent, its mailings, bounces,
// objections, purchases and withdrawals, each question answered twice (RULES A3, A4, 5.2.1).
//
// The model keeps every event and knows nothing of records. A record keeps two deliveries, the
// first and the last; where a bounce takes back one of them, those between are forgotten
// (docs/decisions/policy-knobs.md). So the judge must never send what the model refuses; and it
// must answer the same in every history in which nothing was forgotten.
//
// CONSENTRY_SEED repeats a run; a failing history is cut down to the events that matter.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <sstream>
#include <tuple>
#include <vector>

#include "tests/unit/policy/case.h"

using namespace consentry;
using namespace consentry::policy;
using namespace consentry::policy::tests;

namespace {

enum class what : std::uint8_t { consent, delivery, bounce, objection, withdrawal, untick };

struct happening {
  what kind{};
  instant at{};
  std::uint64_t number = 0;            // of a delivery, and of the bounce that takes it back
  std::optional<civil_date> purchase;  // of a consent
};

struct history {
  std::vector<happening> events;  // in order of time
  instant now{};
  rule_knobs knobs;
};

// Day for day as one would count on a calendar, without the code under test.
std::string a_year_on(const std::string& day) {
  const auto next = std::to_string(std::stoi(day.substr(0, 4)) + 1) + day.substr(4);
  return parse_date(next) ? next
                          : next.substr(0, 8) + "28";  // only the 29th of February is missing
}
std::string months_on(std::string day, int months) {
  int y = std::stoi(day.substr(0, 4)), m = std::stoi(day.substr(5, 2)),
      d = std::stoi(day.substr(8));
  for (; months > 0; --months)
    if (++m == 13) m = 1, ++y;
  for (;; --d) {
    char out[32];
    std::snprintf(out, sizeof out, "%04d-%02d-%02d", y, m, d);
    if (parse_date(out)) return out;
  }
}
std::string day_of(instant t) {
  return to_string_budapest(t).substr(0, 10);
}

class model {
 public:
  explicit model(const history& h) : h_{h} {}

  std::string answer() const {
    const auto* c = newest_consent();
    const bool is_withdrawn = last(what::withdrawal) && (!c || *last(what::withdrawal) >= c->at);
    if (is_withdrawn) return "consent.withdrawn";
    if (!c) return "consent.missing";
    if (h_.knobs.purchase_untick_withdraws && last(what::untick) && *last(what::untick) >= c->at)
      return "consent.unticked";
    const auto today = day_of(h_.now);
    const auto given = day_of(c->at);
    if (today <= a_year_on(given)) return "ok";
    if (c->purchase && today <= a_year_on(to_string(*c->purchase))) return "ok";
    return is_renewed(*c, today) ? "ok" : "consent.expired";
  }

 private:
  // The newest; of one given at the same moment the one with the newest purchase.
  const happening* newest_consent() const {
    const happening* best = nullptr;
    for (const auto& e : h_.events)
      if (e.kind == what::consent &&
          (!best || e.at > best->at || (e.at == best->at && e.purchase > best->purchase)))
        best = &e;
    return best;
  }
  std::optional<instant> last(what kind) const {
    std::optional<instant> out;
    for (const auto& e : h_.events)
      if (e.kind == kind && (!out || *out < e.at)) out = e.at;
    return out;
  }
  // Before any consent the gateway lets nothing out.
  instant first_consent() const {
    auto first = h_.now;
    for (const auto& e : h_.events)
      if (e.kind == what::consent) first = std::min(first, e.at);
    return first;
  }
  bool was_taken_back(std::uint64_t number) const {
    return std::ranges::any_of(
        h_.events, [&](const auto& e) { return e.kind == what::bounce && e.number == number; });
  }
  bool is_renewed(const happening& c, const std::string& today) const {
    if (last(what::objection) && *last(what::objection) >= c.at) return false;
    const std::chrono::hours wait{h_.knobs.renewal_objection_wait_h};
    bool is_renewed = false;
    std::string newest;
    for (const auto& e : h_.events) {
      if (e.kind != what::delivery || was_taken_back(e.number)) continue;
      const auto day = day_of(e.at), given = day_of(c.at);
      if (day < given || e.at < first_consent()) continue;
      newest = std::max(newest, day);
      bool is_inside = day <= a_year_on(given);
      if (c.purchase) {
        const auto bought = to_string(*c.purchase);
        is_inside = is_inside || (bought <= day && day <= a_year_on(bought));
      }
      is_renewed = is_renewed || (is_inside && e.at + wait <= h_.now);
    }
    const int months = h_.knobs.renewal_max_silence_months;
    return is_renewed && (months == 0 || today <= months_on(newest, months));
  }
  const history& h_;
};

// The same history through the record's own functions, in the order in which it happened.
struct told {
  consent::consent_record record;
  bool is_known = false;
  bool is_forgetful = false;  // a delivery that mattered may have been forgotten
};

told tell(const history& h) {
  told out;
  auto& r = out.record;
  std::map<std::uint64_t, instant> live;
  const auto count_since = [&](civil_date day) {
    return std::ranges::count_if(live,
                                 [&](const auto& d) { return budapest_day(d.second) >= day; });
  };
  for (const auto& e : h.events) switch (e.kind) {
      case what::consent: {
        auto incoming = consent_of(to_string_utc(e.at));
        incoming.purchase_day = e.purchase;
        out.is_forgetful |= r.given_at && count_since(budapest_day(e.at)) > 1;
        r = out.is_known ? consent::merge(r, incoming) : incoming;
        out.is_known = true;
        out.is_forgetful |= e.purchase.has_value() && count_since(budapest_day(*r.given_at)) > 2;
        break;
      }
      case what::delivery:
        consent::add_delivery(r, {e.at, recipient_id{e.number}});
        if (r.given_at) live[e.number] = e.at;
        out.is_forgetful |= r.purchase_day && count_since(budapest_day(*r.given_at)) > 2;
        break;
      case what::bounce:
        out.is_forgetful |= r.given_at && count_since(budapest_day(*r.given_at)) > 2;
        consent::retract_delivery(r, recipient_id{e.number});
        live.erase(e.number);
        break;
      case what::objection:
        r.objected_at = std::max(r.objected_at.value_or(e.at), e.at);
        out.is_known = true;
        break;
      case what::withdrawal:
        r.withdrawn_at = std::max(r.withdrawn_at.value_or(e.at), e.at);
        out.is_known = true;
        break;
      case what::untick:
        r.unticked_at = std::max(r.unticked_at.value_or(e.at), e.at);
        out.is_known = true;
        break;
    }
  return out;
}

std::string judged(const history& h, const told& t) {
  good_case c;
  c.e.phase = phase::rcpt;
  c.e.now = h.now;
  c.knobs = h.knobs;
  c.e.consent.reset();
  if (t.is_known) c.e.consent = t.record;
  return c.reason();
}

// Empty: as it must be.
std::string fault_of(const history& h) {
  const auto t = tell(h);
  const auto expected = model{h}.answer();
  const auto got = judged(h, t);
  if (got == expected) return {};
  if (t.is_forgetful && got == "consent.expired" && expected == "ok") return {};
  return "the judge says " + got + ", the model " + expected;
}

class generator {
 public:
  explicit generator(std::uint64_t seed) : random_{seed} {}

  history next() {
    history h;
    const auto start = at("2023-01-01");
    h.now = start + std::chrono::hours{24 * below(365 * 4)} + moment();
    h.knobs.renewal_max_silence_months = one_of({0, 0, 1, 6, 14});
    h.knobs.renewal_objection_wait_h = one_of({0, 0, 1, 48, 2000});
    h.knobs.purchase_untick_withdraws = below(4) != 0;
    const auto span = (h.now - start) / std::chrono::hours{24} + 1;
    std::vector<std::uint64_t> sent;
    for (auto n = 1 + below(9); n > 0; --n) {
      happening e;
      e.at = std::min(h.now,
                      start + std::chrono::hours{24 * below(static_cast<int>(span))} + moment());
      e.kind = pick();
      if (e.kind == what::consent && below(3) == 0) {
        const auto days = (h.now - e.at) / std::chrono::hours{24};
        e.purchase = budapest_day(
            std::min(h.now, e.at + std::chrono::hours{24 * below(static_cast<int>(days) + 1)}));
      }
      if (e.kind == what::delivery) e.number = ++number_, sent.push_back(number_);
      h.events.push_back(e);
    }
    near_the_edge(h);
    for (const auto number : sent)
      if (below(5) == 0) take_back(h, number);
    std::ranges::sort(h.events, [](const auto& a, const auto& b) {
      return std::tie(a.at, a.kind, a.number) < std::tie(b.at, b.kind, b.number);
    });
    return h;
  }

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }
  int one_of(std::vector<int> v) {
    return v[static_cast<std::size_t>(below(static_cast<int>(v.size())))];
  }
  std::chrono::milliseconds moment() {
    // Midnights and the moments around them are where days are lost.
    switch (below(4)) {
      case 0:
        return std::chrono::milliseconds{0};
      case 1:
        return std::chrono::milliseconds{-1};
      default:
        return std::chrono::milliseconds{below(86'400'000)};
    }
  }
  what pick() {
    switch (below(16)) {
      case 0:
        return what::objection;
      case 1:
        return what::withdrawal;
      case 2:
        return what::untick;
      case 3:
      case 4:
      case 5:
      case 6:
        return what::consent;
      default:
        return what::delivery;
    }
  }
  // Half of the histories ask, or deliver, on the last day of some consent or on the day behind it.
  void near_the_edge(history& h) {
    for (std::size_t i = 0; i < h.events.size(); ++i) {
      const auto e = h.events[i];
      if (e.kind != what::consent || below(2) == 0) continue;
      auto edge = budapest_midnight(add_months(budapest_day(e.at), 12)) + std::chrono::hours{24};
      edge -= std::chrono::milliseconds{below(2)};
      if (below(2) == 0 && std::ranges::all_of(h.events, [&](auto& x) { return x.at <= edge; })) {
        h.now = edge;
      } else if (edge <= h.now) {
        h.events.push_back({.kind = what::delivery, .at = edge, .number = ++number_});
      }
    }
    at_the_same_moment(h);
    silent_to_the_day(h);
    for (auto& e : h.events)
      if (e.purchase) e.purchase = std::min(*e.purchase, budapest_day(h.now));
  }
  void at_the_same_moment(history& h) {
    const auto e = h.events[static_cast<std::size_t>(below(static_cast<int>(h.events.size())))];
    if (e.kind != what::consent || below(3) != 0) return;
    constexpr what kinds[] = {what::objection, what::withdrawal, what::untick};
    h.events.push_back({.kind = kinds[below(3)], .at = e.at});
  }
  void silent_to_the_day(history& h) {
    const int months = h.knobs.renewal_max_silence_months;
    if (months == 0 || below(2) == 0) return;
    instant last{};
    for (const auto& e : h.events)
      if (e.kind == what::delivery) last = std::max(last, e.at);
    if (last == instant{}) return;
    const auto edge = budapest_midnight(add_months(budapest_day(last), months)) +
                      std::chrono::hours{24} - std::chrono::milliseconds{below(2)};
    if (std::ranges::all_of(h.events, [&](auto& x) { return x.at <= edge; })) h.now = edge;
  }
  void take_back(history& h, std::uint64_t number) {
    for (const auto& e : h.events)
      if (e.kind == what::delivery && e.number == number) {
        h.events.push_back({.kind = what::bounce,
                            .at = std::min(h.now, e.at + std::chrono::hours{below(200)}),
                            .number = number});
        return;
      }
  }
  std::mt19937_64 random_;
  std::uint64_t number_ = 0;
};

// The fewest events that still fail.
history cut_down(history h) {
  for (bool is_smaller = true; is_smaller;) {
    is_smaller = false;
    for (std::size_t i = 0; i < h.events.size() && !is_smaller; ++i) {
      auto fewer = h;
      fewer.events.erase(fewer.events.begin() + static_cast<std::ptrdiff_t>(i));
      if (fault_of(fewer).empty()) continue;
      h = std::move(fewer);
      is_smaller = true;
    }
  }
  return h;
}

std::string written(const history& h) {
  static constexpr const char* names[] = {"consent",   "delivery",   "bounce",
                                          "objection", "withdrawal", "untick"};
  std::ostringstream out;
  for (const auto& e : h.events) {
    out << "  " << to_string_utc(e.at) << " " << names[static_cast<int>(e.kind)];
    if (e.number != 0) out << " " << e.number;
    if (e.purchase) out << " with a purchase of " << to_string(*e.purchase);
    out << "\n";
  }
  out << "  " << to_string_utc(h.now) << " asked, max_silence_months "
      << h.knobs.renewal_max_silence_months << ", objection_wait_h "
      << h.knobs.renewal_objection_wait_h << ", untick_withdraws "
      << h.knobs.purchase_untick_withdraws;
  return out.str();
}

}  // namespace

TEST_CASE("A3, A4: the judge answers as the slow model does, over random histories") {
  const char* given = std::getenv("CONSENTRY_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : 20150301;
  constexpr int histories = 20'000;
  generator g{seed};
  std::map<std::string, int> answers;
  int forgetful = 0, renewed = 0;
  for (int i = 0; i < histories; ++i) {
    const auto h = g.next();
    const auto t = tell(h);
    ++answers[model{h}.answer()];
    forgetful += t.is_forgetful ? 1 : 0;
    auto without = h;
    std::erase_if(without.events, [](const auto& e) { return e.kind == what::delivery; });
    renewed += model{h}.answer() == "ok" && model{without}.answer() != "ok" ? 1 : 0;
    if (fault_of(h).empty()) continue;
    const auto least = cut_down(h);
    FAIL("CONSENTRY_SEED=" << seed << ", history " << i << ": " << fault_of(least) << "\n"
                           << written(least));
  }
  // The histories speak of what they are meant to speak of.
  for (const char* answer :
       {"ok", "consent.expired", "consent.withdrawn", "consent.missing", "consent.unticked"})
    CHECK(answers[answer] > histories / 100);
  CHECK(renewed > histories / 50);
  CHECK(forgetful < histories / 5);
}

TEST_CASE("A3: the model itself knows the examples of the rules") {
  history h;
  h.events = {{.kind = what::consent, .at = at("2024-02-29T12:00:00")}};
  h.now = at("2025-02-28T23:59:59.999");
  CHECK(model{h}.answer() == "ok");
  h.now = at("2025-03-01");
  CHECK(model{h}.answer() == "consent.expired");
  h.events.push_back({.kind = what::delivery, .at = at("2025-02-28T10:00:00"), .number = 1});
  CHECK(model{h}.answer() == "ok");
  h.events.push_back({.kind = what::bounce, .at = at("2025-03-02"), .number = 1});
  CHECK(model{h}.answer() == "consent.expired");
}
