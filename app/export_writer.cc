#include "app/export_writer.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <filesystem>

#include "base/secret.h"
#include "base/text.h"

namespace consentry::app {
namespace {

namespace json = boost::json;

constexpr std::string_view xml_namespace = "urn:consentry:tenant-export:1";

// XML 1.0 section 2.2 knows no control characters but these three.
bool fits_xml(std::string_view s) {
  for (std::size_t i = 0; i < s.size(); ++i) {
    const auto c = static_cast<unsigned char>(s[i]);
    if (c < 0x20 && c != '\t' && c != '\n') return false;
    // U+FFFE and U+FFFF
    if (c == 0xEF && i + 2 < s.size() && static_cast<unsigned char>(s[i + 1]) == 0xBF &&
        static_cast<unsigned char>(s[i + 2]) >= 0xBE)
      return false;
  }
  return true;
}

std::string escaped(std::string_view s) {
  std::string out;
  for (const char c : s) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

void put_text_element(std::string& out, std::string_view name, std::string_view attributes,
                      std::string_view text) {
  if (fits_xml(text))
    out += fmt::format("<{}{}>{}</{}>", name, attributes, escaped(text), name);
  else
    out += fmt::format("<{}{} encoding=\"base64\">{}</{}>", name, attributes, base64(text), name);
}

void put_element(std::string& out, std::string_view name, const json::value& v) {
  if (v.is_string()) {
    put_text_element(out, name, "", v.as_string());
  } else if (v.is_object()) {
    const auto& o = v.as_object();
    if (const auto* b = o.if_contains("base64"); b != nullptr && o.size() == 1) {
      out +=
          fmt::format("<{} encoding=\"base64\">{}</{}>", name, std::string{b->as_string()}, name);
      return;
    }
    // The facts of a journal entry: names of any kind, so attributes.
    out += fmt::format("<{}>", name);
    for (const auto& m : o)
      put_text_element(
          out, "fact", fmt::format(" name=\"{}\"", escaped(printable(std::string_view{m.key()}))),
          m.value().is_string() ? std::string_view{m.value().as_string()} : std::string_view{});
    out += fmt::format("</{}>", name);
  } else {
    out += fmt::format("<{}>{}</{}>", name, json::serialize(v), name);
  }
}

std::string element(std::string_view name, const json::object& row) {
  std::string out = fmt::format("<{}>", name);
  for (const auto& m : row) {
    // Sealed secrets serve an import only, and only JSON is imported.
    if (std::string_view{m.key()}.starts_with("sealed_")) continue;
    put_element(out, m.key(), m.value());
  }
  return out + fmt::format("</{}>", name);
}

}  // namespace

std::string_view to_string(export_format f) noexcept {
  return f == export_format::json ? "json" : "xml";
}

std::optional<export_format> parse_export_format(std::string_view name) noexcept {
  if (name == "json") return export_format::json;
  if (name == "xml") return export_format::xml;
  return std::nullopt;
}

std::string export_seal(std::string_view key, std::string_view sha256_hex) {
  const auto seal_key = hmac_sha256(key, "tenant export, file");
  return hex(as_bytes(hmac_sha256(as_bytes(seal_key), sha256_hex)));
}

export_writer::export_writer(const std::filesystem::path& file, export_format format,
                             const export_head& head)
    : out_{file, std::ios::binary | std::ios::trunc}, file_{file}, format_{format} {
  std::error_code error;
  std::filesystem::permissions(
      file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, error);
  if (format_ == export_format::json)
    put(fmt::format(
        "{{\n\"format\":\"consentry-tenant\",\"version\":1,\"made_at\":{},"
        "\"gateway\":{},\n",
        json::serialize(json::string{head.made_at}), json::serialize(json::string{head.gateway})));
  else
    put(
        fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<tenant_export xmlns=\"{}\" "
                    "version=\"1\" made_at=\"{}\" gateway=\"{}\">\n",
                    xml_namespace, escaped(head.made_at), escaped(head.gateway)));
}

void export_writer::put(std::string_view bytes) {
  out_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!out_) throw configuration_error(file_.string() + ": cannot be written");
  digest_.add(bytes);
  bytes_ += bytes.size();
}

void export_writer::tenant(const json::object& row) {
  if (format_ == export_format::json)
    put("\"tenant\":" + json::serialize(row) + ",\n");
  else
    put(element("tenant", row) + "\n");
}

void export_writer::begin(std::string_view section, std::string_view row_name) {
  section_ = section;
  row_name_ = row_name;
  rows_ = 0;
  put(format_ == export_format::json ? fmt::format("\"{}\":[", section)
                                     : fmt::format("<{}>\n", section));
}

void export_writer::row(const json::object& row) {
  if (format_ == export_format::json) return line(json::serialize(row));
  put(element(row_name_, row) + "\n");
  ++rows_;
}

void export_writer::line(std::string_view json_text) {
  if (format_ == export_format::xml) {
    ++rows_;
    return put(element(row_name_, json::parse(json_text).as_object()) + "\n");
  }
  put(rows_ == 0 ? "\n" : ",\n");
  put(json_text);
  ++rows_;
}

void export_writer::end() {
  trailer_.counts[section_] = rows_;
  if (format_ == export_format::json)
    put(rows_ == 0 ? "],\n" : "\n],\n");
  else
    put(fmt::format("</{}>\n", section_));
}

export_trailer export_writer::finish(std::string_view key) {
  trailer_.sha256 = hex(as_bytes(digest_.finish()));
  std::string last;
  if (format_ == export_format::json) {
    json::object counts;
    for (const auto& [name, n] : trailer_.counts) counts[name] = n;
    last = "\"trailer\":" +
           json::serialize(json::object{{"counts", std::move(counts)},
                                        {"sha256", trailer_.sha256},
                                        {"seal", export_seal(key, trailer_.sha256)}}) +
           "\n}\n";
  } else {
    last = "<trailer><counts>";
    for (const auto& [name, n] : trailer_.counts) last += fmt::format("<{0}>{1}</{0}>", name, n);
    last +=
        fmt::format("</counts><sha256>{}</sha256></trailer>\n</tenant_export>\n", trailer_.sha256);
  }
  out_.write(last.data(), static_cast<std::streamsize>(last.size()));
  out_.close();
  if (!out_) throw configuration_error(file_.string() + ": cannot be written");
  trailer_.bytes = bytes_ + last.size();
  return trailer_;
}

}  // namespace consentry::app
