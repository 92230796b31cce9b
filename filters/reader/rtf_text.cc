#include "filters/reader/rtf_text.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <vector>

#include "base/text.h"
#include "filters/reader/letter_count.h"
#include "smtp/mime/header_text.h"

namespace consentry::filters::reader {
namespace {

constexpr std::size_t groups_max = 1'000;

bool is_one_of(std::string_view value, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char low = static_cast<char>(c | 0x20);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

// Destinations that no reader sees.
bool is_silent(std::string_view word) {
  return is_one_of(word, {"colortbl",     "stylesheet", "listtable", "listoverridetable",
                          "rsidtbl",      "generator",  "themedata", "colorschememapping",
                          "latentstyles", "datastore",  "xmlnstbl",  "pict",
                          "nonshppict",   "objdata",    "mmathPr",   "revtbl",
                          "filetbl",      "pgptbl",     "panose",    "falt",
                          "fontemb",      "objclass",   "sn",        "bkmkstart",
                          "bkmkend",      "blipuid"});
}
// Destinations marked as new ("\*") that are seen all the same.
bool is_seen(std::string_view word) {
  return is_one_of(word, {"fldinst", "shpinst", "do", "annotation", "atnid", "atnauthor", "ud",
                          "sv", "footnote", "shppict", "hlinkbase", "keywords", "company",
                          "manager", "category", "userprops", "background"});
}
bool is_break(std::string_view word) {
  return is_one_of(word, {"par", "line", "page", "sect", "row", "nestrow", "column", "softline"});
}

// Stands in the midst of other text, even of a word, and is shown elsewhere.
bool is_text_apart(std::string_view word) {
  return is_one_of(word, {"fldinst", "annotation", "footnote", "title", "subject", "author",
                          "doccomm", "keywords", "category", "company", "manager", "hlinkbase",
                          "shptxt", "dptxbxtext", "atnid", "atnauthor", "sv"});
}

std::string charset_of_font(int fcharset, const std::string& otherwise) {
  static const std::map<int, const char*> names{
      {77, "macintosh"},     {128, "shift_jis"},    {129, "windows-949"},  {134, "gb18030"},
      {136, "windows-950"},  {161, "windows-1253"}, {162, "windows-1254"}, {163, "windows-1258"},
      {177, "windows-1255"}, {178, "windows-1256"}, {186, "windows-1257"}, {204, "windows-1251"},
      {222, "windows-874"},  {238, "windows-1250"}, {255, "ibm-852"}};
  const auto at = names.find(fcharset);
  return at == names.end() ? otherwise : at->second;
}

struct group {
  bool is_silent = false;
  bool is_font_table = false;
  bool is_aside = false;  // a note, a field's instruction, a text box
  bool begins_aside = false;
  bool is_hidden = false;  // \v
  int font = -1;
  int after_unicode = 1;  // \uc: characters that stand in for a \u
};

class reading_rtf {
 public:
  reading_rtf(std::string_view bytes, std::size_t octets_max)
      : in_{bytes}, octets_max_{octets_max} {}

  rtf_text run() {
    while (at_ < in_.size() && out_.problem.empty()) step();
    flush();
    out_.letters = count_letters(out_.text);
    if (!asides_.empty()) out_.text += '\n' + asides_;
    if (out_.problem.empty() && groups_.size() > 1) out_.problem = "is broken off";
    return std::move(out_);
  }

 private:
  group& now() { return groups_.back(); }

  void step() {
    const char c = in_[at_++];
    if (c == '{') {
      flush();
      if (groups_.size() == groups_max) out_.problem = "is nested too deeply";
      groups_.push_back(now());
      now().begins_aside = false;
      is_new_destination_ = false;
    } else if (c == '}') {
      if (now().begins_aside) put("\n");
      flush();
      if (groups_.size() > 1) groups_.pop_back();
      skip_ = 0;
    } else if (c == '\\') {
      control();
    } else if (c != '\r' && c != '\n') {
      octet(c);
    }
    if (out_.text.size() + asides_.size() > octets_max_)
      out_.problem = "holds more text than is read";
  }

  void control() {
    if (at_ == in_.size()) return;
    const char c = in_[at_];
    if (is_letter(c)) return word();
    ++at_;
    if (c == '\'') return hexadecimal();
    if (c == '*') {
      is_new_destination_ = true;
    } else if (c == '~') {
      octet(' ');
    } else if (c == '_') {
      octet('-');
    } else if (c == '\r' || c == '\n') {
      put("\n");
    } else if (c == '\\' || c == '{' || c == '}') {
      octet(c);
    }
  }

  void hexadecimal() {
    if (at_ + 2 > in_.size()) return;
    const int high = hex_value(in_[at_]);
    const int low = hex_value(in_[at_ + 1]);
    if (high < 0 || low < 0) return;
    at_ += 2;
    octet(static_cast<char>(high * 16 + low));
  }

  void word() {
    const std::size_t begin = at_;
    while (at_ < in_.size() && is_letter(in_[at_]) && at_ - begin < 32) ++at_;
    const std::string_view name = in_.substr(begin, at_ - begin);
    std::optional<int> number;
    const std::size_t sign = at_;
    if (at_ < in_.size() && in_[at_] == '-') ++at_;
    const std::size_t digits = at_;
    std::int64_t n = 0;
    while (at_ < in_.size() && is_digit(in_[at_]) && at_ - digits < 10)
      n = n * 10 + (in_[at_++] - '0');
    if (at_ == digits) {
      at_ = sign;
    } else {
      number =
          static_cast<int>(std::clamp<std::int64_t>(digits > sign ? -n : n, INT32_MIN, INT32_MAX));
    }
    if (at_ < in_.size() && in_[at_] == ' ') ++at_;
    obey(name, number);
  }

  void obey(std::string_view name, std::optional<int> number) {
    const int n = number.value_or(0);
    if (name == "bin") {
      at_ += std::min<std::size_t>(static_cast<std::size_t>(std::max(n, 0)), in_.size() - at_);
      return;
    }
    if (name == "u" && number) return unicode(n);
    flush();
    if (is_new_destination_ && !is_seen(name)) now().is_silent = true;
    is_new_destination_ = false;
    if (name == "objdata") out_.problem = "holds an embedded object";
    if (name == "pict") out_.has_pictures = true;
    if (is_silent(name)) now().is_silent = true;
    if (name == "fonttbl") now().is_font_table = true;
    if (name == "uc" && n >= 0 && n <= 100) now().after_unicode = n;
    if (name == "ansicpg" && n > 0) page_ = "windows-" + std::to_string(n);
    if (name == "pc") page_ = "ibm-437";
    if (name == "pca") page_ = "ibm-850";
    if (name == "mac") page_ = "macintosh";
    if (name == "f") now().font = n;
    if (name == "plain") now().font = -1;
    if (name == "fcharset" && now().is_font_table) fonts_[now().font] = n;
    if (is_break(name)) put("\n");
    if (name == "tab" || name == "cell" || name == "nestcell") put(" ");
    if (is_text_apart(name)) now().is_aside = now().begins_aside = true;
    if (name == "v") now().is_hidden = number.value_or(1) != 0;
    if (name == "plain") now().is_hidden = false;
    if (name == "endash" || name == "emdash") put("-");
    if (name == "lquote" || name == "rquote") put("'");
    if (name == "ldblquote" || name == "rdblquote") put("\"");
    if (name == "bullet") put("* ");
  }

  void unicode(int n) {
    flush();
    skip_ = now().after_unicode;
    auto unit = static_cast<std::uint32_t>(n < 0 ? n + 65536 : n) & 0xFFFF;
    if (unit >= 0xD800 && unit < 0xDC00) {
      high_surrogate_ = unit;
      return;
    }
    std::uint32_t c = unit;
    if (unit >= 0xDC00 && unit < 0xE000) {
      c = high_surrogate_ == 0 ? 0xFFFD
                               : 0x10000 + ((high_surrogate_ - 0xD800) << 10) + (unit - 0xDC00);
    }
    high_surrogate_ = 0;
    if (c >= 0xF000 && c <= 0xF0FF) c -= 0xF000;  // symbol fonts
    put(utf8(c));
  }

  static std::string utf8(std::uint32_t c) {
    const auto tail = [](std::uint32_t bits) { return static_cast<char>(0x80 | (bits & 0x3F)); };
    if (c < 0x80) return {static_cast<char>(c)};
    if (c < 0x800) return {static_cast<char>(0xC0 | c >> 6), tail(c)};
    if (c < 0x10000) return {static_cast<char>(0xE0 | c >> 12), tail(c >> 6), tail(c)};
    return {static_cast<char>(0xF0 | c >> 18), tail(c >> 12), tail(c >> 6), tail(c)};
  }

  void octet(char c) {
    if (skip_ > 0) {
      --skip_;
    } else if (!now().is_silent && !now().is_font_table) {
      run_ += c;
    }
  }

  void put(std::string_view utf8_text) {
    flush();
    if (!now().is_silent && !now().is_font_table) sink() += utf8_text;
  }

  // Octets of one run of one font are text together: a character may be two of them.
  void flush() {
    if (run_.empty()) return;
    const auto font = fonts_.find(now().font);
    std::string label = font == fonts_.end() ? page_ : charset_of_font(font->second, page_);
    sink() += is_ascii(run_) ? run_ : smtp::mime::to_utf8(run_, label);
    run_.clear();
  }

  std::string& sink() { return now().is_aside || now().is_hidden ? asides_ : out_.text; }

  std::string_view in_;
  std::size_t octets_max_;
  std::string asides_;
  std::size_t at_ = 0;
  std::vector<group> groups_{1};
  std::map<int, int> fonts_;  // number to \fcharset
  std::string page_ = "windows-1252";
  std::string run_;
  int skip_ = 0;
  std::uint32_t high_surrogate_ = 0;
  bool is_new_destination_ = false;
  rtf_text out_;
};

}  // namespace

rtf_text read_rtf(std::string_view bytes, std::size_t octets_max) {
  return reading_rtf{bytes, octets_max}.run();
}

}  // namespace consentry::filters::reader
