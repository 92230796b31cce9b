#include "base/compression.h"

#include <zlib.h>

#include "base/bytes.h"
#include "base/check.h"

namespace consentry {

std::string packed(std::string_view text) {
  auto size = compressBound(text.size());
  std::string out(size, '\0');
  const auto done =
      compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                reinterpret_cast<const Bytef*>(text.data()), text.size(), Z_BEST_SPEED);
  CONSENTRY_CHECK(done == Z_OK);
  out.resize(size);
  return out;
}

std::string unpacked(std::string_view bytes, std::size_t bytes_max) {
  std::string out(bytes_max, '\0');
  uLongf size = bytes_max;
  const auto done = uncompress(reinterpret_cast<Bytef*>(out.data()), &size,
                               reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  if (done != Z_OK) throw decode_error{"packed text"};
  out.resize(size);
  return out;
}

std::string gzipped(std::string_view text) {
  z_stream z{};
  constexpr int window_bits = 15, with_gzip_header = 16, memory_level = 8;
  CONSENTRY_CHECK(deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
                               window_bits + with_gzip_header, memory_level,
                               Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&z, static_cast<uLong>(text.size())), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const auto done = deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  CONSENTRY_CHECK(done == Z_STREAM_END);
  return out;
}

}  // namespace consentry
