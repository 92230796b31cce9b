#include "filters/html_text.h"

#include <gumbo.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/text.h"
#include "filters/html_align.h"
#include "filters/html_arena.h"
#include "filters/html_style.h"

namespace consentry::filters {
namespace {

// Tags that could open an element; an upper bound, comments and all.
std::size_t count_tags(std::string_view source) {
  std::size_t n = 0;
  for (std::size_t i = source.find('<'); i != std::string_view::npos; i = source.find('<', i + 1)) {
    if (i + 1 < source.size() && std::isalpha(static_cast<unsigned char>(source[i + 1]))) ++n;
  }
  return n;
}

enum class layout { joins, blank, line, block, nothing };

layout layout_of(GumboTag tag) {
  switch (tag) {
    case GUMBO_TAG_SCRIPT:
    case GUMBO_TAG_STYLE:
    case GUMBO_TAG_TEMPLATE:
      return layout::nothing;
    case GUMBO_TAG_TD:
    case GUMBO_TAG_TH:
    case GUMBO_TAG_IMG:
    case GUMBO_TAG_BUTTON:
    case GUMBO_TAG_INPUT:
    case GUMBO_TAG_OPTION:
    case GUMBO_TAG_SELECT:
      return layout::blank;
    case GUMBO_TAG_BR:
    case GUMBO_TAG_TR:
    case GUMBO_TAG_DIV:
    case GUMBO_TAG_DT:
    case GUMBO_TAG_DD:
      return layout::line;
    case GUMBO_TAG_A:
    case GUMBO_TAG_ABBR:
    case GUMBO_TAG_ACRONYM:
    case GUMBO_TAG_B:
    case GUMBO_TAG_BDI:
    case GUMBO_TAG_BDO:
    case GUMBO_TAG_BIG:
    case GUMBO_TAG_CITE:
    case GUMBO_TAG_CODE:
    case GUMBO_TAG_DATA:
    case GUMBO_TAG_DEL:
    case GUMBO_TAG_DFN:
    case GUMBO_TAG_EM:
    case GUMBO_TAG_FONT:
    case GUMBO_TAG_I:
    case GUMBO_TAG_INS:
    case GUMBO_TAG_KBD:
    case GUMBO_TAG_LABEL:
    case GUMBO_TAG_MARK:
    case GUMBO_TAG_NOBR:
    case GUMBO_TAG_Q:
    case GUMBO_TAG_S:
    case GUMBO_TAG_SAMP:
    case GUMBO_TAG_SMALL:
    case GUMBO_TAG_SPAN:
    case GUMBO_TAG_STRIKE:
    case GUMBO_TAG_STRONG:
    case GUMBO_TAG_SUB:
    case GUMBO_TAG_SUP:
    case GUMBO_TAG_TIME:
    case GUMBO_TAG_TT:
    case GUMBO_TAG_U:
    case GUMBO_TAG_VAR:
    case GUMBO_TAG_WBR:
    case GUMBO_TAG_UNKNOWN:
      return layout::joins;
    default:
      return layout::block;
  }
}

std::string_view attribute(const GumboElement& e, const char* name) {
  const GumboAttribute* a = gumbo_get_attribute(&e.attributes, name);
  return a == nullptr ? std::string_view{} : std::string_view{a->value};
}

class reading {
 public:
  reading(std::string_view source, html_document& out) : source_{source}, out_{out} {}

  // Offset of the piece being read in the whole source; a piece is the document itself or what
  // stands in a conditional comment.
  void walk(const GumboNode* root, std::string_view piece, std::size_t piece_offset) {
    piece_ = piece;
    piece_offset_ = piece_offset;
    std::vector<frame> open;
    open.push_back({root, 0, {}, false});
    enter(open.back());
    while (!open.empty()) {
      frame& f = open.back();
      const GumboVector* children = children_of(f.node);
      if (f.skips || children == nullptr || f.next >= children->length) {
        leave(f);
        open.pop_back();
        continue;
      }
      const auto* child = static_cast<const GumboNode*>(children->data[f.next++]);
      if (children_of(child) != nullptr) {
        frame inner{child, 0, f.visibility, false};
        enter(inner);
        open.push_back(std::move(inner));
      } else {
        leaf(child, f.visibility);
      }
    }
  }

