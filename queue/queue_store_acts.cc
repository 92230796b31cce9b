// What is listed and done by hand: walks through the open mail, a bounded part at a time.
#include "base/bytes.h"
#include "base/check.h"
#include "queue/crc32c.h"
#include "queue/queue_keys.h"
#include "queue/queue_store.h"

namespace consentry::queue {
namespace {

// Goes through the open table in order, past the flows and the messages that a filter cannot have.
class open_walk {
 public:
  open_walk(const queue_store& store, const read_txn& txn, table open, const queue_filter& f)
      : store_{store}, txn_{txn}, open_{open}, f_{f} {
    if (f.campaign) campaign_ = crc32c(*f.campaign);
    byte_writer prefix;
    if (f.tenant) prefix.be32(f.tenant.value);
    if (f.tenant && f.stream) prefix.u8(static_cast<std::uint8_t>(*f.stream));
    if (f.tenant && f.stream && campaign_) prefix.be32(*campaign_);
    prefix_ = prefix.take();
  }

  // At or behind `from` (empty: the first). nullopt: the end, or no looks left: then key() is where
  // to go on. Each row looked at takes one of `looks`.
  std::optional<queued_message> next(std::string from, std::size_t& looks) {
    key_ = std::move(from);
    if (key_.empty()) key_ = first();
    for (;; --looks) {
      auto at = txn_.scan(open_);
      if (!keys::go_to(at, key_) || !at.key().starts_with(prefix_)) {
        key_.clear();
        return std::nullopt;
      }
      key_ = at.key();
      if (looks == 0) return std::nullopt;
      const auto id = keys::message_of_open(key_);
      if (f_.message && id != f_.message) {
        key_.clear();
        return std::nullopt;
      }
      byte_reader in{key_};
      const auto flow = keys::read_flow(in);
      auto m = is_wanted(flow) ? store_.message(txn_, id) : std::nullopt;
      if (m && f_.has_message(*m)) {
        --looks;
        return m;
      }
      // Later ones of the flow were accepted later.
      const bool flow_is_over = !is_wanted(flow) || (m && m->accepted_at >= f_.accepted_before);
      key_ = flow_is_over ? keys::of(flow) + std::string(8, '\xff') : behind(key_);
    }
  }

  // Of what next() gave, or where it stopped; empty: at the end.
  const std::string& key() const noexcept { return key_; }
  static std::string behind(const std::string& key) { return key + '\0'; }

 private:
  std::string first() const {
    if (!f_.message) return prefix_;
    const auto m = store_.message(txn_, f_.message);
    return m ? keys::open(flow_of(*m), m->id) : prefix_;
  }
  bool is_wanted(const flow_id& flow) const {
    return (!f_.stream || flow.stream == *f_.stream) && (!campaign_ || flow.campaign == *campaign_);
  }

