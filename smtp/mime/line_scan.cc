#include "smtp/mime/line_scan.h"

#include <algorithm>

#include "base/text.h"
#include "smtp/mime/header_text.h"

namespace consentry::smtp::mime {
namespace {

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

// Length of the field name at the start of the line (blanks before the colon not counted), 0 if the
// line is no field. Blanks before the colon are obsolete (RFC 5322 section 4.5) and still read.
std::size_t field_name_length(std::string_view line, std::size_t& colon) noexcept {
  std::size_t n = 0;
  while (n < line.size() && line[n] > ' ' && line[n] < 0x7f && line[n] != ':') ++n;
  colon = n;
  while (colon < line.size() && is_blank(line[colon])) ++colon;
  return colon < line.size() && line[colon] == ':' ? n : 0;
}

// Bounds the fields of one part while they are read.
class field_collector {
 public:
  field_collector(header_block& out, std::string_view text, const walk_limits& limits) noexcept
      : out_{out}, text_{text}, limits_{limits} {}

  void begin(const raw_line& line, std::size_t name_length, std::size_t colon) {
    finish();
    open_ = true;
    name_ = text_.substr(line.begin, name_length);
    name_at_ = line.begin;
    value_at_ = line.begin + colon + 1;
    end_ = line.end;
    folds_ = 0;
  }
  bool is_open() const noexcept { return open_; }
  void fold(const raw_line& line) {
    if (++folds_ > limits_.folds_max) {
      limit("a header field with more than " + std::to_string(limits_.folds_max) + " lines");
      return;
    }
    end_ = line.end;
  }

  void finish() {
    if (!open_) return;
    open_ = false;
    if (out_.fields.size() >= limits_.headers_max) {
      limit("more than " + std::to_string(limits_.headers_max) + " header fields");
      return;
    }
    std::size_t length = end_ - value_at_;
    if (length > limits_.header_line_bytes_max) {
      limit("header field " + printable(name_, 40) + " is longer than " +
            human_bytes(limits_.header_line_bytes_max));
      length = limits_.header_line_bytes_max;
    }
    bytes_ += length + name_.size();
    if (bytes_ > limits_.header_block_bytes_max) {
      limit("header block larger than " + human_bytes(limits_.header_block_bytes_max));
      return;
    }
    const std::string_view raw = text_.substr(value_at_, length);
    out_.fields.push_back({std::string{name_}, std::string{raw}, decode_header(raw), name_at_});
  }

 private:
  void limit(std::string what) {
    out_.is_incomplete = true;
    if (out_.problems.size() < 5) out_.problems.push_back(std::move(what));
  }

  header_block& out_;
  std::string_view text_;
  const walk_limits& limits_;
  bool open_ = false;
  std::string_view name_;
  std::size_t name_at_ = 0;
  std::size_t value_at_ = 0;
  std::size_t end_ = 0;
  std::size_t folds_ = 0;
  std::size_t bytes_ = 0;
};

// A reader that skips the odd line would still find how the body is encoded.
bool content_fields_follow(const line_scan& lines, std::size_t pos) {
  for (int i = 0; i < 100 && !lines.at_end(pos); ++i) {
    const raw_line line = lines.at(pos);
    if (line.begin == line.end) return false;
    std::size_t colon = 0;
    if (ascii_istarts_with(lines.of(line), "content-") && field_name_length(lines.of(line), colon))
      return true;
    pos = line.next;
  }
  return !lines.at_end(pos);  // too far to tell
}

}  // namespace

line_scan::line_scan(std::string_view text) noexcept
    : text_{text}, newline_{text.find('\n') == std::string_view::npos ? '\r' : '\n'} {}

raw_line line_scan::at(std::size_t pos) const noexcept {
  const auto found = text_.find(newline_, pos);
  if (found == std::string_view::npos) return {pos, text_.size(), text_.size()};
  std::size_t end = found;
  if (newline_ == '\n' && end > pos && text_[end - 1] == '\r') --end;
  return {pos, end, found + 1};
}

std::size_t line_scan::before_line_end(std::size_t pos, std::size_t least) const noexcept {
  if (pos > least && text_[pos - 1] == newline_) {
    --pos;
    if (newline_ == '\n' && pos > least && text_[pos - 1] == '\r') --pos;
  }
  return pos;
}

std::optional<boundary_stack::match> boundary_stack::find(std::string_view line,
                                                          bool& is_doubtful) const noexcept {
  if (!line.starts_with("--")) return std::nullopt;
  line.remove_prefix(2);
  bool doubtful = false;
  std::optional<match> near;
  for (std::size_t level = open_.size(); level-- > 0;) {
    if (!line.starts_with(open_[level])) continue;
    std::string_view tail = line.substr(open_[level].size());
    const bool is_close = tail.starts_with("--");
    if (is_close) tail.remove_prefix(2);
    if (tail.find_first_not_of(" \t") == std::string_view::npos) return match{level, is_close};
    doubtful = true;
    if (is_blank(tail[0])) near = match{level, is_close || trim(tail) == "--"};
  }
  if (doubtful) is_doubtful = true;
  return near;
}

header_block read_header_block(const line_scan& lines, std::size_t pos,
                               const boundary_stack& boundaries, const walk_limits& limits) {
  header_block out;
  field_collector fields{out, lines.all(), limits};
  const std::size_t begin = pos;
  const auto note = [&out](const char* what) {
    if (out.problems.size() < 10) out.problems.emplace_back(what);
  };
  for (; !lines.at_end(pos); pos = lines.at(pos).next) {
    const raw_line line = lines.at(pos);
    const std::string_view text = lines.of(line);
    bool is_doubtful = false;
    if (boundaries.find(text, is_doubtful)) {
      out.ended_at_boundary = true;
      break;
    }
    if (text.empty()) {
      pos = line.next;
      break;
    }
    if (is_blank(text[0])) {
      if (fields.is_open())
        fields.fold(line);
      else
        note("a folded line without a field before it");
      continue;
    }
    std::size_t colon = 0;
    if (const std::size_t name = field_name_length(text, colon)) {
      fields.begin(line, name, colon);
      if (colon != name) note("blanks before the colon of a header field");
      continue;
    }
    if (text[0] == ':') {
      fields.finish();
      note("a header field without a name");
      continue;
    }
    if (pos == begin && (text.starts_with("From ") || text.starts_with(">From ")))
      continue;  // mbox
    note("the header block ends in a line that is no field");
    if (content_fields_follow(lines, pos)) out.is_incomplete = true;
    break;
  }
  fields.finish();
  out.end = pos;
  return out;
}

}  // namespace consentry::smtp::mime
