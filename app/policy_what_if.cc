#include "app/policy_what_if.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "app/policy_diff.h"
#include "base/civil_date.h"
#include "base/compression.h"

namespace consentry::app {

namespace json = boost::json;

namespace {

constexpr std::size_t rows_per_slice = 500;
constexpr std::size_t texts_remembered = 8;

// What happened under these cannot be told from single decisions: they act on counts over time, on
// what was unpacked, or on attempts.
constexpr std::array<std::string_view, 9> over_time{"attachments.",
                                                    "bounce.",
                                                    "bulk.fingerprint_recipients",
                                                    "campaign.max_unproven",
                                                    "consent.check",
                                                    "provider.",
                                                    "ratio.",
                                                    "unblock.",
                                                    "watch."};

std::vector<std::string> knobs_not_replayed(const policy::policy_set& candidate,
                                            const policy::policy_set& in_force) {
  std::vector<std::string> out;
  for (const auto& [name, value] : candidate.knobs) {
    const bool is_over_time = std::ranges::any_of(
        over_time, [&name = name](std::string_view k) { return name.starts_with(k); });
    const auto now = in_force.knobs.find(name);
    if (is_over_time && (now == in_force.knobs.end() || now->second != value)) out.push_back(name);
  }
  return out;
}

// Whether what was found in a mail then says all that the candidate's pattern would find.
bool is_weighing_only(const pattern_change& c) {
  if (c.fate == pattern_fate::removed) return true;
  if (c.fate == pattern_fate::added) return false;
  return std::ranges::all_of(c.what, [](const std::string& w) {
    return w.starts_with("weight:") || w.starts_with("conclusive:") || w.starts_with("category:") ||
           w.find(" must_match:") == 1 || w.find(" must_not_match:") == 1;
  });
}

}  // namespace

struct policy_what_if::page_of_decisions {
  std::vector<kept_decision> decisions;
  std::vector<std::optional<policy::verdict>> verdicts;  // as they were given
  recipient_id next;
};

struct policy_what_if::judged {
  const kept_decision& what;
  const policy::verdict& before;
  replayed_decision after;
  bool is_anew = true;
};

policy_what_if::policy_what_if(const store_rooms& rooms,
                               std::shared_ptr<const active_policy> candidate, policy_bundle files,
                               const policy::policy_set& in_force, what_if_question q)
    : rooms_{rooms},
      replay_{std::move(candidate)},
      files_{std::move(files)},
      q_{q},
      knobs_not_replayed_{knobs_not_replayed(*replay_.candidate().set, in_force)},
      differences_{q.examples_max} {}

result<policy_what_if::page_of_decisions> policy_what_if::read_page() const {
  return rooms_.env.read([&](read_txn& txn) {
    page_of_decisions out;
    out.decisions =
        rooms_.decisions.page(txn, {.from = q_.from, .until = q_.until, .tenant = q_.tenant}, next_,
                              rows_per_slice, out.next);
    for (const auto& d : out.decisions)
      out.verdicts.push_back(rooms_.verdicts.find(txn, d.recipient));
    return out;
  });
}

bool policy_what_if::has_new_patterns(const std::string& version) {
  if (version == replay_.candidate().set->version) return false;
  if (const auto known = new_patterns_.find(version); known != new_patterns_.end())
    return known->second;
  bool has = true;
  const auto then = rooms_.env.read([&](read_txn& txn) -> std::optional<policy_bundle> {
    const auto v = rooms_.policies.find(txn, version);
    if (!v) return std::nullopt;
    return rooms_.policies.files_of(txn, *v);
  });
  if (then && *then && !files_.files.empty()) {
    try {
      const auto d = compare(**then, files_);
      has = !std::ranges::all_of(d.patterns, is_weighing_only);
    } catch (const configuration_error&) {
      // Written for an older program: nobody knows.
    }
  }
  return new_patterns_[version] = has;
}

const filters::scan_result* policy_what_if::scan_of(const kept_decision& d) {
  if (!d.text || !d.facts.has_scan) return nullptr;
  const auto known =
      std::ranges::find(looked_through_, d.text, [](const auto& t) { return t.first; });
  if (known != looked_through_.end()) return known->second ? &*known->second : nullptr;
  const auto packed =
      rooms_.env.read([&](read_txn& txn) { return rooms_.decisions.packed_text(txn, d.text); });
  std::optional<filters::scan_result> found;
  if (packed && *packed) {
    const auto owners = rooms_.directory.get();
    found = replay_.look_through(unpacked(**packed, kept_text_max),
                                 {.directory = owners.get(), .tenant = d.tenant});
  }
  if (looked_through_.size() == texts_remembered) looked_through_.pop_back();
  looked_through_.emplace_front(d.text, std::move(found));
  const auto& front = looked_through_.front().second;
  return front ? &*front : nullptr;
}

replayed_decision policy_what_if::judge(const kept_decision& d) {
  return replay_.judge(d.facts, scan_of(d));
}

result<bool> policy_what_if::run_slice() {
  auto page = read_page();
  if (!page) return page.error();
  std::uint64_t without_verdict = 0;
  std::vector<judged> done;
  for (std::size_t i = 0; i < page->decisions.size(); ++i) {
    const auto& d = page->decisions[i];
    const auto& v = page->verdicts[i];
    if (!v) {
      ++without_verdict;
      continue;
    }
    if (examined_ + done.size() == q_.decisions_max) {
      page->next = {};
      break;
    }
    judged j{.what = d, .before = *v, .after = judge(d)};
    j.is_anew = j.after.basis == replay_basis::text || !has_new_patterns(v->policy_version);
    done.push_back(std::move(j));
  }
  const std::lock_guard lock{mutex_};
  for (const auto& j : done) {
    const auto& e = j.what.facts.evidence;
    differences_.add({.before = j.before,
                      .after = j.after,
                      .tenant = e.tenant_name,
                      .campaign = e.campaign,
                      .message = j.what.message,
                      .recipient = j.what.recipient});
    if (!j.is_anew) ++not_judged_anew_;
    oldest_ = std::min(oldest_, j.what.at);
  }
  examined_ += done.size();
  without_verdict_ += without_verdict;
  next_ = page->next;
  return static_cast<bool>(next_);
}

json::object policy_what_if::report() const {
  const std::lock_guard lock{mutex_};
  json::object o{{"version", replay_.candidate().set->version}};
  if (examined_ != 0) o["oldest"] = to_string_utc(oldest_);
  o["limit"] = q_.decisions_max;
  for (auto& [name, value] : to_json(differences_)) o[name] = std::move(value);
  o["not_judged_anew"] = not_judged_anew_;
  o["without_verdict"] = without_verdict_;
  o["knobs_not_replayed"] = json::value_from(knobs_not_replayed_);
  return o;
}

bool policy_what_if::has_differences() const {
  const std::lock_guard lock{mutex_};
  return !differences_.is_empty();
}

}  // namespace consentry::app
