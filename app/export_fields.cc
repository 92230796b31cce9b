#include "app/export_fields.h"

#include "base/text.h"

namespace consentry::app {
namespace {

namespace json = boost::json;

[[noreturn]] void wrong(std::string_view name, std::string_view what) {
  throw configuration_error(std::string{name} + ": " + std::string{what});
}

}  // namespace

field_writer& field_writer::text(std::string_view name, std::string_view value) {
  if (value.empty()) return *this;
  if (is_valid_utf8(value))
    out_[name] = value;
  else
    out_[name] = json::object{{"base64", base64(value)}};
  return *this;
}

field_writer& field_writer::hex(std::string_view name, std::string_view bytes) {
  if (!bytes.empty()) out_[name] = consentry::hex(bytes);
  return *this;
}

field_writer& field_writer::time(std::string_view name, instant t) {
  if (t != instant{}) out_[name] = to_string_utc(t);
  return *this;
}

field_writer& field_writer::time(std::string_view name, const std::optional<instant>& t) {
  if (t) out_[name] = to_string_utc(*t);
  return *this;
}

field_writer& field_writer::day(std::string_view name, const std::optional<civil_date>& d) {
  if (d) out_[name] = to_string(*d);
  return *this;
}

field_writer& field_writer::number(std::string_view name, std::uint64_t n) {
  out_[name] = n;
  return *this;
}

field_writer& field_writer::flag(std::string_view name, bool b) {
  if (b) out_[name] = true;
  return *this;
}

const json::value* field_reader::find(std::string_view name) {
  known_.emplace(name);
  return row_.if_contains(name);
}

std::string field_reader::text(std::string_view name) {
  const auto* v = find(name);
  if (v == nullptr) return {};
  if (v->is_string()) return std::string{v->as_string()};
  if (v->is_object())
    if (const auto* b = v->as_object().if_contains("base64"); b != nullptr && b->is_string())
      if (auto bytes = parse_base64(b->as_string())) return std::move(*bytes);
  wrong(name, "must be a text");
}

std::string field_reader::required_text(std::string_view name) {
  auto value = text(name);
  if (value.empty()) wrong(name, "is missing");
  return value;
}

std::string field_reader::hex(std::string_view name, std::size_t bytes) {
  const auto value = text(name);
  if (value.empty()) return {};
  auto out = parse_hex(value);
  if (!out || out->size() != bytes) wrong(name, "must be hexadecimal digits of its length");
  return std::move(*out);
}

std::optional<instant> field_reader::maybe_time(std::string_view name) {
  const auto value = text(name);
  if (value.empty()) return std::nullopt;
  const auto t = parse_timestamp(value);
  if (!t) wrong(name, "must be a time");
  return t;
}

instant field_reader::time(std::string_view name) {
  return maybe_time(name).value_or(instant{});
}

std::optional<civil_date> field_reader::day(std::string_view name) {
  const auto value = text(name);
  if (value.empty()) return std::nullopt;
  const auto d = parse_date(value);
  if (!d) wrong(name, "must be a day");
  return d;
}

std::uint64_t field_reader::number(std::string_view name) {
  const auto* v = find(name);
  if (v == nullptr) wrong(name, "is missing");
  if (v->is_uint64()) return v->as_uint64();
  if (v->is_int64() && v->as_int64() >= 0) return static_cast<std::uint64_t>(v->as_int64());
  wrong(name, "must be a number");
}

bool field_reader::flag(std::string_view name) {
  const auto* v = find(name);
  if (v == nullptr) return false;
  if (!v->is_bool()) wrong(name, "must be true or false");
  return v->as_bool();
}

void field_reader::finish() const {
  for (const auto& m : row_)
    if (!known_.contains(std::string_view{m.key()})) wrong(m.key(), "is unknown");
}

}  // namespace consentry::app
