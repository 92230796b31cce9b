// Writes history into a store: tenants, their mail of many days, complaints, blocks and what the
// desk did, as a gateway would have left them. The same seed gives the same history. For the demo
// and for `scripts/bench console`; the daemon must not run.
//
//   history_source --store DIR [--days 365] [--tenants 12] [--entries 200000] [--seed 7]
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <random>

#include "app/store_rooms.h"
#include "base/civil_date.h"
#include "base/clock.h"
#include "base/lmdb_env.h"
#include "base/secret.h"

namespace consentry::bench {
namespace {

namespace tenants = policy::tenants;
using journal::event;
using journal::event_kind;
using std::chrono::hours;
using std::chrono::milliseconds;

struct options {
  std::string store;
  unsigned days = 365, tenant_count = 12;
  std::uint64_t entries = 200'000, map_gib = 16, seed = 7;
};

struct sender {
  tenant_id id;
  std::string name;
  double share = 1;       // of the mail of a day
  double complaints = 0;  // of a mail, when all is well
  bool slips = false;     // now and then far more
  instant blocked_at{};   // instant{}: it is not
};

constexpr const char* names[] = {"kertvilag", "borhaz",    "jogaterem", "konyvsziget",
                                 "cipoplaza", "utazasi",   "etterem",   "gyogytar",
                                 "sportbolt", "mobilshop", "butorhaz",  "szinhaz"};

class writer {
 public:
  explicit writer(const options& o)
      : o_{o},
        rooms_{{.folder = o.store, .map_size = o.map_gib << 30}, [](const failure&) {}},
        dice_{o.seed} {}

  void run() {
    const auto today = std::chrono::floor<hours>(system_wall_clock{}.now());
    add_tenants(today - hours{24} * (o_.days + 1));
    // A mail is told by two entries; the rest is little.
    const auto mails_a_day = std::max<std::uint64_t>(1, o_.entries * 47 / 100 / o_.days);
    for (unsigned d = o_.days; d-- > 0;) one_day(today - hours{24} * (d + 1), mails_a_day);
  }
  std::uint64_t written() const { return written_; }

 private:
  double chance() { return std::uniform_real_distribution<>{}(dice_); }

  void add_tenants(instant at) {
    auto txn = rooms_.env.begin_write();
    for (unsigned n = 0; n < o_.tenant_count; ++n) {
      sender s;
      s.name = n < std::size(names) ? names[n] : fmt::format("tenant{:03}", n);
      tenants::tenant wanted;
      wanted.name = s.name;
      wanted.legal_name = s.name + " Kft.";
      wanted.legal_name[0] = static_cast<char>(std::toupper(wanted.legal_name[0]));
      wanted.contact = "office@" + s.name + ".test";
      s.id = rooms_.tenants.add_tenant(txn, wanted, "desk:history", at).value().id;
      rooms_.tenants
          .change_state(txn, s.id, tenants::tenant_state::active, "history", "desk:history", at,
                        tenants::termination_reason::none)
          .value();
      s.share = 1 / std::sqrt(1.0 + n);
      s.complaints = 0.0001 + 0.0002 * chance();
      s.slips = n % 4 == 1;
      senders_.push_back(std::move(s));
    }
    txn.commit();
    double sum = 0;
    for (const auto& s : senders_) sum += s.share;
    for (auto& s : senders_) s.share /= sum;
  }

  // In the order of their times, as the journal would have them.
  void one_day(instant morning, std::uint64_t mails) {
    auto txn = rooms_.env.begin_write();
    for (auto& s : senders_) {
      if (s.blocked_at != instant{} && morning - s.blocked_at > hours{24} * 4)
        unblock(txn, s, morning);
      if (s.blocked_at != instant{}) continue;
      const double slip = s.slips && chance() < 0.03 ? 25 : 1;
      const auto count =
          static_cast<std::uint64_t>(static_cast<double>(mails) * s.share * (0.6 + 0.8 * chance()));
      const auto week =
          std::chrono::floor<std::chrono::days>(morning).time_since_epoch().count() / 7;
      const auto campaign =
          fmt::format("{}-week{}", to_string(budapest_day(morning)).substr(0, 7), 1 + week % 4);
      for (std::uint64_t n = 0; n < count && s.blocked_at == instant{}; ++n)
        one_mail(
            txn, s,
            morning + hours{7} + milliseconds{50'000'000 * n / std::max<std::uint64_t>(count, 1)},
            campaign, s.complaints * slip);
    }
    txn.commit();
  }

