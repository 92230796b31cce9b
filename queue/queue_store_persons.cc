// What an erasure does to the queue, and the moving of bodies.
#include "base/bytes.h"
#include "base/check.h"
#include "queue/queue_keys.h"
#include "queue/queue_store.h"

namespace consentry::queue {
namespace {

std::string open_prefix(tenant_id tenant) {
  return byte_writer{}.be32(tenant.value).take();
}

// Rows of a table in the order of their 8-byte keys, `rows` of them from resume on; f sees the
// number and the bytes.
template <class Id, class F>
void look_at(const read_txn& txn, table t, Id& resume, std::size_t rows, F f) {
  auto at = txn.scan(t);
  const auto from = std::exchange(resume, Id{});
  for (bool ok = at.seek(keys::of(from)); ok; ok = at.next()) {
    const Id id{byte_reader{at.key()}.be64()};
    if (rows-- == 0) {
      resume = id;
      return;
    }
    f(id, at.value());
  }
}

}  // namespace

bool queue_store::cancel(write_txn& txn, recipient_id id, std::string_view reason, instant now,
                         const visit& each) {
  const auto before = recipient(txn, id);
  if (!before || is_final(before->state)) return false;
  auto m = message(txn, before->message);
  CONSENTRY_CHECK(m);
  if (each) each(txn, *m, *before);
  auto after = *before;
  after.state = recipient_state::cancelled;
  after.reason = reason;
  after.rule.clear();
  after.last_reply.clear();
  after.changed_at = now;
  waiting_changes counted;
  transition(txn, *m, *before, std::move(after), {}, counted);
  put(txn, *m, now, counted);
  waiting_.apply(txn, counted);
  return true;
}

bool queue_store::move_body(write_txn& txn, message_id id, const spool_location& from,
                            const spool_location& to) {
  auto m = message(txn, id);
  if (!m || m->recipients_open == 0 || m->body_at != from) return false;
  m->body_at = to;
  txn.put(messages_, keys::of(id), queue::encode(*m));
  count_segment(txn, from.segment, -1);
  count_segment(txn, to.segment, 1);
  return true;
}

bool queue_store::forget(write_txn& txn, message_id id, const named_person& who) {
  auto m = message(txn, id);
  if (!m) return false;
  const auto before = *m;
  // Nobody is told of a delivery any more whose sender was erased.
  if (who.is_in(m->reverse_path)) m->reverse_path.clear();
  m->original_message_id = who.without(m->original_message_id);
  m->envid = who.without(m->envid);
  if (*m == before) return false;
  txn.put(messages_, keys::of(id), queue::encode(*m));
  return true;
}

bool queue_store::forget(write_txn& txn, recipient_id id, const named_person& who) {
  auto r = recipient(txn, id);
  if (!r) return false;
  const auto before = *r;
  r->last_reply = who.without(r->last_reply);
  r->orcpt = who.without(r->orcpt);
  if (*r == before) return false;
  txn.put(recipients_, keys::of(id), queue::encode(*r));
  return true;
}

auto queue_store::open_of_person(const read_txn& txn, tenant_id tenant, std::string_view person,
                                 const std::string& resume, std::size_t rows) const -> open_mail {
  open_mail out;
  const auto prefix = open_prefix(tenant);
  auto at = txn.scan(open_);
  for (bool ok = at.seek(resume.empty() ? prefix : resume); ok && at.key().starts_with(prefix);
       ok = at.next()) {
    if (rows-- == 0) {
      out.resume = at.key();
      break;
    }
    auto m = message(txn, keys::message_of_open(at.key()));
    if (!m) continue;
    bool is_theirs = false;
    for (std::uint64_t i = 1; i <= m->recipients_total; ++i) {
      const auto value = txn.get(recipients_, keys::of(recipient_id{m->id.value + i}));
      if (!value || value->find(person) == std::string_view::npos) continue;
      auto r = decode_recipient(recipient_id{m->id.value + i}, *value);
      if (r.person != person || is_final(r.state)) continue;
      is_theirs = true;
      out.recipients.push_back(std::move(r));
    }
    if (is_theirs)
      out.messages.push_back(std::move(*m));
    else if (m->is_notice)
      out.notices.push_back(std::move(*m));
  }
  return out;
}

std::vector<queued_recipient> queue_store::all_of_person(const read_txn& txn,
                                                         std::string_view person,
                                                         recipient_id& resume,
                                                         std::size_t rows) const {
  std::vector<queued_recipient> out;
  look_at(txn, recipients_, resume, rows, [&](recipient_id id, std::string_view value) {
    if (value.find(person) == std::string_view::npos) return;
    auto r = decode_recipient(id, value);
    if (r.person == person) out.push_back(std::move(r));
  });
  return out;
}

std::vector<message_id> queue_store::naming(const read_txn& txn, const named_person& who,
                                            message_id& resume, std::size_t rows) const {
  std::vector<message_id> out;
  look_at(txn, messages_, resume, rows, [&](message_id id, std::string_view value) {
    if (who.is_in(value)) out.push_back(id);
  });
  return out;
}

std::vector<recipient_id> queue_store::naming(const read_txn& txn, const named_person& who,
                                              recipient_id& resume, std::size_t rows) const {
  std::vector<recipient_id> out;
  look_at(txn, recipients_, resume, rows, [&](recipient_id id, std::string_view value) {
    if (who.is_in(value)) out.push_back(id);
  });
  return out;
}

std::vector<queued_message> queue_store::open_messages(const read_txn& txn, std::string& resume,
                                                       std::size_t rows) const {
  std::vector<queued_message> out;
  const auto from = std::exchange(resume, {});
  auto at = txn.scan(open_);
  for (bool ok = keys::go_to(at, from); ok; ok = at.next()) {
    if (out.size() >= rows) {
      resume = at.key();
      break;
    }
    if (auto m = message(txn, keys::message_of_open(at.key()))) out.push_back(std::move(*m));
  }
  return out;
}

}  // namespace consentry::queue
