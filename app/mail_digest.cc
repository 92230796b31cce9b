#include "app/mail_digest.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"

namespace consentry::app {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t text_bytes_max = 200, domain_bytes_max = 100;
constexpr std::size_t fields_max = 40, domains_max = 20, field_bytes_max = 40;

std::string key_of(tenant_id tenant, message_id message) {
  return byte_writer{}.be32(tenant.value).be64(message.value).take();
}

std::string cut(std::string_view s, std::size_t bytes_max) {
  if (s.size() <= bytes_max) return std::string{s};
  while (bytes_max > 0 && (static_cast<unsigned char>(s[bytes_max]) & 0xC0) == 0x80) --bytes_max;
  return std::string{s.substr(0, bytes_max)};
}

std::string text_of(const smtp::mime::walked_message& mail, std::string_view field) {
  const auto* h = mail.header(field);
  return h == nullptr ? std::string{} : cut(trim(h->text), text_bytes_max);
}

std::string encode(const mail_digest& d) {
  byte_writer o;
  o.u8(version).zigzag(to_ms(d.at)).u8(static_cast<std::uint8_t>(d.stream)).text(d.campaign);
  o.text(d.from).text(d.subject).text(d.date).text(d.list_id).text(d.message_id_field);
  o.text(d.type).varint(d.fields.size());
  for (const auto& f : d.fields) o.text(f);
  o.varint(d.link_domains.size());
  for (const auto& l : d.link_domains) o.text(l);
  o.raw(as_bytes(d.body)).varint(d.bytes).varint(d.recipients).varint(d.persons.size());
  for (const auto& p : d.persons) o.raw(p);
  return o.take();
}

mail_digest decode_digest(message_id message, std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != version) throw decode_error("mail digest: unknown version");
  mail_digest d;
  d.message = message;
  d.at = from_ms(in.zigzag());
  d.stream = static_cast<smtp::stream>(in.u8());
  d.campaign = in.text();
  for (auto* s : {&d.from, &d.subject, &d.date, &d.list_id, &d.message_id_field, &d.type})
    *s = in.text();
  for (auto n = in.varint(); n != 0; --n) d.fields.emplace_back(in.text());
  for (auto n = in.varint(); n != 0; --n) d.link_domains.emplace_back(in.text());
  const auto body = in.raw(d.body.size());
  std::copy(body.begin(), body.end(), d.body.begin());
  d.bytes = in.varint();
  d.recipients = static_cast<std::uint32_t>(in.varint());
  for (auto n = in.varint(); n != 0; --n) d.persons.emplace_back(in.raw(16));
  return d;
}

// The time alone, for what only wants to know how old a row is.
instant time_of(std::string_view bytes) {
  byte_reader in{bytes};
  in.u8();
  return from_ms(in.zigzag());
}

bool contains(std::string_view text, std::string_view wanted) {
  return wanted.empty() || ascii_lower(text).find(ascii_lower(wanted)) != std::string::npos;
}

bool is_under(std::string_view domain, std::string_view parent) {
  return domain == parent ||
         (domain.ends_with(parent) && domain[domain.size() - parent.size() - 1] == '.');
}

}  // namespace

mail_digest digest_of(const smtp::mime::walked_message& mail,
                      const std::vector<std::string>& link_hosts) {
  mail_digest d;
  d.from = text_of(mail, "From");
  d.subject = text_of(mail, "Subject");
  d.date = text_of(mail, "Date");
  d.list_id = text_of(mail, "List-Id");
  d.type = cut(mail.parts.front().type, field_bytes_max);
  for (const auto& h : mail.headers) {
    if (d.fields.size() == fields_max) break;
    d.fields.push_back(cut(h.name, field_bytes_max));
  }
  for (const auto& host : link_hosts) {
    if (d.link_domains.size() == domains_max) break;
    auto name = cut(ascii_lower(host), domain_bytes_max);
    if (!name.empty() && std::ranges::find(d.link_domains, name) == d.link_domains.end())
      d.link_domains.push_back(std::move(name));
  }
  return d;
}

