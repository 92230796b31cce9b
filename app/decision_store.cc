#include "app/decision_store.h"

#include "base/bytes.h"
#include "base/compression.h"
#include "base/secret.h"
#include "smtp/mime/mime_walk.h"

namespace consentry::app {
namespace {

constexpr std::uint8_t row_head = 1, row_follower = 2, row_head_alone = 3;
constexpr std::uint8_t text_version = 1;
constexpr std::size_t digest_bytes = 16;
constexpr std::chrono::hours text_serves_for{24};

std::string key_of(std::uint64_t id) {
  return byte_writer{}.be64(id).take();
}

std::uint64_t id_of(std::string_view key) {
  return byte_reader{key}.be64();
}

std::string mark_of(tenant_id tenant, std::string_view digest) {
  return byte_writer{}.be32(tenant.value).raw(digest).take();
}

struct text_row {
  instant at{};
  tenant_id tenant;
  std::string_view digest;
  std::string_view packed;
};

text_row read_text(std::string_view bytes) {
  byte_reader r{bytes};
  if (r.u8() != text_version) throw decode_error{"kept text of another version"};
  text_row t;
  t.at = from_ms(static_cast<std::int64_t>(r.be64()));
  t.tenant.value = r.be32();
  t.digest = r.raw(digest_bytes);
  t.packed = r.rest();
  return t;
}

// Encoded words and transfer encodings hide names from a plain look.
bool names(const queue::named_person& who, std::string_view mail) {
  if (who.is_named_in(mail)) return true;
  const auto walked = smtp::mime::walk(mail);
  for (const auto& h : walked.headers)
    if (who.is_named_in(h.text)) return true;
  for (const auto& p : walked.parts)
    if (who.is_named_in(p.text)) return true;
  return false;
}

}  // namespace

kept_text keep_text(std::string_view mail) {
  if (mail.empty() || mail.size() > kept_text_max) return {};
  const auto digest = sha256(mail);
  return {.packed = packed(mail), .digest = std::string{as_bytes(digest).substr(0, digest_bytes)}};
}

struct decision_store::head {
  std::uint8_t kind = row_head;
  instant at{};
  tenant_id tenant;
  std::uint64_t to_message = 0;
  std::uint64_t to_text = 0;  // 0: none, else the distance and 1
  std::string message_facts;

  std::string encoded() const {
    byte_writer w;
    w.u8(kind).be64(static_cast<std::uint64_t>(to_ms(at))).be32(tenant.value);
    w.varint(to_message).varint(to_text).text(message_facts);
    return w.take();
  }
  recipient_id text_of(std::uint64_t own_id) const {
    return {to_text == 0 ? 0 : own_id - (to_text - 1)};
  }
};

// Rows read one after the other: the head that several share is looked for once.
struct decision_store::reading {
  const read_txn& txn;
  table rows;
  std::uint64_t head_id = 0;  // 0: none yet
  std::optional<decision_store::head> known;

  // The row's head and what follows it; the head is nullopt where it was removed.
  struct row {
    const decision_store::head* head = nullptr;
    std::uint64_t head_id = 0;
    bool has_recipient = false;
    bool is_head = false;
    std::string_view recipient_facts;
  };

  row read(std::uint64_t id, std::string_view value) {
    byte_reader r{value};
    const auto kind = r.u8();
    if (kind == row_head || kind == row_head_alone) {
      const auto rest = take_head(id, value);
      return {.head = &*known,
              .head_id = id,
              .has_recipient = kind == row_head,
              .is_head = true,
              .recipient_facts = rest};
    }
    if (kind != row_follower) throw decode_error{"decision of another version"};
    const auto at = id - r.varint();
    if (at != head_id || !known) {
      const auto bytes = txn.get(rows, key_of(at));
      if (!bytes || bytes->empty() || bytes->front() == static_cast<char>(row_follower))
        return {.head = nullptr, .head_id = 0, .has_recipient = true, .recipient_facts = r.rest()};
      take_head(at, *bytes);
    }
    return {.head = &*known, .head_id = at, .has_recipient = true, .recipient_facts = r.rest()};
  }

