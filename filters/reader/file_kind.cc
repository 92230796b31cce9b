#include "filters/reader/file_kind.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "base/text.h"

namespace consentry::filters::reader {
namespace {

using namespace std::string_view_literals;

struct head {
  std::string_view start;
  file_kind kind;
};
constexpr head heads[] = {
    {"%PDF-"sv, file_kind::pdf},
    {"PK\x03\x04"sv, file_kind::zip},
    {"PK\x05\x06"sv, file_kind::zip},
    {"PK\x07\x08"sv, file_kind::zip},
    {"{\\rt"sv, file_kind::rtf},  // Word needs no more of it
    {"{\\urtf"sv, file_kind::rtf},
    {"\x1f\x8b"sv, file_kind::gzip},
    {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, file_kind::ole},
    {"\x78\x9F\x3E\x22"sv, file_kind::tnef},
    {"Rar!\x1a\x07"sv, file_kind::archive},
    {"7z\xBC\xAF\x27\x1C"sv, file_kind::archive},
    {"\xFD\x37zXZ\x00"sv, file_kind::archive},
    {"\x28\xB5\x2F\xFD"sv, file_kind::archive},
    {"MSCF\0\0\0\0"sv, file_kind::archive},
    {"!<arch>\n"sv, file_kind::archive},
    {"MZ\x90\0"sv, file_kind::program},
    {"%!PS"sv, file_kind::program},
    {"\x7f\x45LF"sv, file_kind::program},
    {"\x89PNG\r\n\x1a\n"sv, file_kind::image},
    {"\xFF\xD8\xFF"sv, file_kind::image},
    {"GIF87a"sv, file_kind::image},
    {"GIF89a"sv, file_kind::image},
    {"II*\0"sv, file_kind::image},
    {"MM\0*"sv, file_kind::image},
    {"\0\0\1\0"sv, file_kind::image},
    {"II\xBC\1"sv, file_kind::image},          // JPEG XR
    {"\1\0\x09\0\0\3"sv, file_kind::image},    // WMF without a place
    {"VCLMTF"sv, file_kind::image},            // what OpenDocument shows in place of objects
    {"\xD7\xCD\xC6\x9A"sv, file_kind::image},  // WMF
    {"\0\0\0\x0CjP  "sv, file_kind::image},
    {"ID3"sv, file_kind::media},
    {"OggS"sv, file_kind::media},
    {"fLaC"sv, file_kind::media},
    {"\x1A\x45\xDF\xA3"sv, file_kind::media},
};

bool has_at(std::string_view bytes, std::size_t at, std::string_view what) {
  return bytes.size() >= at + what.size() && bytes.substr(at, what.size()) == what;
}

// Heads that do not stand at the beginning, or need a second look.
file_kind kind_of_odd_head(std::string_view b) {
  if (b.starts_with("BM") && b.size() > 30 && has_at(b, 6, "\0\0\0\0"sv)) return file_kind::image;
  if (b.starts_with("BZh") && has_at(b, 4, "1AY&SY")) return file_kind::archive;
  if (b.starts_with("RIFF")) return has_at(b, 8, "WEBP") ? file_kind::image : file_kind::media;
  if (has_at(b, 4, "ftyp")) {
    const auto brand = b.substr(8, 4);
    const bool is_still = brand == "avif" || brand == "heic" || brand == "heix" || brand == "mif1";
    return is_still ? file_kind::image : file_kind::media;
  }
  if (has_at(b, 40, " EMF") && b.starts_with("\1\0\0\0"sv)) return file_kind::image;
  if (has_at(b, 257, "ustar")) return file_kind::tar;
  // Readers of PDF look for its head in the first KiB.
  if (b.substr(0, 1024).find("%PDF-") != std::string_view::npos) return file_kind::pdf;
  return file_kind::unknown;
}

std::string_view without_mark(std::string_view s) {
  if (s.starts_with("\xEF\xBB\xBF")) s.remove_prefix(3);
  const auto at = s.find_first_not_of(" \t\r\n");
  return at == std::string_view::npos ? std::string_view{} : s.substr(at);
}

bool is_html(std::string_view text) {
  const std::string start = ascii_lower(without_mark(text).substr(0, 512));
  if (start.starts_with("<!doctype html") || start.starts_with("<html") ||
      start.starts_with("<svg") || start.starts_with("<head") || start.starts_with("<body"))
    return true;
  return start.starts_with("<") &&
         (start.find("<html") != std::string::npos || start.find("<svg") != std::string::npos);
}

file_kind kind_of_text(std::string_view bytes) {
  const auto start = without_mark(bytes);
  if (ascii_istarts_with(start, "begin:vcalendar")) return file_kind::calendar;
  if (ascii_istarts_with(start, "begin:vcard")) return file_kind::card;
  if (is_html(bytes)) return file_kind::html;
  return start.starts_with("<?xml") ? file_kind::markup : file_kind::text;
}

using claim = std::pair<std::string_view, file_kind>;
constexpr claim types[] = {
    {"application/pdf", file_kind::pdf},
    {"application/x-pdf", file_kind::pdf},
    {"application/zip", file_kind::zip},
    {"application/x-zip-compressed", file_kind::zip},
    {"application/x-zip", file_kind::zip},
    {"application/rtf", file_kind::office},
    {"text/rtf", file_kind::office},
    {"application/msword", file_kind::office},
    {"application/gzip", file_kind::gzip},
    {"application/x-gzip", file_kind::gzip},
    {"application/x-tar", file_kind::tar},
    {"application/ms-tnef", file_kind::tnef},
    {"application/vnd.ms-tnef", file_kind::tnef},
    {"application/xhtml+xml", file_kind::html},
    {"text/html", file_kind::html},
    {"text/x-amp-html", file_kind::html},
    {"image/svg+xml", file_kind::svg},
    {"text/calendar", file_kind::calendar},
    {"application/ics", file_kind::calendar},
    {"text/vcard", file_kind::card},
    {"text/x-vcard", file_kind::card},
    {"text/directory", file_kind::card},
    {"message/rfc822", file_kind::message},
    {"message/global", file_kind::message},
    {"multipart/related", file_kind::message},
};
constexpr claim endings[] = {
    {"pdf", file_kind::pdf},       {"zip", file_kind::zip},     {"docx", file_kind::office},
    {"docm", file_kind::office},   {"dotx", file_kind::office}, {"xlsx", file_kind::office},
    {"xlsm", file_kind::office},   {"pptx", file_kind::office}, {"ppsx", file_kind::office},
    {"pptm", file_kind::office},   {"odt", file_kind::office},  {"ods", file_kind::office},
    {"odp", file_kind::office},    {"ott", file_kind::office},  {"doc", file_kind::office},
    {"dot", file_kind::office},    {"xls", file_kind::office},  {"ppt", file_kind::office},
    {"pps", file_kind::office},    {"rtf", file_kind::office},  {"msg", file_kind::ole},
    {"gz", file_kind::gzip},       {"tgz", file_kind::gzip},    {"tar", file_kind::tar},
    {"rar", file_kind::archive},   {"7z", file_kind::archive},  {"xz", file_kind::archive},
    {"bz2", file_kind::archive},   {"cab", file_kind::archive}, {"txt", file_kind::text},
    {"csv", file_kind::text},      {"tsv", file_kind::text},    {"md", file_kind::text},
    {"log", file_kind::text},      {"json", file_kind::text},   {"xml", file_kind::text},
    {"htm", file_kind::html},      {"html", file_kind::html},   {"xhtml", file_kind::html},
    {"shtml", file_kind::html},    {"svg", file_kind::svg},     {"ics", file_kind::calendar},
    {"ical", file_kind::calendar}, {"vcf", file_kind::card},    {"vcard", file_kind::card},
    {"eml", file_kind::message},   {"mht", file_kind::message}, {"mhtml", file_kind::message},
    {"png", file_kind::image},     {"jpg", file_kind::image},   {"jpeg", file_kind::image},
    {"gif", file_kind::image},     {"webp", file_kind::image},  {"bmp", file_kind::image},
    {"tif", file_kind::image},     {"tiff", file_kind::image},  {"ico", file_kind::image},
    {"heic", file_kind::image},    {"avif", file_kind::image},  {"emf", file_kind::image},
    {"wmf", file_kind::image},     {"mp3", file_kind::media},   {"mp4", file_kind::media},
    {"exe", file_kind::program},   {"scr", file_kind::program},
};

file_kind looked_up(const claim* begin, const claim* end, std::string_view key) {
  const auto at = std::find_if(begin, end, [&](const claim& c) { return c.first == key; });
  return at == end ? file_kind::unknown : at->second;
}

bool is_textual(file_kind k) noexcept {
  return k == file_kind::text || k == file_kind::html || k == file_kind::calendar ||
         k == file_kind::card || k == file_kind::message || k == file_kind::svg ||
         k == file_kind::markup;
}

}  // namespace

std::string_view words_for(file_kind kind) noexcept {
  switch (kind) {
    case file_kind::unknown:
      return "octets of an unknown format";
    case file_kind::text:
    case file_kind::calendar:
    case file_kind::card:
    case file_kind::markup:
    case file_kind::message:
      return "text";
    case file_kind::html:
    case file_kind::svg:
      return "HTML";
    case file_kind::pdf:
      return "a PDF document";
    case file_kind::zip:
      return "a ZIP archive or office document";
    case file_kind::office:
    case file_kind::ole:
      return "an office document";
    case file_kind::rtf:
      return "an RTF document";
    case file_kind::gzip:
    case file_kind::tar:
    case file_kind::archive:
      return "an archive";
    case file_kind::image:
      return "a picture";
    case file_kind::media:
      return "sound or film";
    case file_kind::tnef:
      return "a winmail.dat";
    case file_kind::program:
      return "a program";
  }
  return "something else";
}

bool looks_like_text(std::string_view bytes) {
  for (const auto mark : {"\xFF\xFE"sv, "\xFE\xFF"sv})
    if (bytes.starts_with(mark)) return bytes.size() % 2 == 0;
  if (bytes.find('\0') != std::string_view::npos) return false;
  std::size_t odd = 0;
  for (const char c : bytes) {
    const auto u = static_cast<unsigned char>(c);
    odd += u < 0x20 && u != '\t' && u != '\r' && u != '\n' && u != '\f' && u != 0x1b;
  }
  return odd * 200 <= bytes.size();
}

file_kind kind_of_head(std::string_view bytes) {
  for (const auto& h : heads)
    if (bytes.starts_with(h.start)) return h.kind;
  return kind_of_odd_head(bytes);
}

file_kind kind_of_content(std::string_view bytes) {
  if (const auto kind = kind_of_head(bytes); kind != file_kind::unknown) return kind;
  return looks_like_text(bytes) ? kind_of_text(bytes) : file_kind::unknown;
}

file_kind kind_of_type(std::string_view type) {
  const std::string t = ascii_lower(type);
  if (const auto k = looked_up(std::begin(types), std::end(types), t); k != file_kind::unknown)
    return k;
  if (t.starts_with("application/vnd.openxmlformats-officedocument.") ||
      t.starts_with("application/vnd.oasis.opendocument.") || t.starts_with("application/vnd.ms-"))
    return file_kind::office;
  if (t.starts_with("text/")) return file_kind::text;
  if (t.starts_with("image/")) return file_kind::image;
  if (t.starts_with("audio/") || t.starts_with("video/")) return file_kind::media;
  return file_kind::unknown;
}

file_kind kind_of_name(std::string_view name) {
  name = trim(name);
  while (name.ends_with('.')) name.remove_suffix(1);  // Windows drops them
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos) return file_kind::unknown;
  return looked_up(std::begin(endings), std::end(endings), ascii_lower(name.substr(dot + 1)));
}

bool agrees(file_kind claim, file_kind content) noexcept {
  if (claim == file_kind::unknown || claim == content) return true;
  if (is_textual(claim)) return is_textual(content);
  if (claim == file_kind::office)
    return content == file_kind::zip || content == file_kind::ole || content == file_kind::rtf ||
           is_textual(content);
  return false;
}

file_kind kind_of_file(std::string_view bytes, std::string_view type, std::string_view name) {
  const auto content = kind_of_content(bytes);
  if (content != file_kind::text) return content;
  // Text is shown as what it says it is: first by its name, as a reader opens it.
  for (const auto claim : {kind_of_name(name), kind_of_type(type)}) {
    if (claim == file_kind::svg) return file_kind::html;
    if (is_textual(claim) && claim != file_kind::text) return claim;
  }
  return content;
}

std::string mismatch(file_kind content, std::string_view type, std::string_view name) {
  const auto but = ", but holds " + std::string{words_for(content)};
  if (!agrees(kind_of_type(type), content)) return "is labelled " + std::string{type} + but;
  if (!agrees(kind_of_name(name), content)) return "is named " + printable(name, 80) + but;
  return {};
}

}  // namespace consentry::filters::reader
