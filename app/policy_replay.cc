#include "app/policy_replay.h"

#include <algorithm>
#include <set>

#include "filters/scanner.h"
#include "policy/judge.h"

namespace consentry::app {
namespace {

// Findings of the structure (headers, links, hidden text) belong to no pattern.
bool is_structural(const filters::finding& f) {
  return f.view == 0;
}

}  // namespace

std::string_view to_string(replay_basis b) noexcept {
  switch (b) {
    case replay_basis::recipient:
      return "recipient";
    case replay_basis::findings:
      return "findings";
    case replay_basis::text:
      return "text";
  }
  return "unknown";
}

policy_replay::policy_replay(std::shared_ptr<const active_policy> candidate)
    : candidate_{std::move(candidate)} {
  for (const auto& p : candidate_->patterns->patterns()) patterns_[p.id] = &p;
}

filters::scan_result policy_replay::weighed_anew(const filters::scan_result& found) const {
  const filters::zone_factors factors;
  auto out = found;
  std::set<std::string> changed;  // categories whose sum is another now
  std::erase_if(out.findings, [&](filters::finding& f) {
    if (is_structural(f)) return false;
    const auto at = patterns_.find(f.pattern);
    if (at == patterns_.end() || at->second->weight == 0) {
      changed.insert(f.category);
      return true;
    }
    const auto& p = *at->second;
    if (p.category == f.category && p.weight == f.weight && p.conclusive == f.conclusive)
      return false;
    changed.insert(f.category);
    changed.insert(p.category);
    f.category = p.category;
    // A hit whose place another pattern had taken counts no more than it did.
    if (f.score != 0) f.score = p.weight * factors.of(f.zone);
    f.weight = p.weight;
    f.conclusive = p.conclusive;
    return false;
  });
  for (const auto& category : changed) {
    double sum = 0;
    bool any = false;
    for (const auto& f : out.findings)
      if (f.category == category && f.score != 0) {
        sum += f.score;
        any = true;
      }
    if (any)
      out.scores[category] = sum;
    else
      out.scores.erase(category);
  }
  return out;
}

replayed_decision policy_replay::judge(const policy::recalled_evidence& e) const {
  return judge(e, nullptr);
}

replayed_decision policy_replay::judge(const policy::recalled_evidence& e,
                                       const filters::scan_result* found) const {
  replayed_decision out;
  auto asked = e.evidence;
  filters::scan_result anew;
  if (e.has_scan && found == nullptr) {
    anew = weighed_anew(e.scan);
    found = &anew;
    out.basis = replay_basis::findings;
  } else if (e.has_scan) {
    out.basis = replay_basis::text;
  } else {
    found = nullptr;
  }
  asked.scan = found;
  out.verdict = policy::judge(*candidate_->set, asked);
  return out;
}

std::optional<filters::scan_result> policy_replay::look_through(std::string_view mail,
                                                                const sender_view& sender) const {
  const filters::noting_reader noting;
  auto read = read_message(mail, *candidate_->patterns, sender,
                           access_to_attachments(&noting, candidate_->set->rules));
  if (!read || noting.was_asked()) return std::nullopt;
  return std::move(read->scan);
}

}  // namespace consentry::app
