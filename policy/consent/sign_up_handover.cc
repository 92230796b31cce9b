// Forms and waiting sign-ups of one tenant, out of a store and into another.
#include "base/bytes.h"
#include "policy/consent/sign_up_store.h"

namespace consentry::policy::consent {
namespace {

// The confirmation left another gateway: no message here has this number, and none more is sent.
constexpr message_id mailed_elsewhere{~0ULL};

std::string id_key(sign_up_id id) {
  return byte_writer{}.be64(id.value).take();
}

}  // namespace

std::vector<listed_sign_up> sign_up_store::rows(const read_txn& txn, tenant_id tenant,
                                                std::size_t looked_at, std::string& resume) const {
  std::vector<listed_sign_up> out;
  const auto from = std::exchange(resume, {});
  auto at = txn.scan(sign_ups_);
  for (bool ok = from.empty() ? at.first() : at.seek(from); ok; ok = at.next()) {
    if (looked_at-- == 0) {
      resume = at.key();
      break;
    }
    listed_sign_up l{.what = decode_sign_up(sign_up_id{byte_reader{at.key()}.be64()}, at.value())};
    if (l.what.key.tenant != tenant) continue;
    const auto m = mark_of(txn, l.what.key);
    if (m.last == l.what.id) {
      l.asked = m.asked;
      if (m.mail) l.mailed_at = m.mailed_at;
    }
    out.push_back(std::move(l));
  }
  return out;
}

void sign_up_store::restore(write_txn& txn, const listed_sign_up& l) const {
  auto p = l.what;
  while (txn.get(sign_ups_, id_key(p.id))) p.id = make_sign_up_id(time_of(p.id));
  txn.put(sign_ups_, id_key(p.id), consent::encode(p));
  if (l.asked == 0) return;
  sign_up_mark m{.last = p.id, .asked = l.asked};
  if (l.mailed_at) {
    m.mail = mailed_elsewhere;
    m.mailed_at = *l.mailed_at;
  }
  put_mark(txn, p.key, m);
}

bool sign_up_store::restore_form(write_txn& txn, const sign_up_form& f,
                                 const std::vector<form_notice>& texts, const act& by) const {
  if (txn.get(form_ids_, f.id)) return false;
  for (const auto& n : texts)
    txn.put(notices_, byte_writer{}.be32(f.tenant.value).raw(f.id).be32(n.version).take(),
            consent::encode(n));
  put_form(txn, f, "handed over", by);
  return true;
}

}  // namespace consentry::policy::consent
