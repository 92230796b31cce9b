// The one binary encoding of stored records: little variable-length integers and length-prefixed
// strings for values, fixed big-endian numbers for keys (so that byte order is number order). Every
// record starts with a version byte.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace consentry {

// A stored record does not decode: the store is corrupt or from a newer version.
class decode_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class byte_writer {
 public:
  byte_writer& u8(std::uint8_t n);
  byte_writer& be16(std::uint16_t n);
  byte_writer& be32(std::uint32_t n);
  byte_writer& be64(std::uint64_t n);
  byte_writer& varint(std::uint64_t n);       // LEB128
  byte_writer& zigzag(std::int64_t n);        // signed, small magnitudes stay short
  byte_writer& raw(std::string_view bytes);   // no length
  byte_writer& text(std::string_view bytes);  // varint length, then bytes
  byte_writer& flag(bool b) { return u8(b ? 1 : 0); }

  const std::string& bytes() const noexcept { return out_; }
  std::string take() noexcept { return std::move(out_); }

 private:
  std::string out_;
};

// Every read throws decode_error when the bytes do not suffice. Returned views point into the
// input.
class byte_reader {
 public:
  explicit byte_reader(std::string_view bytes) noexcept : in_{bytes} {}
  std::uint8_t u8();
  std::uint16_t be16();
  std::uint32_t be32();
  std::uint64_t be64();
  std::uint64_t varint();
  std::int64_t zigzag();
  std::string_view raw(std::size_t count);
  std::string_view text();
  bool flag() { return u8() != 0; }
  bool at_end() const noexcept { return in_.empty(); }
  std::string_view rest() const noexcept { return in_; }

 private:
  std::string_view in_;
};

}  // namespace consentry
