#include "filters/html_plain.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "filters/html_references.h"

namespace consentry::filters {
namespace {

// What the HTML standard's tree builder does with an element that stands where it should.
enum class kind : std::uint8_t {
  html,
  head,
  body,
  in_head,  // meta, link, base: no content
  title,
  style,
  table,
  rows,  // tbody, thead, tfoot
  row,
  cell,
  paragraph,
  heading,
  list,
  item,
  block,
  formatting,
  anchor,
  inline_,
  no_content,  // br, img, wbr
  rule         // hr: no content, ends a paragraph
};

struct element_type {
  std::string_view name;
  filters::kind kind = kind::block;
  html_layout layout = html_layout::block;
};

using enum html_layout;

// In order of name.
constexpr element_type element_types[] = {{"a", kind::anchor, joins},
                                          {"abbr", kind::inline_, joins},
                                          {"address", kind::block, block},
                                          {"article", kind::block, block},
                                          {"aside", kind::block, block},
                                          {"b", kind::formatting, joins},
                                          {"base", kind::in_head, block},
                                          {"big", kind::formatting, joins},
                                          {"blockquote", kind::block, block},
                                          {"body", kind::body, block},
                                          {"br", kind::no_content, line},
                                          {"center", kind::block, block},
                                          {"cite", kind::inline_, joins},
                                          {"code", kind::formatting, joins},
                                          {"div", kind::block, line},
                                          {"em", kind::formatting, joins},
                                          {"figure", kind::block, block},
                                          {"font", kind::formatting, joins},
                                          {"footer", kind::block, block},
                                          {"h1", kind::heading, block},
                                          {"h2", kind::heading, block},
                                          {"h3", kind::heading, block},
                                          {"h4", kind::heading, block},
                                          {"h5", kind::heading, block},
                                          {"h6", kind::heading, block},
                                          {"head", kind::head, block},
                                          {"header", kind::block, block},
                                          {"hr", kind::rule, block},
                                          {"html", kind::html, block},
                                          {"i", kind::formatting, joins},
                                          {"img", kind::no_content, blank},
                                          {"li", kind::item, block},
                                          {"link", kind::in_head, block},
                                          {"main", kind::block, block},
                                          {"meta", kind::in_head, block},
                                          {"nav", kind::block, block},
                                          {"ol", kind::list, block},
                                          {"p", kind::paragraph, block},
                                          {"s", kind::formatting, joins},
                                          {"section", kind::block, block},
                                          {"small", kind::formatting, joins},
                                          {"span", kind::inline_, joins},
                                          {"strike", kind::formatting, joins},
                                          {"strong", kind::formatting, joins},
                                          {"style", kind::style, nothing},
                                          {"sub", kind::inline_, joins},
                                          {"sup", kind::inline_, joins},
                                          {"table", kind::table, block},
                                          {"tbody", kind::rows, block},
                                          {"td", kind::cell, blank},
                                          {"tfoot", kind::rows, block},
                                          {"th", kind::cell, blank},
                                          {"thead", kind::rows, block},
                                          {"title", kind::title, block},
                                          {"tr", kind::row, line},
                                          {"tt", kind::formatting, joins},
                                          {"u", kind::formatting, joins},
                                          {"ul", kind::list, block},
                                          {"wbr", kind::no_content, joins}};
static_assert(std::is_sorted(std::begin(element_types), std::end(element_types),
                             [](const auto& a, const auto& b) { return a.name < b.name; }));
constexpr std::size_t name_octets_max = 10;

// Where the names with each first letter begin in the list.
constexpr auto name_starts = [] {
  std::array<std::uint8_t, 27> starts{};
  for (const auto& t : element_types)
    for (auto i = t.name[0] - 'a' + 1u; i < starts.size(); ++i) ++starts[i];
  return starts;
}();

const element_type* type_of(std::string_view name) {
  if (name.empty() || name[0] < 'a' || name[0] > 'z') return nullptr;
  for (auto i = name_starts[name[0] - 'a'], end = name_starts[name[0] - 'a' + 1]; i < end; ++i)
    if (element_types[i].name == name) return &element_types[i];
  return nullptr;
}
const element_type& tbody() {
  static const element_type* const t = type_of("tbody");
  return *t;
}

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}
constexpr bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
constexpr bool is_attribute_name(char c) {
  return is_letter_or_digit(c) || c == '-' || c == '_' || c == ':' || c == '.';
}
// Control characters: parsers differ over them.
constexpr bool is_odd(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && !is_blank(c)) || c == 0x7f;
}

