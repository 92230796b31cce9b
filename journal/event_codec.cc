#include "journal/event_codec.h"

#include <limits>

#include "base/bytes.h"
#include "base/check.h"

namespace consentry::journal {
namespace {

constexpr std::uint8_t version = 1;

// Stored: never reuse or renumber.
enum class tag : std::uint64_t {
  at = 1,
  tenant = 2,
  message = 3,
  recipient = 4,
  stream = 5,
  person = 6,
  campaign = 7,
  topic = 8,
  reason = 9,
  rule = 10,
  policy_version = 11,
  actor = 12,
  commitment = 13,
  fact = 14,
};

// At most bytes_max, without half a UTF-8 character at the end.
std::string_view cut(std::string_view s, std::size_t bytes_max) noexcept {
  if (s.size() <= bytes_max) return s;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(s[end]) & 0xC0) == 0x80) --end;
  // Bytes that are no UTF-8 at all are cut where the bound falls.
  return s.substr(0, end == 0 ? bytes_max : end);
}

class field_writer {
 public:
  explicit field_writer(event_kind kind) { out_.u8(version).u8(static_cast<std::uint8_t>(kind)); }

  void number(tag t, std::uint64_t n) {
    if (n == 0) return;
    payload(t, byte_writer{}.varint(n).bytes());
  }
  void text(tag t, std::string_view s) {
    if (!s.empty()) payload(t, cut(s, event_text_bytes_max));
  }
  void payload(tag t, std::string_view bytes) {
    out_.varint(static_cast<std::uint64_t>(t)).text(bytes);
  }
  std::string take() { return out_.take(); }

 private:
  byte_writer out_;
};

std::string bounded_text(std::string_view bytes, std::size_t bytes_max) {
  if (bytes.size() > bytes_max) throw decode_error("event: a text beyond its bound");
  return std::string{bytes};
}

std::string exact_text(std::string_view bytes, std::size_t size) {
  if (bytes.size() != size) throw decode_error("event: a pseudonym or digest of wrong size");
  return std::string{bytes};
}

std::uint64_t number(std::string_view payload) {
  byte_reader in{payload};
  const auto n = in.varint();
  if (!in.at_end()) throw decode_error("event: bytes behind a number");
  return n;
}

template <class Id>
Id id_of(std::string_view payload) {
  using value = decltype(Id::value);
  const auto n = number(payload);
  if (n > std::numeric_limits<value>::max()) throw decode_error("event: a number out of range");
  return Id{static_cast<value>(n)};
}

void read_fact(event& e, std::string_view payload) {
  byte_reader in{payload};
  const auto name = in.text();
  const auto value = in.text();
  if (!in.at_end() || e.facts.size() >= event_facts_max ||
      name.size() > event_fact_name_bytes_max || value.size() > event_text_bytes_max)
    throw decode_error("event: a fact beyond its bounds");
  if (!e.facts.emplace(name, value).second) throw decode_error("event: a fact told twice");
}

void read_field(event& e, tag t, std::string_view payload) {
  const auto text = [&] { return bounded_text(payload, event_text_bytes_max); };
  switch (t) {
    case tag::at:
      e.at = from_ms(byte_reader{payload}.zigzag());
      break;
    case tag::tenant:
      e.tenant = id_of<tenant_id>(payload);
      break;
    case tag::message:
      e.message = id_of<message_id>(payload);
      break;
    case tag::recipient:
      e.recipient = id_of<recipient_id>(payload);
      break;
    case tag::stream:
      e.stream = static_cast<smtp::stream>(id_of<strong_id<tag, std::uint8_t>>(payload).value);
      break;
    case tag::person:
      e.person = exact_text(payload, 16);
      break;
    case tag::campaign:
      e.campaign = text();
      break;
    case tag::topic:
      e.topic = text();
      break;
    case tag::reason:
      e.reason = text();
      break;
    case tag::rule:
      e.rule = text();
      break;
    case tag::policy_version:
      e.policy_version = text();
      break;
    case tag::actor:
      e.actor = text();
      break;
    case tag::commitment:
      e.commitment = exact_text(payload, 32);
      break;
    case tag::fact:
      read_fact(e, payload);
      break;
  }
}

}  // namespace

std::string encode(const event& what) {
  CONSENTRY_CHECK(what.person.empty() || what.person.size() == 16);
  CONSENTRY_CHECK(what.commitment.empty() || what.commitment.size() == 32);
  field_writer w{what.kind};
  w.payload(tag::at, byte_writer{}.zigzag(to_ms(what.at)).bytes());
  w.number(tag::tenant, what.tenant.value);
  w.number(tag::message, what.message.value);
  w.number(tag::recipient, what.recipient.value);
  w.number(tag::stream, static_cast<std::uint64_t>(what.stream));
  w.text(tag::person, what.person);
  w.text(tag::campaign, what.campaign);
  w.text(tag::topic, what.topic);
  w.text(tag::reason, what.reason);
  w.text(tag::rule, what.rule);
  w.text(tag::policy_version, what.policy_version);
  w.text(tag::actor, what.actor);
  w.text(tag::commitment, what.commitment);
  std::size_t facts = 0;
  std::string_view before;
  for (const auto& [name, value] : what.facts) {
    const auto short_name = cut(name, event_fact_name_bytes_max);
    // Two long names may have become one by the cut: the first stands.
    if (facts > 0 && short_name == before) continue;
    if (++facts > event_facts_max) break;
    before = short_name;
    w.payload(tag::fact,
              byte_writer{}.text(short_name).text(cut(value, event_text_bytes_max)).bytes());
  }
  return w.take();
}

event_head peek_event(std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != version) throw decode_error("event: of a version this program does not know");
  event_head h;
  h.kind = static_cast<event_kind>(in.u8());
  while (!in.at_end()) {
    const auto number = in.varint();
    const auto payload = in.text();
    // encode() writes the tags in their order.
    if (number == static_cast<std::uint64_t>(tag::tenant)) h.tenant = id_of<tenant_id>(payload);
    if (number >= static_cast<std::uint64_t>(tag::tenant)) break;
  }
  return h;
}

event decode_event(std::string_view bytes) {
  if (bytes.size() > event_bytes_max) throw decode_error("event: too long");
  byte_reader in{bytes};
  if (in.u8() != version) throw decode_error("event: of a version this program does not know");
  event e;
  e.kind = static_cast<event_kind>(in.u8());
  std::uint64_t seen = 0;
  while (!in.at_end()) {
    const auto number = in.varint();
    const auto payload = in.text();
    if (number == 0 || number > static_cast<std::uint64_t>(tag::fact)) continue;
    const auto t = static_cast<tag>(number);
    if (t != tag::fact) {
      if (seen & (1U << number)) throw decode_error("event: a field told twice");
      seen |= 1U << number;
    }
    read_field(e, t, payload);
  }
  return e;
}

}  // namespace consentry::journal
