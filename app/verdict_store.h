// The verdict on each recipient as it was given, for `why` and for the desk.
//
//   table verdicts   be64 recipient -> be64 time_ms, policy::verdict encoded
#pragma once

#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/lmdb_env.h"
#include "policy/verdict.h"
#include "queue/named_person.h"

namespace consentry::app {

// Table handle only. Any thread may read, the writer's may change.
class verdict_store {
 public:
  explicit verdict_store(store_env& env);  // at start

  void put(write_txn& txn, recipient_id recipient, instant at, const policy::verdict& v) const;
  std::optional<policy::verdict> find(const read_txn& txn, recipient_id recipient) const;

  // What a content rule matched is a piece of the mail, which may name somebody: the pieces go, the
  // rest of the verdict stays. True: there were some.
  bool forget_matches(write_txn& txn, recipient_id recipient) const;
  // Verdicts that name the person, among `rows` from resume on; resume 0 after it: all were seen.
  std::vector<recipient_id> naming(const read_txn& txn, const queue::named_person& who,
                                   recipient_id& resume, std::size_t rows) const;
  std::size_t erase(write_txn& txn, recipient_id recipient) const;  // 0: there was none

  // Removes the oldest verdicts as long as they were given before `before`, at most `rows`; true:
  // there may be more.
  bool trim(write_txn& txn, instant before, std::size_t rows) const;

 private:
  table verdicts_;
};

}  // namespace consentry::app
