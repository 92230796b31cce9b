// A year of campaigns, told to the gateway's own counting in the order in which news arrives,
// against a slow and obvious model of RULES A5 that remembers every mail and counts from nothing
// each time.
//
// Any seed replays: test_app "[year]" --rng-seed N; CONSENTRY_SIM_YEARS=50 for more of them.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <random>
#include <set>

#include "app/standing_review.h"
#include "tests/unit/app/app_world.h"

using namespace consentry;
using consentry::tests::app_world;
using consentry::tests::time_at;
using reputation::complaint_count;
using std::chrono::hours;

namespace {

constexpr int days_simulated = 365, window_days = 30, age_max = 90;
constexpr std::uint64_t floor_of_ratio = 1000;

// What happens in the world, at a time, about one mail.
struct news {
  enum class what : std::uint8_t { delivered, complaint, not_spam };
  instant at{};  // when it happened: what the event says
  what kind{};
  std::size_t mail = 0;
};

struct mail {
  std::uint64_t number = 0;
  int tenant = 0;
  int campaign = 0;
  int person = 0;
  bool is_bulk = true;
  // What the model knows of it so far:
  bool is_delivered = false;
  int day = 0;
  std::uint32_t epoch = 0;
  std::vector<instant> complaints;
  std::optional<instant> not_spam;
};

int day_of_year(instant t) {
  return reputation::day_of(t);
}

// A5, word by word.
struct model {
  std::vector<mail>& mails;
  std::uint32_t epoch[2] = {1, 1};
  bool is_blocked[2] = {false, false};

  bool stands(const mail& m) const {
    if (!m.is_delivered || !m.is_bulk) return false;
    for (const auto at : m.complaints)
      if (day_of_year(at) - m.day <= age_max && (!m.not_spam || at > *m.not_spam)) return true;
    return false;
  }
  // One per recipient and campaign: of several, the first mail's.
  complaint_count count(int tenant, int first_day, int last_day,
                        std::optional<int> campaign) const {
    complaint_count n;
    std::set<std::pair<int, int>> complained;
    for (const auto& m : mails) {  // by number
      if (m.tenant != tenant || !m.is_delivered || !m.is_bulk || m.epoch != epoch[tenant]) continue;
      const bool is_in =
          campaign ? m.campaign == *campaign : m.day >= first_day && m.day <= last_day;
      if (is_in) ++n.delivered;
      if (stands(m) && complained.emplace(m.person, m.campaign).second && is_in) ++n.complaints;
    }
    return n;
  }
  static bool is_over(const complaint_count& n) {
    return n.complaints * 1000 > std::max(n.delivered, floor_of_ratio);
  }
  void judge(int tenant, int today, std::optional<int> campaign) {
    if (is_blocked[tenant]) return;
    is_blocked[tenant] = is_over(count(tenant, today - window_days + 1, today, {})) ||
                         (campaign && is_over(count(tenant, 0, 0, campaign)));
  }
};

struct year {
  app_world w;
  std::mt19937 random;
  tenant_id tenants[2] = {w.add_tenant("shop"), w.add_tenant("rival")};
  std::vector<mail> mails;
  std::vector<std::vector<news>> by_day{days_simulated + 1};
  model slow{mails};
  int blocks = 0, midnight_blocks = 0, unblocks = 0;

  explicit year(unsigned seed) : random{seed} { invent(); }

