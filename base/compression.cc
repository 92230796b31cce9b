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

}  // namespace consentry
