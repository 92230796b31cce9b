#include "filters/html_arena.h"

#include <algorithm>
#include <new>

namespace consentry::filters {

void* html_arena::allocate(void* user, std::size_t size) {
  auto& a = *static_cast<html_arena*>(user);
  constexpr std::size_t alignment = alignof(std::max_align_t);
  size = (size + alignment - 1) / alignment * alignment;
  if (size > a.free_bytes_) {
    const std::size_t block = std::max(size, block_bytes);
    bool is_granted = block <= a.budget_;
    if (is_granted) {
      // A failed allocation must not throw through gumbo, which is C.
      try {
        a.blocks_.push_back(std::unique_ptr<std::byte[]>{new std::byte[block]});
      } catch (const std::bad_alloc&) {
        is_granted = false;
      }
    }
    if (!is_granted) std::longjmp(a.escape_, 1);
    a.budget_ -= block;
    a.free_ = a.blocks_.back().get();
    a.free_bytes_ = block;
  }
  void* p = a.free_;
  a.free_ += size;
  a.free_bytes_ -= size;
  return p;
}

}  // namespace consentry::filters
