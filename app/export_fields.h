// Members of one exported row, written and read back strictly. Texts of any bytes survive: what is
// not UTF-8 stands as {"base64": ".."}. Empty members are left out.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/civil_date.h"
#include "base/result.h"

namespace consentry::app {

class field_writer {
 public:
  field_writer& text(std::string_view name, std::string_view value);
  field_writer& hex(std::string_view name, std::string_view bytes);
  field_writer& time(std::string_view name, instant t);  // 0: left out
  field_writer& time(std::string_view name, const std::optional<instant>& t);
  field_writer& day(std::string_view name, const std::optional<civil_date>& d);
  field_writer& number(std::string_view name, std::uint64_t n);
  field_writer& flag(std::string_view name, bool b);  // false: left out
  boost::json::object take() { return std::move(out_); }

 private:
  boost::json::object out_;
};

// Throws configuration_error naming the member: of a wrong type, missing, or unknown to finish().
class field_reader {
 public:
  explicit field_reader(const boost::json::object& row) : row_{row} {}
  std::string text(std::string_view name);
  std::string required_text(std::string_view name);
  std::string hex(std::string_view name, std::size_t bytes);  // of that size, or absent: empty
  instant time(std::string_view name);                        // 0: absent
  std::optional<instant> maybe_time(std::string_view name);
  std::optional<civil_date> day(std::string_view name);
  std::uint64_t number(std::string_view name);
  bool flag(std::string_view name);
  void finish() const;

 private:
  const boost::json::value* find(std::string_view name);
  const boost::json::object& row_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace consentry::app
