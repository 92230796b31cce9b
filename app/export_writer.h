// One export as a file, row by row: JSON that any parser reads and whose every row is a line of its
// own, or XML (docs/tenant-export.xsd). Memory does not grow with the tenant.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <fstream>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/sealed_text.h"

namespace consentry::app {

enum class export_format : std::uint8_t { json, xml };
std::string_view to_string(export_format f) noexcept;
std::optional<export_format> parse_export_format(std::string_view name) noexcept;

struct export_head {
  std::string made_at;
  std::string gateway;
};

struct export_trailer {
  std::map<std::string, std::uint64_t> counts;  // section -> rows
  std::string sha256;                           // hex, of all before the trailer
  std::uint64_t bytes = 0;
};

// Throws configuration_error where the file cannot be written.
class export_writer {
 public:
  export_writer(const std::filesystem::path& file, export_format format, const export_head& head);
  void tenant(const boost::json::object& row);
  void begin(std::string_view section, std::string_view row_name);
  void row(const boost::json::object& row);
  void line(std::string_view json);  // a row that is JSON text already
  void end();
  // key: seals the file (HMAC), so that an import knows its own.
  export_trailer finish(std::string_view key);

 private:
  void put(std::string_view bytes);
  std::ofstream out_;
  std::filesystem::path file_;
  export_format format_;
  sha256_stream digest_;
  std::string section_, row_name_;
  std::uint64_t rows_ = 0, bytes_ = 0;
  export_trailer trailer_;
};

// The seal over a file's digest.
std::string export_seal(std::string_view key, std::string_view sha256_hex);

}  // namespace consentry::app
