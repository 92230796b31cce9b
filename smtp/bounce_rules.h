// What conf/bounces.toml says: which reply is of which class, which refusal is tried again all the
// same, and how long a class is waited for. One set of rules serves replies in a session and the
// texts of bounce mails (reputation/bounce_report.h).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smtp/bounce_class.h"
#include "smtp/reply.h"
#include "smtp/reply_patterns.h"

namespace consentry::smtp {

// "550 5.1.1 text", as logs and people write it; what is missing stays empty.
reply reply_of_line(std::string_view line);

// Of retries, instead of the stream's.
struct retry_pace {
  std::chrono::seconds first{};
  std::chrono::seconds longest{};
  friend bool operator==(const retry_pace&, const retry_pace&) = default;
};

struct bounce_verdict {
  bounce_class what = bounce_class::none;
  std::string rule;    // its id; "": no rule fits, the first digit decided
  bool retry = false;  // a 5xx that passes: try again
};

class bounce_rules {
 public:
  bounce_rules();

  // Throws configuration_error with file and line.
  static std::shared_ptr<const bounce_rules> load(const std::filesystem::path& file);
  static std::shared_ptr<const bounce_rules> parse(std::string_view text, const std::string& name);
  // conf/bounces.toml as it was when this was built. Never nullptr.
  static const std::shared_ptr<const bounce_rules>& shipped();

  // The first rule of which every condition fits. What is deferred (4xx) is never hard: only a
  // final word ends an address. A reply with code 0 is judged by its enhanced code, else transient.
  // host: the server's name, may be empty: then rules with hosts do not fit.
  bounce_verdict classify(const reply& r, std::string_view host) const;

  std::optional<retry_pace> pace_of(bounce_class c) const;

  // Samples of the file that another rule, or none, would take: one line each, with the place.
  std::vector<std::string> wrong_samples() const;
  std::size_t size() const noexcept { return rules_.size(); }

 private:
  struct reader;
  // "5.7.*", "x.1.1"; negative: any.
  struct code_pattern {
    int status_class = -1, subject = -1, detail = -1;
    bool fits(enhanced_code e) const noexcept;
  };
  struct code_range {
    int from = 0, to = 0;
  };
  struct sample {
    std::string text;
    int line = 0;
  };
  struct rule {
    std::string id;
    bounce_class what = bounce_class::none;
    bool retry = false;
    bool has_text = false;
    std::vector<code_pattern> enhanced;
    std::vector<code_range> codes;
    std::vector<std::string> hosts;  // lower case; themselves and all below
    std::vector<sample> samples;
  };
  // texts: by rule, whether one of its expressions was found.
  bool fits(const rule& r, bool text_found, const reply& given, std::string_view host) const;

  std::string file_;
  std::vector<rule> rules_;
  std::vector<std::size_t> rule_of_pattern_;
  reply_patterns patterns_;
  std::array<std::optional<retry_pace>, all_bounce_classes.size()> paces_;
};

}  // namespace consentry::smtp
