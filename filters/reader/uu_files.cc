#include "filters/reader/uu_files.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "smtp/mime/transfer_decoding.h"

namespace consentry::filters::reader {
namespace {

constexpr std::size_t files_max = 100;

// "begin 644 name", at the beginning of a line.
bool is_begin(std::string_view line) {
  return line.starts_with("begin ") && line.size() > 9 && line.find(' ', 6) <= 12 &&
         std::all_of(line.begin() + 6, line.begin() + 9,
                     [](char c) { return c >= '0' && c <= '7'; });
}

}  // namespace

std::vector<uu_file> uu_files(std::string_view text, std::size_t octets_max) {
  std::vector<uu_file> out;
  for (std::size_t at = text.find("begin "); at != std::string_view::npos;
       at = text.find("begin ", at + 1)) {
    if (at != 0 && text[at - 1] != '\n') continue;
    const auto line = trim(text.substr(at, text.find('\n', at) - at));
    if (!is_begin(line)) continue;
    auto end = text.find("\nend", at);
    end = end == std::string_view::npos ? text.size() : end + 4;
    const auto block = text.substr(at, end - at);
    if (!smtp::mime::has_uuencode_block(block)) continue;
    uu_file f{.name = std::string{trim(line.substr(line.find(' ', 6)))}};
    if (out.size() == files_max) {
      f.problem = "is one of more uuencoded files than are read";
      out.push_back(std::move(f));
      return out;
    }
    auto decoded = smtp::mime::decode_uuencode(block, octets_max);
    octets_max -= std::min(octets_max, decoded.bytes.size());
    f.bytes = std::move(decoded.bytes);
    if (decoded.in_doubt || !decoded.problem.empty()) f.problem = "holds broken uuencoded data";
    out.push_back(std::move(f));
    at = end - 1;
  }
  return out;
}

}  // namespace consentry::filters::reader
