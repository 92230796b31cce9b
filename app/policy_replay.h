// Asks another policy the question that was decided already (RULES E8). Pure but for the texts it
// looks through.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "app/live_settings.h"
#include "app/message_reading.h"
#include "policy/decision_facts.h"
#include "policy/verdict.h"

namespace consentry::app {

// What the candidate looked at.
enum class replay_basis : std::uint8_t {
  recipient,  // a refusal at RCPT: there was no message yet
  findings,   // what was found in the message then, weighed anew
  text,       // the message itself, looked through with the candidate's patterns
};
std::string_view to_string(replay_basis b) noexcept;

struct replayed_decision {
  policy::verdict verdict;
  replay_basis basis = replay_basis::recipient;
};

class policy_replay {
 public:
  explicit policy_replay(std::shared_ptr<const active_policy> candidate);

  // Its findings are weighed as the candidate weighs those patterns; what it does not have any more
  // finds nothing.
  replayed_decision judge(const policy::recalled_evidence& e) const;
  // With the candidate's findings in the message; nullptr: as above.
  replayed_decision judge(const policy::recalled_evidence& e,
                          const filters::scan_result* found) const;

  // What the candidate finds in a message. nullopt: it has attachments that only the confined
  // reader opens, so what was found then stands for it. CPU work for a worker.
  std::optional<filters::scan_result> look_through(std::string_view mail,
                                                   const sender_view& sender) const;

  const active_policy& candidate() const noexcept { return *candidate_; }

 private:
  filters::scan_result weighed_anew(const filters::scan_result& found) const;

  std::shared_ptr<const active_policy> candidate_;
  std::map<std::string_view, const filters::pattern*> patterns_;
};

}  // namespace consentry::app
