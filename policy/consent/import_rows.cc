#include "policy/consent/import_rows.h"

#include <algorithm>
#include <boost/json.hpp>
#include <deque>

#include "base/text.h"

namespace consentry::policy::consent {

namespace {

constexpr std::array<std::string_view, columns> column_names{"email",
                                                             "topic",
                                                             "given_at",
                                                             "method",
                                                             "provenance",
                                                             "notice_hash",
                                                             "evidence",
                                                             "sender",
                                                             "confirmed_at",
                                                             "notice_version",
                                                             "notice_language",
                                                             "notice_url",
                                                             "form_id",
                                                             "tick",
                                                             "ip",
                                                             "user_agent",
                                                             "doi_sent_at",
                                                             "confirmed_ip",
                                                             "confirmed_user_agent",
                                                             "box_came_ticked",
                                                             "name",
                                                             "purchase_day",
                                                             "purchase_id",
                                                             "birth_day",
                                                             "expires_on",
                                                             "last_delivery_at",
                                                             "last_click_at",
                                                             "withdrawn_at",
                                                             "withdrawn_method"};

failure rejected(const std::string& text) {
  return {.kind = failure_kind::invalid, .permanent = true, .public_text = text};
}

// From behind an opening quote: the place behind the closing one; npos: it never closes.
std::size_t end_of_quoted(std::string_view text, std::size_t i) {
  for (;;) {
    i = text.find('"', i);
    if (i == text.npos) return text.npos;
    if (i + 1 >= text.size() || text[i + 1] != '"') return i + 1;
    i += 2;
  }
}

// One record of CSV: LF alone ends a line too.
class csv_record {
 public:
  // Takes one record off the text; false: a quote never closes. fields are trimmed views into text
  // or into this.
  bool take(std::string_view& text, char separator);

  std::vector<std::string_view> fields;
  std::string_view whole;   // without the line end
  std::uint64_t lines = 0;  // that it takes
  bool is_broken = false;   // text behind a closing quote

 private:
  std::deque<std::string> unquoted_;  // where quotes were doubled; the first used_ are in use
  std::size_t used_ = 0;
  bool take_quoted(std::string_view text, std::size_t& i, char separator);
};

bool csv_record::take_quoted(std::string_view text, std::size_t& i, char separator) {
  const auto end = end_of_quoted(text, i + 1);
  if (end == text.npos) return false;
  const auto inner = text.substr(i + 1, end - i - 2);
  lines += static_cast<std::uint64_t>(std::ranges::count(inner, '\n'));
  i = end;
  while (i < text.size() && text[i] == '\r') ++i;
  while (i < text.size() && text[i] != separator && text[i] != '\n') {
    is_broken = true;
    ++i;
  }
  if (inner.find('"') == inner.npos) {
    fields.push_back(trim(inner));
    return true;
  }
  if (used_ == unquoted_.size()) unquoted_.emplace_back();
  auto& value = unquoted_[used_++];
  value.clear();
  for (std::size_t k = 0; k < inner.size(); ++k) {
    value += inner[k];
    if (inner[k] == '"') ++k;
  }
  fields.push_back(trim(value));
  return true;
}

bool csv_record::take(std::string_view& text, char separator) {
  fields.clear();
  used_ = 0;
  lines = 1;
  is_broken = false;
  std::size_t i = 0;
  for (;;) {
    if (i < text.size() && text[i] == '"') {
      if (!take_quoted(text, i, separator)) return false;
    } else {
      const auto begin = i;
      while (i < text.size() && text[i] != separator && text[i] != '\n') ++i;
      fields.push_back(trim(text.substr(begin, i - begin)));
    }
    if (i >= text.size() || text[i] == '\n') break;
    ++i;  // the separator
  }
  whole = text.substr(0, i);
  if (whole.ends_with('\r')) whole.remove_suffix(1);
  text.remove_prefix(std::min(text.size(), i + 1));
  return true;
}

class csv_reader final : public row_reader {
 public:
  csv_reader(std::string_view piece, std::uint64_t first_line, const file_layout& layout,
             const import_limits& limits)
      : rest_{piece}, line_{first_line}, layout_{layout}, limits_{limits} {}

