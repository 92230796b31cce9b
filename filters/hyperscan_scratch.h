// Working space of Hyperscan.
#pragma once

#include <mutex>
#include <vector>

struct hs_database;
struct hs_scratch;

namespace consentry::filters {

// Space that the engine writes to while it searches: each search borrows one, clones are kept.
// Any thread.
class hyperscan_scratch {
 public:
  hyperscan_scratch() = default;
  ~hyperscan_scratch();
  hyperscan_scratch(const hyperscan_scratch&) = delete;
  hyperscan_scratch& operator=(const hyperscan_scratch&) = delete;

  // Before the first borrowing; any thread.
  void make_room_for(const hs_database* database);

  // Gives it back, whatever happens meanwhile.
  class lease {
   public:
    explicit lease(hyperscan_scratch& pool) : pool_{pool}, scratch_{pool.borrow()} {}
    ~lease() { pool_.give_back(scratch_); }
    lease(const lease&) = delete;
    lease& operator=(const lease&) = delete;
    hs_scratch* get() const noexcept { return scratch_; }

   private:
    hyperscan_scratch& pool_;
    hs_scratch* scratch_;
  };

 private:
  hs_scratch* borrow();
  void give_back(hs_scratch* s);

  hs_scratch* prototype_ = nullptr;
  std::mutex lock_;
  std::vector<hs_scratch*> free_;
};

}  // namespace consentry::filters
