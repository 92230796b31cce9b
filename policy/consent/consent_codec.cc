#include "policy/consent/consent_codec.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/text.h"
#include "policy/consent/timestamp_form.h"

namespace consentry::policy::consent {

namespace {

constexpr std::uint8_t full_version = 1;
constexpr std::uint8_t compact_version = 2;
constexpr std::string_view blob_prefix = "sha256:";
constexpr std::size_t digest_bytes = 32;
constexpr std::size_t salt_bytes = 16;

// Stored, and the order of the fields: never reuse or renumber. Those of an imported record fit in
// one byte.
enum class has : std::uint64_t {
  given_s = 1 << 0,  // be32 seconds since 1970
  form = 1 << 1,     // timestamp_form
  salt = 1 << 2,
  import_entry = 1 << 3,
  recorded = 1 << 4,
  first_delivery = 1 << 5,
  last_is_first = 1 << 6,
  last_delivery = 1 << 7,
  own_terms = 1 << 8,
  given_ms = 1 << 9,
  given_text = 1 << 10,
  confirmed = 1 << 11,
  evidence = 1 << 12,
  evidence_digest = 1 << 13,
  ip = 1 << 14,
  user_agent = 1 << 15,
  withdrawn = 1 << 16,
  unticked = 1 << 17,
  objected = 1 << 18,
  purchase_day = 1 << 19,
  purchase_id = 1 << 20,
  birth_day = 1 << 21,
  expires_on = 1 << 22,
  doi_sent = 1 << 23,
  declared_day = 1 << 24,
  confirmed_ip = 1 << 25,
  confirmed_agent = 1 << 26,
};
constexpr std::uint64_t known_flags = (1 << 27) - 1;

// Like byte_reader, but inlined: it runs for every recipient of every mail.
class fast_reader {
 public:
  explicit fast_reader(std::string_view in) noexcept : in_{in} {}

  std::string_view raw(std::size_t n) {
    if (n > in_.size()) throw decode_error("consent record ends early");
    const auto piece = in_.substr(0, n);
    in_.remove_prefix(n);
    return piece;
  }
  std::uint64_t big_endian(std::size_t n) {
    std::uint64_t v = 0;
    for (const char c : raw(n)) v = v << 8 | static_cast<unsigned char>(c);
    return v;
  }
  std::uint64_t varint() {
    std::uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto b = static_cast<unsigned char>(raw(1)[0]);
      v |= static_cast<std::uint64_t>(b & 0x7FU) << shift;
      if (b < 0x80) return v;
    }
    throw decode_error("consent record: number too long");
  }
  std::int64_t zigzag() {
    const auto n = varint();
    return static_cast<std::int64_t>(n >> 1 ^ (~(n & 1) + 1));
  }
  instant time() { return from_ms(zigzag()); }
  civil_date day() {
    return civil_date{
        std::chrono::sys_days{std::chrono::days{static_cast<std::int32_t>(zigzag())}}};
  }
  delivery_mark mark() {
    const auto at = time();
    return {at, recipient_id{varint()}};
  }
  std::string_view text() { return raw(varint()); }
  std::string_view rest() const noexcept { return in_; }