  const queue_store& store_;
  const read_txn& txn_;
  table open_;
  const queue_filter& f_;
  std::optional<std::uint32_t> campaign_;
  std::string prefix_;
  std::string key_;
};

}  // namespace

std::vector<queued_message> queue_store::list(const read_txn& txn, const queue_filter& f,
                                              std::string& resume, std::size_t limit) const {
  std::vector<queued_message> out;
  open_walk walk{*this, txn, open_, f};
  std::size_t looks = list_looks_max;
  auto from = std::exchange(resume, {});
  while (auto m = walk.next(std::move(from), looks)) {
    if (out.size() >= limit) {
      resume = walk.key();
      return out;
    }
    bool is_theirs = !f.asks_for_recipients();
    // A message of many recipients is looked at as a whole, whatever is left.
    for (std::uint64_t i = 1; !is_theirs && i <= m->recipients_total; ++i) {
      const auto r = recipient(txn, recipient_id{m->id.value + i});
      is_theirs = r && f.has_recipient(*r);
      if (looks != 0) --looks;
    }
    from = open_walk::behind(walk.key());
    if (is_theirs) out.push_back(std::move(*m));
  }
  resume = walk.key();
  return out;
}

// resume: the key in open, then the recipient to go on with.
slice queue_store::walk(write_txn& txn, const queue_filter& f, instant now,
                        const std::string& resume, std::size_t rows, const handle& each) {
  slice done;
  waiting_changes counted;
  open_walk walk{*this, txn, open_, f};
  std::string from = resume.substr(0, resume.empty() ? 0 : resume.size() - 8);
  const auto begun = from;
  std::uint64_t next =
      resume.empty() ? 0 : byte_reader{std::string_view{resume}.substr(from.size())}.be64();
  const auto go_on_at = [&](const std::string& key, std::uint64_t recipient) {
    done.more = true;
    done.resume = byte_writer{}.raw(key).be64(recipient).take();
  };
  for (;;) {
    auto m = walk.next(std::move(from), rows);
    if (!m) {
      if (!walk.key().empty()) go_on_at(walk.key(), 0);
      break;
    }
    if (walk.key() != begun) next = 0;
    const auto before = *m;
    const auto last = m->id.value + m->recipients_total;
    for (next = std::max(next, m->id.value + 1); next <= last; ++next) {
      const auto r = recipient(txn, recipient_id{next});
      if (r && f.has_recipient(*r) && each(*m, *r, counted)) ++done.changed;
      if (rows == 0) break;  // at least one a slice
      --rows;
    }
    if (*m != before) put(txn, *m, now, counted);
    if (next <= last && next + 1 <= last) {
      go_on_at(walk.key(), next + 1);
      break;
    }
    from = open_walk::behind(walk.key());
  }
  waiting_.apply(txn, counted);
  return done;
}

slice queue_store::hold(write_txn& txn, const queue_filter& f, std::string_view reason, instant now,
                        const std::string& resume, std::size_t rows, const visit& each) {
  return walk(txn, f, now, resume, rows,
              [&](queued_message& m, const queued_recipient& r, waiting_changes& counted) {
                if (r.state != recipient_state::queued) return false;
                if (each) each(txn, m, r);
                queued_recipient after = r;
                after.state = recipient_state::held;
                after.reason = reason;
                after.changed_at = now;
                transition(txn, m, r, std::move(after), {}, counted);
                return true;
              });
}

slice queue_store::release(write_txn& txn, const queue_filter& f, instant now,
                           const std::string& resume, std::size_t rows, const visit& each) {
  return walk(txn, f, now, resume, rows,
              [&](queued_message& m, const queued_recipient& r, waiting_changes& counted) {
                if (r.state != recipient_state::held) return false;
                if (each) each(txn, m, r);
                queued_recipient after = r;
                after.state = recipient_state::queued;
                after.reason.clear();
                after.rule.clear();
                after.changed_at = now;
                after.next_attempt_at = now;
                transition(txn, m, r, std::move(after), {}, counted);
                return true;
              });
}

slice queue_store::purge(write_txn& txn, const queue_filter& f, std::string_view reason,
                         instant now, const std::string& resume, std::size_t rows,
                         const visit& each) {
  return walk(txn, f, now, resume, rows,
              [&](queued_message& m, const queued_recipient& r, waiting_changes& counted) {
                if (each) each(txn, m, r);
                queued_recipient after = r;
                after.state = recipient_state::cancelled;
                after.reason = reason;
                after.changed_at = now;
                transition(txn, m, r, std::move(after), {}, counted);
                return true;
              });
}

slice queue_store::requeue(write_txn& txn, const queue_filter& f, instant now,
                           const std::string& resume, std::size_t rows) {
  return walk(txn, f, now, resume, rows,
              [&](queued_message& m, const queued_recipient& r, waiting_changes& counted) {
                if (r.state != recipient_state::queued || r.next_attempt_at <= now) return false;
                queued_recipient after = r;
                after.next_attempt_at = now;
                transition(txn, m, r, std::move(after), {}, counted);
                return true;
              });
}

slice queue_store::assign_pool(write_txn& txn, const queue_filter& f, std::string_view pool,
                               instant now, const std::string& resume, std::size_t rows) {
  return walk(txn, f, now, resume, rows,
              [&](queued_message& m, const queued_recipient& r, waiting_changes& counted) {
                if (r.pool == pool) return false;
                queued_recipient after = r;
                after.pool = pool;
                // Another time makes the row that is parked or in memory stale.
                if (r.state == recipient_state::queued)
                  after.next_attempt_at += std::chrono::milliseconds{1};
                transition(txn, m, r, std::move(after), {}, counted);
                return true;
              });
}

// resume: the key in parked.
slice queue_store::drop_stale_parked(write_txn& txn, const queue_filter& f,
                                     const std::string& resume, std::size_t rows) {
  slice done;
  const auto campaign = f.campaign ? std::optional{crc32c(*f.campaign)} : std::nullopt;
  auto at = txn.scan(parked_);
  bool ok = keys::go_to(at, resume);
  while (ok) {
    if (rows-- == 0) {
      done.more = true;
      done.resume = at.key();
      return done;
    }
    const auto name_end = at.key().find('\0', 1);
    const auto prefix = std::string{at.key().substr(0, name_end + 1 + keys::flow_bytes)};
    byte_reader in{at.key().substr(name_end + 1)};
    due_row row{.flow = keys::read_flow(in)};
    const bool is_wanted = (!f.tenant || row.flow.tenant == f.tenant) &&
                           (!f.stream || row.flow.stream == *f.stream) &&
                           (!campaign || row.flow.campaign == *campaign);
    if (!is_wanted) {
      ok = at.seek(prefix + std::string(8, '\xff'));
      continue;
    }
    row.at = from_ms(static_cast<std::int64_t>(in.be64()));
    row.recipient.value = in.be64();
    if (is_stale(txn, row)) {
      at.erase();
      ++done.changed;
    }
    ok = at.next();
  }
  return done;
}

}  // namespace consentry::queue