  int pick(int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); }
  instant time_on(int day) {
    return time_at("2025-01-01T00:00:00") + hours{24} * day + std::chrono::seconds{pick(86'000)};
  }
  // News of day `day` arrives then, or days later, and some of it twice.
  void arrive(int day, news n) {
    const int late = pick(5) == 0 ? pick(12) : 0;
    for (int copies = pick(8) == 0 ? 2 : 1; copies > 0; --copies)
      if (day + late < days_simulated) by_day[static_cast<std::size_t>(day + late)].push_back(n);
  }

  void invent() {
    for (int campaign = 0; campaign < 70; ++campaign) {
      const int tenant = pick(2), start = pick(days_simulated - 5), people = 20 + pick(260);
      const double temper = pick(3) == 0 ? 0.006 : 0.0006;  // complaints by mail
      for (int i = 0; i < people; ++i) {
        const auto at_index = mails.size();
        mails.push_back({.number = 1000 + at_index,
                         .tenant = tenant,
                         .campaign = campaign,
                         .person = pick(200),
                         .is_bulk = pick(30) != 0});
        const int sent = std::min(start + pick(5), days_simulated - 1);
        if (pick(40) != 0) arrive(sent, {time_on(sent), news::what::delivered, at_index});
        if (std::uniform_real_distribution<>{}(random) < temper)
          for (int n = 1 + pick(2); n > 0; --n) {
            const int day = sent + (pick(3) == 0 ? pick(120) : pick(6));
            if (day >= days_simulated) continue;
            arrive(day, {time_on(day), news::what::complaint, at_index});
            if (pick(4) == 0 && day + 3 < days_simulated)
              arrive(day + pick(3), {time_on(day + 3), news::what::not_spam, at_index});
          }
      }
    }
    for (auto& d : by_day) std::ranges::shuffle(d, random);
  }

  // Both are told, the gateway inside a transaction.
  void tell(write_txn& txn, const news& n, instant now, const policy::rule_knobs& knobs) {
    auto& m = mails[n.mail];
    auto& rooms = w.rooms;
    const recipient_id id{m.number};
    const auto tenant = tenants[m.tenant];
    const auto campaign = "c" + std::to_string(m.campaign);
    const auto today = day_of_year(now);
    if (n.kind == news::what::delivered) {
      const bool had = slow.stands(m);
      if (!m.is_delivered) {
        m.is_delivered = true;
        m.day = day_of_year(n.at);
        m.epoch = slow.epoch[m.tenant];
      }
      auto person = std::string(16, '\0');
      person[0] = static_cast<char>(m.person);
      const auto effect = rooms.tally.record_delivered(
          txn, {.recipient = id,
                .message = {1},
                .tenant = tenant,
                .epoch = rooms.blocker.standing_of(txn, tenant).epoch,
                .stream = m.is_bulk ? smtp::stream::bulk : smtp::stream::transactional,
                .campaign = campaign,
                .topic = "news",
                .person = person,
                .at = n.at});
      if (effect.moves_complaints) app::review_standing(txn, rooms, knobs, tenant, campaign, now);
      if (!had && slow.stands(m)) slow.judge(m.tenant, today, m.campaign);
    } else if (n.kind == news::what::complaint) {
      if (std::ranges::find(m.complaints, n.at) == m.complaints.end()) m.complaints.push_back(n.at);
      const auto done = rooms.tally.record_complaint(txn, id, n.at);
      if (done.effect == reputation::complaint_effect::counted ||
          done.effect == reputation::complaint_effect::duplicate)
        app::review_standing(txn, rooms, knobs, tenant, campaign, now);
      slow.judge(m.tenant, today, m.campaign);
    } else {
      m.not_spam = std::max(m.not_spam.value_or(n.at), n.at);
      rooms.tally.reverse_complaint(txn, id, n.at);
    }
  }

  bool is_blocked(int tenant) {
    return w.read([&](read_txn& txn) {
      return w.rooms.blocker.standing_of(txn, tenants[tenant]).bulk_blocked;
    });
  }

  void compare(int day) {
    const auto today = day_of_year(w.clock.now());
    for (int t = 0; t < 2; ++t) {
      INFO("day " << day << ", tenant " << t);
      REQUIRE(is_blocked(t) == slow.is_blocked[t]);
      const auto figures = w.read([&](read_txn& txn) {
        return w.rooms.tally.figures(txn, tenants[t], slow.epoch[t],
                                     reputation::window_ending(today, window_days), 1000);
      });
      REQUIRE(figures.tenant == slow.count(t, today - window_days + 1, today, {}));
      if (day % 10 == 0)
        for (const auto& c : figures.campaigns)
          REQUIRE(c.count == slow.count(t, 0, 0, std::stoi(c.campaign.substr(1))));
    }
  }

  void live() {
    policy::rule_knobs knobs;
    for (int day = 0; day < days_simulated; ++day) {
      w.clock.set(time_at("2025-01-01T00:00:00") + hours{24} * day + std::chrono::minutes{1});
      const auto now = w.clock.now();
      const auto blocked = w.wait_for(app::review_all(w.rooms, knobs, now));
      for (int t = 0; t < 2; ++t) {
        const bool before = slow.is_blocked[t];
        slow.judge(t, day_of_year(now), {});
        midnight_blocks += !before && slow.is_blocked[t] ? 1 : 0;
      }
      REQUIRE(blocked.size() <= 2);
      w.change([&](write_txn& txn) {
        for (const auto& n : by_day[static_cast<std::size_t>(day)]) tell(txn, n, now, knobs);
      });
      compare(day);
      for (int t = 0; t < 2; ++t) {
        if (!slow.is_blocked[t]) continue;
        ++blocks;
        if (pick(6) != 0) continue;
        w.unblock(tenants[t], "the list was cleaned");
        slow.is_blocked[t] = false;
        ++slow.epoch[t];
        ++unblocks;
      }
    }
  }
};

}  // namespace

TEST_CASE("a year of campaigns stands as a slow model of A5 says, whatever order news comes in",
          "[year]") {
  const auto* years = std::getenv("CONSENTRY_SIM_YEARS");
  const int count = years == nullptr ? 1 : std::max(1, std::atoi(years));
  const unsigned first = Catch::rngSeed() != 0 ? Catch::rngSeed() : 20250101u;
  int blocks = 0, unblocks = 0;
  for (int i = 0; i < count; ++i) {
    const auto seed = first + static_cast<unsigned>(i);
    INFO("seed " << seed);
    year y{seed};
    y.live();
    blocks += y.blocks;
    unblocks += y.unblocks;
  }
  // A year in which nothing happens would show nothing.
  CHECK(blocks > 0);
  CHECK(unblocks > 0);
}
