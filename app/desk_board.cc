#include "app/desk_board.h"

#include <algorithm>
#include <charconv>

namespace consentry::app {

namespace {

using journal::event_kind;

constexpr std::size_t slice = 5'000;
constexpr std::size_t acts_max = 200;  // of one case

std::int64_t minute_of(instant at) {
  return std::chrono::floor<std::chrono::minutes>(at).time_since_epoch().count();
}

}  // namespace

std::string_view name_of(case_class c) noexcept {
  switch (c) {
    case case_class::authority:
      return "authority";
    case case_class::fraud:
      return "fraud";
    case case_class::tripped:
      return "tripped";
    case case_class::near_trip:
      return "near-trip";
    case case_class::unattributed:
      return "unattributed";
    case case_class::single:
      return "single";
  }
  return "";
}

std::string desk_case::fact(const std::string& name) const {
  const auto found = opened.facts.find(name);
  return found == opened.facts.end() ? std::string{} : found->second;
}

result<bool> desk_board::catch_up(const store_env& env, const journal::event_journal& journal) {
  return env.read([&](read_txn& txn) {
    const std::scoped_lock lock{mutex_};
    const auto newest = journal.last(txn);
    // Behind by more than it would look back, so nobody watched: begin anew from there.
    if (newest.value > last_.value + looked_back_max) {
      minutes_.clear();
      recent_.clear();
      last_.value = newest.value - looked_back_max;
    }
    if (newest.value <= last_.value) return true;
    const auto page = journal.scan(txn, journal_seq{last_.value + 1}, slice);
    for (const auto& e : page.entries) take(e);
    if (page.entries.empty()) last_ = newest;
    return last_.value >= newest.value;
  });
}

void desk_board::take(const journal::entry& e) {
  last_ = e.seq;
  if (whole_since_ == instant{} || minutes_.empty()) whole_since_ = e.what.at;
  recent_.push_back({e.seq, e.what.kind, e.what.tenant});
  if (recent_.size() > recent_max) recent_.pop_front();
  if (const auto kind = std::ranges::find(watched_kinds, e.what.kind);
      kind != watched_kinds.end()) {
    const auto at = minute_of(e.what.at);
    // The journal is in the order of commits; times may be a little apart.
    auto row = std::ranges::lower_bound(minutes_, at, {}, &minute_counts::minute);
    if (row == minutes_.end() || row->minute != at)
      row = minutes_.insert(row, minute_counts{.minute = at});
    ++row->counts[static_cast<std::size_t>(kind - watched_kinds.begin())];
    while (minutes_.size() > minutes_max) {
      minutes_.pop_front();
      whole_since_ = instant{std::chrono::minutes{minutes_.front().minute}};
    }
  }
  // A complaint that a person confirmed is one more entry about the report it came by.
  const bool is_decision = e.what.facts.contains("report");
  if (e.what.kind == event_kind::complained && !is_decision) {
    const auto type = e.what.facts.find("feedback_type");
    const bool is_praise = type != e.what.facts.end() && type->second == "not-spam";
    cases_[e.seq.value] = {.number = e.seq, .opened = e.what, .is_open = !is_praise};
  } else if (e.what.kind == event_kind::desk_act || is_decision) {
    take_act(e);
  }
  while (cases_.size() > cases_max) cases_.erase(cases_.begin());
}

void desk_board::take_act(const journal::entry& e) {
  const auto fact = [&](const char* name) {
    const auto found = e.what.facts.find(name);
    return found == e.what.facts.end() ? std::string{} : found->second;
  };
  case_act act{.at = e.what.at, .actor = e.what.actor, .text = e.what.reason};
  std::string number;
  if (const auto what = fact("what"); what.starts_with("case.")) {
    act.what = what.substr(5);
    number = fact("case");
  } else if (const auto decided = fact("act"); decided.starts_with("complaint.")) {
    act.what = decided.substr(10);  // confirm, reject: an answer, and the end of the case
    number = fact("report");
  }
  if (act.what == "open") {
    cases_[e.seq.value] = {.number = e.seq, .opened = e.what, .acts = {std::move(act)}};
    return;
  }
  std::uint64_t n = 0;
  std::from_chars(number.data(), number.data() + number.size(), n);
  const auto found = cases_.find(n);
  if (act.what.empty() || found == cases_.end()) return;
  if (act.what == "reopen") found->second.is_open = true;
  if (act.what != "reopen" && act.what != "note") found->second.is_open = false;
  if (found->second.acts.size() < acts_max) found->second.acts.push_back(std::move(act));
}

std::vector<minute_counts> desk_board::minutes(std::size_t count) const {
  const std::scoped_lock lock{mutex_};
  const auto from = minutes_.size() > count ? minutes_.size() - count : 0;
  return {minutes_.begin() + static_cast<std::ptrdiff_t>(from), minutes_.end()};
}

instant desk_board::whole_since() const {
  const std::scoped_lock lock{mutex_};
  return whole_since_;
}

std::vector<desk_case> desk_board::cases() const {
  const std::scoped_lock lock{mutex_};
  std::vector<desk_case> out;
  out.reserve(cases_.size());
  for (const auto& [number, c] : cases_) out.push_back(c);
  return out;
}

std::optional<desk_case> desk_board::find(journal_seq number) const {
  const std::scoped_lock lock{mutex_};
  const auto found = cases_.find(number.value);
  if (found == cases_.end()) return std::nullopt;
  return found->second;
}

news desk_board::since(journal_seq after, tenant_id only) const {
  const std::scoped_lock lock{mutex_};
  news out{.last = last_};
  const auto from = std::ranges::upper_bound(recent_, after.value, {},
                                             [](const short_entry& e) { return e.seq.value; });
  for (auto e = from; e != recent_.end(); ++e) {
    // RULES D5: to its own people a complaint is a suppression and nothing else.
    if (only && (e->tenant != only || e->kind == event_kind::complained)) continue;
    ++out.kinds[std::string{journal::to_string(e->kind)}];
    if (e->tenant && out.tenants.size() < 50) out.tenants.insert(e->tenant);
  }
  return out;
}

journal_seq desk_board::last() const {
  const std::scoped_lock lock{mutex_};
  return last_;
}

}  // namespace consentry::app