 private:
  std::string_view in_;
};

std::string_view read_form(fast_reader& in) {
  timestamp_form f;
  const auto length = unpack(in.rest(), f);
  if (length == 0) throw decode_error("consent record: form of a time");
  return in.raw(length);
}

void read_fields(fast_reader& in, std::uint64_t flags, consent_view& v) {
  const auto is = [flags](has h) { return (flags & static_cast<std::uint64_t>(h)) != 0; };
  if (is(has::given_s)) v.given_at = from_ms(static_cast<std::int64_t>(in.big_endian(4)) * 1000);
  if (is(has::form)) v.form = read_form(in);
  if (is(has::salt)) v.salt = in.raw(salt_bytes);
  if (is(has::import_entry)) v.import_entry = journal_seq{in.varint()};
  if (is(has::recorded)) v.recorded_at = in.time();
  if (is(has::first_delivery)) v.first_delivery = in.mark();
  if (is(has::last_is_first)) v.last_delivery = v.first_delivery;
  if (is(has::last_delivery)) v.last_delivery = in.mark();
  if (flags < static_cast<std::uint64_t>(has::given_ms)) return;
  if (is(has::given_ms)) v.given_at = in.time();
  if (is(has::given_text)) v.given_at_text = in.text();
  if (is(has::confirmed)) v.confirmed_at = in.time();
  if (is(has::evidence)) v.evidence_reference = in.text();
  if (is(has::evidence_digest)) v.evidence_digest = in.raw(digest_bytes);
  if (is(has::ip)) v.ip = in.text();
  if (is(has::user_agent)) v.user_agent = in.text();
  if (is(has::withdrawn)) {
    v.withdrawn_at = in.time();
    v.withdrawn_method = in.text();
  }
  if (is(has::unticked)) v.unticked_at = in.time();
  if (is(has::objected)) v.objected_at = in.time();
  if (is(has::purchase_day)) v.purchase_day = in.day();
  if (is(has::purchase_id)) v.purchase_id = in.text();
  if (is(has::birth_day)) v.birth_day = in.day();
  if (is(has::expires_on)) v.expires_on = in.day();
  if (is(has::doi_sent)) v.doi_sent_at = in.time();
  if (is(has::declared_day)) v.declared_delivery_day = in.day();
  if (is(has::confirmed_ip)) v.confirmed_ip = in.text();
  if (is(has::confirmed_agent)) v.confirmed_user_agent = in.text();
}

// What a record has is found and written in one go: the flags stand before the fields.
class field_writer {
 public:
  byte_writer& note(has h) {
    flags_ |= static_cast<std::uint64_t>(h);
    return out_;
  }
  void time(has h, const std::optional<instant>& t) {
    if (t) note(h).zigzag(to_ms(*t));
  }
  void day(has h, const std::optional<civil_date>& d) {
    if (d) note(h).zigzag(std::chrono::sys_days{*d}.time_since_epoch().count());
  }
  void text(has h, std::string_view s) {
    if (!s.empty()) note(h).text(s);
  }
  void mark(has h, const std::optional<delivery_mark>& m) {
    if (m) note(h).zigzag(to_ms(m->at)).varint(m->recipient.value);
  }
  std::uint64_t flags() const noexcept { return flags_; }
  const std::string& fields() const noexcept { return out_.bytes(); }

