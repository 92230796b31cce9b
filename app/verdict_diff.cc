#include "app/verdict_diff.h"

#include <algorithm>
#include <boost/json.hpp>

namespace consentry::app {
namespace {

namespace json = boost::json;

constexpr std::size_t campaigns_max = 1000;

template <class Changes>
json::object to_object(const Changes& all) {
  json::object o;
  for (const auto& [c, count] : all)
    o[std::string{policy::to_string(c.first)} + "->" + std::string{policy::to_string(c.second)}] =
        count;
  return o;
}

template <class Changes>
std::uint64_t sum_of(const Changes& all) {
  std::uint64_t sum = 0;
  for (const auto& [c, count] : all) sum += count;
  return sum;
}

// What changes, as rows: the greatest first.
template <class Rows, class Weight, class Show>
json::array by_weight(const Rows& rows, Weight weight, Show show) {
  std::vector<const typename Rows::value_type*> order;
  for (const auto& r : rows) order.push_back(&r);
  std::ranges::sort(order, [&](const auto* a, const auto* b) {
    return weight(*a) != weight(*b) ? weight(*a) > weight(*b) : a->first < b->first;
  });
  json::array out;
  for (const auto* r : order) out.push_back(show(*r));
  return out;
}

template <class ByRule>
json::object shown(const ByRule& r) {
  return {{"from", policy::to_string(r.from)},
          {"from_rule", r.from_rule},
          {"from_reason", r.from_reason},
          {"to", policy::to_string(r.to)},
          {"to_rule", r.to_rule},
          {"to_reason", r.to_reason}};
}

}  // namespace

void verdict_diff::add(const verdict_pair& p) {
  const auto& a = p.before;
  const auto& b = p.after.verdict;
  ++judged_;
  ++bases_[p.after.basis];
  auto tenant = tenants_.find(p.tenant);
  if (tenant == tenants_.end()) tenant = tenants_.emplace(std::string{p.tenant}, of_tenant{}).first;
  ++tenant->second.judged;
  if (a.decision == b.decision && a.rule == b.rule && a.reason == b.reason) return;
  const by_rule what{a.decision, b.decision, a.rule, a.reason, b.rule, b.reason};
  ++rules_[what];
  if (a.decision == b.decision) {
    ++other_reason_;
  } else {
    const change c{a.decision, b.decision};
    ++changed_;
    ++changes_[c];
    ++tenant->second.changes[c];
    const std::pair key{std::string{p.tenant}, std::string{p.campaign}};
    if (campaigns_.contains(key) || campaigns_.size() < campaigns_max)
      ++campaigns_[key][c];
    else
      ++campaigns_left_out_;
  }
  // Other decisions first: whoever reads examples wants those.
  if (examples_.size() < examples_max_ && a.decision != b.decision)
    examples_.push_back({p.message, p.recipient, std::string{p.tenant}, std::string{p.campaign},
                         what, p.after.basis});
}

json::object to_json(const verdict_diff& d) {
  json::object bases;
  for (const auto& [b, count] : d.bases_) bases[to_string(b)] = count;
  json::object o{
      {"judged", d.judged_},           {"same", d.judged_ - d.changed_ - d.other_reason_},
      {"changed", d.changed_},         {"other_reason", d.other_reason_},
      {"judged_on", std::move(bases)}, {"changes", to_object(d.changes_)}};
  o["by_tenant"] = by_weight(
      d.tenants_, [](const auto& t) { return sum_of(t.second.changes); },
      [](const auto& t) {
        return json::object{{"tenant", t.first},
                            {"judged", t.second.judged},
                            {"changed", sum_of(t.second.changes)},
                            {"changes", to_object(t.second.changes)}};
      });
  o["by_rule"] = by_weight(
      d.rules_, [](const auto& r) { return r.second; },
      [](const auto& r) {
        auto row = shown(r.first);
        row["count"] = r.second;
        return row;
      });
  o["by_campaign"] = by_weight(
      d.campaigns_, [](const auto& c) { return sum_of(c.second); },
      [](const auto& c) {
        return json::object{{"tenant", c.first.first},
                            {"campaign", c.first.second},
                            {"changed", sum_of(c.second)},
                            {"changes", to_object(c.second)}};
      });
  if (d.campaigns_left_out_ != 0) o["campaigns_left_out"] = d.campaigns_left_out_;
  json::array examples;
  for (const auto& e : d.examples_) {
    auto row = shown(e.what);
    row["message"] = to_string(e.message);
    if (e.recipient) row["recipient"] = to_string(e.recipient);
    row["tenant"] = e.tenant;
    row["campaign"] = e.campaign;
    row["judged_on"] = to_string(e.basis);
    examples.push_back(std::move(row));
  }
  o["examples"] = std::move(examples);
  return o;
}

}  // namespace consentry::app