class plain_reading {
 public:
  plain_reading(std::string_view source, html_reading& to) : source_{source}, to_{to} {}

  bool run() {
    if (std::any_of(source_.begin(), source_.end(), is_odd) || !is_valid_utf8(source_)) {
      return false;
    }
    while (at_ < source_.size()) {
      const bool ok = source_[at_] == '<' ? markup() : text();
      if (!ok) return false;
    }
    return finish();
  }

 private:
  // How far the document has come.
  enum class stage : std::uint8_t {
    before_html,
    before_head,
    in_head,
    after_head,
    in_body,
    after_body
  };

  bool finish() {
    if (stage_ != stage::after_body || open_.size() != 2) return false;
    to_.close();
    to_.close();
    return true;
  }

  bool text() {
    const std::size_t end = std::min(source_.find('<', at_), source_.size());
    const std::string_view raw = source_.substr(at_, end - at_);
    const bool is_blank_only = std::all_of(raw.begin(), raw.end(), is_blank);
    const std::size_t begin = std::exchange(at_, end);
    if (stage_ < stage::in_head) return is_blank_only;  // dropped
    if (stage_ != stage::in_body && !is_blank_only) return false;
    if (is_among_rows() && !is_blank_only) return false;
    return characters(raw, begin);
  }

  bool characters(std::string_view raw, std::size_t begin) {
    const bool needs_decoding = raw.find('&') != std::string_view::npos;
    for (auto cr = raw.find('\r'); !needs_decoding && cr != std::string_view::npos;
         cr = raw.find('\r', cr + 1)) {
      if (cr + 1 == raw.size() || raw[cr + 1] != '\n') return false;
    }
    if (!needs_decoding) {
      to_.plain_text(begin, begin + raw.size());
      return true;
    }
    decoded_.clear();
    if (!decode_references(raw, false, decoded_)) return false;
    to_.text(decoded_, begin, begin + raw.size());
    return true;
  }

  bool markup() {
    const std::string_view rest = source_.substr(at_);
    if (rest.starts_with("<!--")) return comment();
    if (rest.size() < 3) return false;
    if (rest[1] == '!' || rest[1] == '?') return declaration();
    if (rest[1] == '/') return end_tag();
    return start_tag();
  }

  bool comment() {
    const std::size_t inner = at_ + 4;
    const std::string_view content = source_.substr(inner);
    const auto end = content.find("-->");
    if (end == std::string_view::npos || content.starts_with('>') || content.starts_with("->") ||
        content.substr(0, end + 3).find("--!>") != std::string_view::npos) {
      return false;
    }
    return told_comment(inner + end + 3);
  }

  // <!DOCTYPE html>, <![endif]>, <?xml ...?>
  bool declaration() {
    const auto end = source_.find('>', at_);
    if (end == std::string_view::npos) return false;
    constexpr std::string_view doctype = "<!doctype";
    if (ascii_iequals(source_.substr(at_, doctype.size()), doctype)) {
      at_ = end + 1;
      return stage_ == stage::before_html && !std::exchange(has_doctype_, true);
    }
    return told_comment(end + 1);
  }

  bool told_comment(std::size_t end) {
    to_.comment(at_, end);
    at_ = end;
    return true;
  }

  // The name at `at`, in lower case; empty if it is none that is known here.
  const element_type* read_name(std::size_t& at) const {
    std::array<char, name_octets_max> name{};
    std::size_t n = 0;
    for (; at < source_.size() && is_letter_or_digit(source_[at]); ++at) {
      if (n == name.size()) return nullptr;
      const char c = source_[at];
      name[n++] = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    }
    return type_of({name.data(), n});
  }

