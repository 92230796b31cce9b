// What every rule is: a function that looks at the evidence and says what it finds wrong. Rules
// know nothing of each other.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policy/evidence.h"
#include "policy/policy_set.h"
#include "policy/verdict.h"

namespace consentry::policy {

// The case before the judge: rules read the evidence and the knobs through it and leave their
// answers in it.
class hearing {
 public:
  hearing(const policy_set& set, const evidence& e);

  const evidence& facts() const noexcept { return facts_; }
  const rule_knobs& knobs() const noexcept { return set_.rules; }
  bool is_attempt() const noexcept { return facts_.phase == phase::attempt; }
  bool is_advertising() const noexcept {
    return facts_.stream == smtp::stream::bulk || facts_.stream == smtp::stream::automation;
  }

  // An answer. The worst stays; among equals the first.
  void say(decision d, std::string_view reason, std::string_view rule, std::string text,
           smtp::enhanced_code enhanced);
  void refuse(std::string_view reason, std::string_view rule, std::string text);  // 5.7.1
  void hold(std::string_view reason, std::string_view rule, std::string text);
  void defer(std::string_view reason, std::string_view rule, std::string text);  // 4.7.1

  // Shown by `why`, whatever the answer is.
  void date(std::string_view name, civil_date day);
  void date(std::string_view name, instant t);
  void used(std::string_view knob);
  void match(const filters::finding& f);
  void tag(std::string_view category);
  void exempt(std::string_view category, const tenants::exemption& by);

  verdict take() { return std::move(verdict_); }

 private:
  const policy_set& set_;
  const evidence& facts_;
  verdict verdict_;
};

// Of the verdict on a sender domain whose DNS is known to fail.
inline constexpr std::string_view preflight_reason = "sender.preflight";

using rule = void (*)(hearing&);

}  // namespace consentry::policy
