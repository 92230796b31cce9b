// What is different between two policies, in the terms of those who write them (RULES E10).
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <vector>

#include "app/policy_bundle.h"

namespace consentry::app {

struct knob_change {
  std::string knob;  // "content.hold"
  std::string from;
  std::string to;
};

enum class pattern_fate : std::uint8_t { added, removed, changed };

struct pattern_change {
  std::string id;  // "hu.S3.kaszino"; "brand: otp bank"
  pattern_fate fate = pattern_fate::changed;
  std::vector<std::string> what;  // "weight: 4 -> 6", "+ words: póker+", "- allow: kaszinó tojás"
};

struct policy_diff {
  std::vector<knob_change> knobs;        // by name
  std::vector<pattern_change> patterns;  // by id
  std::vector<std::string> files;        // names of those whose text differs, also by comments only

  bool is_empty() const noexcept { return knobs.empty() && patterns.empty() && files.empty(); }
};

// Throws configuration_error where one of them does not read.
policy_diff compare(const policy_bundle& from, const policy_bundle& to);

boost::json::object to_json(const policy_diff& d);

}  // namespace consentry::app
