#include "policy/consent/renewal_buffer.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"

// meta  "renewal_watermark" -> be64 seq: every renewal up to it is in the consents

namespace consentry::policy::consent {

namespace {

constexpr std::string_view watermark_key = "renewal_watermark";
// A quiet journal moves the watermark only so often; more entries than this are not read again at
// start.
constexpr std::uint64_t idle_entries_max = 10'000;

journal_seq watermark(const read_txn& txn, table meta) {
  const auto bytes = txn.get(meta, watermark_key);
  return bytes ? journal_seq{byte_reader{*bytes}.be64()} : journal_seq{};
}

void add(consent_record& r, const renewal& what) {
  if (what.retracted) {
    retract_delivery(r, what.delivery.recipient);
  } else {
    add_delivery(r, what.delivery);
  }
}

}  // namespace

std::optional<renewal> renewal_of(const journal::event& e) {
  const bool is_delivered = e.kind == journal::event_kind::delivered;
  const bool is_taken_back =
      e.kind == journal::event_kind::bounced && e.facts.contains("after_delivery");
  if (!is_delivered && !is_taken_back) return std::nullopt;
  // RULES A3: only advertising renews.
  if (e.stream != smtp::stream::bulk && e.stream != smtp::stream::automation) return std::nullopt;
  if (e.person.size() != 16 || e.topic.empty()) return std::nullopt;
  const auto sender = e.facts.find("sender");
  if (sender == e.facts.end()) return std::nullopt;
  return renewal{{e.tenant, e.person, sender->second, e.topic}, {e.at, e.recipient}, is_taken_back};
}

bool renewal_batch::is_idle() const noexcept {
  return renewals.empty() && !is_more && through.value - after.value < idle_entries_max;
}

renewal_buffer::renewal_buffer(store_env& env, const consent_ledger& ledger,
                               const journal::event_journal& history, options o)
    : ledger_{&ledger}, journal_{&history}, options_{o}, meta_{env.open_table("meta")} {}

void renewal_buffer::observe(journal_seq seq, const journal::event& e) {
  auto what = renewal_of(e);
  if (!what) return;
  const auto key = stored_key(what->key);
  std::lock_guard lock{mutex_};
  if (seq <= applied_) return;
  if (waiting_ >= options_.overlay_max) {
    log::warn("policy/consent", "renewals_lag", {{"waiting", waiting_}});
    return;
  }
  auto& list = overlay_[key];
  // Journal order, whatever the order of arrival: a bounce after its delivery.
  const auto at = std::upper_bound(list.begin(), list.end(), seq,
                                   [](journal_seq s, const waiting& w) { return s < w.seq; });
  list.insert(at, {seq, std::move(*what)});
  ++waiting_;
}

std::optional<consent_record> renewal_buffer::find(const read_txn& txn,
                                                   const consent_key& key) const {
  auto record = ledger_->find(txn, key);
  if (!record || !record->given_at) return record;
  const auto at = ledger_->key_of(key);
  std::lock_guard lock{mutex_};
  if (const auto found = overlay_.find(at); found != overlay_.end())
    for (const auto& w : found->second)
      if (is_same_matter(w.what.key.sender, w.what.key.topic, key)) add(*record, w.what);
  return record;
}

renewal_batch renewal_buffer::collect(const read_txn& txn) const {
  renewal_batch batch;
  batch.after = watermark(txn, meta_);
  const journal::event_filter filter{
      .kinds = {journal::event_kind::delivered, journal::event_kind::bounced}};
  const auto page =
      journal_->scan(txn, journal_seq{batch.after.value + 1}, options_.batch_renewals_max, filter);
  batch.is_more = bool{page.next};
  batch.through = page.next ? journal_seq{page.next.value - 1} : journal_->last(txn);
  if (batch.through < batch.after) batch.through = batch.after;
  std::vector<renewal> found;
  std::vector<std::pair<std::string, std::size_t>> order;  // within a key the journal's order stays
  for (const auto& entry : page.entries)
    if (auto what = renewal_of(entry.what)) {
      order.emplace_back(stored_key(what->key), found.size());
      found.push_back(std::move(*what));
    }
  std::ranges::sort(order);
  for (const auto& [key, i] : order) batch.renewals.push_back(std::move(found[i]));
  return batch;
}

void renewal_buffer::apply(write_txn& txn, const renewal_batch& batch) const {
  if (watermark(txn, meta_) != batch.after) return;
  for (const auto& r : batch.renewals) {
    if (r.retracted) {
      ledger_->retract_delivery(txn, r.key, r.delivery.recipient);
    } else {
      ledger_->add_delivery(txn, r.key, r.delivery);
    }
  }
  txn.put(meta_, watermark_key, byte_writer{}.be64(batch.through.value).bytes());
}

void renewal_buffer::applied(const renewal_batch& batch) {
  std::lock_guard lock{mutex_};
  // What the batch before this one brought in. This one's stay a round longer: a reader that began
  // before the commit sees the old records still. Adding a delivery twice changes nothing.
  for (const auto& key : last_keys_) {
    const auto it = overlay_.find(key);
    if (it == overlay_.end()) continue;
    waiting_ -= std::erase_if(it->second, [&](const waiting& w) { return w.seq <= applied_; });
    if (it->second.empty()) overlay_.erase(it);
  }
  last_keys_.clear();
  for (const auto& r : batch.renewals) last_keys_.push_back(stored_key(r.key));
  applied_ = batch.through;
}

std::size_t renewal_buffer::pending() const {
  std::lock_guard lock{mutex_};
  return waiting_;
}

}  // namespace consentry::policy::consent
