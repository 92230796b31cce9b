// What inline styles and attributes of HTML elements do to the visibility of their text.
#pragma once

#include <string>
#include <string_view>

namespace consentry::filters {

// Handed down from an element to its children.
struct html_visibility {
  bool is_gone = false;       // display:none and its like: children cannot undo it
  bool is_invisible = false;  // visibility:hidden
  bool is_tiny = false;       // font of size 0 or 1
  // "ffffff"; "" where it cannot be told (named gradients, pictures, style sheets).
  std::string color = "000000";
  std::string background = "ffffff";

  bool hides() const noexcept {
    return is_gone || is_invisible || is_tiny || (!color.empty() && color == background);
  }
};

// style is the value of the style attribute.
void apply_style(html_visibility& v, std::string_view style);
// "#FFF", "white", "rgb(255,255,255)", "rgba(0,0,0,0)" as "ffffff"; "" if unknown, "none" if
// transparent.
std::string plain_color(std::string_view value);

}  // namespace consentry::filters
