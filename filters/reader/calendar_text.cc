#include "filters/reader/calendar_text.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "smtp/mime/header_text.h"
#include "smtp/mime/transfer_decoding.h"

namespace consentry::filters::reader {
namespace {

struct content_line {
  std::string parameters;  // lower case, with the name
  std::string_view value;
};

// At the first colon that stands in no quotes.
content_line taken_apart(std::string_view line) {
  bool is_quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') is_quoted = !is_quoted;
    if (line[i] == ':' && !is_quoted) return {ascii_lower(line.substr(0, i)), line.substr(i + 1)};
  }
  return {{}, line};
}

std::string unescaped(std::string_view value) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '\\' || i + 1 == value.size()) {
      out += value[i];
      continue;
    }
    const char c = value[++i];
    out += c == 'n' || c == 'N' ? '\n' : c;
  }
  return out;
}

std::string charset_of(const std::string& parameters) {
  const auto at = parameters.find("charset=");
  if (at == std::string::npos) return "utf-8";
  const auto begin = at + 8;
  return parameters.substr(begin, parameters.find(';', begin) - begin);
}

bool is_quoted_printable(const std::string& p) {
  return p.find("quoted-printable") != p.npos;
}
bool is_base64(const std::string& p) {
  return p.find("encoding=b") != p.npos || p.find(";base64") != p.npos;
}

class reading_calendar {
 public:
  calendar_text run(std::string_view in) {
    while (!in.empty()) {
      const auto end = std::min(in.find('\n'), in.size());
      auto line = in.substr(0, end);
      in.remove_prefix(std::min(end + 1, in.size()));
      if (line.ends_with('\r')) line.remove_suffix(1);
      next(line);
    }
    finish();
    return std::move(out_);
  }

 private:
  void next(std::string_view line) {
    const bool is_folded = line.starts_with(' ') || line.starts_with('\t');
    if (is_folded && is_begun_) {
      line_ += line.substr(1);
      return;
    }
    // vCard 2.1 breaks quoted-printable softly, without folding.
    if (is_begun_ && line_.ends_with('=') && is_quoted_printable(taken_apart(line_).parameters)) {
      line_.pop_back();
      line_ += line;
      return;
    }
    finish();
    line_ = line;
    is_begun_ = true;
  }

  void finish() {
    if (!is_begun_) return;
    const auto l = taken_apart(line_);
    if (is_base64(l.parameters)) {
      out_.attached.push_back(smtp::mime::decode_base64(l.value, l.value.size()).bytes);
    } else if (is_quoted_printable(l.parameters)) {
      auto label = charset_of(l.parameters);
      const auto decoded = smtp::mime::decode_quoted_printable(l.value, l.value.size());
      out_.text += smtp::mime::to_utf8(decoded.bytes, label) + '\n';
    } else {
      out_.text += unescaped(l.value) + '\n';
    }
    is_begun_ = false;
  }

  std::string line_;
  bool is_begun_ = false;
  calendar_text out_;
};

}  // namespace

calendar_text read_calendar(std::string_view utf8) {
  return reading_calendar{}.run(utf8);
}

}  // namespace consentry::filters::reader
