#include "filters/scratch_pool.h"

#include <hs/hs.h>

#include <new>

namespace consentry::filters {

scratch_pool::~scratch_pool() {
  for (hs_scratch* s : free_) hs_free_scratch(s);
  hs_free_scratch(prototype_);
}

void scratch_pool::make_room_for(const hs_database* database) {
  const std::lock_guard lock{lock_};
  if (hs_alloc_scratch(database, &prototype_) != HS_SUCCESS) throw std::bad_alloc{};
}

hs_scratch* scratch_pool::borrow() {
  {
    const std::lock_guard lock{lock_};
    if (!free_.empty()) {
      hs_scratch* s = free_.back();
      free_.pop_back();
      return s;
    }
  }
  if (prototype_ == nullptr) return nullptr;  // nothing is compiled
  hs_scratch* s = nullptr;
  if (hs_clone_scratch(prototype_, &s) != HS_SUCCESS) throw std::bad_alloc{};
  return s;
}

void scratch_pool::give_back(hs_scratch* s) {
  if (s == nullptr) return;
  const std::lock_guard lock{lock_};
  free_.push_back(s);
}

}  // namespace consentry::filters
