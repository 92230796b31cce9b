// The reading half of the store, and what is done by hand in slices.
#include "base/bytes.h"
#include "queue/queue_keys.h"
#include "queue/queue_store.h"

namespace consentry::queue {
namespace {

bool matches(const queue_filter& f, const queued_message& m) {
  return (!f.tenant || m.tenant == f.tenant) && (!f.stream || m.stream == *f.stream) &&
         (!f.campaign || m.campaign == *f.campaign) && (!f.message || m.id == f.message);
}

// The part of the open table that a filter's tenant and stream select.
std::string open_prefix(const queue_filter& f) {
  if (!f.tenant) return {};
  return f.stream ? keys::tenant_stream(f.tenant, *f.stream)
                  : byte_writer{}.be32(f.tenant.value).take();
}

message_id message_in(std::string_view open_key) {
  byte_reader in{open_key};
  in.raw(5);
  return message_id{in.be64()};
}

// LMDB takes no empty key.
bool go_to(cursor& at, std::string_view key) {
  return key.empty() ? at.first() : at.seek(key);
}

constexpr std::size_t open_key_bytes = 13;
constexpr instant end_of_time = from_ms(INT64_MAX);

}  // namespace

std::optional<queued_message> queue_store::message(const read_txn& txn, message_id id) const {
  const auto value = txn.get(messages_, keys::of(id));
  return value ? std::optional{decode_message(id, *value)} : std::nullopt;
}

std::optional<queued_recipient> queue_store::recipient(const read_txn& txn, recipient_id id) const {
  const auto value = txn.get(recipients_, keys::of(id));
  return value ? std::optional{decode_recipient(id, *value)} : std::nullopt;
}

std::optional<queued_message> queue_store::message_of(const read_txn& txn, recipient_id id) const {
  const auto r = recipient(txn, id);
  return r ? message(txn, r->message) : std::nullopt;
}

std::vector<queued_recipient> queue_store::recipients_of(const read_txn& txn,
                                                         const queued_message& m,
                                                         std::size_t limit) const {
  std::vector<queued_recipient> out;
  for (std::uint64_t i = 1; i <= m.recipients_total && out.size() < limit; ++i)
    if (auto r = recipient(txn, recipient_id{m.id.value + i})) out.push_back(std::move(*r));
  return out;
}

std::vector<queued_message> queue_store::list(const read_txn& txn, const queue_filter& f,
                                              std::string& resume, std::size_t limit) const {
  std::vector<queued_message> out;
  const auto prefix = open_prefix(f);
  const auto from = std::exchange(resume, {});
  // A rare campaign must not make one call walk the whole queue.
  std::size_t looks_left = 20 * limit + 100;
  auto at = txn.scan(open_);
  for (bool ok = go_to(at, from.empty() ? prefix : from); ok; ok = at.next()) {
    if (!at.key().starts_with(prefix)) break;
    if (out.size() >= limit || looks_left-- == 0) {
      resume = at.key();
      break;
    }
    auto m = message(txn, message_in(at.key()));
    if (m && matches(f, *m)) out.push_back(std::move(*m));
  }
  return out;
}

queue_counts queue_store::counts(const read_txn& txn) const {
  return counts(txn, tenant_id{});
}

queue_counts queue_store::counts(const read_txn& txn, tenant_id tenant,
                                 std::optional<smtp::stream> stream) const {
  const auto prefix = open_prefix({.tenant = tenant, .stream = stream});
  queue_counts sum;
  auto at = txn.scan(counts_);
  for (bool ok = go_to(at, prefix); ok && at.key().starts_with(prefix); ok = at.next()) {
    byte_reader in{at.value()};
    if (in.u8() != 1) throw decode_error("queue count of unknown version");
    sum.queued += in.varint();
    sum.held += in.varint();
    sum.messages += in.varint();
  }
  return sum;
}

std::vector<due_row> queue_store::read_rows(const read_txn& txn, table t, const std::string& prefix,
                                            const due_row& like, due_position from, instant until,
                                            std::size_t limit) const {
  std::vector<due_row> out;
  const auto start = byte_writer{}
                         .raw(prefix)
                         .be64(static_cast<std::uint64_t>(to_ms(from.at)))
                         .be64(from.recipient.value)
                         .take();
  auto at = txn.scan(t);
  for (bool ok = at.seek(start); ok && out.size() < limit; ok = at.next()) {
    if (!at.key().starts_with(prefix)) break;
    byte_reader in{at.key().substr(prefix.size())};
    due_row row = like;
    row.at = from_ms(static_cast<std::int64_t>(in.be64()));
    if (row.at > until) break;
    row.recipient.value = in.be64();
    row.domain = at.value();
    out.push_back(std::move(row));
  }
  return out;
}

std::vector<due_row> queue_store::due(const read_txn& txn, lane in, const flow_id& flow,
                                      due_position from, instant until, std::size_t limit) const {
  return read_rows(txn, due_, keys::due_flow(in, flow), {.in = in, .flow = flow}, from, until,
                   limit);
}

std::vector<due_row> queue_store::parked(const read_txn& txn, lane in, std::string_view group,
                                         const flow_id& flow, due_position from,
                                         std::size_t limit) const {
  return read_rows(txn, parked_, keys::parked_flow(in, group, flow),
                   {.in = in, .flow = flow, .group = std::string{group}}, from, end_of_time, limit);
}

std::optional<instant> queue_store::next_due(const read_txn& txn, lane in, const flow_id& flow,
                                             due_position from) const {
  const auto rows = due(txn, in, flow, from, end_of_time, 1);
  return rows.empty() ? std::nullopt : std::optional{rows.front().at};
}

std::vector<flow_id> queue_store::flows_under(const read_txn& txn, table t,
                                              const std::string& prefix,
                                              std::optional<flow_id> after, std::size_t limit) {
  // A flow's rows lie together, and no time begins with eight octets of ones.
  const auto behind = [&](const flow_id& f) {
    return prefix + keys::of(f) + std::string(8, '\xff');
  };
  std::vector<flow_id> out;
  auto at = txn.scan(t);
  bool ok = at.seek(after ? behind(*after) : prefix);
  while (ok && out.size() < limit && at.key().starts_with(prefix)) {
    byte_reader in{at.key().substr(prefix.size())};
    out.push_back(keys::read_flow(in));
    ok = at.seek(behind(out.back()));
  }
  return out;
}

std::vector<flow_id> queue_store::flows(const read_txn& txn, lane in, std::optional<flow_id> after,
                                        std::size_t limit) const {
  return flows_under(txn, due_, std::string(1, static_cast<char>(in)), after, limit);
}

std::vector<flow_id> queue_store::parked_flows(const read_txn& txn, lane in, std::string_view group,
                                               std::optional<flow_id> after,
                                               std::size_t limit) const {
  return flows_under(txn, parked_, keys::group(in, group), after, limit);
}

std::vector<std::string> queue_store::parked_groups(const read_txn& txn, lane in,
                                                    std::size_t limit) const {
  std::vector<std::string> out;
  const std::string lane_prefix(1, static_cast<char>(in));
  auto at = txn.scan(parked_);
  bool ok = at.seek(lane_prefix);
  while (ok && out.size() < limit && at.key().starts_with(lane_prefix)) {
    const auto rest = at.key().substr(1);
    out.emplace_back(rest.substr(0, rest.find('\0')));
    ok = at.seek(lane_prefix + out.back() + '\1');  // behind all its rows
  }
  return out;
}

std::uint64_t queue_store::open_messages_in(const read_txn& txn, std::uint32_t segment) const {
  const auto value = txn.get(segments_, keys::of_segment(segment));
  return value ? byte_reader{*value}.varint() : 0;
}

std::uint32_t queue_store::last_segment(const read_txn& txn) const {
  auto at = txn.scan(segments_);
  return at.last() ? byte_reader{at.key()}.be32() : 0;
}

// resume: the key in open, then the recipient to go on with.
slice queue_store::walk(write_txn& txn, const queue_filter& f, const std::string& resume,
                        std::size_t rows, const handle& each) {
  slice done;
  const auto prefix = open_prefix(f);
  std::string key = resume.empty() ? prefix : resume.substr(0, open_key_bytes);
  std::uint64_t next = resume.empty() ? 0 : byte_reader{resume.substr(open_key_bytes)}.be64();
  if (resume.empty() && f.message)
    if (const auto m = message(txn, f.message))
      key = keys::by_stream(m->tenant, m->stream, m->id.value);
  for (;; key += '\0', next = 0) {  // the next possible key
    {
      auto at = txn.scan(open_);
      if (!go_to(at, key) || !at.key().starts_with(prefix)) return done;
      if (at.key() != key) next = 0;  // another message: the one before is done and gone
      key = at.key();
    }
    const auto id = message_in(key);
    if (f.message && id != f.message) return done;
    const auto m = message(txn, id);
    if (next == 0 && rows > 0) --rows;  // a message begun in the slice before is not paid twice
    if (m && matches(f, *m)) {
      const auto last = m->id.value + m->recipients_total;
      for (next = std::max(next, m->id.value + 1); next <= last && rows > 0; ++next, --rows) {
        const auto r = recipient(txn, recipient_id{next});
        if (!r || is_final(r->state)) continue;
        const auto now = message(txn, id);  // each change may change it
        if (each(*now, *r)) ++done.changed;
      }
      if (next <= last) {
        done.more = true;
        done.resume = byte_writer{}.raw(key).be64(next).take();
        return done;
      }
    }
    if (rows == 0) {
      done.more = true;
      done.resume = byte_writer{}.raw(key).be64(UINT64_MAX).take();
      return done;
    }
  }
}

slice queue_store::hold(write_txn& txn, const queue_filter& f, std::string_view reason, instant now,
                        const std::string& resume, std::size_t rows, const visit& each) {
  return walk(txn, f, resume, rows, [&](const queued_message& m, const queued_recipient& r) {
    if (r.state != recipient_state::queued) return false;
    if (each) each(txn, m, r);
    queued_recipient after = r;
    after.state = recipient_state::held;
    after.reason = reason;
    after.changed_at = now;
    transition(txn, m, r, std::move(after), {});
    return true;
  });
}

slice queue_store::release(write_txn& txn, const queue_filter& f, instant now,
                           const std::string& resume, std::size_t rows, const visit& each) {
  return walk(txn, f, resume, rows, [&](const queued_message& m, const queued_recipient& r) {
    if (r.state != recipient_state::held) return false;
    if (f.held_because && r.reason != *f.held_because) return false;
    if (each) each(txn, m, r);
    queued_recipient after = r;
    after.state = recipient_state::queued;
    after.reason.clear();
    after.rule.clear();
    after.changed_at = now;
    after.next_attempt_at = now;
    transition(txn, m, r, std::move(after), {});
    return true;
  });
}

slice queue_store::purge(write_txn& txn, const queue_filter& f, std::string_view reason,
                         instant now, const std::string& resume, std::size_t rows,
                         const visit& each) {
  return walk(txn, f, resume, rows, [&](const queued_message& m, const queued_recipient& r) {
    if (f.held_because && (r.state != recipient_state::held || r.reason != *f.held_because))
      return false;
    if (each) each(txn, m, r);
    queued_recipient after = r;
    after.state = recipient_state::cancelled;
    after.reason = reason;
    after.changed_at = now;
    transition(txn, m, r, std::move(after), {});
    return true;
  });
}

}  // namespace consentry::queue
