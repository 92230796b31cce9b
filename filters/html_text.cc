#include "filters/html_text.h"

#include <gumbo.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "filters/html_arena.h"
#include "filters/html_plain.h"
#include "filters/html_reading.h"

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

html_layout layout_of(GumboTag tag) {
  switch (tag) {
    case GUMBO_TAG_SCRIPT:
    case GUMBO_TAG_STYLE:
    case GUMBO_TAG_TEMPLATE:
      return html_layout::nothing;
    case GUMBO_TAG_TD:
    case GUMBO_TAG_TH:
    case GUMBO_TAG_IMG:
    case GUMBO_TAG_BUTTON:
    case GUMBO_TAG_INPUT:
    case GUMBO_TAG_OPTION:
    case GUMBO_TAG_SELECT:
      return html_layout::blank;
    case GUMBO_TAG_BR:
    case GUMBO_TAG_TR:
    case GUMBO_TAG_DIV:
    case GUMBO_TAG_DT:
    case GUMBO_TAG_DD:
      return html_layout::line;
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
      return html_layout::joins;
    default:
      return html_layout::block;
  }
}

html_role role_of(GumboTag tag) {
  switch (tag) {
    case GUMBO_TAG_A:
      return html_role::anchor;
    case GUMBO_TAG_IMG:
    case GUMBO_TAG_IMAGE:
      return html_role::picture;
    case GUMBO_TAG_SVG:
      return html_role::drawing;
    case GUMBO_TAG_INPUT:
      return html_role::input;
    case GUMBO_TAG_TABLE:
      return html_role::table;
    case GUMBO_TAG_BDO:
      return html_role::override_;
    default:
      return html_role::plain;
  }
}

const GumboVector* children_of(const GumboNode* n) {
  if (n->type == GUMBO_NODE_DOCUMENT) return &n->v.document.children;
  if (n->type == GUMBO_NODE_ELEMENT || n->type == GUMBO_NODE_TEMPLATE) {
    return &n->v.element.children;
  }
  return nullptr;
}

// Goes through gumbo's tree without recursion.
class tree_walk {
 public:
  // The piece begins at `offset` of the source: it is the document itself or what stands in a
  // conditional comment.
  tree_walk(std::string_view piece, std::size_t offset, html_reading& to)
      : piece_{piece}, offset_{offset}, to_{to} {}

  void run(const GumboNode* document) {
    struct frame {
      const GumboNode* node;
      unsigned next;
    };
    std::vector<frame> open{{document, 0}};
    while (!open.empty()) {
      frame& f = open.back();
      const GumboVector* children = children_of(f.node);
      if (f.next == children->length) {
        if (f.node != document) to_.close();
        open.pop_back();
        continue;
      }
      const auto* child = static_cast<const GumboNode*>(children->data[f.next++]);
      if (children_of(child) == nullptr) {
        leaf(child);
      } else if (enter(child->v.element)) {
        open.push_back({child, 0});
      }
    }
  }

 private:
  bool enter(const GumboElement& e) {
    const html_layout layout = layout_of(e.tag);
    if (layout == html_layout::nothing) {
      without_text(e);
      return false;
    }
    attributes_.clear();
    for (unsigned i = 0; i < e.attributes.length; ++i) {
      const auto* a = static_cast<const GumboAttribute*>(e.attributes.data[i]);
      const auto [begin, end] = place(a->original_value);
      attributes_.push_back({a->name, a->value, begin, end});
    }
    to_.open(layout, role_of(e.tag), attributes_);
    return true;
  }

  // Style sheets, and data in scripts.
  void without_text(const GumboElement& e) {
    if (e.tag == GUMBO_TAG_TEMPLATE) return;
    const GumboAttribute* type = gumbo_get_attribute(&e.attributes, "type");
    const bool is_data = e.tag == GUMBO_TAG_SCRIPT && type != nullptr &&
                         ascii_lower(type->value).find("json") != std::string::npos;
    if (e.tag != GUMBO_TAG_STYLE && !is_data) return;
    for (unsigned i = 0; i < e.children.length; ++i) {
      const auto* child = static_cast<const GumboNode*>(e.children.data[i]);
      if (children_of(child) != nullptr || child->type == GUMBO_NODE_COMMENT) continue;
      const auto [begin, end] = place(child->v.text.original_text);
      is_data ? to_.data(begin, end) : to_.style(begin, end);
    }
  }

