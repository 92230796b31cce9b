#include "policy/consent/import_rows.h"

#include <algorithm>
#include <boost/json.hpp>

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
                                                             "name",
                                                             "purchase_day",
                                                             "last_delivery_at",
                                                             "last_click_at",
                                                             "withdrawn_at",
                                                             "withdrawn_method"};

std::string_view without_bom(std::string_view file) {
  if (file.starts_with("\xEF\xBB\xBF")) file.remove_prefix(3);
  return file;
}

// RFC 4180; LF alone ends a line too, and ';' separates where the header line says so (Hungarian
// spreadsheets).
class csv_reader final : public row_reader {
 public:
  csv_reader(std::string_view file, const import_limits& limits)
      : rest_{without_bom(file)}, limits_{limits} {
    const auto header = rest_.substr(0, rest_.find('\n'));
    if (header.find(',') == header.npos && header.find(';') != header.npos) separator_ = ';';
    std::vector<std::string> names;
    std::string broken;
    if (!record(names, broken) || !broken.empty()) {
      if (fatal_.empty()) fatal_ = "the file has no header line";
      return;
    }
    for (const auto& name : names) {
      const auto c = note(trim(name));
      if (c && std::ranges::find(order_, c) != order_.end())
        fatal_ = "column " + std::string{to_string(*c)} + " stands twice";
      order_.push_back(c);
    }
  }

  bool next(raw_row& row) override {
    std::vector<std::string> values;
    do {
      if (!fatal_.empty() || rest_.empty()) return false;
      row = {};
      row.line = line_;
      values.clear();
      if (!record(values, row.broken)) return false;
    } while (row.broken.empty() && values.size() == 1 && trim(values[0]).empty());
    if (row.broken.empty() && values.size() != order_.size())
      row.broken = "the row has " + std::to_string(values.size()) + " fields, the header line " +
                   std::to_string(order_.size());
    if (!row.broken.empty()) return true;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (order_[i]) row.fields[static_cast<std::size_t>(*order_[i])] = trim(values[i]);
    return true;
  }

 private:
  // Takes one record off the rest. false: a quote never closes.
  bool record(std::vector<std::string>& out, std::string& broken) {
    const auto first_line = line_;
    std::size_t i = 0;
    std::string value;
    const auto end_record = [&](std::size_t length) {
      rest_.remove_prefix(length);
      out.push_back(std::move(value));
    };
    while (i < rest_.size()) {
      if (i > limits_.row_bytes_max) broken = "the row is too long";
      const char c = rest_[i];
      if (c == '"' && value.empty()) {
        const auto end = quoted(i + 1, value);
        if (end == rest_.npos) {
          fatal_ = "line " + std::to_string(first_line) + ": a quote that never closes";
          return false;
        }
        i = end;
        if (i < rest_.size() && rest_[i] != separator_ && rest_[i] != '\r' && rest_[i] != '\n')
          broken = "text behind a closing quote";
        continue;
      }
      if (c == '\n') {
        ++line_;
        if (value.ends_with('\r')) value.pop_back();
        end_record(i + 1);
        return true;
      }
      if (c == separator_) {
        out.push_back(std::move(value));
        value.clear();
      } else {
        value += c;
      }
      ++i;
    }
    end_record(i);
    return true;
  }

  // From behind the opening quote; returns the place behind the closing one.
  std::size_t quoted(std::size_t i, std::string& value) {
    for (; i < rest_.size(); ++i) {
      if (rest_[i] == '\n') ++line_;
      if (rest_[i] != '"') {
        value += rest_[i];
      } else if (i + 1 < rest_.size() && rest_[i + 1] == '"') {
        value += '"';
        ++i;
      } else {
        return i + 1;
      }
    }
    return rest_.npos;
  }

  std::string_view rest_;
  import_limits limits_;
  char separator_ = ',';
  std::uint64_t line_ = 1;
  std::vector<std::optional<column>> order_;
};

// One JSON object a line; values are strings, or null for "empty".
class ndjson_reader final : public row_reader {
 public:
  ndjson_reader(std::string_view file, const import_limits& limits)
      : rest_{without_bom(file)}, limits_{limits} {}

  bool next(raw_row& row) override {
    std::string_view text;
    do {
      if (!fatal_.empty() || rest_.empty()) return false;
      row = {};
      row.line = ++line_;
      const auto end = rest_.find('\n');
      text = trim(rest_.substr(0, end));
      rest_.remove_prefix(end == rest_.npos ? rest_.size() : end + 1);
    } while (text.empty());
    if (text.size() > limits_.row_bytes_max) {
      row.broken = "the row is too long";
      return true;
    }
    boost::system::error_code error;
    const auto value = boost::json::parse(text, error);
    if (error || !value.is_object()) {
      row.broken = "not a JSON object";
      return true;
    }
    take(value.get_object(), row);
    return true;
  }

 private:
  void take(const boost::json::object& object, raw_row& row) {
    for (const auto& member : object) {
      const auto c = note(member.key());
      if (!c || member.value().is_null()) continue;
      if (!member.value().is_string()) {
        row.broken = std::string{to_string(*c)} + " must be a string";
        return;
      }
      row.fields[static_cast<std::size_t>(*c)] = trim(member.value().get_string());
    }
  }

  std::string_view rest_;
  import_limits limits_;
  std::uint64_t line_ = 0;
};

}  // namespace

std::string_view to_string(column c) noexcept {
  return column_names[static_cast<std::size_t>(c)];
}

std::optional<column> parse_column(std::string_view name) noexcept {
  for (std::size_t i = 0; i < columns; ++i)
    if (ascii_iequals(column_names[i], name)) return static_cast<column>(i);
  return std::nullopt;
}

std::optional<column> row_reader::note(std::string_view name) {
  const auto c = parse_column(name);
  if (c) {
    seen_.insert(*c);
    return c;
  }
  const auto folded = ascii_lower(name);
  // Mail to somebody who withdrew is worse than an import done twice.
  for (std::string_view word : {"withdr", "unsub", "opt_out", "optout", "opt-out", "leirat"})
    if (folded.find(word) != folded.npos)
      fatal_ = "column " + printable(name, 40) +
               " seems to tell of withdrawals; call it withdrawn_at, or leave it out";
  if (ignored_.size() < 64) ignored_.insert(printable(name, 40));
  return std::nullopt;
}

std::unique_ptr<row_reader> make_row_reader(std::string_view file, import_format format,
                                            const import_limits& limits) {
  if (format == import_format::ndjson) return std::make_unique<ndjson_reader>(file, limits);
  return std::make_unique<csv_reader>(file, limits);
}

}  // namespace consentry::policy::consent
