// From elements, texts and comments of HTML, in document order, to what a reader sees
// (html_text.h). Whoever takes the source apart calls this; it knows no parser.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/html_style.h"
#include "filters/html_text.h"

namespace consentry::filters {

// How an element's text stands to what comes before and behind it.
enum class html_layout : std::uint8_t { joins, blank, line, block, nothing };

// Elements that mean more than their layout.
enum class html_role : std::uint8_t { plain, anchor, picture, drawing, input, table, override_ };

struct html_attribute {
  std::string_view name;   // any case
  std::string_view value;  // entities decoded
  std::size_t begin = 0;   // of the value in the source, quotes and all
  std::size_t end = 0;
};

// Reads a document that stands in an attribute (srcdoc of a frame).
using frame_reader = std::function<html_document(std::string_view)>;

class html_reading {
 public:
  // Source and out must outlive this.
  html_reading(std::string_view source, html_document& out, frame_reader read_frame);

  // Every element but those of layout `nothing`, whose content nobody reads. Each name at most
  // once.
  void open(html_layout layout, html_role role, std::span<const html_attribute> attributes);
  void close();

  // decoded is what source [begin, end) says.
  void text(std::string_view decoded, std::size_t begin, std::size_t end);
  // The same where the source holds no entities, and no carriage return but before a line feed.
  void plain_text(std::size_t begin, std::size_t end);
  // What stands between <style> and its end tag.
  void style(std::size_t begin, std::size_t end);
  // ... and of <script type="application/ld+json">: its strings.
  void data(std::size_t begin, std::size_t end);
  // When all is told.
  void finish();
  // The whole of it. <!--[if mso]> ... <![endif]-->: Outlook shows it, so it is text.
  void comment(std::size_t begin, std::size_t end);

  // (offset, length) of conditional comments' contents, in the source.
  const std::vector<std::pair<std::size_t, std::size_t>>& conditionals() const noexcept {
    return conditionals_;
  }
  // Some frame's document could not be read.
  bool has_unreadable_frame() const noexcept { return has_unreadable_frame_; }
  // What style sheets have elements show is more than can be read.
  bool multiplies() const noexcept { return generated_octets_ > generated_octets_max; }

 private:
  enum known : std::uint8_t;
  struct frame {
    html_layout layout = html_layout::joins;
    html_visibility visibility;
    std::size_t link = SIZE_MAX;    // index of the link it opened
    std::size_t link_text = 0;      // length of the visible text at that time
    std::size_t turned = SIZE_MAX;  // the visible text's length where it began to be turned
    std::size_t begin = 0;          // ... and the element
    std::string after = {};         // shown behind its text
  };
  static constexpr std::size_t generated_octets_max = 1u << 20;
  static constexpr std::size_t shown_attributes_max = 64;  // of all sheets

  mapped_text& target() { return open_.back().visibility.hides() ? out_.hidden : out_.visible; }
  void look_at(html_role role);
  void separate(html_layout l);
  void add_text(known which);
  void add_text(const html_attribute& a);
  void turn(html_role role);
  void add_generated(std::span<const html_attribute> attributes);
  void show(std::string_view text);
  void end_float(const frame& f);
  void add_link(known which);
  void add_frame();
  std::string_view value_of(known which) const;

  std::string_view source_;
  html_document& out_;
  bool has_style_sheet_;
  std::vector<frame> open_;
  style_memo styles_;
  std::vector<const html_attribute*> known_;  // of the element being opened, by what is known
  std::vector<std::pair<std::size_t, std::size_t>> conditionals_;
  std::map<std::string, std::string, std::less<>> before_;  // by ".class" or "#id", what is shown
  std::map<std::string, std::string, std::less<>> after_;
  std::vector<std::string> shown_attributes_;  // by attr() of style sheets
  std::size_t generated_octets_ = 0;
  bool all_turned_ = false;
  std::vector<std::pair<std::size_t, std::size_t>> floats_;  // of single letters, to the right
  frame_reader read_frame_;
  bool has_unreadable_frame_ = false;
};

}  // namespace consentry::filters