  // (offset, length) of conditional comments' contents, in the source.
  std::vector<std::pair<std::size_t, std::size_t>> conditionals;

 private:
  struct frame {
    const GumboNode* node;
    unsigned next;
    html_visibility visibility;
    bool skips;
    std::size_t link = SIZE_MAX;  // index of the link it opened
    std::size_t link_text = 0;    // length of the visible text at that time
  };

  static const GumboVector* children_of(const GumboNode* n) {
    if (n->type == GUMBO_NODE_DOCUMENT) return &n->v.document.children;
    if (n->type == GUMBO_NODE_ELEMENT || n->type == GUMBO_NODE_TEMPLATE) {
      return &n->v.element.children;
    }
    return nullptr;
  }

  mapped_text& target(const html_visibility& v) { return v.hides() ? out_.hidden : out_.visible; }

  void enter(frame& f) {
    if (f.node->type != GUMBO_NODE_ELEMENT && f.node->type != GUMBO_NODE_TEMPLATE) return;
    const GumboElement& e = f.node->v.element;
    const layout l = layout_of(e.tag);
    f.skips = l == layout::nothing;
    if (f.skips) return;
    look_at_attributes(f, e);
    separate(l, f.visibility);
    for (const char* name : {"href", "src", "action", "data", "xlink:href"}) {
      const bool is_picture = e.tag == GUMBO_TAG_IMG || e.tag == GUMBO_TAG_IMAGE;
      if (is_picture && std::strcmp(name, "src") == 0) continue;
      add_link(f, e, name);
    }
    if (e.tag == GUMBO_TAG_IMG || e.tag == GUMBO_TAG_IMAGE || e.tag == GUMBO_TAG_SVG) ++out_.images;
    add_attribute(f, e, "alt");
    add_attribute(f, e, "title");
    add_attribute(f, e, "placeholder");
    if (e.tag == GUMBO_TAG_INPUT && !ascii_iequals(attribute(e, "type"), "hidden")) {
      add_attribute(f, e, "value");
    }
  }

  void look_at_attributes(frame& f, const GumboElement& e) {
    if (gumbo_get_attribute(&e.attributes, "hidden") != nullptr) f.visibility.is_gone = true;
    if (const auto color = attribute(e, "bgcolor"); !color.empty()) {
      f.visibility.background = plain_color(color);
    }
    if (!attribute(e, "background").empty()) f.visibility.background.clear();
    // A class may set the background; then white letters prove nothing.
    if (!attribute(e, "class").empty() && has_style_sheet_) f.visibility.background.clear();
    if (const auto color = attribute(e, "color"); !color.empty()) {
      f.visibility.color = plain_color(color);
    }
    if (e.tag == GUMBO_TAG_A) f.visibility.color.clear();  // links have a colour of their own
    if (const auto style = attribute(e, "style"); !style.empty()) {
      apply_style(f.visibility, style);
    }
  }

  void leave(const frame& f) {
    if (f.node->type != GUMBO_NODE_ELEMENT || f.skips) return;
    if (f.link != SIZE_MAX && out_.visible.text.size() > f.link_text) {
      out_.links[f.link].text = out_.visible.text.substr(f.link_text, 500);
    }
    separate(layout_of(f.node->v.element.tag), f.visibility);
  }

  void separate(layout l, const html_visibility& v) {
    if (l == layout::joins || l == layout::nothing) return;
    mapped_text& t = target(v);
    const std::string_view mark = l == layout::blank ? " " : l == layout::line ? "\n" : "\n\n";
    if (t.text.empty() || t.text.ends_with("\n\n") || t.text.ends_with(mark)) return;
    append_unmapped(t, mark);
  }