  bool end_tag() {
    std::size_t at = at_ + 2;
    const element_type* const type = read_name(at);
    while (at < source_.size() && is_blank(source_[at])) ++at;
    if (type == nullptr || at == source_.size() || source_[at] != '>') return false;
    at_ = at + 1;
    return close(*type);
  }

  bool close(const element_type& type) {
    switch (type.kind) {
      case kind::html:
        return stage_ == stage::after_body && !std::exchange(is_html_closed_, true);
      case kind::body:
        if (stage_ != stage::in_body || open_.size() != 2) return false;
        stage_ = stage::after_body;
        return true;
      case kind::head:
        if (stage_ != stage::in_head) return false;
        stage_ = stage::after_head;
        break;
      case kind::table:
        if (!open_.empty() && open_.back()->kind == kind::rows) pop();
        break;
      default:
        break;
    }
    if (open_.empty() || open_.back() != &type) return false;
    pop();
    return true;
  }

  void pop() {
    to_.close();
    open_.pop_back();
  }

  bool start_tag() {
    std::size_t at = at_ + 1;
    const element_type* const type = read_name(at);
    if (type == nullptr || !read_attributes(at)) return false;
    const bool has_slash = source_[at] == '/';
    at_ = at + (has_slash ? 2 : 1);
    const bool has_content =
        type->kind != kind::in_head && type->kind != kind::no_content && type->kind != kind::rule;
    if ((has_slash && has_content) || !is_placed(*type)) return false;
    if (type->kind == kind::style) return style();
    to_.open(type->layout, role_of(*type), attributes_);
    if (!has_content) {
      to_.close();
      return true;
    }
    open_.push_back(type);
    return type->kind != kind::title || title();
  }

  static html_role role_of(const element_type& type) {
    if (type.kind == kind::anchor) return html_role::anchor;
    if (type.kind == kind::table) return html_role::table;
    return type.name == "img" ? html_role::picture : html_role::plain;
  }

  // Whether the element stays where its tag stands, and moves the document on.
  bool is_placed(const element_type& type) {
    switch (type.kind) {
      case kind::html:
        return advance(stage::before_html, stage::before_head);
      case kind::head:
        return advance(stage::before_head, stage::in_head);
      case kind::body:
        return advance(stage::after_head, stage::in_body);
      case kind::in_head:
      case kind::title:
        return stage_ == stage::in_head;
      case kind::style:
        return stage_ == stage::in_head || stage_ == stage::in_body;
      default:
        return stage_ == stage::in_body && is_placed_in_body(type);
    }
  }

  bool advance(stage from, stage to) { return std::exchange(stage_, to) == from; }

  bool is_placed_in_body(const element_type& type) {
    const filters::kind inside = open_.back()->kind;
    switch (type.kind) {
      case kind::rows:
        return inside == kind::table;
      case kind::row:
        if (inside == kind::table) {
          to_.open(tbody().layout, html_role::plain, {});
          open_.push_back(&tbody());
          return true;
        }
        return inside == kind::rows;
      case kind::cell:
        return inside == kind::row;
      default:
        break;
    }
    if (is_among_rows()) return false;
    switch (type.kind) {
      case kind::item:
        return inside == kind::list;
      case kind::heading:
        return inside != kind::heading && !is_in_cell(kind::paragraph);
      case kind::anchor:
        return !is_in_cell(kind::anchor);
      case kind::formatting:
      case kind::inline_:
      case kind::no_content:
        return true;
      default:  // blocks end a paragraph
        return !is_in_cell(kind::paragraph);
    }
  }

  // Where text and other elements do not stay.
  bool is_among_rows() const {
    if (open_.empty()) return false;
    const filters::kind k = open_.back()->kind;
    return k == kind::table || k == kind::rows || k == kind::row;
  }

  // Whether an element of that kind is open inside the innermost table cell.
  bool is_in_cell(filters::kind wanted) const {
    for (auto t = open_.rbegin(); t != open_.rend(); ++t) {
      if ((*t)->kind == wanted) return true;
      if ((*t)->kind == kind::cell) return false;
    }
    return false;
  }