  void leaf(const GumboNode* n) {
    const auto [begin, end] = place(n->v.text.original_text);
    if (n->type == GUMBO_NODE_COMMENT) {
      to_.comment(begin, end);
    } else {
      to_.text(n->v.text.text, begin, end);
    }
  }

  // Where a piece of gumbo's input stands in the source.
  std::pair<std::size_t, std::size_t> place(const GumboStringPiece& s) const {
    const char* const first = piece_.data();
    if (s.data == nullptr || s.data < first || s.data > first + piece_.size()) {
      return {offset_, offset_};
    }
    const auto begin = static_cast<std::size_t>(s.data - first);
    const std::size_t length = std::min(s.length, piece_.size() - begin);
    return {offset_ + begin, offset_ + begin + length};
  }

  std::string_view piece_;
  std::size_t offset_;
  html_reading& to_;
  std::vector<html_attribute> attributes_;
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

// Empty if the source may be read.
std::string why_not(std::string_view source, const html_document& out, const html_limits& limits) {
  if (source.size() > limits.bytes_max) return "HTML longer than can be read";
  if (out.tags > limits.tags_max) return "HTML with too many tags";
  return {};
}

html_document unreadable(std::string why) {
  html_document none;
  none.unreadable = std::move(why);
  return none;
}

constexpr const char* multiplies = "HTML whose structure multiplies";

// The piece is the document itself, or what stands in a conditional comment.
bool read_tree(std::string_view source, std::size_t offset, std::size_t length,
               const html_limits& limits, html_reading& reading) {
  const std::string_view piece = source.substr(offset, length);
  html_arena arena{limits.memory_base + limits.memory_per_octet * piece.size()};
  GumboOutput* tree = nullptr;
  if (!parse(arena, piece, tree)) return false;
  tree_walk{piece, offset, reading}.run(tree->document);
  return true;
}

// Whether there may be text or a link in it. Most conditional comments only lay out tables for
// Outlook.
bool may_say_something(std::string_view piece) {
  for (std::size_t at = 0; at < piece.size();) {
    if (piece[at] != '<') {
      if (std::isspace(static_cast<unsigned char>(piece[at])) == 0) return true;
      ++at;
      continue;
    }
    const std::size_t end = std::min(piece.find('>', at), piece.size());
    const std::string tag = ascii_lower(piece.substr(at, end - at));
    for (const std::string_view name : {"href", "src", "action", "data", "alt", "title",
                                        "placeholder", "value", "label", "srcdoc", "<"}) {
      if (tag.find(name, 1) != std::string::npos) return true;
    }
    at = std::min(end + 1, piece.size());
  }
  return false;
}

// A comment inside a conditional comment ends it, so there is one level only.
bool read_conditionals(std::string_view source, const html_limits& limits, html_reading& reading) {
  const auto pieces = reading.conditionals();
  return std::all_of(pieces.begin(), pieces.end(), [&](const auto& piece) {
    const auto [offset, length] = piece;
    return !may_say_something(source.substr(offset, length)) ||
           read_tree(source, offset, length, limits, reading);
  });
}

html_document read_with(bool (*parse)(std::string_view, const html_limits&, html_reading&),
                        std::string_view source, const html_limits& limits, bool& is_parsed) {
  html_document out;
  out.tags = count_tags(source);
  if (auto why = why_not(source, out, limits); !why.empty()) return unreadable(std::move(why));
  html_reading reading{source, out, [&limits](std::string_view framed) {
                         if (limits.frames_deep_max == 0) return unreadable("HTML frames too deep");
                         html_limits inner = limits;
                         --inner.frames_deep_max;
                         return read_html(framed, inner);
                       }};
  is_parsed = parse(source, limits, reading);
  if (!is_parsed || !read_conditionals(source, limits, reading)) return unreadable(multiplies);
  reading.finish();
  if (reading.multiplies()) return unreadable(multiplies);
  if (reading.has_unreadable_frame()) return unreadable("HTML in a frame that cannot be read");
  return out;
}

}  // namespace

html_document read_html(std::string_view source, const html_limits& limits) {
  bool is_parsed = true;
  html_document out = read_with(
      [](std::string_view s, const html_limits&, html_reading& r) { return read_plain_html(s, r); },
      source, limits, is_parsed);
  return is_parsed ? out : read_html_as_tree(source, limits);
}

html_document read_html_as_tree(std::string_view source, const html_limits& limits) {
  bool is_parsed = true;
  return read_with([](std::string_view s, const html_limits& l,
                      html_reading& r) { return read_tree(s, 0, s.size(), l, r); },
                   source, limits, is_parsed);
}

}  // namespace consentry::filters
