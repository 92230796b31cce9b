// What of a decision's evidence is kept, between judging and the transaction that stores it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "policy/decision_facts.h"

namespace consentry::app {

struct kept_facts {
  std::shared_ptr<const std::string>
      message;  // shared by recipients alike; nullptr: nothing is kept
  std::string recipient;
};

// Encodes the evidence of a message's recipients, one after the other, the shared part once.
class facts_collector {
 public:
  kept_facts take(const policy::evidence& e, std::string_view person) {
    if (!last_ || !policy::share_message_facts(*last_, e)) {
      last_message_ = std::make_shared<const std::string>(policy::encode_message_facts(e));
      last_ = key_of(e);
    }
    return {last_message_, policy::encode_recipient_facts(e, person)};
  }

 private:
  // Only what share_message_facts looks at.
  static policy::evidence key_of(const policy::evidence& e) {
    policy::evidence k;
    k.stream = e.stream;
    k.is_bulk_by_content = e.is_bulk_by_content;
    k.is_bulk_blocked = e.is_bulk_blocked;
    k.suspect = e.suspect;
    k.preflight = e.preflight;
    return k;
  }

  std::optional<policy::evidence> last_;
  std::shared_ptr<const std::string> last_message_;
};

// The text of a message as it is kept, where the policy wants that.
struct kept_text {
  std::string packed;  // empty: none
  std::string digest;  // 16 bytes, of the text
};

}  // namespace consentry::app
