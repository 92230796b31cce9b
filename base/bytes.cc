#include "base/bytes.h"

namespace consentry {

byte_writer& byte_writer::u8(std::uint8_t n) {
  out_ += static_cast<char>(n);
  return *this;
}
byte_writer& byte_writer::be16(std::uint16_t n) {
  return u8(static_cast<std::uint8_t>(n >> 8)).u8(static_cast<std::uint8_t>(n));
}
byte_writer& byte_writer::be32(std::uint32_t n) {
  return be16(static_cast<std::uint16_t>(n >> 16)).be16(static_cast<std::uint16_t>(n));
}
byte_writer& byte_writer::be64(std::uint64_t n) {
  return be32(static_cast<std::uint32_t>(n >> 32)).be32(static_cast<std::uint32_t>(n));
}
byte_writer& byte_writer::varint(std::uint64_t n) {
  for (; n >= 0x80; n >>= 7) u8(static_cast<std::uint8_t>(n | 0x80));
  return u8(static_cast<std::uint8_t>(n));
}
byte_writer& byte_writer::zigzag(std::int64_t n) {
  return varint(static_cast<std::uint64_t>(n) << 1 ^ static_cast<std::uint64_t>(n >> 63));
}
byte_writer& byte_writer::raw(std::string_view bytes) {
  out_ += bytes;
  return *this;
}
byte_writer& byte_writer::text(std::string_view bytes) {
  return varint(bytes.size()).raw(bytes);
}

std::string_view byte_reader::raw(std::size_t count) {
  if (count > in_.size()) throw decode_error("record ends early");
  const auto piece = in_.substr(0, count);
  in_.remove_prefix(count);
  return piece;
}
std::uint8_t byte_reader::u8() {
  return static_cast<std::uint8_t>(raw(1)[0]);
}
std::uint16_t byte_reader::be16() {
  const std::uint16_t high = u8();
  return static_cast<std::uint16_t>(high << 8 | u8());
}
std::uint32_t byte_reader::be32() {
  const std::uint32_t high = be16();
  return high << 16 | be16();
}
std::uint64_t byte_reader::be64() {
  const std::uint64_t high = be32();
  return high << 32 | be32();
}
std::uint64_t byte_reader::varint() {
  std::uint64_t n = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const std::uint8_t b = u8();
    if (shift == 63 && b > 1) break;
    n |= static_cast<std::uint64_t>(b & 0x7f) << shift;
    if ((b & 0x80) == 0) return n;
  }
  throw decode_error("number too long");
}
std::int64_t byte_reader::zigzag() {
  const std::uint64_t n = varint();
  return static_cast<std::int64_t>(n >> 1 ^ (~(n & 1) + 1));
}
std::string_view byte_reader::text() {
  return raw(varint());
}

}  // namespace consentry
