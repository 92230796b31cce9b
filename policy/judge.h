// From evidence to verdict. Pure: no clock, no I/O, no log; the same input gives the same verdict,
// today and in a replay.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/evidence.h"
#include "policy/policy_set.h"
#include "policy/verdict.h"

namespace consentry::policy {

// Asks every rule that applies to the phase and the stream; the worst answer wins, among equals the
// first in the order of judge.cc. Facts that could not be read are not evidence: then do not call
// it, answer 451 4.3.0 (RULES, conventions).
verdict judge(const policy_set& set, const evidence& e);

// For `why` and the desk: the verdict laid out.
struct explanation {
  std::string decision;
  std::string reason;
  std::string rule;       // "A3"
  std::string rule_text;  // what the rule says, one sentence
  std::string text;       // what the sender was told
  std::string policy_version;
  std::vector<std::pair<std::string, std::string>> inputs;  // in reading order: "stream" -> "bulk"
  std::map<std::string, std::string> dates;
  std::map<std::string, std::string> knobs;
  std::vector<filters::finding> matches;
  std::vector<std::string> tags;
  std::map<std::string, std::string> exemptions;
};
explanation explain(const verdict& v, const evidence& e);

// What RULES says under an id, in one sentence; empty for an unknown one.
std::string_view rule_text(std::string_view rule_id) noexcept;

// The explanation as aligned lines, for people and goldens.
std::string to_text(const explanation& x);

}  // namespace consentry::policy
