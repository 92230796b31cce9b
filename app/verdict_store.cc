#include "app/verdict_store.h"

#include "base/bytes.h"

namespace consentry::app {
namespace {

std::string key_of(recipient_id r) {
  return byte_writer{}.be64(r.value).take();
}

}  // namespace

verdict_store::verdict_store(store_env& env) : verdicts_{env.open_table("verdicts")} {}

void verdict_store::put(write_txn& txn, recipient_id recipient, instant at,
                        const policy::verdict& v) const {
  txn.put(verdicts_, key_of(recipient),
          byte_writer{}.be64(static_cast<std::uint64_t>(to_ms(at))).raw(encode(v)).bytes());
}

std::optional<policy::verdict> verdict_store::find(const read_txn& txn,
                                                   recipient_id recipient) const {
  const auto bytes = txn.get(verdicts_, key_of(recipient));
  if (!bytes) return std::nullopt;
  byte_reader in{*bytes};
  in.be64();
  return policy::decode_verdict(in.rest());
}

bool verdict_store::forget_matches(write_txn& txn, recipient_id recipient) const {
  auto v = find(txn, recipient);
  if (!v || v->matches.empty()) return false;
  bool any = false;
  for (auto& m : v->matches) {
    any = any || !m.matched.empty() || !m.note.empty();
    m.matched.clear();
    m.note.clear();
  }
  if (!any) return false;
  const auto at = byte_reader{*txn.get(verdicts_, key_of(recipient))}.be64();
  txn.put(verdicts_, key_of(recipient), byte_writer{}.be64(at).raw(encode(*v)).bytes());
  return true;
}

std::vector<recipient_id> verdict_store::naming(const read_txn& txn, const queue::named_person& who,
                                                recipient_id& resume, std::size_t rows) const {
  std::vector<recipient_id> out;
  auto c = txn.scan(verdicts_);
  const auto from = std::exchange(resume, recipient_id{});
  for (bool more = c.seek(key_of(from)); more; more = c.next()) {
    const recipient_id id{byte_reader{c.key()}.be64()};
    if (rows-- == 0) {
      resume = id;
      break;
    }
    if (who.is_named_in(c.value())) out.push_back(id);
  }
  return out;
}

std::size_t verdict_store::erase(write_txn& txn, recipient_id recipient) const {
  return txn.erase(verdicts_, key_of(recipient)) ? 1 : 0;
}

bool verdict_store::trim(write_txn& txn, instant before, std::size_t rows) const {
  auto c = txn.scan(verdicts_);
  std::size_t removed = 0;
  for (bool more = c.first(); more; more = c.next()) {
    if (from_ms(static_cast<std::int64_t>(byte_reader{c.value()}.be64())) >= before) return false;
    if (removed++ == rows) return true;
    c.erase();
  }
  return false;
}

}  // namespace consentry::app