  void add_attribute(const frame& f, const GumboElement& e, const char* name) {
    const GumboAttribute* a = gumbo_get_attribute(&e.attributes, name);
    if (a == nullptr || a->value == nullptr || *a->value == '\0') return;
    mapped_text& t = target(f.visibility);
    append_unmapped(t, " ");
    const auto [begin, end] = place(a->original_value.data, a->original_value.length);
    append_clamped(t, a->value, begin, end);
    append_unmapped(t, " ");
  }

  void add_link(frame& f, const GumboElement& e, const char* name) {
    const GumboAttribute* a = gumbo_get_attribute(&e.attributes, name);
    if (a == nullptr || a->value == nullptr || *a->value == '\0') return;
    const auto [begin, end] = place(a->original_value.data, a->original_value.length);
    f.link = out_.links.size();
    f.link_text = out_.visible.text.size();
    out_.links.push_back({a->value, {}, begin, end});
  }

  void leaf(const GumboNode* n, const html_visibility& v) {
    if (n->type == GUMBO_NODE_COMMENT) {
      conditional(n->v.text);
      return;
    }
    const auto [begin, end] = place(n->v.text.original_text.data, n->v.text.original_text.length);
    append_aligned(target(v), n->v.text.text, source_.substr(begin, end - begin), begin);
  }

  // <!--[if mso]> ... <![endif]-->: Outlook shows it, so it is text.
  void conditional(const GumboText& comment) {
    const auto [begin, end] = place(comment.original_text.data, comment.original_text.length);
    const std::string_view all = source_.substr(begin, end - begin);
    const auto open = all.find("[if");
    if (open == std::string_view::npos || open > 6) return;
    const auto inner = all.find('>', open);
    if (inner == std::string_view::npos) return;
    conditionals.emplace_back(begin + inner + 1, end - begin - inner - 1);
  }

  // Where a piece of gumbo's input stands in the source.
  std::pair<std::size_t, std::size_t> place(const char* data, std::size_t length) const {
    const char* const first = piece_.data();
    if (data == nullptr || data < first || data > first + piece_.size()) {
      return {piece_offset_, piece_offset_};
    }
    const auto begin = static_cast<std::size_t>(data - first);
    length = std::min(length, piece_.size() - begin);
    return {piece_offset_ + begin, piece_offset_ + begin + length};
  }

  std::string_view source_;
  html_document& out_;
  std::string_view piece_;
  std::size_t piece_offset_ = 0;

 public:
  bool has_style_sheet_ = false;
};

// False: the budget ran out. No object with a destructor may live between setjmp and the parse.
bool parse(html_arena& arena, std::string_view piece, GumboOutput*& tree) {
  GumboOptions options = kGumboDefaultOptions;
  options.allocator = &html_arena::allocate;
  options.deallocator = &html_arena::release;
  options.userdata = &arena;
  options.max_errors = 0;
  if (setjmp(arena.escape()) != 0) return false;
  tree = gumbo_parse_with_options(&options, piece.data(), piece.size());
  return true;
}

}  // namespace

html_document read_html(std::string_view source, const html_limits& limits) {
  html_document out;
  const auto refuse = [&](std::string why) {
    html_document none;
    none.unreadable = std::move(why);
    return none;
  };
  if (source.size() > limits.bytes_max) return refuse("HTML longer than can be read");
  out.tags = count_tags(source);
  if (out.tags > limits.tags_max) return refuse("HTML with too many tags");
  reading r{source, out};
  r.has_style_sheet_ = ascii_lower(source).find("background") != std::string::npos &&
                       ascii_lower(source).find("<style") != std::string::npos;
  std::vector<std::pair<std::size_t, std::size_t>> pieces{{0, source.size()}};
  // Comments inside a conditional comment end it, so there is one level only.
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto [offset, length] = pieces[i];
    const std::string_view piece = source.substr(offset, length);
    html_arena arena{limits.memory_base + limits.memory_per_octet * piece.size()};
    GumboOutput* tree = nullptr;
    if (!parse(arena, piece, tree)) return refuse("HTML whose structure multiplies");
    r.walk(tree->document, piece, offset);
    if (i == 0) pieces.insert(pieces.end(), r.conditionals.begin(), r.conditionals.end());
  }
  return out;
}

}  // namespace consentry::filters
