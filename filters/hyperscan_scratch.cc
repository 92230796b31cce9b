#include "filters/hyperscan_scratch.h"

#include <hs/hs.h>

#include <new>

namespace consentry::filters {

hyperscan_scratch::~hyperscan_scratch() {
  for (hs_scratch* s : free_) hs_free_scratch(s);
  hs_free_scratch(prototype_);
}

void hyperscan_scratch::make_room_for(const hs_database* database) {
  const std::lock_guard lock{lock_};
  if (hs_alloc_scratch(database, &prototype_) != HS_SUCCESS) throw std::bad_alloc{};
}

hs_scratch* hyperscan_scratch::borrow() {
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

void hyperscan_scratch::give_back(hs_scratch* s) {
  if (s == nullptr) return;
  const std::lock_guard lock{lock_};
  free_.push_back(s);
}

}  // namespace consentry::filters
