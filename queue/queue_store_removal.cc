// Rows of one tenant, for whoever removes a tenant. They are scattered: ids grow with time.
#include "base/bytes.h"
#include "base/check.h"
#include "queue/queue_keys.h"
#include "queue/queue_store.h"

namespace consentry::queue {

queue_store::tenant_page queue_store::messages_of(const read_txn& txn, tenant_id tenant,
                                                  const std::string& resume, std::size_t rows,
                                                  std::size_t limit) const {
  tenant_page out;
  auto at = txn.scan(messages_);
  for (bool ok = resume.empty() ? at.first() : at.seek(resume); ok; ok = at.next()) {
    if (rows-- == 0 || out.finished.size() >= limit) {
      out.resume = at.key();
      return out;
    }
    const auto m = decode_message(message_id{byte_reader{at.key()}.be64()}, at.value());
    if (m.tenant != tenant) continue;
    if (m.recipients_open != 0)
      out.any_open = true;
    else
      out.finished.push_back(m.id);
  }
  return out;
}

std::vector<recipient_id> queue_store::remove(write_txn& txn, message_id id) const {
  std::vector<recipient_id> out;
  const auto m = message(txn, id);
  if (!m) return out;
  CONSENTRY_CHECK(m->recipients_open == 0);
  for (std::uint64_t i = 1; i <= m->recipients_total; ++i) {
    out.push_back({id.value + i});
    txn.erase(recipients_, keys::of(out.back()));
  }
  txn.erase(messages_, keys::of(id));
  return out;
}

}  // namespace consentry::queue
