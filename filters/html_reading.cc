#include "filters/html_reading.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "filters/html_align.h"

namespace consentry::filters {

// Attributes that matter, in the order of the table below.
enum html_reading::known : std::uint8_t {
  hidden,
  bgcolor,
  background,
  class_,
  color,
  style,
  href,
  src,
  action,
  data,
  xlink_href,
  alt,
  title,
  placeholder,
  value,
  type,
  aria_label,
  label,
  srcdoc,
  known_count
};

namespace {

constexpr std::string_view known_names[] = {
    "hidden", "bgcolor", "background", "class",      "color", "style", "href",
    "src",    "action",  "data",       "xlink:href", "alt",   "title", "placeholder",
    "value",  "type",    "aria-label", "label",      "srcdoc"};
constexpr std::size_t link_text_octets_max = 500;

bool contains_ignoring_case(std::string_view text, std::string_view lower) {
  const auto at = std::search(text.begin(), text.end(), lower.begin(), lower.end(),
                              [](char a, char b) { return (a | 0x20) == (b | 0x20); });
  return at != text.end();
}

}  // namespace

html_reading::html_reading(std::string_view source, html_document& out, frame_reader read_frame)
    : source_{source},
      out_{out},
      has_style_sheet_{contains_ignoring_case(source, "<style") &&
                       contains_ignoring_case(source, "background")},
      open_(1),
      known_(known_count),
      read_frame_{std::move(read_frame)} {}

void html_reading::open(html_layout layout, html_role role,
                        std::span<const html_attribute> attributes) {
  std::fill(known_.begin(), known_.end(), nullptr);
  for (const html_attribute& a : attributes) {
    for (std::size_t n = 0; n < known_count; ++n) {
      if (a.name.size() == known_names[n].size() && ascii_iequals(a.name, known_names[n])) {
        known_[n] = &a;
      }
    }
  }
  frame inner{layout, open_.back().visibility, SIZE_MAX, 0};
  open_.push_back(std::move(inner));
  look_at(role);
  separate(layout);
  for (const known k : {href, src, action, data, xlink_href}) {
    if (k != src || role != html_role::picture) add_link(k);
  }
  if (role == html_role::picture || role == html_role::drawing) ++out_.images;
  for (const known k : {alt, title, placeholder, aria_label, label}) add_text(k);
  if (!value_of(srcdoc).empty()) add_frame();
  if (role == html_role::input && !ascii_iequals(value_of(type), "hidden")) add_text(value);
}

void html_reading::close() {
  const frame& f = open_.back();
  if (f.link != SIZE_MAX && out_.visible.text.size() > f.link_text) {
    out_.links[f.link].text = out_.visible.text.substr(f.link_text, link_text_octets_max);
  }
  separate(f.layout);
  open_.pop_back();
}

std::string_view html_reading::value_of(known which) const {
  return known_[which] == nullptr ? std::string_view{} : known_[which]->value;
}

void html_reading::look_at(html_role role) {
  html_visibility& v = open_.back().visibility;
  if (known_[hidden] != nullptr) v.is_gone = true;
  if (!value_of(bgcolor).empty()) v.background = plain_color(value_of(bgcolor));
  if (!value_of(background).empty()) v.background.clear();
  // A class may set the background; then white letters prove nothing.
  if (!value_of(class_).empty() && has_style_sheet_) v.background.clear();
  if (!value_of(color).empty()) v.color = plain_color(value_of(color));
  if (role == html_role::anchor) v.color.clear();  // links have a colour of their own
  if (!value_of(style).empty()) apply_style(v, value_of(style));
}

void html_reading::separate(html_layout l) {
  if (l == html_layout::joins) return;
  mapped_text& t = target();
  const std::string_view mark = l == html_layout::blank  ? " "
                                : l == html_layout::line ? "\n"
                                                         : "\n\n";
  if (t.text.empty() || t.text.ends_with("\n\n") || t.text.ends_with(mark)) return;
  append_unmapped(t, mark);
}

void html_reading::add_text(known which) {
  if (value_of(which).empty()) return;
  mapped_text& t = target();
  append_unmapped(t, " ");
  append_clamped(t, known_[which]->value, known_[which]->begin, known_[which]->end);
  append_unmapped(t, " ");
}

void html_reading::add_link(known which) {
  if (value_of(which).empty()) return;
  open_.back().link = out_.links.size();
  open_.back().link_text = out_.visible.text.size();
  out_.links.push_back(
      {std::string{known_[which]->value}, {}, known_[which]->begin, known_[which]->end});
}

// As if it stood where the frame does; all of it has the attribute's place.
void html_reading::add_frame() {
  const html_attribute& a = *known_[srcdoc];
  const html_document d = read_frame_(a.value);
  has_unreadable_frame_ = has_unreadable_frame_ || !d.unreadable.empty();
  for (const auto& [from, to] : {std::pair{&d.visible, &target()}, {&d.hidden, &out_.hidden}}) {
    if (from->text.empty()) continue;
    append_unmapped(*to, "\n\n");
    append_clamped(*to, from->text, a.begin, a.end);
    append_unmapped(*to, "\n\n");
  }
  for (const html_link& l : d.links) out_.links.push_back({l.target, l.text, a.begin, a.end});
  out_.images += d.images;
}

void html_reading::text(std::string_view decoded, std::size_t begin, std::size_t end) {
  append_aligned(target(), decoded, source_.substr(begin, end - begin), begin);
}

void html_reading::plain_text(std::size_t begin, std::size_t end) {
  append_plain(target(), source_.substr(begin, end - begin), begin);
}

void html_reading::comment(std::size_t begin, std::size_t end) {
  const std::string_view all = source_.substr(begin, end - begin);
  const auto open = all.find("[if");
  if (open == std::string_view::npos || open > 6) return;
  const auto inner = all.find('>', open);
  if (inner == std::string_view::npos) return;
  conditionals_.emplace_back(begin + inner + 1, end - begin - inner - 1);
}

}  // namespace consentry::filters
