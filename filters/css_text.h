// What a style sheet adds to the text of a page, and whether it turns text round. No rule is
// applied: what some element may show is text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace consentry::filters {

// The strings of one declaration (`content: "a" "b"`, counter styles, quotes, custom properties).
struct css_string {
  std::string text;
  std::size_t begin = 0;  // of the declaration, in the sheet
  std::size_t end = 0;
  std::vector<std::string> before;  // ".class" and "#id" of the elements that it stands before
  std::vector<std::string> after;
};

struct css_text {
  std::vector<css_string> strings;
  std::vector<std::string> attributes;  // whose values are shown: attr(title); lower case
  bool turns_text = false;              // unicode-bidi: bidi-override
};

// Never throws for bad input; linear. Any thread.
css_text read_css_text(std::string_view css);
// All strings of JSON, names and values, each with its place.
std::vector<css_string> json_strings(std::string_view json);

}  // namespace consentry::filters
