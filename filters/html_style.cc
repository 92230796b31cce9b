#include "filters/html_style.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"

namespace consentry::filters {
namespace {

constexpr std::pair<std::string_view, std::string_view> named_colors[] = {
    {"white", "ffffff"},   {"black", "000000"},  {"red", "ff0000"},   {"blue", "0000ff"},
    {"green", "008000"},   {"gray", "808080"},   {"grey", "808080"},  {"silver", "c0c0c0"},
    {"yellow", "ffff00"},  {"orange", "ffa500"}, {"navy", "000080"},  {"maroon", "800000"},
    {"purple", "800080"},  {"teal", "008080"},   {"lime", "00ff00"},  {"aqua", "00ffff"},
    {"fuchsia", "ff00ff"}, {"snow", "fffafa"},   {"ivory", "fffff0"}, {"whitesmoke", "f5f5f5"}};

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

std::string without_blanks(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  for (const char c : s) {
    if (is_blank(c)) continue;
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  }
  return out;
}

std::string hex_color(std::string_view digits) {
  const bool ok = std::all_of(digits.begin(), digits.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  if (ok && digits.size() == 6) return std::string{digits};
  if (ok && digits.size() == 3) {
    std::string out;
    for (const char c : digits) out += std::string(2, c);
    return out;
  }
  return {};
}

std::string rgb_color(std::string_view inside, bool has_alpha) {
  const auto pieces = split(inside, ',');
  if (pieces.size() < 3) return {};
  if (has_alpha && pieces.size() > 3 && std::strtod(std::string{pieces[3]}.c_str(), nullptr) == 0) {
    return "none";
  }
  std::string octets;
  for (int i = 0; i < 3; ++i) {
    const double value = std::strtod(std::string{pieces[i]}.c_str(), nullptr);
    octets += static_cast<char>(static_cast<unsigned char>(std::clamp(value, 0.0, 255.0)));
  }
  return hex(octets);
}

// Leading number of a CSS length; nullopt for words ("auto", "inherit").
std::optional<double> length_of(const std::string& value) {
  char* end = nullptr;
  const double number = std::strtod(value.c_str(), &end);
  if (end == value.c_str()) return std::nullopt;
  return number;
}

bool is_nothing(const std::string& value, double most) {
  const auto n = length_of(value);
  if (!n) return false;
  const bool is_relative = value.find("em") != std::string::npos;
  return *n >= 0 && (is_relative ? *n < 0.1 : *n <= most);
}

struct box {
  bool has_no_extent = false;
  bool clips = false;
  bool is_moved = false;
  bool overrides_bidi = false;
};

void apply_background(html_visibility& v, const std::string& value) {
  if (value.find("url(") != std::string::npos || value.find("gradient") != std::string::npos) {
    v.background.clear();
    return;
  }
  std::string color = plain_color(value);
  if (color.empty()) {  // "background: #fff none repeat": the blanks are gone, the colour leads
    if (value.starts_with('#')) {
      std::size_t n = 1;
      while (n < value.size() && n < 7 && std::isxdigit(static_cast<unsigned char>(value[n]))) ++n;
      color = hex_color(std::string_view{value}.substr(1, n - 1));
    }
  }
  if (color != "none") v.background = color;
}

void apply_property(html_visibility& v, box& b, std::string_view name, const std::string& value) {
  if (name == "display") {
    if (value == "none") v.is_gone = true;
  } else if (name == "visibility") {
    v.is_invisible = value == "hidden" || value == "collapse";
  } else if (name == "opacity") {
    if (is_nothing(value, 0.05)) v.is_gone = true;
  } else if (name == "font-size") {
    if (length_of(value))
      v.is_tiny = is_nothing(value, 1);
    else if (value != "inherit")
      v.is_tiny = false;
  } else if (name == "color") {
    const std::string color = plain_color(value);
    if (value != "inherit") v.color = color == "none" ? v.background : color;
  } else if (name == "background" || name == "background-color") {
    if (value != "none" && value != "inherit" && value != "initial") apply_background(v, value);
  } else if (name == "background-image") {
    if (value != "none") v.background.clear();
  } else if (name == "max-height" || name == "height" || name == "max-width" || name == "width") {
    if (is_nothing(value, 0)) b.has_no_extent = true;
  } else if (name == "overflow") {
    b.clips = value == "hidden" || value == "clip";
  } else if (name == "left" || name == "top" || name == "margin-left" || name == "text-indent") {
    const auto n = length_of(value);
    if (n && *n <= -500) (name == "text-indent" ? v.is_gone : b.is_moved) = true;
  } else if (name == "direction") {
    v.is_rtl = value == "rtl";
  } else if (name == "unicode-bidi") {
    b.overrides_bidi = value == "bidi-override" || value == "isolate-override";
  } else if (name == "float") {
    v.floats_right = value == "right";
  } else if (name == "flex-direction" || name == "flex-flow") {
    if (value.find("row-reverse") != std::string::npos) v.is_turned = true;
  }
}

constexpr std::string_view properties[] = {
    "display",        "visibility",       "opacity",          "font-size",    "color",
    "background",     "max-height",       "background-color", "height",       "max-width",
    "width",          "background-image", "overflow",         "left",         "top",
    "margin-left",    "text-indent",      "direction",        "unicode-bidi", "float",
    "flex-direction", "flex-flow"};

// The property as apply_property() knows it; most of most styles says how things look, not whether:
// empty then.
std::string_view known_property(std::string_view name) {
  std::array<char, 16> lower{};
  std::size_t n = 0;
  for (const char c : name) {
    if (is_blank(c)) continue;
    if (n == lower.size()) return {};
    lower[n++] = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  }
  const auto* const at =
      std::find(std::begin(properties), std::end(properties), std::string_view{lower.data(), n});
  return at == std::end(properties) ? std::string_view{} : *at;
}

}  // namespace

std::string plain_color(std::string_view given) {
  const std::string value = without_blanks(given);
  if (value == "transparent") return "none";
  if (value.starts_with('#')) return hex_color(std::string_view{value}.substr(1));
  for (const std::string_view function : {"rgba(", "rgb("}) {
    if (value.starts_with(function)) {
      return rgb_color(std::string_view{value}.substr(function.size()), function == "rgba(");
    }
  }
  for (const auto& [name, color] : named_colors) {
    if (value == name) return std::string{color};
  }
  return hex_color(value);  // <font color="ffffff">
}

void apply_style(html_visibility& v, std::string_view style) {
  box b;
  std::vector<std::pair<std::string_view, std::string>> later;
  while (!style.empty()) {
    const std::string_view declaration = style.substr(0, style.find(';'));
    style.remove_prefix(std::min(declaration.size() + 1, style.size()));
    const auto colon = declaration.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view name = known_property(declaration.substr(0, colon));
    if (name.empty()) continue;
    std::string value = without_blanks(declaration.substr(colon + 1));
    if (const auto mark = value.find('!'); mark != std::string::npos) value.resize(mark);
    // The background first: `color: transparent` and a later check compare with it.
    if (name.starts_with("background")) {
      apply_property(v, b, name, value);
    } else {
      later.emplace_back(name, std::move(value));
    }
  }
  for (const auto& [name, value] : later) apply_property(v, b, name, value);
  if ((b.has_no_extent && b.clips) || b.is_moved) v.is_gone = true;
  if (b.overrides_bidi && v.is_rtl) v.is_turned = true;
}

void style_memo::apply(html_visibility& v, std::string_view style) {
  if (style.size() < 8 || style.size() > octets_max) return apply_style(v, style);
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::memcpy(&first, style.data(), sizeof first);
  std::memcpy(&last, style.data() + style.size() - sizeof last, sizeof last);
  const std::uint64_t mixed = (first ^ std::rotl(last, 17) ^ style.size()) * 0x9E37'79B9'7F4A'7C15u;
  entry& e = entries_[mixed >> 58];
  if (e.style != style || !(e.before == v)) {
    e.before = v;
    apply_style(v, style);
    e.style = style;
    e.after = v;
    return;
  }
  v = e.after;
}

}  // namespace consentry::filters
