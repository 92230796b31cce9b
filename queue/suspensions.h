// What somebody has stopped by hand, until somebody lets it go on. Kept in the store, so that a
// restart starts nothing again; asked from memory.
//
//   queue_suspensions   u8 what, name -> reason, actor, time, as it was asked for
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/lmdb_env.h"
#include "base/snapshot.h"

namespace consentry::queue {

// Numbers are stored: never reuse or renumber.
enum class suspended : std::uint8_t {
  intake = 1,      // no new submissions
  deliveries = 2,  // no attempts at all
  site = 3,        // none to that site
  source = 4,      // none from that source address
};
std::string_view to_string(suspended what) noexcept;

struct suspension {
  suspended what = suspended::deliveries;
  std::string name;  // of the site (working_set.h) or the source; else empty
  std::string reason;
  std::string actor;
  instant at{};
  std::string asked;  // a site: the domain it was named by
};

class suspensions {
 public:
  static constexpr std::size_t count_max = 1000;

  explicit suspensions(store_env& env);  // at start; throws store_error, decode_error

  // --- inside operations of the commit loop ---
  void put(write_txn& txn, const suspension& s) const;
  bool erase(write_txn& txn, suspended what, std::string_view name) const;  // false: was not there

  // After such a commit. Throws store_error, decode_error.
  void reload(const read_txn& txn);

  // --- any thread ---
  bool takes_mail() const { return !is_any_ || !has(suspended::intake, {}); }
  // Whether no attempt may start on that path.
  bool stops(std::string_view site, std::string_view source) const;
  std::vector<suspension> list() const { return *all_.get(); }
  bool has(suspended what, std::string_view name) const;

 private:
  table rows_;
  std::atomic<bool> is_any_{false};
  snapshot<std::vector<suspension>> all_;
};

}  // namespace consentry::queue