  bool next(raw_row& row) override {
    do {
      if (rest_.empty()) return false;
      row.line = line_;
      if (!record_.take(rest_, layout_.separator)) {
        rest_ = {};
        return false;  // whole_records() lets no such piece through
      }
      line_ += record_.lines;
    } while (record_.fields.size() == 1 && record_.fields[0].empty());
    row.text = record_.whole;
    row.fields.fill({});
    row.broken.clear();
    const auto& order = layout_.order;
    if (record_.whole.size() > limits_.row_bytes_max)
      row.broken = "the row is too long";
    else if (record_.is_broken)
      row.broken = "text behind a closing quote";
    else if (record_.fields.size() != order.size())
      row.broken = "the row has " + std::to_string(record_.fields.size()) +
                   " fields, the header line " + std::to_string(order.size());
    if (!row.broken.empty()) return true;
    for (std::size_t i = 0; i < order.size(); ++i)
      if (order[i]) row.fields[static_cast<std::size_t>(*order[i])] = record_.fields[i];
    return true;
  }

 private:
  std::string_view rest_;
  std::uint64_t line_;
  const file_layout& layout_;
  const import_limits& limits_;
  csv_record record_;
};

// One JSON object a line; values are strings, or null for "empty".
class ndjson_reader final : public row_reader {
 public:
  ndjson_reader(std::string_view piece, std::uint64_t first_line, const file_layout& layout,
                const import_limits& limits)
      : rest_{piece}, line_{first_line - 1}, layout_{layout}, limits_{limits} {}

  bool next(raw_row& row) override {
    std::string_view text;
    do {
      if (rest_.empty()) return false;
      row.line = ++line_;
      const auto end = rest_.find('\n');
      text = trim(rest_.substr(0, end));
      rest_.remove_prefix(end == rest_.npos ? rest_.size() : end + 1);
    } while (text.empty());
    row.text = text;
    row.fields.fill({});
    row.broken.clear();
    if (text.size() > limits_.row_bytes_max) {
      row.broken = "the row is too long";
      return true;
    }
    boost::system::error_code error;
    value_.reset();
    memory_.release();
    value_.emplace(boost::json::parse(text, error, &memory_));
    if (error || !value_->is_object())
      row.broken = "not a JSON object";
    else
      take(value_->get_object(), row);
    return true;
  }

 private:
  void take(const boost::json::object& object, raw_row& row) {
    for (const auto& member : object) {
      const auto c = met_.note(member.key(), layout_.mapping);
      if (!c || member.value().is_null()) continue;
      if (!member.value().is_string()) {
        row.broken = std::string{to_string(*c)} + " must be a string";
        return;
      }
      row.fields[static_cast<std::size_t>(*c)] = trim(member.value().get_string());
    }
  }