  std::string_view take_head(std::uint64_t id, std::string_view value) {
    byte_reader r{value};
    decision_store::head h;
    h.kind = r.u8();
    h.at = from_ms(static_cast<std::int64_t>(r.be64()));
    h.tenant.value = r.be32();
    h.to_message = r.varint();
    h.to_text = r.varint();
    h.message_facts = r.text();
    known = std::move(h);
    head_id = id;
    return r.rest();
  }
};

decision_store::decision_store(store_env& env)
    : decisions_{env.open_table("decisions")},
      texts_{env.open_table("decision_texts")},
      marks_{env.open_table("decision_text_marks")} {}

recipient_id decision_store::keep(write_txn& txn, tenant_id tenant, recipient_id recipient,
                                  instant at, const kept_text& text) const {
  const auto mark = mark_of(tenant, text.digest);
  if (const auto found = txn.get(marks_, mark)) {
    const auto id = id_of(*found);
    if (const auto row = txn.get(texts_, key_of(id));
        row && at - read_text(*row).at < text_serves_for)
      return {id};
  }
  txn.put(texts_, key_of(recipient.value),
          byte_writer{}
              .u8(text_version)
              .be64(static_cast<std::uint64_t>(to_ms(at)))
              .be32(tenant.value)
              .raw(text.digest)
              .raw(text.packed)
              .bytes());
  txn.put(marks_, mark, key_of(recipient.value));
  return recipient;
}

void decision_store::recording::put(recipient_id recipient, const kept_facts& facts) {
  if (facts.message == nullptr) return;
  if (head_facts_ == facts.message.get()) {
    txn_.put(store_.decisions_, key_of(recipient.value),
             byte_writer{}
                 .u8(row_follower)
                 .varint(recipient.value - head_.value)
                 .raw(facts.recipient)
                 .bytes());
    return;
  }
  head h{.at = at_, .tenant = tenant_, .to_message = recipient.value - message_.value};
  if (text_ != nullptr && !text_->packed.empty())
    h.to_text = recipient.value - store_.keep(txn_, tenant_, recipient, at_, *text_).value + 1;
  h.message_facts = *facts.message;
  txn_.put(store_.decisions_, key_of(recipient.value), h.encoded() + facts.recipient);
  head_ = recipient;
  head_facts_ = facts.message.get();
}

namespace {

kept_decision decision_of(std::uint64_t id, instant at, tenant_id tenant, message_id message,
                          recipient_id text, std::string_view message_facts,
                          std::string_view recipient_facts) {
  return {.recipient = {id},
          .message = message,
          .tenant = tenant,
          .at = at,
          .facts = policy::recall(message_facts, recipient_facts),
          .text = text};
}

}  // namespace

std::vector<kept_decision> decision_store::page(const read_txn& txn, const range& r,
                                                recipient_id before, std::size_t rows,
                                                recipient_id& next) const {
  std::vector<kept_decision> out;
  next = {};
  reading rows_of{txn, decisions_, 0, {}};
  auto c = txn.scan(decisions_);
  bool more = before ? c.seek_last(key_of(before.value - 1)) : c.last();
  for (; more; more = c.previous()) {
    const auto id = id_of(c.key());
    if (rows-- == 0) {
      next = {id + 1};
      break;
    }
    const auto row = rows_of.read(id, c.value());
    if (row.head == nullptr) continue;
    if (row.head->at < r.from) break;
    if (!row.has_recipient || row.head->at >= r.until || (r.tenant && row.head->tenant != r.tenant))
      continue;
    const auto& h = *row.head;
    out.push_back(decision_of(id, h.at, h.tenant, {row.head_id - h.to_message},
                              h.text_of(row.head_id), h.message_facts, row.recipient_facts));
  }
  return out;
}

std::optional<kept_decision> decision_store::find(const read_txn& txn,
                                                  recipient_id recipient) const {
  const auto bytes = txn.get(decisions_, key_of(recipient.value));
  if (!bytes) return std::nullopt;
  reading rows_of{txn, decisions_, 0, {}};
  const auto row = rows_of.read(recipient.value, *bytes);
  if (row.head == nullptr || !row.has_recipient) return std::nullopt;
  const auto& h = *row.head;
  return decision_of(recipient.value, h.at, h.tenant, {row.head_id - h.to_message},
                     h.text_of(row.head_id), h.message_facts, row.recipient_facts);
}

std::optional<std::string> decision_store::packed_text(const read_txn& txn,
                                                       recipient_id text) const {
  const auto bytes = txn.get(texts_, key_of(text.value));
  if (!bytes) return std::nullopt;
  return std::string{read_text(*bytes).packed};
}

bool decision_store::erase_text(write_txn& txn, recipient_id text) const {
  const auto bytes = txn.get(texts_, key_of(text.value));
  if (!bytes) return false;
  const auto row = read_text(*bytes);
  const auto mark = mark_of(row.tenant, row.digest);
  if (const auto marked = txn.get(marks_, mark); marked && id_of(*marked) == text.value)
    txn.erase(marks_, mark);
  return txn.erase(texts_, key_of(text.value));
}

bool decision_store::forget(write_txn& txn, recipient_id recipient) const {
  const auto bytes = txn.get(decisions_, key_of(recipient.value));
  if (!bytes) return false;
  reading rows_of{txn, decisions_, 0, {}};
  const auto row = rows_of.read(recipient.value, *bytes);
  if (!row.has_recipient) return false;
  const auto text = row.head == nullptr ? recipient_id{} : row.head->text_of(row.head_id);
  if (row.is_head) {
    auto alone = *row.head;
    alone.kind = row_head_alone;
    txn.put(decisions_, key_of(recipient.value), alone.encoded());
  } else {
    txn.erase(decisions_, key_of(recipient.value));
  }
  if (text) erase_text(txn, text);
  return true;
}

std::size_t decision_store::erase(write_txn& txn, recipient_id recipient) const {
  const bool had_text = erase_text(txn, recipient);
  return (txn.erase(decisions_, key_of(recipient.value)) ? 1u : 0u) + (had_text ? 1u : 0u);
}

namespace {

// Those of `rows` rows from resume on that are theirs.
template <class Theirs>
std::vector<recipient_id> walk(const read_txn& txn, table t, recipient_id& resume, std::size_t rows,
                               Theirs is_theirs) {
  std::vector<recipient_id> out;
  auto c = txn.scan(t);
  const auto from = std::exchange(resume, recipient_id{});
  for (bool more = c.seek(key_of(from.value)); more; more = c.next()) {
    const auto id = id_of(c.key());
    if (rows-- == 0) {
      resume = {id};
      break;
    }
    if (is_theirs(id, c.value())) out.push_back({id});
  }
  return out;
}

}  // namespace

std::vector<recipient_id> decision_store::of_person(const read_txn& txn, tenant_id tenant,
                                                    std::string_view person, recipient_id& resume,
                                                    std::size_t rows) const {
  reading rows_of{txn, decisions_, 0, {}};
  return walk(txn, decisions_, resume, rows, [&](std::uint64_t id, std::string_view value) {
    const auto row = rows_of.read(id, value);
    return row.has_recipient && (row.head == nullptr || row.head->tenant == tenant) &&
           policy::person_in(row.recipient_facts) == person;
  });
}

std::vector<recipient_id> decision_store::of_tenant(const read_txn& txn, tenant_id tenant,
                                                    recipient_id& resume, std::size_t rows) const {
  reading rows_of{txn, decisions_, 0, {}};
  return walk(txn, decisions_, resume, rows, [&](std::uint64_t id, std::string_view value) {
    const auto row = rows_of.read(id, value);
    return row.head == nullptr || row.head->tenant == tenant;
  });
}

std::vector<recipient_id> decision_store::texts_of(const read_txn& txn, tenant_id tenant,
                                                   recipient_id& resume, std::size_t rows) const {
  return walk(txn, texts_, resume, rows, [&](std::uint64_t, std::string_view value) {
    return read_text(value).tenant == tenant;
  });
}

std::vector<recipient_id> decision_store::texts_naming(const read_txn& txn, tenant_id tenant,
                                                       const queue::named_person& who,
                                                       recipient_id& resume,
                                                       std::size_t rows) const {
  return walk(txn, texts_, resume, rows, [&](std::uint64_t, std::string_view value) {
    const auto row = read_text(value);
    return row.tenant == tenant && names(who, unpacked(row.packed, kept_text_max));
  });
}

bool decision_store::has_any(const read_txn& txn) const {
  return txn.entries(decisions_) != 0 || txn.entries(texts_) != 0;
}

bool decision_store::trim(write_txn& txn, instant decisions_before, instant texts_before,
                          std::size_t rows) const {
  bool more_waits = false;
  {
    reading rows_of{txn, decisions_, 0, {}};
    std::size_t removed = 0;
    auto c = txn.scan(decisions_);
    for (bool more = c.first(); more; more = c.next()) {
      const auto row = rows_of.read(id_of(c.key()), c.value());
      if (row.head != nullptr && row.head->at >= decisions_before) break;
      if (removed++ == rows) {
        more_waits = true;
        break;
      }
      c.erase();
    }
  }
  std::vector<recipient_id> texts;
  {
    auto c = txn.scan(texts_);
    for (bool more = c.first(); more; more = c.next()) {
      if (read_text(c.value()).at + text_serves_for >= texts_before) break;
      if (texts.size() == rows) {
        more_waits = true;
        break;
      }
      texts.push_back({id_of(c.key())});
    }
  }
  for (const auto t : texts) erase_text(txn, t);
  return more_waits;
}

}  // namespace consentry::app
