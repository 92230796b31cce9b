#include "queue/queue_store.h"

#include "base/bytes.h"
#include "base/check.h"
#include "queue/crc32c.h"
#include "queue/queue_keys.h"

namespace consentry::queue {
namespace {

constexpr std::size_t reply_bytes_max = 512;

// A counter below zero means that the store lost track of itself.
void change(std::uint64_t& n, int by) {
  CONSENTRY_CHECK(by >= 0 || n >= static_cast<std::uint64_t>(-by));
  n += static_cast<std::uint64_t>(static_cast<std::int64_t>(by));
}

int is(const queued_recipient& r, recipient_state s) {
  return r.state == s ? 1 : 0;
}

// What is personal or of no more use goes when nothing more can happen (RULES 10, D5): the
// pseudonym stays.
void blank(queued_recipient& r) {
  r.last_reply = without_address(r.last_reply, r);
  r.address.clear();
  r.domain.clear();
  r.orcpt.clear();
  r.next_attempt_at = {};
}

}  // namespace

lane lane_of(smtp::stream stream) noexcept {
  const bool prompt = stream == smtp::stream::transactional || stream == smtp::stream::doi;
  return prompt ? lane::prompt : lane::bulk;
}

lane lane_of(const queued_message& m) noexcept {
  return m.is_notice ? lane::prompt : lane_of(m.stream);
}

flow_id flow_of(tenant_id tenant, smtp::stream stream, std::string_view campaign) noexcept {
  return {tenant, stream, crc32c(campaign)};
}

flow_id flow_of(const queued_message& m) noexcept {
  return flow_of(m.tenant, m.stream, m.campaign);
}

queue_store::queue_store(store_env& env, id_source take_ids)
    : take_ids_{std::move(take_ids)},
      messages_{env.open_table("queue_messages")},
      recipients_{env.open_table("queue_recipients")},
      due_{env.open_table("queue_due")},
      parked_{env.open_table("queue_parked")},
      open_{env.open_table("queue_open")},
      segments_{env.open_table("queue_segments")},
      waiting_{env} {}

message_id queue_store::accept(write_txn& txn, const queued_message& m,
                               std::span<const queued_recipient> recipients) {
  CONSENTRY_CHECK(!recipients.empty() && m.body_at.length != 0);
  queued_message stored = m;
  stored.id.value = take_ids_(txn, recipients.size() + 1);
  stored.recipients_total = static_cast<std::uint32_t>(recipients.size());
  stored.recipients_open = stored.recipients_total;
  stored.recipients_held = 0;
  stored.finished_at = {};
  const auto in = lane_of(stored);
  const auto flow = flow_of(stored);
  waiting_changes counted;
  auto id = stored.id.value;
  for (const auto& given : recipients) {
    queued_recipient r = given;
    r.id.value = ++id;
    r.message = stored.id;
    CONSENTRY_CHECK(!is_final(r.state));
    if (r.state == recipient_state::held)
      ++stored.recipients_held;
    else
      txn.put(due_, keys::due(in, flow, r.next_attempt_at, r.id),
              keys::bound_for(r.domain, r.pool));
    txn.append(recipients_, keys::of(r.id), encode(r));
    counted.recipient(stored, r, r.domain, 1);
  }
  txn.append(messages_, keys::of(stored.id), queue::encode(stored));
  txn.put(open_, keys::open(flow, stored.id), "");
  counted.message(stored, 1);
  waiting_.apply(txn, counted);
  count_segment(txn, stored.body_at.segment, 1);
  return stored.id;
}

queued_message queue_store::update(write_txn& txn, const queued_recipient& r,
                                   std::string_view parked_under) {
  const auto before = recipient(txn, r.id);
  auto m = message_of(txn, r.id);
  // Only trim() removes rows, and only of what ended long ago.
  CONSENTRY_CHECK(before && m);
  queued_recipient after = r;
  after.message = before->message;
  after.pool = before->pool;  // moved by hand while the attempt went on
  if (after.last_reply.size() > reply_bytes_max) after.last_reply.resize(reply_bytes_max);
  if (is_final(before->state)) {
    if (!is_final(after.state)) return *m;
  } else if (before->state == recipient_state::held && !is_final(after.state)) {
    // Who held it first says why, and lets it go.
    after.state = recipient_state::held;
    after.reason = before->reason;
    after.rule = before->rule;
  }
  const auto at = after.changed_at;
  const bool stays = after.state == before->state;
  waiting_changes counted;
  transition(txn, *m, *before, std::move(after), parked_under, counted);
  if (!stays) put(txn, *m, at, counted);
  waiting_.apply(txn, counted);
  return *m;
}

void queue_store::transition(write_txn& txn, queued_message& m, const queued_recipient& before,
                             queued_recipient after, std::string_view parked_under,
                             waiting_changes& counted) {
  const auto in = lane_of(m);
  const auto flow = flow_of(m);
  if (before.state == recipient_state::queued) {
    const bool was_due = txn.erase(due_, keys::due(in, flow, before.next_attempt_at, before.id));
    if (!was_due && !parked_under.empty())
      txn.erase(parked_, keys::parked(in, parked_under, flow, before.next_attempt_at, before.id));
  }
  if (after.state == recipient_state::queued)
    txn.put(due_, keys::due(in, flow, after.next_attempt_at, after.id),
            keys::bound_for(after.domain, after.pool));
  counted.recipient(m, before, before.domain, -1);
  counted.recipient(m, after, before.domain, 1);
  m.recipients_held += static_cast<std::uint32_t>(is(after, recipient_state::held));
  m.recipients_held -= static_cast<std::uint32_t>(is(before, recipient_state::held));
  if (is_final(after.state) && !is_final(before.state)) {
    CONSENTRY_CHECK(m.recipients_open > 0);
    --m.recipients_open;
  }
  if (is_final(after.state)) blank(after);
  txn.put(recipients_, keys::of(after.id), encode(after));
}

void queue_store::put(write_txn& txn, queued_message& m, instant now, waiting_changes& counted) {
  if (m.recipients_open == 0 && m.finished_at == instant{}) {
    m.finished_at = now;
    count_segment(txn, m.body_at.segment, -1);
    m.body_at = {};
    txn.erase(open_, keys::open(flow_of(m), m.id));
    counted.message(m, -1);
  }
  txn.put(messages_, keys::of(m.id), queue::encode(m));
}

void queue_store::park(write_txn& txn, std::span<const due_row> rows, std::string_view group) {
  for (const auto& row : rows)
    if (txn.erase(due_, keys::due(row.in, row.flow, row.at, row.recipient)))
      txn.put(parked_, keys::parked(row.in, group, row.flow, row.at, row.recipient),
              keys::bound_for(row.domain, row.pool));
}

instant queue_store::postpone(write_txn& txn, std::span<const due_row> rows, instant until) {
  auto earliest = until;
  for (const auto& row : rows) {
    auto r = recipient(txn, row.recipient);
    if (!r || r->state != recipient_state::queued) continue;
    if (r->next_attempt_at != row.at) {
      // Held and released while it was in memory: its true row was passed over meanwhile.
      earliest = std::min(earliest, r->next_attempt_at);
      continue;
    }
    const auto m = message(txn, r->message);
    CONSENTRY_CHECK(m);
    const auto at = std::max(row.at, std::min(until, m->expires_at));
    earliest = std::min(earliest, at);
    erase(txn, row);
    r->next_attempt_at = at;
    txn.put(recipients_, keys::of(r->id), encode(*r));
    txn.put(due_, keys::due(row.in, row.flow, at, r->id), keys::bound_for(r->domain, r->pool));
  }
  return earliest;
}

void queue_store::drop_stale(write_txn& txn, std::span<const due_row> rows) {
  for (const auto& row : rows)
    if (is_stale(txn, row)) erase(txn, row);
}

bool queue_store::is_stale(const read_txn& txn, const due_row& row) const {
  const auto r = recipient(txn, row.recipient);
  return !r || r->state != recipient_state::queued || r->next_attempt_at != row.at;
}

void queue_store::erase(write_txn& txn, const due_row& row) {
  if (row.group.empty())
    txn.erase(due_, keys::due(row.in, row.flow, row.at, row.recipient));
  else
    txn.erase(parked_, keys::parked(row.in, row.group, row.flow, row.at, row.recipient));
}

void queue_store::count_segment(write_txn& txn, std::uint32_t segment, int by) {
  const auto key = keys::of_segment(segment);
  const auto stored = txn.get(segments_, key);
  std::uint64_t n = stored ? byte_reader{*stored}.varint() : 0;
  change(n, by);
  if (n == 0)
    txn.erase(segments_, key);
  else
    txn.put(segments_, key, byte_writer{}.varint(n).bytes());
}

slice queue_store::trim(write_txn& txn, instant before, const std::string& resume,
                        std::size_t rows) {
  slice done;
  std::vector<queued_message> old;
  {
    auto at = txn.scan(messages_);
    std::size_t seen = 0;
    for (bool ok = resume.empty() ? at.first() : at.seek(resume); ok; ok = at.next()) {
      auto m = decode_message(message_id{byte_reader{at.key()}.be64()}, at.value());
      if (m.accepted_at >= before) break;  // all later ones ended later still
      if (seen >= rows) {
        done.more = true;
        done.resume = at.key();
        break;
      }
      ++seen;
      if (m.recipients_open != 0 || m.finished_at >= before) continue;
      seen += m.recipients_total;
      old.push_back(std::move(m));
    }
  }
  for (const auto& m : old) {
    for (std::uint64_t i = 1; i <= m.recipients_total; ++i)
      txn.erase(recipients_, keys::of(recipient_id{m.id.value + i}));
    txn.erase(messages_, keys::of(m.id));
    ++done.changed;
  }
  return done;
}

}  // namespace consentry::queue
