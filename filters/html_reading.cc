#include "filters/html_reading.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "base/text.h"
#include "filters/css_text.h"
#include "filters/html_align.h"

namespace consentry::filters {

// Attributes that matter, in the order of the table below.
enum html_reading::known : std::uint8_t {
  id,
  src,
  alt,
  dir,
  href,
  data_,
  type,
  class_,
  color,
  style_,
  title,
  value,
  label,
  hidden,
  action,
  srcdoc,
  bgcolor,
  content,
  itemprop,
  background,
  xlink_href,
  aria_label,
  formaction,
  placeholder,
  known_count
};

namespace {

// By length.
constexpr std::string_view known_names[] = {
    "id",       "src",        "alt",        "dir",        "href",       "data",
    "type",     "class",      "color",      "style",      "title",      "value",
    "label",    "hidden",     "action",     "srcdoc",     "bgcolor",    "content",
    "itemprop", "background", "xlink:href", "aria-label", "formaction", "placeholder"};
constexpr std::size_t name_octets_max = 11;
constexpr auto first_of_length = [] {
  std::array<std::uint8_t, name_octets_max + 2> out{};
  for (std::size_t n = 0; n < out.size(); ++n) {
    for (const auto& name : known_names) out[n] += name.size() < n ? 1 : 0;
  }
  return out;
}();
static_assert(std::is_sorted(std::begin(known_names), std::end(known_names),
                             [](auto a, auto b) { return a.size() < b.size(); }) &&
              std::size(known_names) == first_of_length.back());
constexpr std::size_t letters_of_a_float = 4;  // octets of one letter
constexpr std::size_t floats_min = 3;          // letters: fewer make no word
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
    if (a.name.size() > name_octets_max) continue;
    for (std::size_t n = first_of_length[a.name.size()]; n < first_of_length[a.name.size() + 1];
         ++n) {
      if (ascii_iequals(a.name, known_names[n])) known_[n] = &a;
    }
  }
  frame inner{layout, open_.back().visibility, SIZE_MAX, 0};
  inner.visibility.enter_element();
  open_.push_back(std::move(inner));
  look_at(role);
  separate(layout);
  turn(role);
  for (const known k : {href, src, action, data_, xlink_href, formaction}) {
    if (k != src || role != html_role::picture) add_link(k);
  }
  if (role == html_role::picture || role == html_role::drawing) ++out_.images;
  for (const known k : {alt, title, placeholder, aria_label, label}) add_text(k);
  // Mail programs show what is offered so (schema.org).
  if (known_[itemprop] != nullptr) add_text(content);
  if (!before_.empty() || !after_.empty() || !shown_attributes_.empty()) {
    add_generated(attributes);
  }
  if (!value_of(srcdoc).empty()) add_frame();
  if (role == html_role::input && !ascii_iequals(value_of(type), "hidden")) add_text(value);
}

void html_reading::close() {
  const frame& f = open_.back();
  append_unmapped(target(), f.after);  // counted when it was kept
  if (f.link != SIZE_MAX && out_.visible.text.size() > f.link_text) {
    out_.links[f.link].text = out_.visible.text.substr(f.link_text, link_text_octets_max);
  }
  if (f.turned != SIZE_MAX) out_.turned.emplace_back(f.turned, out_.visible.text.size());
  if (f.visibility.floats_right) end_float(f);
  separate(f.layout);
  open_.pop_back();
}

void html_reading::finish() {
  for (const auto& [begin, end] : floats_) {
    if (end - begin >= floats_min) out_.turned.emplace_back(begin, end);
  }
  if (all_turned_) out_.turned.assign(1, {0, out_.visible.text.size()});
}

// Where the letters of the text begin to run the other way, if they do.
void html_reading::turn(html_role role) {
  frame& f = open_.back();
  html_visibility& v = f.visibility;
  f.begin = out_.visible.text.size();
  // The cells of a row are drawn from right to left.
  if (v.is_rtl && (role == html_role::override_ || role == html_role::table)) v.is_turned = true;
  if (v.is_turned) f.turned = f.begin;
}

