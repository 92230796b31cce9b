#include "queue/sent_count_store.h"

#include "base/bytes.h"
#include "base/civil_date.h"

namespace consentry::queue {

sent_count_store::sent_count_store(store_env& env) : counts_{env.open_table("queue_sent_counts")} {}

std::vector<working_set::kept_count> sent_count_store::read(const read_txn& txn,
                                                            instant now) const {
  using std::chrono::hours;
  std::vector<working_set::kept_count> out;
  auto at = txn.scan(counts_);
  for (bool ok = at.first(); ok; ok = at.next()) {
    byte_reader in{at.value()};
    if (in.u8() != 1) throw decode_error("sent count of unknown version");
    const auto written_at = from_ms(static_cast<std::int64_t>(in.be64()));
    working_set::kept_count c{.name = std::string{at.key()}};
    c.in_hour = in.varint();
    c.in_day = in.varint();
    if (std::chrono::floor<hours>(written_at) != std::chrono::floor<hours>(now)) c.in_hour = 0;
    if (budapest_day(written_at) == budapest_day(now)) out.push_back(std::move(c));
  }
  return out;
}

void sent_count_store::write(write_txn& txn, const std::vector<working_set::kept_count>& counts,
                             instant now) {
  std::vector<std::string> old;
  {
    auto at = txn.scan(counts_);
    for (bool ok = at.first(); ok; ok = at.next()) old.emplace_back(at.key());
  }
  for (const auto& key : old) txn.erase(counts_, key);
  for (const auto& c : counts)
    txn.put(counts_, c.name,
            byte_writer{}
                .u8(1)
                .be64(static_cast<std::uint64_t>(to_ms(now)))
                .varint(c.in_hour)
                .varint(c.in_day)
                .take());
}

}  // namespace consentry::queue
