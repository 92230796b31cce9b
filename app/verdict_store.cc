#include "app/verdict_store.h"

#include "base/bytes.h"

namespace consentry::app {
namespace {

std::string key_of(recipient_id r) { return byte_writer{}.be64(r.value).take(); }

}  // namespace

verdict_store::verdict_store(store_env& env) : verdicts_{env.open_table("verdicts")} {}

void verdict_store::put(write_txn& txn, recipient_id recipient, const policy::verdict& v) const {
  txn.put(verdicts_, key_of(recipient), encode(v));
}

std::optional<policy::verdict> verdict_store::find(const read_txn& txn, recipient_id recipient) const {
  const auto bytes = txn.get(verdicts_, key_of(recipient));
  if (!bytes) return std::nullopt;
  return policy::decode_verdict(*bytes);
}

bool verdict_store::trim(write_txn& txn, recipient_id below, std::size_t rows) const {
  auto c = txn.scan(verdicts_);
  const auto end = key_of(below);
  std::size_t removed = 0;
  for (bool more = c.first(); more && c.key() < end; more = c.next()) {
    if (removed++ == rows) return true;
    c.erase();
  }
  return false;
}

}  // namespace consentry::app
