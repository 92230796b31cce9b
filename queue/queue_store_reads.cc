// The reading half of the store.
#include "base/bytes.h"
#include "queue/queue_keys.h"
#include "queue/queue_store.h"

namespace consentry::queue {
namespace {

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

queue_counts queue_store::counts(const read_txn& txn) const {
  return waiting_.of(txn);
}

queue_counts queue_store::counts(const read_txn& txn, tenant_id tenant,
                                 std::optional<smtp::stream> stream) const {
  return waiting_.of(txn, tenant, stream);
}

std::optional<message_id> queue_store::oldest(const read_txn& txn, const flow_id& flow) const {
  const auto prefix = keys::of(flow);
  auto at = txn.scan(open_);
  if (!at.seek(prefix) || !at.key().starts_with(prefix)) return std::nullopt;
  return keys::message_of_open(at.key());
}

bool queue_store::is_any_due(const read_txn& txn, instant now, std::size_t flows_max) const {
  for (const auto in : {lane::prompt, lane::bulk})
    for (const auto& flow : flows(txn, in, std::nullopt, flows_max))
      if (const auto next = next_due(txn, in, flow, {}); next && *next <= now) return true;
  return false;
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
    row.domain = at.value().substr(0, at.value().find('\0'));
    if (row.domain.size() < at.value().size()) row.pool = at.value().substr(row.domain.size() + 1);
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

}  // namespace consentry::queue