bool digest_query::fits(const mail_digest& d) const {
  if (message && d.message != message) return false;
  if (!campaign.empty() && d.campaign != campaign) return false;
  if (!person.empty() && std::ranges::find(d.persons, person) == d.persons.end()) return false;
  const auto wanted = ascii_lower(link_domain);
  const auto leads_there = [&](const std::string& l) { return is_under(l, wanted); };
  if (!wanted.empty() && std::ranges::none_of(d.link_domains, leads_there)) return false;
  return contains(d.subject, subject) && contains(d.message_id_field, message_id_field);
}

digest_store::digest_store(store_env& env) : digests_{env.open_table("mail_digests")} {}

void digest_store::put(write_txn& txn, tenant_id tenant, const mail_digest& d) const {
  txn.put(digests_, key_of(tenant, d.message), encode(d));
}

std::optional<mail_digest> digest_store::find(const read_txn& txn, tenant_id tenant,
                                              message_id message) const {
  const auto bytes = txn.get(digests_, key_of(tenant, message));
  if (!bytes) return std::nullopt;
  return decode_digest(message, *bytes);
}

digest_store::page digest_store::search(const read_txn& txn, tenant_id tenant,
                                        const digest_query& q, message_id before, std::size_t limit,
                                        std::size_t rows) const {
  page out;
  const auto prefix = byte_writer{}.be32(tenant.value).take();
  auto c = txn.scan(digests_);
  const message_id last{before ? before.value - 1 : UINT64_MAX};
  for (bool more = c.seek_last(key_of(tenant, last)); more && c.key().starts_with(prefix);
       more = c.previous()) {
    const message_id message{byte_reader{c.key().substr(4)}.be64()};
    if (rows-- == 0 || out.found.size() == limit) {
      out.next = {message.value + 1};
      break;
    }
    const auto at = time_of(c.value());
    if (at < q.from) break;
    if (at >= q.until) continue;
    // A person is rare: most rows need not be decoded.
    if (!q.person.empty() && c.value().find(q.person) == std::string_view::npos) continue;
    auto d = decode_digest(message, c.value());
    if (q.fits(d)) out.found.push_back(std::move(d));
  }
  return out;
}

std::vector<message_id> digest_store::of_person(const read_txn& txn, tenant_id tenant,
                                                std::string_view person, message_id& resume,
                                                std::size_t rows) const {
  std::vector<message_id> out;
  const auto prefix = byte_writer{}.be32(tenant.value).take();
  auto c = txn.scan(digests_);
  bool more = c.seek(key_of(tenant, resume));
  for (; more && c.key().starts_with(prefix) && rows != 0; more = c.next(), --rows) {
    if (c.value().find(person) == std::string_view::npos) continue;
    out.push_back({byte_reader{c.key().substr(4)}.be64()});
  }
  resume = more && c.key().starts_with(prefix) ? message_id{byte_reader{c.key().substr(4)}.be64()}
                                               : message_id{};
  return out;
}

bool digest_store::erase(write_txn& txn, tenant_id tenant, message_id message) const {
  return txn.erase(digests_, key_of(tenant, message));
}

bool digest_store::trim(write_txn& txn, instant before, std::size_t rows) const {
  auto c = txn.scan(digests_);
  for (bool more = c.first(); more;) {
    if (rows == 0) return true;
    byte_reader key{c.key()};
    const tenant_id tenant{key.be32()};
    if (time_of(c.value()) < before) {
      c.erase();
      --rows;
      more = c.next();
      continue;
    }
    // The rest of this tenant's is newer.
    if (tenant.value == UINT32_MAX) break;
    more = c.seek(byte_writer{}.be32(tenant.value + 1).take());
  }
  return false;
}

}  // namespace consentry::app
