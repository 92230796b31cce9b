#include "reputation/report_parts.h"

#include "base/text.h"
#include "smtp/mime/header_text.h"

namespace consentry::reputation {

namespace mime = smtp::mime;

namespace {

constexpr std::size_t fields_max = 1000;

}  // namespace

std::vector<std::pair<std::string, std::string>> read_fields(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> out;
  bool in_field = false;
  for (auto line : split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) {
      in_field = false;
    } else if (line[0] == ' ' || line[0] == '\t') {
      if (in_field) out.back().second += line;
    } else {
      const auto colon = line.find(':');
      in_field = colon != std::string_view::npos && out.size() < fields_max;
      if (in_field)
        out.emplace_back(ascii_lower(trim(line.substr(0, colon))), line.substr(colon + 1));
    }
  }
  for (auto& [name, value] : out) value = mime::decode_header(value);
  return out;
}

std::string child_prefix(const std::string& path) {
  if (path == "0") return {};
  if (path.ends_with(".0")) return path.substr(0, path.size() - 1);
  return path + ".";
}

bool is_original_part(const mime::part& p) {
  return p.type == "message/rfc822" || p.type == "message/global" ||
         p.type == "text/rfc822-headers" || p.type == "text/rfc822-header" ||
         p.type == "message/rfc822-headers" || p.type == "message/global-headers";
}

bool is_of_enclosed(const mime::part& p, const mime::part& enclosing) {
  return p.path == enclosing.path + ".0" || p.path.starts_with(child_prefix(enclosing.path));
}

std::vector<bool> enclosed_parts(const part_list& parts) {
  std::vector<bool> out(parts.size(), false);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (out[i] || !parts[i].is_container || !is_original_part(parts[i])) continue;
    for (auto k = i + 1; k < parts.size() && is_of_enclosed(parts[k], parts[i]); ++k) out[k] = true;
  }
  return out;
}

}  // namespace consentry::reputation
