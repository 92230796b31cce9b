// Memory for one HTML parse: handed out in order, given back whole, and bounded.
#pragma once

#include <csetjmp>
#include <cstddef>
#include <memory>
#include <vector>

namespace consentry::filters {

// gumbo never expects an allocation to fail, and unwinding its tree is recursive. Here a request
// beyond the budget jumps back to where the parse began (only C frames lie between), and the tree
// is never unwound: its memory goes with the arena.
class html_arena {
 public:
  explicit html_arena(std::size_t budget) : budget_{budget} {}

  std::jmp_buf& escape() noexcept { return escape_; }

  // Callbacks for GumboOptions; user is the arena.
  static void* allocate(void* user, std::size_t size);
  static void release(void*, void*) noexcept {}

 private:
  static constexpr std::size_t block_bytes = 256 * 1024;

  std::jmp_buf escape_;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::byte* free_ = nullptr;
  std::size_t free_bytes_ = 0;
  std::size_t budget_;
};

}  // namespace consentry::filters
