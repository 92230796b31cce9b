// A small cache that readers search without a lock: entries are only ever added, never changed, and
// live as long as the cache. For values that follow from their key, so that none can grow stale.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace consentry::policy::consent {

template <class Entry>
class append_cache {
 public:
  explicit append_cache(std::size_t slots) : slots_(slots) {}
  append_cache(const append_cache&) = delete;
  append_cache& operator=(const append_cache&) = delete;
  ~append_cache() {
    for (auto& s : slots_) delete s.load();
  }

  // The entry with this hash that `is_it`; nullptr: not here. Any thread.
  template <class F>
  const Entry* find(std::size_t hash, F is_it) const noexcept {
    for (std::size_t i = 0; i < probes; ++i) {
      const auto* e = slots_[(hash + i) % slots_.size()].load(std::memory_order_acquire);
      if (e == nullptr) return nullptr;
      if (is_it(*e)) return e;
    }
    return nullptr;
  }

  // Keeps it, or gives the one that is kept already; nullptr: there is no room near its place.
  template <class F>
  const Entry* add(std::size_t hash, Entry entry, F is_it) {
    std::lock_guard lock{adding_};
    if (const auto* known = find(hash, is_it)) return known;
    for (std::size_t i = 0; i < probes; ++i) {
      auto& slot = slots_[(hash + i) % slots_.size()];
      if (slot.load(std::memory_order_relaxed) != nullptr) continue;
      const auto* made = std::make_unique<const Entry>(std::move(entry)).release();
      slot.store(made, std::memory_order_release);
      return made;
    }
    return nullptr;
  }

 private:
  static constexpr std::size_t probes = 8;
  std::vector<std::atomic<const Entry*>> slots_;
  std::mutex adding_;
};

}  // namespace consentry::policy::consent
