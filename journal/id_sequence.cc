#include "journal/id_sequence.h"

#include "base/bytes.h"
#include "base/check.h"

namespace consentry::journal {
namespace {

constexpr std::string_view next_key = "next_id";

}  // namespace

id_sequence::id_sequence(store_env& env) : meta_{env.open_table("meta")} {}

std::uint64_t id_sequence::take(write_txn& txn, std::uint64_t count) const {
  CONSENTRY_CHECK(count > 0);
  std::uint64_t first = 1;
  if (const auto stored = txn.get(meta_, next_key)) first = byte_reader{*stored}.be64();
  CONSENTRY_CHECK(first <= UINT64_MAX - count);
  txn.put(meta_, next_key, byte_writer{}.be64(first + count).bytes());
  return first;
}

}  // namespace consentry::journal
