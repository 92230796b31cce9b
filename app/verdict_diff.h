// Verdicts of two policies side by side, counted by tenant, rule and campaign (RULES E8).
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "app/policy_replay.h"
#include "base/ids.h"
#include "policy/verdict.h"

namespace consentry::app {

struct verdict_pair {
  const policy::verdict& before;
  const replayed_decision& after;
  std::string_view tenant;  // name
  std::string_view campaign;
  message_id message;
  recipient_id recipient;  // 0: not known
};

// One thread at a time. Bounded: of campaigns with a difference the first thousand, of examples as
// many as asked for.
class verdict_diff {
 public:
  explicit verdict_diff(std::size_t examples_max) : examples_max_{examples_max} {}

  void add(const verdict_pair& p);
  std::uint64_t judged() const noexcept { return judged_; }
  // Decision, reason and rule are the same for all.
  bool is_empty() const noexcept { return changed_ == 0 && other_reason_ == 0; }
  std::uint64_t changed() const noexcept { return changed_; }

 private:
  friend boost::json::object to_json(const verdict_diff& d);
  using change = std::pair<policy::decision, policy::decision>;
  using changes = std::map<change, std::uint64_t>;
  struct of_tenant {
    std::uint64_t judged = 0;
    verdict_diff::changes changes;
  };
  struct by_rule {
    policy::decision from{}, to{};
    std::string from_rule, from_reason, to_rule, to_reason;
    auto operator<=>(const by_rule&) const = default;
  };
  struct example {
    message_id message;
    recipient_id recipient;
    std::string tenant, campaign;
    by_rule what;
    replay_basis basis{};
  };

  std::size_t examples_max_;
  std::uint64_t judged_ = 0;
  std::uint64_t changed_ = 0;       // another decision
  std::uint64_t other_reason_ = 0;  // the same decision for another reason
  std::uint64_t campaigns_left_out_ = 0;
  changes changes_;
  std::map<std::string, of_tenant, std::less<>> tenants_;
  std::map<by_rule, std::uint64_t> rules_;
  std::map<std::pair<std::string, std::string>, changes> campaigns_;
  std::map<replay_basis, std::uint64_t> bases_;
  std::vector<example> examples_;
};

// {"judged", "same", "changed", "other_reason", "judged_on": {"findings": 3}, "changes":
// {"send->hold": 2}, "by_tenant": [..], "by_rule": [..], "by_campaign": [..], "examples": [..]};
// the most frequent first.
boost::json::object to_json(const verdict_diff& d);

}  // namespace consentry::app
