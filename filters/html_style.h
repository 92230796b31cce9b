// What inline styles and attributes of HTML elements do to the visibility of their text.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace consentry::filters {

// Handed down from an element to its children.
struct html_visibility {
  bool is_gone = false;       // display:none and its like: children cannot undo it
  bool is_invisible = false;  // visibility:hidden
  bool is_tiny = false;       // font of size 0 or 1
  bool is_rtl = false;        // direction: lines begin at the right
  bool is_turned = false;     // letter by letter from right to left
  bool floats_right = false;  // of the element alone
  // "ffffff"; "" where it cannot be told (named gradients, pictures, style sheets).
  std::string color = "000000";
  std::string background = "ffffff";

  // Set again by each element for itself.
  void enter_element() noexcept { is_turned = floats_right = false; }

  bool hides() const noexcept {
    return is_gone || is_invisible || is_tiny || (!color.empty() && color == background);
  }
  friend bool operator==(const html_visibility&, const html_visibility&) = default;
};

// style is the value of the style attribute.
void apply_style(html_visibility& v, std::string_view style);

// The same; what mail builders write into every element is read once. Of one document, one thread.
class style_memo {
 public:
  void apply(html_visibility& v, std::string_view style);

 private:
  struct entry {
    std::string style;
    html_visibility before;
    html_visibility after;
  };
  static constexpr std::size_t octets_max = 1024;  // longer ones are read again
  std::array<entry, 64> entries_;
};

// "#FFF", "white", "rgb(255,255,255)", "rgba(0,0,0,0)" as "ffffff"; "" if unknown, "none" if
// transparent.
std::string plain_color(std::string_view value);

}  // namespace consentry::filters