// Single letters that float to the right, one after another, stand in the other order there.
void html_reading::end_float(const frame& f) {
  const std::string& text = out_.visible.text;
  if (text.size() <= f.begin || text.size() - f.begin > letters_of_a_float) return;
  if (!floats_.empty() &&
      trim(std::string_view{text}.substr(floats_.back().second, f.begin - floats_.back().second))
          .empty()) {
    floats_.back().second = text.size();
  } else {
    floats_.emplace_back(f.begin, text.size());
  }
}

void html_reading::show(std::string_view text) {
  generated_octets_ += text.size();
  if (!multiplies()) append_unmapped(target(), text);
}

// What style sheets have the element show: in front of its text, and behind it.
void html_reading::add_generated(std::span<const html_attribute> attributes) {
  const auto look = [this](const std::string& name) {
    if (const auto at = before_.find(name); at != before_.end()) show(at->second);
    if (const auto at = after_.find(name); at != after_.end()) {
      generated_octets_ += at->second.size();
      if (!multiplies()) open_.back().after += at->second;
    }
  };
  std::string_view classes = value_of(class_);
  while (!classes.empty()) {
    const std::size_t n = std::min(classes.find_first_of(" \t\r\n\f"), classes.size());
    if (n > 0) look("." + ascii_lower(classes.substr(0, n)));
    classes.remove_prefix(std::min(n + 1, classes.size()));
  }
  if (!value_of(id).empty()) look("#" + ascii_lower(value_of(id)));
  for (const html_attribute& a : attributes) {
    if (shown_attributes_.empty()) return;
    const std::string name = ascii_lower(a.name);
    if (std::find(shown_attributes_.begin(), shown_attributes_.end(), name) !=
        shown_attributes_.end()) {
      add_text(a);
    }
  }
}

void html_reading::style(std::size_t begin, std::size_t end) {
  css_text sheet = read_css_text(source_.substr(begin, end - begin));
  for (const css_string& s : sheet.strings) {
    append_unmapped(target(), "\n\n");
    append_clamped(target(), s.text, begin + s.begin, begin + s.end);
    append_unmapped(target(), "\n\n");
    for (auto [names, kept] : {std::pair{&s.before, &before_}, {&s.after, &after_}}) {
      for (const std::string& name : *names) {
        generated_octets_ += s.text.size();
        if (!multiplies()) kept->insert_or_assign(name, s.text);
      }
    }
  }
  auto& all = shown_attributes_;
  for (auto& name : sheet.attributes) {
    if (all.size() < shown_attributes_max && std::find(all.begin(), all.end(), name) == all.end())
      all.push_back(std::move(name));
  }
  all_turned_ = all_turned_ || sheet.turns_text;
}

void html_reading::data(std::size_t begin, std::size_t end) {
  for (const auto& s : json_strings(source_.substr(begin, end - begin))) {
    append_unmapped(target(), "\n\n");
    append_clamped(target(), s.text, begin + s.begin, begin + s.end);
  }
  append_unmapped(target(), "\n\n");
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
  if (known_[dir] != nullptr) v.is_rtl = ascii_iequals(value_of(dir), "rtl");
  if (!value_of(style_).empty()) styles_.apply(v, value_of(style_));
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
  if (!value_of(which).empty()) add_text(*known_[which]);
}

void html_reading::add_text(const html_attribute& a) {
  mapped_text& t = target();
  append_unmapped(t, " ");
  append_clamped(t, a.value, a.begin, a.end);
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
    if (from == &d.visible && to == &out_.visible) {
      const std::size_t shift = to->text.size();
      for (const auto& [begin, end] : d.turned)
        out_.turned.emplace_back(begin + shift, end + shift);
    }
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
