// From octets of a derived text back to the octets of the text it was made from. Texts up to 4 GiB.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace consentry::filters {

// Built left to right. Stretches copied octet by octet cost nothing; a character that changed
// its length costs at most two checkpoints (16 octets). Between two checkpoints whose distances
// agree the octets correspond one to one, else the whole stretch stands for the whole stretch.
class offset_map {
 public:
  // The next `length` octets of the derived text came from [original, original + original_length).
  // Originals must not run backwards.
  void append(std::size_t length, std::size_t original, std::size_t original_length) {
    // What goes on as before needs no note.
    if (length == original_length && original == original_end_ && is_even_ &&
        std::max(derived_end_, original_end_) + length < max_octets) {
      derived_end_ += length;
      original_end_ += length;
      return;
    }
    note(length, original, original_length);
  }

  std::size_t size() const noexcept { return derived_end_; }
  std::size_t original_end() const noexcept { return original_end_; }

  // Original octets of the derived range [begin, end), whole characters where one changed.
  // Both ends are clamped to the derived text; an empty map gives {0, 0}.
  std::pair<std::size_t, std::size_t> original(std::size_t begin, std::size_t end) const noexcept;

 private:
  struct checkpoint {
    std::uint32_t derived;
    std::uint32_t original;
  };
  static constexpr std::size_t max_octets = std::size_t{1} << 31;
  void note(std::size_t length, std::size_t original, std::size_t original_length);
  std::pair<std::size_t, std::size_t> octet(std::size_t at) const noexcept;

  std::vector<checkpoint> checkpoints_;
  std::size_t derived_end_ = 0;
  std::size_t original_end_ = 0;
  bool is_even_ = false;  // since the last checkpoint, octet by octet
};

// A text made from another, with the way back.
struct mapped_text {
  std::string text;
  offset_map map;

  void append(std::string_view piece, std::size_t original, std::size_t original_length) {
    text.append(piece);
    map.append(piece.size(), original, original_length);
  }
};

}  // namespace consentry::filters
