#include "filters/hyperscan_engine.h"

#include <hs/hs.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/text.h"

namespace consentry::filters {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view{"\\^$.|?*+()[]{}"}.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

// Of all that the compiled database depends on.
std::string key_of(const std::vector<sought_piece>& pieces, const std::vector<unsigned>& flags) {
  byte_writer all;
  all.text(hs_version()).varint(pieces.size());
  for (std::size_t i = 0; i < pieces.size(); ++i) all.text(pieces[i].text).varint(flags[i]);
  return hex(as_bytes(sha256(all.bytes())));
}

// The engine itself checks version, platform and a sum of what it is given.
bool take_from(const database_cache& cache, const std::string& key, hs_database** out) {
  const auto bytes = cache.find(key);
  return bytes && hs_deserialize_database(bytes->data(), bytes->size(), out) == HS_SUCCESS;
}

void keep_in(const database_cache& cache, const std::string& key, const hs_database* database) {
  char* bytes = nullptr;
  std::size_t length = 0;
  if (hs_serialize_database(database, &bytes, &length) != HS_SUCCESS) return;
  cache.keep(key, {bytes, length});
  std::free(bytes);  // NOLINT(cppcoreguidelines-no-malloc): the engine's own
}

}  // namespace

hyperscan_engine::~hyperscan_engine() {
  hs_free_database(database_);
}

std::uint32_t hyperscan_engine::add(sought_piece piece) {
  if (!piece.is_regular) piece.text = escaped(piece.text);
  pieces_.push_back(std::move(piece));
  return static_cast<std::uint32_t>(pieces_.size() - 1);
}

void hyperscan_engine::compile(bool is_utf8, hyperscan_scratch& scratch,
                               const database_cache& cache) {
  if (pieces_.empty()) return;
  const unsigned utf8 = is_utf8 ? HS_FLAG_UTF8 : 0;
  // Strings are folded like the text, and have one length; only expressions need more.
  for (const sought_piece& p : pieces_)
    flags_.push_back(p.is_regular ? utf8 | HS_FLAG_CASELESS | HS_FLAG_SOM_LEFTMOST : utf8);
  measure();
  const std::string key = key_of(pieces_, flags_);
  if (!take_from(cache, key, &database_)) {
    std::vector<const char*> texts;
    std::vector<unsigned> ids;
    for (const sought_piece& p : pieces_) {
      texts.push_back(p.text.c_str());
      ids.push_back(static_cast<unsigned>(ids.size()));
    }
    hs_compile_error_t* error = nullptr;
    if (hs_compile_multi(texts.data(), flags_.data(), ids.data(),
                         static_cast<unsigned>(texts.size()), HS_MODE_BLOCK, nullptr, &database_,
                         &error) != HS_SUCCESS) {
      const std::string why = error->message;
      const int at = error->expression;
      hs_free_compile_error(error);
      if (at < 0) throw configuration_error{"patterns: " + why};
      throw configuration_error{pieces_[static_cast<std::size_t>(at)].user + ": " + why};
    }
    keep_in(cache, key, database_);
  }
  scratch.make_room_for(database_);
}

// The compiler names what it refuses; here nothing is said of it.
void hyperscan_engine::measure() {
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    if (!pieces_[i].is_regular) continue;
    hs_expr_info_t* info = nullptr;
    hs_compile_error_t* error = nullptr;
    if (hs_expression_info(pieces_[i].text.c_str(), flags_[i], &info, &error) != HS_SUCCESS) {
      hs_free_compile_error(error);
      continue;
    }
    reach_ = std::max(reach_, std::min<std::size_t>(info->max_width, expression_octets_max));
    std::free(info);  // NOLINT(cppcoreguidelines-no-malloc): the engine's own
  }
}

bool hyperscan_engine::scan(std::string_view text, hs_scratch* scratch, callback call,
                            void* context) const {
  return hs_scan(database_, text.data(), static_cast<unsigned>(text.size()), 0, scratch, call,
                 context) == HS_SUCCESS;
}

}  // namespace consentry::filters