  // Up to the tag's end, or the slash before it.
  bool read_attributes(std::size_t& at) {
    attributes_.clear();
    std::size_t decoded = 0;
    for (;;) {
      const std::size_t before = at;
      while (at < source_.size() && is_blank(source_[at])) ++at;
      if (at == source_.size()) return false;
      if (source_[at] == '>') return true;
      if (source_[at] == '/') return at + 1 < source_.size() && source_[at + 1] == '>';
      if (at == before || !read_attribute(at, decoded)) return false;
    }
  }

  bool read_attribute(std::size_t& at, std::size_t& decoded) {
    html_attribute a;
    const std::size_t begin = at;
    while (at < source_.size() && is_attribute_name(source_[at])) ++at;
    a.name = source_.substr(begin, at - begin);
    if (a.name.empty() || at == source_.size()) return false;
    for (const html_attribute& other : attributes_) {
      if (other.name.size() == a.name.size() && ascii_iequals(other.name, a.name)) return false;
    }
    a.begin = a.end = at;
    if (source_[at] == '=') {
      ++at;
      if (!read_value(at, a, decoded)) return false;
    }
    attributes_.push_back(a);
    return at < source_.size() &&
           (is_blank(source_[at]) || source_[at] == '>' || source_[at] == '/');
  }

  bool read_value(std::size_t& at, html_attribute& a, std::size_t& decoded) {
    if (at == source_.size()) return false;
    const char quote = source_[at];
    a.begin = at;
    std::string_view raw;
    if (quote == '"' || quote == '\'') {
      const auto end = source_.find(quote, at + 1);
      if (end == std::string_view::npos) return false;
      raw = source_.substr(at + 1, end - at - 1);
      at = end + 1;
    } else {
      std::size_t end = at;
      while (end < source_.size() && !is_blank(source_[end]) && source_[end] != '>') ++end;
      raw = source_.substr(at, end - at);
      if (raw.empty() || raw.find_first_of("\"'<=`/") != std::string_view::npos) return false;
      at = end;
    }
    a.end = at;
    a.value = raw;
    if (raw.find('&') == raw.npos && raw.find('\r') == raw.npos) return true;
    if (decoded == values_.size()) values_.push_back(std::make_unique<std::string>());
    std::string& value = *values_[decoded++];
    value.clear();
    if (!decode_references(raw, true, value)) return false;
    a.value = value;
    return true;
  }

  // Where </name stands; npos if nowhere.
  std::size_t find_end_tag(std::string_view name) const {
    for (auto at = source_.find("</", at_); at != std::string_view::npos;
         at = source_.find("</", at + 2)) {
      if (ascii_iequals(source_.substr(at + 2, name.size()), name)) return at;
    }
    return std::string_view::npos;
  }

  // Its end tag must be a plain one.
  bool style() {
    constexpr std::string_view end_tag = "</style>";
    const auto at = find_end_tag("style");
    if (at == std::string_view::npos || at + end_tag.size() > source_.size() ||
        source_[at + end_tag.size() - 1] != '>') {
      return false;
    }
    to_.style(at_, at);
    at_ = at + end_tag.size();
    return true;
  }

  // Text up to its end tag, which is read then as any other.
  bool title() {
    const auto at = find_end_tag("title");
    if (at == std::string_view::npos) return false;
    const std::string_view raw = source_.substr(at_, at - at_);
    const std::size_t begin = std::exchange(at_, at);
    return raw.empty() || characters(raw, begin);
  }

  std::string_view source_;
  html_reading& to_;
  std::size_t at_ = 0;
  stage stage_ = stage::before_html;
  bool has_doctype_ = false;
  bool is_html_closed_ = false;
  std::vector<const element_type*> open_;
  std::vector<html_attribute> attributes_;
  std::vector<std::unique_ptr<std::string>> values_;  // decoded, of the tag being read
  std::string decoded_;
};

}  // namespace

bool read_plain_html(std::string_view source, html_reading& to) {
  return plain_reading{source, to}.run();
}

}  // namespace consentry::filters
