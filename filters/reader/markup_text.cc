#include "filters/reader/markup_text.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "base/text.h"
#include "filters/reader/letter_count.h"
#include "filters/reader/xml_events.h"

namespace consentry::filters::reader {
namespace {

bool is_one_of(std::string_view value, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// Behind these the next word is another.
bool ends_line(std::string_view name) {
  return is_one_of(
      name, {"p",         "br",         "cr",         "tr",          "row",         "si",
             "h",         "line-break", "title",      "description", "subject",     "keywords",
             "creator",   "comment",    "lpstr",      "list-item",   "f",           "oddHeader",
             "oddFooter", "evenHeader", "evenFooter", "firstHeader", "firstFooter", "v",
             "pt",        "rich"});
}
bool is_blank(std::string_view name) {
  return is_one_of(name, {"tab", "tc", "c", "table-cell", "s", "ptab"});
}
// Stands in the midst of other text, even of a word, and is shown elsewhere or not at all.
bool is_text_apart(std::string_view name) {
  return is_one_of(name, {"annotation", "note", "txbxContent", "instrText", "delText"});
}
// White space in these is text, elsewhere it is layout of the file. Only in OpenDocument paragraphs
// hold text themselves.
bool keeps_blanks(std::string_view name, bool is_open_document) {
  return is_one_of(name, {"t", "delText", "text", "instrText"}) ||
         (is_open_document && is_one_of(name, {"p", "h", "span", "a"}));
}
// Numbers of the layout.
bool is_layout(std::string_view name) {
  return is_one_of(name, {"posOffset", "align", "pctWidth", "pctHeight", "pctPosHOffset",
                          "pctPosVOffset", "formatCode", "config-item"});
}
// Attributes that a program shows, or follows.
bool is_shown(std::string_view element, std::string_view attribute) {
  if (is_one_of(attribute, {"descr", "title", "tooltip", "display", "href", "prompt", "promptTitle",
                            "error", "errorTitle", "alt", "string", "formatCode", "display-name",
                            "help-text", "label"}))
    return true;
  if (element == "sheet" || element == "table" || element == "definedName")
    return attribute == "name";
  if (element == "lvlText" || element == "alias" || element == "docPartGallery")
    return attribute == "val";
  return element == "list-level-style-bullet" ? attribute == "bullet-char" : false;
}

std::string utf8(std::uint32_t c) {
  std::string out;
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
  return out;
}

class listening final : public xml_listener {
 public:
  listening(std::size_t octets_max, const std::vector<std::string>& shared, std::vector<bool>* used)
      : octets_max_{octets_max}, shared_{shared}, used_{used} {}

  bool open(std::string_view name, const xml_attributes& attributes) override {
    if (out_.root.empty()) out_.root = name;
    path_.emplace_back(name);
    if (name == "encryption-data") out_.is_encrypted = true;
    if (name == "c") is_shared_cell_ = false;
    if (name == "si") string_begin_ = out_.text.size();
    std::string_view target;
    bool is_external = false;
    bool is_off = false;
    for (const auto& [key, value] : attributes) {
      if (key == "val") is_off = value == "0" || value == "false" || value == "off";
      if (name == "c" && key == "t") is_shared_cell_ = value == "s";
      if (key == "TargetMode") is_external = ascii_iequals(value, "External");
      if (key == "Target") target = value;
      if (name == "sym" && key == "char") symbol(value);
      if (!value.empty() && is_shown(name, key)) line(value);
    }
    if (is_external) line(target);
    if (is_text_apart(name)) ++asides_open_;
    if (name == "fldChar") asides_ += '\n';  // a field's instruction may come in pieces
    if (name == "r") is_hidden_run_ = false;
    if (name == "vanish") is_hidden_run_ = !is_off;
    if (is_blank(name)) sink() += ' ';
    if (name == "noBreakHyphen") sink() += '-';
    return fits();
  }

  bool close(std::string_view name) override {
    if (name == "v" && is_shared_cell_) show_shared();
    if (name == "si")
      out_.strings.push_back(out_.text.substr(std::min(string_begin_, out_.text.size())));
    if (ends_line(name)) end_line();
    if (name == "r") is_hidden_run_ = false;
    if (is_text_apart(name)) {
      if (name != "instrText") end_line();
      --asides_open_;
    }
    path_.pop_back();
    return fits();
  }

  bool text(std::string_view characters) override {
    const std::string_view in = path_.empty() ? std::string_view{} : path_.back();
    if (is_layout(in)) return true;
    if (in == "v" && is_shared_cell_) {
      if (index_.size() < 12) index_ += characters;
      return true;
    }
    if (!keeps_blanks(in, out_.root.starts_with("document-")) && trim(characters).empty())
      return true;
    sink() += characters;
    return fits();
  }

  markup_text take() {
    end_line();
    const auto digits = std::count_if(out_.text.begin(), out_.text.end(),
                                      [](char c) { return c >= '0' && c <= '9'; });
    out_.letters = count_letters(out_.text) + static_cast<std::size_t>(digits);
    out_.text += asides_;
    return std::move(out_);
  }

 private:
  bool fits() {
    if (out_.text.size() + asides_.size() <= octets_max_) return true;
    out_.problem = "holds more text than is read";
    return false;
  }

  std::string& sink() { return asides_open_ > 0 || is_hidden_run_ ? asides_ : out_.text; }

  void end_line() {
    std::string& s = sink();
    if (!s.empty() && s.back() != '\n') s += '\n';
  }

  // Not in the middle of a word: what attributes say stands behind all text.
  void line(std::string_view value) {
    if (value.empty() || value.starts_with('#')) return;
    if (!asides_.empty() && asides_.back() != '\n') asides_ += '\n';
    asides_.append(value) += '\n';
  }

  // Letters of symbol fonts stand at U+F000.
  void symbol(std::string_view hexadecimal) {
    std::uint32_t c = 0;
    const std::string digits{hexadecimal};
    const auto end = digits.data() + digits.size();
    if (std::from_chars(digits.data(), end, c, 16).ec != std::errc{}) return;
    if (c >= 0xF000 && c <= 0xF0FF) c -= 0xF000;
    if (c >= 0x20 && c < 0xD800) sink() += utf8(c);
  }

  void show_shared() {
    std::size_t n = 0;
    const auto end = index_.data() + index_.size();
    if (std::from_chars(index_.data(), end, n).ec == std::errc{} && n < shared_.size()) {
      out_.text += shared_[n];
      if (used_ != nullptr) (*used_)[n] = true;
    }
    index_.clear();
  }

  std::size_t octets_max_;
  const std::vector<std::string>& shared_;
  std::vector<bool>* used_;
  std::vector<std::string> path_;
  std::size_t string_begin_ = 0;
  bool is_shared_cell_ = false;
  bool is_hidden_run_ = false;
  int asides_open_ = 0;
  std::string index_;
  std::string asides_;
  markup_text out_;
};

}  // namespace

markup_text text_of_markup(std::string_view xml, std::size_t octets_max,
                           const std::vector<std::string>& shared, std::vector<bool>* used) {
  listening l{octets_max, shared, used};
  auto problem = read_xml(xml, l);
  auto out = l.take();
  if (out.problem.empty()) out.problem = std::move(problem);
  return out;
}

}  // namespace consentry::filters::reader
