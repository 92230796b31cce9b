#include "filters/reader/zip_directory.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace consentry::filters::reader {
namespace {

constexpr std::size_t end_record_octets = 22;
constexpr std::size_t central_octets = 46;
constexpr std::size_t local_octets = 30;
constexpr std::size_t comment_max = 65535;
constexpr unsigned encrypted_flag = 1u << 0;
constexpr unsigned strong_encryption_flag = 1u << 6;
constexpr unsigned hidden_header_flag = 1u << 13;

std::uint32_t number(std::string_view bytes, std::size_t at, unsigned octets) {
  std::uint32_t n = 0;
  for (unsigned i = octets; i-- > 0;) n = n << 8 | static_cast<unsigned char>(bytes[at + i]);
  return n;
}
std::uint32_t le16(std::string_view b, std::size_t at) {
  return number(b, at, 2);
}
std::uint32_t le32(std::string_view b, std::size_t at) {
  return number(b, at, 4);
}

// The end record whose comment ends where the file ends.
std::size_t find_end_record(std::string_view bytes) {
  if (bytes.size() < end_record_octets) return std::string_view::npos;
  const std::size_t last = bytes.size() - end_record_octets;
  for (std::size_t back = 0; back <= std::min(last, comment_max); ++back) {
    const std::size_t at = last - back;
    if (bytes.substr(at, 4) == "PK\x05\x06" && le16(bytes, at + 20) == back) return at;
  }
  return std::string_view::npos;
}

class directory {
 public:
  explicit directory(std::string_view bytes) : bytes_{bytes} {}

  std::string distrust(std::size_t entries_max) {
    const std::size_t end = find_end_record(bytes_);
    if (end == std::string_view::npos) return "is broken off";
    const std::size_t count = le16(bytes_, end + 10);
    const std::size_t octets = le32(bytes_, end + 12);
    const std::size_t offset = le32(bytes_, end + 16);
    if (count == 0xFFFF || octets == UINT32_MAX || offset == UINT32_MAX)
      return "has a directory for archives beyond 4 GiB";
    if (count > entries_max) return "holds more than " + std::to_string(entries_max) + " files";
    if (le16(bytes_, end + 4) != 0) return "is one volume of several";
    if (offset + octets > end) return "has a broken directory";
    // Before a self-extracting archive stands a program.
    shift_ = end - octets - offset;
    if (shift_ != 0) return "has other content before its first entry";
    std::size_t at = offset;
    for (std::size_t i = 0; i < count; ++i)
      if (auto why = entry(at, offset); !why.empty()) return why;
    if (at != end) return "has a broken directory";
    return overlap();
  }

 private:
  // Moves at behind the entry.
  std::string entry(std::size_t& at, std::size_t directory_begin) {
    if (at + central_octets > bytes_.size() || bytes_.substr(at, 4) != "PK\x01\x02")
      return "has a broken directory";
    const unsigned flags = le16(bytes_, at + 8);
    const std::size_t packed = le32(bytes_, at + 20);
    const std::size_t name_octets = le16(bytes_, at + 28);
    const std::size_t local = le32(bytes_, at + 42);
    const auto name = bytes_.substr(at + central_octets, name_octets);
    at += central_octets + name_octets + le16(bytes_, at + 30) + le16(bytes_, at + 32);
    if (flags & (encrypted_flag | strong_encryption_flag | hidden_header_flag))
      return "is encrypted";
    if (local + local_octets > directory_begin || bytes_.substr(local, 4) != "PK\x03\x04")
      return "has a broken directory";
    const std::size_t local_name_octets = le16(bytes_, local + 26);
    const std::size_t data = local + local_octets + local_name_octets + le16(bytes_, local + 28);
    if (data + packed > directory_begin) return "has a broken directory";
    if (le16(bytes_, local + 6) & encrypted_flag) return "is encrypted";
    if (bytes_.substr(local + local_octets, local_name_octets) != name)
      return "names a file in two ways";
    places_.emplace_back(local, data + packed);
    return {};
  }

  std::string overlap() {
    std::sort(places_.begin(), places_.end());
    for (std::size_t i = 1; i < places_.size(); ++i)
      if (places_[i].first < places_[i - 1].second) return "has entries that overlap";
    return {};
  }

  std::string_view bytes_;
  std::size_t shift_ = 0;
  std::vector<std::pair<std::size_t, std::size_t>> places_;
};

}  // namespace

std::string distrust_zip(std::string_view bytes, std::size_t entries_max) {
  return directory{bytes}.distrust(entries_max);
}

}  // namespace consentry::filters::reader