  void one_mail(write_txn& txn, sender& s, instant at, const std::string& campaign,
                double complaints) {
    const auto first = rooms_.ids.take(txn, 2);
    const message_id message{first};
    const recipient_id recipient{first + 1};
    std::string person(16, '\0');
    for (auto& c : person) c = static_cast<char>(dice_());
    event e{.kind = event_kind::accepted,
            .at = at,
            .tenant = s.id,
            .message = message,
            .stream = smtp::stream::bulk,
            .campaign = campaign,
            .topic = "news",
            .actor = "smtp:" + s.name};
    e.facts["recipients"] = "1";
    append(txn, e);
    e.recipient = recipient;
    e.person = person;
    e.actor = "gateway";
    const double fate = chance();
    if (fate > 0.985) {
      e.kind = event_kind::bounced;
      e.facts = {{"reply", "550 5.1.1 no such user"}};
      append(txn, e);
      return;
    }
    e.kind = event_kind::delivered;
    e.facts = {{"reply", "250 2.0.0 taken"}, {"host", "mx.rcpt.test"}};
    append(txn, e);
    const auto epoch = rooms_.blocker.standing_of(txn, s.id).epoch;
    rooms_.tally.record_delivered(txn, {.recipient = recipient,
                                        .message = message,
                                        .tenant = s.id,
                                        .epoch = epoch,
                                        .stream = smtp::stream::bulk,
                                        .campaign = campaign,
                                        .topic = "news",
                                        .person = person,
                                        .at = at});
    if (chance() < complaints) complain(txn, s, e);
  }

  void complain(write_txn& txn, sender& s, event e) {
    const auto done = rooms_.tally.record_complaint(txn, e.recipient, e.at);
    e.kind = event_kind::complained;
    e.facts = {{"feedback_type", "abuse"},
               {"reporter", chance() < 0.5 ? "Example Mail" : "Posta Bt."},
               {"counts", done.effect == reputation::complaint_effect::counted ? "yes" : "no"}};
    const auto number = append(txn, e);
    if (chance() < 0.9) {  // the desk has answered most of them
      event act{.kind = event_kind::desk_act,
                .at = e.at,
                .tenant = s.id,
                .message = e.message,
                .reason = "answered",
                .rule = "E4",
                .actor = "desk:history"};
      act.facts = {{"what", "case.close"}, {"case", std::to_string(number.value)}};
      append(txn, act);
    }
    const auto epoch = rooms_.blocker.standing_of(txn, s.id).epoch;
    const auto figures = rooms_.tally.figures_with(
        txn, s.id, epoch, reputation::window_ending(reputation::day_of(e.at), 30), e.campaign);
    const auto decision = reputation::decide(figures, {});
    if (decision.verdict == reputation::standing_verdict::block &&
        rooms_.blocker.block_for_ratio(txn, s.id, decision, e.at))
      s.blocked_at = e.at;
  }

  void unblock(write_txn& txn, sender& s, instant at) {
    rooms_.blocker.unblock(txn, s.id, "desk:history", "the list was cleaned", at).value();
    s.blocked_at = {};
  }

  journal_seq append(write_txn& txn, const event& e) {
    ++written_;
    return rooms_.journal.append(txn, e);
  }

  const options o_;
  app::store_rooms rooms_;
  std::mt19937_64 dice_;
  std::vector<sender> senders_;
  std::uint64_t written_ = 0;
};

int run(int argc, char** argv) {
  options o;
  CLI::App app{"history for a store"};
  app.add_option("--store", o.store, "folder; made if it is not there")->required();
  app.add_option("--days", o.days, "until now")->capture_default_str();
  app.add_option("--tenants", o.tenant_count, "")->capture_default_str();
  app.add_option("--entries", o.entries, "of the journal, about")->capture_default_str();
  app.add_option("--map-gib", o.map_gib, "room for the store")->capture_default_str();
  app.add_option("--seed", o.seed, "")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (o.days == 0) return 2;
  writer w{o};
  w.run();
  fmt::print("{{\"entries\": {}}}\n", w.written());
  return 0;
}

}  // namespace
}  // namespace consentry::bench

int main(int argc, char** argv) {
  try {
    return consentry::bench::run(argc, argv);
  } catch (const std::exception& e) {
    fmt::print(stderr, "history_source: {}\n", e.what());
    return 3;
  }
}
