#include "policy/consent/sign_up.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "base/secret.h"
#include "base/text.h"

namespace consentry::policy::consent {
namespace {

constexpr std::uint8_t record_version = 1;
constexpr unsigned random_bits = 20;
constexpr std::size_t title_bytes_max = 200, notice_bytes_max = 8192, url_bytes_max = 500;
constexpr std::size_t origins_max = 20;

failure invalid(std::string text) {
  return {.kind = failure_kind::invalid, .permanent = true, .public_text = std::move(text)};
}

void check_version(byte_reader& r, const char* what) {
  if (r.u8() != record_version) throw decode_error{std::string{what} + " of another version"};
}

void check_end(const byte_reader& r, const char* what) {
  if (!r.at_end()) throw decode_error{std::string{"bytes behind "} + what};
}

bool has_control(std::string_view s, bool lines) {
  return std::ranges::any_of(s, [lines](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && !(lines && c == '\n')) || c == 0x7f;
  });
}

// The evidence that a sign-up brings; sender and topic stand in its key.
void write_evidence(byte_writer& w, const consent_record& e) {
  w.zigzag(to_ms(*e.given_at)).text(e.given_at_text).text(e.method).text(e.provenance);
  w.text(e.notice.version).text(e.notice.hash).text(e.notice.language).text(e.notice.url);
  w.text(e.form_id).u8(static_cast<std::uint8_t>(e.tick)).text(e.ip).text(e.user_agent);
  w.text(e.importer).zigzag(to_ms(e.recorded_at)).text(e.salt);
}

consent_record read_evidence(byte_reader& r, const consent_key& key) {
  consent_record e;
  e.sender = key.sender;
  e.topic = key.topic;
  e.given_at = from_ms(r.zigzag());
  e.given_at_text = r.text();
  e.method = r.text();
  e.provenance = r.text();
  e.notice.version = r.text();
  e.notice.hash = r.text();
  e.notice.language = r.text();
  e.notice.url = r.text();
  e.form_id = r.text();
  const auto tick = r.u8();
  if (tick > static_cast<std::uint8_t>(tick_state::unticked)) throw decode_error{"tick state"};
  e.tick = static_cast<tick_state>(tick);
  e.ip = r.text();
  e.user_agent = r.text();
  e.importer = r.text();
  e.recorded_at = from_ms(r.zigzag());
  e.salt = r.text();
  return e;
}

// What may stand in an attribute and in a header of ours: an absolute http(s) URL of visible ASCII.
bool is_web_url(std::string_view s) {
  const bool scheme = s.starts_with("https://") || s.starts_with("http://");
  return scheme && s.size() <= url_bytes_max && s.find("://") + 3 < s.size() &&
         std::ranges::all_of(s, [](char c) {
           return c > 0x20 && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '\\';
         });
}

// RFC 6454 section 7: scheme, host and port, nothing behind. It becomes a CSP source.
bool is_origin(std::string_view s) {
  return is_web_url(s) && s.find_first_of("/?#;,' *@", s.find("://") + 3) == std::string_view::npos;
}

}  // namespace

sign_up_id make_sign_up_id(instant at) {
  const auto random = random_u64() & ((1ULL << random_bits) - 1);
  return sign_up_id{static_cast<std::uint64_t>(to_ms(at)) << random_bits | random};
}

instant time_of(sign_up_id id) noexcept {
  return from_ms(static_cast<std::int64_t>(id.value >> random_bits));
}

std::string to_string(sign_up_id id) {
  return fmt::format("s{:016x}", id.value);
}

std::optional<sign_up_id> parse_sign_up_id(std::string_view text) {
  if (text.size() != 17 || text.front() != 's') return std::nullopt;
  sign_up_id id;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + 17, id.value, 16);
  if (error != std::errc{} || end != text.data() + 17 || !id) return std::nullopt;
  return id;
}

std::string hash_of_notice(std::string_view text) {
  return "sha256:" + hex(as_bytes(sha256(text)));
}

