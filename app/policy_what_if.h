// Stored decisions judged again by a candidate policy: what would be another verdict, and why
// (RULES E8). Reads only; nothing is sent, nothing changes.
#pragma once

#include <boost/json/fwd.hpp>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "app/policy_bundle.h"
#include "app/store_rooms.h"
#include "app/verdict_diff.h"

namespace consentry::app {

struct what_if_question {
  instant from{};                           // decisions not older than this
  instant until = instant::max();           // and older than this
  tenant_id tenant{};                       // 0: all
  std::uint64_t decisions_max = 1'000'000;  // the newest so many
  std::size_t examples_max = 50;
};

class policy_what_if {
 public:
  // files: the candidate's, to tell which of its patterns were not yet there when a decision was
  // taken; empty: not known. in_force: whose other knobs the report names where a replay cannot
  // show their effect. The rooms outlive it.
  policy_what_if(const store_rooms& rooms, std::shared_ptr<const active_policy> candidate,
                 policy_bundle files, const policy::policy_set& in_force, what_if_question q);

  // Judges some hundred decisions, the newest first; its read transactions are short. False: that
  // was the last. One thread at a time; a worker. Failures as store_env::read; then it may be asked
  // again.
  result<bool> run_slice();

  // Any thread, at any time: of what was judged so far. {"version", "examined", "oldest", "judged",
  // .. as a verdict_diff, "not_judged_anew", "without_verdict", "knobs_not_replayed"}.
  boost::json::object report() const;
  bool has_differences() const;

 private:
  struct judged;
  struct page_of_decisions;
  result<page_of_decisions> read_page() const;
  replayed_decision judge(const kept_decision& d);
  const filters::scan_result* scan_of(const kept_decision& d);
  bool has_new_patterns(const std::string& version);

  const store_rooms& rooms_;
  const policy_replay replay_;
  const policy_bundle files_;
  const what_if_question q_;
  std::vector<std::string> knobs_not_replayed_;

  recipient_id next_{};                       // 0: from the newest
  std::map<std::string, bool> new_patterns_;  // by the version that decided
  // Texts looked through last, by number: recipients of one message follow one another.
  std::list<std::pair<recipient_id, std::optional<filters::scan_result>>> looked_through_;

  mutable std::mutex mutex_;  // of the rest
  verdict_diff differences_;
  std::uint64_t examined_ = 0;
  std::uint64_t not_judged_anew_ = 0;
  std::uint64_t without_verdict_ = 0;
  instant oldest_ = instant::max();
};

}  // namespace consentry::app