  std::string_view rest_;
  std::uint64_t line_;
  const file_layout& layout_;
  const import_limits& limits_;
  unsigned char buffer_[8192];
  boost::json::monotonic_resource memory_{buffer_, sizeof buffer_};
  std::optional<boost::json::value> value_;  // in memory_
};

// The one that stands most often outside quotes in the header line.
char separator_of(std::string_view line) {
  std::array<std::size_t, 4> counts{};
  constexpr std::string_view candidates = ",;\t|";
  bool in_quotes = false;
  for (const char c : line) {
    if (c == '"') in_quotes = !in_quotes;
    const auto which = candidates.find(c);
    if (!in_quotes && which != candidates.npos) ++counts[which];
  }
  return candidates[static_cast<std::size_t>(std::ranges::max_element(counts) - counts.begin())];
}

result<void> read_header(std::string_view head, file_layout& layout, char delimiter) {
  layout.separator = delimiter != 0 ? delimiter : separator_of(head.substr(0, head.find('\n')));
  csv_record record;
  auto rest = head;
  if (!record.take(rest, layout.separator)) return rejected("line 1: a quote that never closes");
  if (record.is_broken) return rejected("the file has no header line");
  for (const auto name : record.fields) {
    const auto c = layout.met.note(name, layout.mapping);
    if (c && std::ranges::find(layout.order, c) != layout.order.end())
      return rejected("column " + std::string{to_string(*c)} + " stands twice");
    layout.order.push_back(c);
  }
  for (const auto& [name, c] : layout.mapping)
    if (std::ranges::none_of(record.fields,
                             [&](std::string_view f) { return ascii_iequals(f, name); }))
      return rejected("no column " + printable(name, 40) + ", which the mapping names");
  layout.header_bytes += head.size() - rest.size();
  layout.header_lines = record.lines;
  return {};
}

}  // namespace

std::string_view to_string(column c) noexcept {
  return column_names[static_cast<std::size_t>(c)];
}

std::optional<column> parse_column(std::string_view name) noexcept {
  for (std::size_t i = 0; i < columns; ++i)
    if (ascii_iequals(column_names[i], name)) return static_cast<column>(i);
  return std::nullopt;
}

result<column_mapping> parse_mapping(std::string_view text) {
  column_mapping out;
  std::string flat{text};
  std::ranges::replace(flat, '\n', ';');
  for (const auto piece : split(flat, ';')) {
    const auto pair = trim(piece);
    if (pair.empty()) continue;
    const auto equals = pair.rfind('=');
    if (equals == pair.npos)
      return rejected("mapping: " + printable(pair, 60) + " is not NAME=field");
    const auto name = trim(pair.substr(0, equals)), field = trim(pair.substr(equals + 1));
    const auto c = parse_column(field);
    if (!c) return rejected("mapping: there is no field " + printable(field, 40));
    if (name.empty() || name.size() > 200 || !is_valid_utf8(name))
      return rejected("mapping: a column name is missing, too long or not UTF-8");
    if (!out.emplace(ascii_lower(name), *c).second)
      return rejected("mapping: " + printable(name, 60) + " stands twice");
  }
  return out;
}

std::optional<column> columns_met::note(std::string_view name, const column_mapping& mapping) {
  const auto folded = ascii_lower(trim(name));
  const auto mapped = mapping.find(folded);
  const auto c = mapped != mapping.end() ? std::optional{mapped->second} : parse_column(folded);
  if (c) {
    seen.set(static_cast<std::size_t>(*c));
    return c;
  }
  // Mail to somebody who withdrew is worse than an import done twice.
  for (std::string_view word : {"withdr", "unsub", "opt_out", "optout", "opt-out", "leirat"})
    if (folded.find(word) != folded.npos)
      fatal = "column " + printable(name, 40) +
              " seems to tell of withdrawals; call it withdrawn_at, or leave it out";
  if (ignored.size() < 64) ignored.insert(printable(trim(name), 40));
  return std::nullopt;
}

void columns_met::add(const columns_met& more) {
  seen |= more.seen;
  for (const auto& name : more.ignored)
    if (ignored.size() < 64) ignored.insert(name);
  if (fatal.empty()) fatal = more.fatal;
}

result<file_layout> read_layout(std::string_view head, const import_request& request) {
  file_layout layout;
  layout.format = request.format;
  auto mapping = parse_mapping(request.mapping);
  if (!mapping) return mapping.error();
  layout.mapping = std::move(*mapping);
  if (head.starts_with("\xEF\xBB\xBF")) {
    head.remove_prefix(3);
    layout.header_bytes = 3;
  }
  if (trim(head).empty()) return rejected("the file is empty");
  if (layout.format == import_format::csv)
    if (auto read = read_header(head, layout, request.delimiter); !read) return read.error();
  if (!layout.met.fatal.empty()) return rejected(layout.met.fatal);
  return layout;
}

std::size_t whole_records(std::string_view text, const file_layout& layout, bool is_end) {
  const auto last_line_end = text.rfind('\n');
  const auto lines = is_end ? text.size() : last_line_end == text.npos ? 0 : last_line_end + 1;
  if (layout.format == import_format::ndjson || text.find('"') == text.npos) return lines;
  std::size_t whole = 0;
  bool is_field_start = true;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '"' && is_field_start) {
      i = end_of_quoted(text, i + 1);
      if (i == text.npos) return whole;
      is_field_start = false;
      continue;
    }
    ++i;
    if (c == '\n') whole = i;
    is_field_start = c == '\n' || c == layout.separator;
  }
  return is_end ? text.size() : whole;
}

std::unique_ptr<row_reader> make_row_reader(std::string_view piece, std::uint64_t first_line,
                                            const file_layout& layout,
                                            const import_limits& limits) {
  if (layout.format == import_format::ndjson)
    return std::make_unique<ndjson_reader>(piece, first_line, layout, limits);
  return std::make_unique<csv_reader>(piece, first_line, layout, limits);
}

void append_csv(std::string& out, std::string_view field) {
  if (field.find_first_of("\",\r\n") == field.npos) {
    out += field;
    return;
  }
  out += '"';
  for (const char c : field) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace consentry::policy::consent