 private:
  std::uint64_t flags_ = 0;
  byte_writer out_;
};

bool is_whole_seconds(instant t) {
  const auto ms = to_ms(t);
  return ms >= 0 && ms % 1000 == 0 && ms / 1000 <= UINT32_MAX;
}

void write_frequent(field_writer& w, const consent_record& r,
                    const std::optional<timestamp_form>& form) {
  if (r.given_at && is_whole_seconds(*r.given_at))
    w.note(has::given_s).be32(static_cast<std::uint32_t>(to_ms(*r.given_at) / 1000));
  if (form) w.note(has::form).raw(pack(*form));
  if (!r.salt.empty()) w.note(has::salt).raw(r.salt);
  if (r.import_entry) w.note(has::import_entry).varint(r.import_entry.value);
  if (r.recorded_at != instant{}) w.note(has::recorded).zigzag(to_ms(r.recorded_at));
  w.mark(has::first_delivery, r.first_delivery);
  if (r.first_delivery && r.first_delivery == r.last_delivery) {
    w.note(has::last_is_first);
  } else {
    w.mark(has::last_delivery, r.last_delivery);
  }
}

void write_rare(field_writer& w, const consent_record& r, bool has_form) {
  if (r.given_at && !is_whole_seconds(*r.given_at)) w.time(has::given_ms, r.given_at);
  if (!has_form) w.text(has::given_text, r.given_at_text);
  w.time(has::confirmed, r.confirmed_at);
  if (const auto digest = blob_digest_of(r.evidence_reference); !digest.empty()) {
    w.note(has::evidence_digest).raw(digest);
  } else {
    w.text(has::evidence, r.evidence_reference);
  }
  w.text(has::ip, r.ip);
  w.text(has::user_agent, r.user_agent);
  if (r.withdrawn_at)
    w.note(has::withdrawn).zigzag(to_ms(*r.withdrawn_at)).text(r.withdrawn_method);
  w.time(has::unticked, r.unticked_at);
  w.time(has::objected, r.objected_at);
  w.day(has::purchase_day, r.purchase_day);
  w.text(has::purchase_id, r.purchase_id);
  w.day(has::birth_day, r.birth_day);
  w.day(has::expires_on, r.expires_on);
  w.time(has::doi_sent, r.doi_sent_at);
  w.day(has::declared_day, r.declared_delivery_day);
  w.text(has::confirmed_ip, r.confirmed_ip);
  w.text(has::confirmed_agent, r.confirmed_user_agent);
}

std::optional<instant> read_v1_time(fast_reader& in) {
  return in.raw(1)[0] != 0 ? std::optional{in.time()} : std::nullopt;
}
std::optional<civil_date> read_v1_day(fast_reader& in) {
  return in.raw(1)[0] != 0 ? std::optional{in.day()} : std::nullopt;
}
std::optional<delivery_mark> read_v1_mark(fast_reader& in) {
  return in.raw(1)[0] != 0 ? std::optional{in.mark()} : std::nullopt;
}

// sender topic given_at? given_text confirmed_at? method provenance notice*4 evidence form_id
// u8 tick ip user_agent purchase_day? importer recorded_at salt withdrawn_at? withdrawn_method
// unticked_at? objected_at? delivery? delivery? declared_day?        ("?": a byte 0, or 1 and it)
void read_v1(fast_reader& in, consent_view& v) {
  auto t = std::make_shared<consent_terms>();
  t->sender = in.text();
  t->topic = in.text();
  v.given_at = read_v1_time(in);
  v.given_at_text = in.text();
  v.confirmed_at = read_v1_time(in);
  t->method = in.text();
  t->provenance = in.text();
  t->notice.version = in.text();
  t->notice.hash = in.text();
  t->notice.language = in.text();
  t->notice.url = in.text();
  v.evidence_reference = in.text();
  t->form_id = in.text();
  const auto tick = static_cast<std::uint8_t>(in.raw(1)[0]);
  if (tick > static_cast<std::uint8_t>(tick_state::unticked)) throw decode_error{"tick state"};
  t->tick = static_cast<tick_state>(tick);
  v.ip = in.text();
  v.user_agent = in.text();
  v.purchase_day = read_v1_day(in);
  t->importer = in.text();
  v.recorded_at = in.time();
  v.salt = in.text();
  v.withdrawn_at = read_v1_time(in);
  v.withdrawn_method = in.text();
  v.unticked_at = read_v1_time(in);
  v.objected_at = read_v1_time(in);
  v.first_delivery = read_v1_mark(in);
  v.last_delivery = read_v1_mark(in);
  v.declared_delivery_day = read_v1_day(in);
  v.terms = t.get();
  v.kept_terms = std::move(t);
}

class no_table final : public terms_source {
 public:
  const consent_terms* find(terms_id, std::shared_ptr<const consent_terms>&) override {
    throw decode_error{"consent record: its terms lie in a table"};
  }
};

}  // namespace