result<void> validate(const sign_up_form& f) {
  if (f.language != "hu" && f.language != "en") return invalid("language must be hu or en");
  for (const auto* s : {&f.title, &f.notice.text, &f.from_name})
    if (!is_valid_utf8(*s)) return invalid("title, notice and from_name must be UTF-8");
  if (trim(f.title).empty() || f.title.size() > title_bytes_max || has_control(f.title, false))
    return invalid("title must be one line of 1 to 200 bytes");
  if (trim(f.notice.text).empty() || f.notice.text.size() > notice_bytes_max ||
      has_control(f.notice.text, true))
    return invalid("notice must have 1 to 8192 bytes, lines ended by LF");
  if (f.from_name.size() > title_bytes_max || has_control(f.from_name, false))
    return invalid("from_name must be one line of at most 200 bytes");
  if (!f.notice.url.empty() && !is_web_url(f.notice.url))
    return invalid("notice_url must be an http(s) URL");
  if (!f.return_url.empty() && !is_web_url(f.return_url))
    return invalid("return_url must be an http(s) URL");
  if (f.embed_origins.size() > origins_max) return invalid("at most 20 embed origins");
  for (const auto& o : f.embed_origins)
    if (!is_origin(o))
      return invalid("an embed origin is scheme, host and port alone, like https://www.example.hu");
  return {};
}

std::string encode(const form_notice& n) {
  byte_writer w;
  w.u8(record_version).varint(n.version).text(n.text).text(n.hash).text(n.url);
  return w.zigzag(to_ms(n.since)).take();
}

form_notice decode_notice(std::string_view bytes) {
  byte_reader r{bytes};
  check_version(r, "notice");
  form_notice n;
  n.version = static_cast<std::uint32_t>(r.varint());
  n.text = r.text();
  n.hash = r.text();
  n.url = r.text();
  n.since = from_ms(r.zigzag());
  check_end(r, "a notice");
  return n;
}

std::string encode(const sign_up_form& f) {
  byte_writer w;
  w.u8(record_version).text(f.id).be32(f.tenant.value).text(f.topic).text(f.language);
  w.text(f.title).text(encode(f.notice)).flag(f.asks_name).text(f.from).text(f.from_name);
  w.text(f.return_url).varint(f.embed_origins.size());
  for (const auto& o : f.embed_origins) w.text(o);
  return w.flag(f.is_enabled).zigzag(to_ms(f.created_at)).text(f.created_by).take();
}

sign_up_form decode_form(std::string_view bytes) {
  byte_reader r{bytes};
  check_version(r, "form");
  sign_up_form f;
  f.id = r.text();
  f.tenant = tenant_id{r.be32()};
  f.topic = r.text();
  f.language = r.text();
  f.title = r.text();
  f.notice = decode_notice(r.text());
  f.asks_name = r.flag();
  f.from = r.text();
  f.from_name = r.text();
  f.return_url = r.text();
  const auto origins = r.varint();
  if (origins > origins_max) throw decode_error{"form with too many origins"};
  for (std::uint64_t i = 0; i < origins; ++i) f.embed_origins.emplace_back(r.text());
  f.is_enabled = r.flag();
  f.created_at = from_ms(r.zigzag());
  f.created_by = r.text();
  check_end(r, "a form");
  return f;
}

std::string encode(const pending_sign_up& p) {
  byte_writer w;
  w.u8(record_version).u8(static_cast<std::uint8_t>(p.source)).be32(p.key.tenant.value);
  w.text(p.key.person).text(p.key.sender).text(p.key.topic).text(p.address).text(p.name);
  write_evidence(w, p.evidence);
  w.flag(p.confirmed_at.has_value());
  return w.zigzag(p.confirmed_at ? to_ms(*p.confirmed_at) : 0).take();
}

pending_sign_up decode_sign_up(sign_up_id id, std::string_view bytes) {
  byte_reader r{bytes};
  check_version(r, "sign-up");
  pending_sign_up p;
  p.id = id;
  const auto source = r.u8();
  if (source != 1 && source != 2) throw decode_error{"source of a sign-up"};
  p.source = static_cast<sign_up_source>(source);
  p.key.tenant = tenant_id{r.be32()};
  p.key.person = r.text();
  p.key.sender = r.text();
  p.key.topic = r.text();
  p.address = r.text();
  p.name = r.text();
  p.evidence = read_evidence(r, p.key);
  const bool is_confirmed = r.flag();
  const auto at = from_ms(r.zigzag());
  if (is_confirmed) p.confirmed_at = at;
  check_end(r, "a sign-up");
  return p;
}

std::string encode(const doi_template& t) {
  byte_writer w;
  w.u8(record_version).text(t.hash).text(t.name).text(t.approved_by);
  return w.zigzag(to_ms(t.approved_at)).take();
}

doi_template decode_doi_template(std::string_view bytes) {
  byte_reader r{bytes};
  check_version(r, "template");
  doi_template t;
  t.hash = r.text();
  t.name = r.text();
  t.approved_by = r.text();
  t.approved_at = from_ms(r.zigzag());
  check_end(r, "a template");
  return t;
}

}  // namespace consentry::policy::consent
