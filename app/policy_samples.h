// Labelled messages, and how a policy does on them (RULES F10).
#pragma once

#include <boost/json/fwd.hpp>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "app/live_settings.h"

namespace consentry::app {

// conf/samples/README.md has the format.
struct labelled_message {
  std::string id;
  std::string label;              // "H1".."H7", "S1".."S7"; "clean"
  std::string language;           // "hu", "en"
  std::vector<std::string> also;  // other labels that are right too
  std::string mail;               // as it would be submitted
};

// <folder>/<hu|en>/*.toml in order of name. Throws configuration_error "file:line: text".
std::vector<labelled_message> load_samples(const std::filesystem::path& folder);

struct sample_tally {
  std::size_t all = 0;
  std::size_t stopped = 0;  // held or refused, for whatever content
  std::size_t own = 0;      // among these: the label itself would have been enough
};

struct sample_miss {
  std::string id;
  std::string label;
  std::string reason;  // "ok", or of a clean message what stopped it: "content.s1"
};

struct sample_figures {
  // By label, then by language ("hu", "en").
  std::map<std::string, std::map<std::string, sample_tally>> by_label;
  // By category that would stop a message: how many it did, and how many of them it should have.
  std::map<std::string, std::pair<std::size_t, std::size_t>> stopped_by;
  std::vector<sample_miss> misses;
  std::vector<sample_miss> alarms;

  // Stopped of those that should be; 1 without any.
  double recall(const std::string& label) const;
  double false_alarms() const;  // of the clean ones
};

// H5 and H7 are indicators: reported, and outside any bar.
bool is_judged_by_words(std::string_view label);

// Judges each by its content alone, as `consentry scan`. CPU work.
sample_figures measure(const active_policy& policy, const std::vector<labelled_message>& messages);

boost::json::object to_json(const sample_figures& f);

}  // namespace consentry::app