consent_view read_view(std::string_view bytes, terms_source& terms) {
  fast_reader in{bytes};
  consent_view v;
  const auto version = static_cast<std::uint8_t>(in.raw(1)[0]);
  if (version == full_version) {
    read_v1(in, v);
  } else {
    if (version != compact_version) throw decode_error{"consent record of another version"};
    const auto flags = in.varint();
    if ((flags & ~known_flags) != 0) throw decode_error{"consent record: unknown fields"};
    if ((flags & static_cast<std::uint64_t>(has::own_terms)) != 0) {
      v.kept_terms = std::make_shared<const consent_terms>(decode_terms(in.text()));
      v.terms = v.kept_terms.get();
    } else {
      v.terms = terms.find(in.big_endian(terms_id_bytes), v.kept_terms);
    }
    read_fields(in, flags, v);
  }
  if (!in.rest().empty()) throw decode_error{"bytes behind a consent record"};
  return v;
}

consent_record to_record(const consent_view& v) {
  consent_record r;
  set_terms(r, *v.terms);
  r.given_at = v.given_at;
  timestamp_form form;
  if (v.given_at && unpack(v.form, form) != 0) {
    r.given_at_text = text_of(form, *v.given_at);
  } else {
    r.given_at_text = v.given_at_text;
  }
  r.confirmed_at = v.confirmed_at;
  r.confirmed_ip = v.confirmed_ip;
  r.confirmed_user_agent = v.confirmed_user_agent;
  if (v.evidence_digest.empty()) {
    r.evidence_reference = v.evidence_reference;
  } else {
    r.evidence_reference = std::string{blob_prefix} + hex(v.evidence_digest);
  }
  r.ip = v.ip;
  r.user_agent = v.user_agent;
  r.doi_sent_at = v.doi_sent_at;
  r.purchase_day = v.purchase_day;
  r.purchase_id = v.purchase_id;
  r.birth_day = v.birth_day;
  r.expires_on = v.expires_on;
  r.recorded_at = v.recorded_at;
  r.salt = v.salt;
  r.import_entry = v.import_entry;
  r.withdrawn_at = v.withdrawn_at;
  r.withdrawn_method = v.withdrawn_method;
  r.unticked_at = v.unticked_at;
  r.objected_at = v.objected_at;
  r.first_delivery = v.first_delivery;
  r.last_delivery = v.last_delivery;
  r.declared_delivery_day = v.declared_delivery_day;
  return r;
}

std::string encode(const consent_record& r, terms_id id) {
  CONSENTRY_CHECK(r.salt.empty() || r.salt.size() == salt_bytes);
  const auto form = r.given_at ? form_of(r.given_at_text, *r.given_at) : std::nullopt;
  field_writer w;
  write_frequent(w, r, form);
  write_rare(w, r, form.has_value());
  if (id == 0) w.note(has::own_terms);
  byte_writer out;
  out.u8(compact_version).varint(w.flags());
  if (id == 0) {
    out.text(encode(terms_of(r)));
  } else {
    out.be16(static_cast<std::uint16_t>(id >> 32)).be32(static_cast<std::uint32_t>(id));
  }
  return out.raw(w.fields()).take();
}

std::string encode(const consent_record& r) {
  return encode(r, 0);
}

consent_record decode_consent(std::string_view bytes) {
  no_table none;
  return to_record(read_view(bytes, none));
}

std::string evidence_digest_in(std::string_view bytes) {
  class any_terms final : public terms_source {
   public:
    const consent_terms* find(terms_id, std::shared_ptr<const consent_terms>&) override {
      return nullptr;
    }
  } any;
  const auto v = read_view(bytes, any);
  return v.evidence_digest.empty() ? blob_digest_of(v.evidence_reference)
                                   : std::string{v.evidence_digest};
}

std::string blob_digest_of(std::string_view reference) {
  if (reference.size() != blob_prefix.size() + 2 * digest_bytes ||
      !reference.starts_with(blob_prefix))
    return "";
  const auto digits = reference.substr(blob_prefix.size());
  const auto digest = parse_hex(digits);
  // Only what comes back exactly as it stood.
  return digest && hex(*digest) == digits ? *digest : "";
}

}  // namespace consentry::policy::consent
