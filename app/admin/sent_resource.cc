// The search through sent mail (RULES E3): digests that fit, newest first, with what became of
// each.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "app/admin/access.h"
#include "app/mail_digest.h"
#include "app/outcome_feed.h"
#include "base/text.h"
#include "smtp/address.h"
#include "smtp/token.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;
namespace tenants = policy::tenants;

constexpr std::size_t rows_per_search = 50'000;
constexpr std::size_t events_max = 500, recipients_max = 50;

// The recipient whose token stands anywhere in a text: a Message-ID, a return path, a link.
std::optional<recipient_id> token_in(const smtp::token_ring& tokens, const std::string& text) {
  constexpr std::size_t token_bytes = 40;
  using enum smtp::token_purpose;
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '2' && c <= '7');
  };
  for (std::size_t at = 0; at + token_bytes <= text.size(); ++at) {
    const auto piece = std::string_view{text}.substr(at, token_bytes);
    if ((at != 0 && is_letter(text[at - 1])) || !std::ranges::all_of(piece, is_letter)) continue;
    for (const auto purpose : {message_id, return_path, feedback, unsubscribe, preferences})
      if (const auto found = tokens.read(piece, purpose)) return found;
  }
  return std::nullopt;
}

// What became of it, from the journal.
json::array fates(const store_rooms& rooms, const read_txn& txn, tenant_id tenant,
                  message_id message) {
  json::array out;
  for (const auto& e : rooms.journal.of_message(txn, message, events_max)) {
    const auto& w = e.what;
    const bool is_fate =
        w.kind == journal::event_kind::delivered || w.kind == journal::event_kind::bounced ||
        w.kind == journal::event_kind::deferred || w.kind == journal::event_kind::attempted ||
        w.kind == journal::event_kind::purged;
    if (!is_fate || !w.recipient || out.size() == recipients_max) continue;
    json::object o{{"seq", e.seq.value},
                   {"outcome", outcome_name(w.kind)},
                   {"at", to_string_utc(w.at)},
                   {"recipient", to_string(w.recipient)}};
    if (!w.person.empty()) {
      o["person"] = hex(w.person);
      if (const auto p = rooms.consents.find_person(txn, tenant, w.person))
        o["address"] = to_valid_utf8(p->address);
    }
    for (const auto* fact : {"reply", "host", "tls", "cause"})
      if (const auto f = w.facts.find(fact); f != w.facts.end()) o[fact] = f->second;
    out.push_back(std::move(o));
  }
  return out;
}

json::object shown(const store_rooms& rooms, const read_txn& txn, const tenants::tenant& t,
                   const mail_digest& d) {
  json::object o{{"message", to_string(d.message)},
                 {"tenant", t.name},
                 {"at", to_string_utc(d.at)},
                 {"stream", smtp::to_string(d.stream)},
                 {"campaign", d.campaign},
                 {"from", to_valid_utf8(d.from)},
                 {"subject", to_valid_utf8(d.subject)},
                 {"date", to_valid_utf8(d.date)},
                 {"message_id", to_valid_utf8(d.message_id_field)},
                 {"list_id", to_valid_utf8(d.list_id)},
                 {"type", to_valid_utf8(d.type)},
                 {"link_domains", json::value_from(d.link_domains)},
                 {"body_sha256", hex(as_bytes(d.body))},
                 {"bytes", d.bytes},
                 {"recipients", d.recipients}};
  json::array fields;
  for (const auto& f : d.fields) fields.emplace_back(to_valid_utf8(f));
  o["fields"] = std::move(fields);
  o["outcomes"] = fates(rooms, txn, t.id, d.message);
  return o;
}

std::string query_text(const request& r, const char* name) {
  const auto found = r.query.find(name);
  return found == r.query.end() ? std::string{} : std::string{trim(found->second)};
}

struct wanted {
  digest_query q;
  std::string recipient;  // the key of its address
  bool is_nothing = true;
  bool is_unknown = false;  // a token or number that leads nowhere
  std::size_t limit = 50;
  message_id before;
};

// Throws configuration_error.
wanted wanted_of(const api_context& c, const request& r) {
  wanted w;
  w.q.subject = query_text(r, "subject");
  w.q.campaign = query_text(r, "campaign");
  w.q.link_domain = query_text(r, "link");
  w.q.message_id_field = query_text(r, "message_id");
  if (const auto text = query_text(r, "recipient"); !text.empty()) {
    const auto address = smtp::mailbox::parse(text);
    if (!address || address->is_null()) throw configuration_error("recipient is not an address");
    w.recipient = address->key();
  }
  auto token = query_text(r, "token");
  // A bulk Message-ID is ours: its token says more than its text.
  const auto tokens = c.live.tokens.get();
  if (token.empty() && token_in(*tokens, w.q.message_id_field))
    token = std::exchange(w.q.message_id_field, {});
  std::optional<message_id> message;
  if (const auto text = query_text(r, "message"); !text.empty()) {
    message = parse_message_id(text);
    if (!message) throw configuration_error("a message is named like m0000012");
  } else if (!token.empty()) {
    if (const auto found = token_in(*tokens, token))
      if (const auto m = c.rooms.env.read(
              [&](read_txn& txn) { return c.rooms.journal.message_of(txn, *found); });
          m && *m)
        message = **m;
    w.is_unknown = !message;
  }
  if (message) w.q.message = *message;
  if (const auto day = end_of(query_text(r, "until"), "until")) w.q.until = *day;
  if (const auto text = query_text(r, "from"); !text.empty()) {
    const auto day = parse_date(text);
    const auto at = day ? std::optional{budapest_midnight(*day)} : parse_timestamp(text);
    if (!at) throw configuration_error("from must be a day like 2026-12-31, or a time");
    w.q.from = *at;
  }
  w.is_nothing = w.recipient.empty() && w.q.subject.empty() && w.q.campaign.empty() &&
                 w.q.link_domain.empty() && w.q.message_id_field.empty() && !w.q.message &&
                 !w.is_unknown;
  w.limit = std::max<std::uint64_t>(1, number_of(r, "limit", 20, 200));
  if (const auto text = query_text(r, "before"); !text.empty()) {
    const auto id = parse_message_id(text);
    if (!id) throw configuration_error("before must be the `next` of a page");
    w.before = *id;
  }
  return w;
}

struct found_mail {
  json::array mail;
  message_id next;
};

void search_tenant(const store_rooms& rooms, const read_txn& txn, const tenants::tenant& t,
                   const wanted& w, found_mail& out) {
  auto q = w.q;
  if (!w.recipient.empty()) q.person = tenants::pseudonym(t, w.recipient);
  if (q.message) {
    const auto d = rooms.digests.find(txn, t.id, q.message);
    if (d && q.fits(*d)) out.mail.push_back(shown(rooms, txn, t, *d));
    return;
  }
  auto page = rooms.digests.search(txn, t.id, q, w.before, w.limit, rows_per_search);
  for (const auto& d : page.found) out.mail.push_back(shown(rooms, txn, t, d));
  out.next = std::max(out.next, page.next);
}

json::object answer_of(found_mail found) {
  json::object o{{"mail", std::move(found.mail)}};
  if (found.next) o["next"] = to_string(found.next);
  return o;
}

const char* const say_what =
    "say what to look for: recipient, message, message_id, token, campaign, subject or link";

}  // namespace

resource tenant_sent_resource(api_context& c, const policy::tenants::tenant& given, request r) {
  const auto t = given;
  const auto w = wanted_of(c, r);
  if (w.is_nothing) co_return problem(422, say_what);
  auto work = [&c, t, w] {
    return c.rooms.env.read([&](read_txn& txn) {
      found_mail out;
      if (!w.is_unknown) search_tenant(c.rooms, txn, t, w, out);
      return out;
    });
  };
  auto found = co_await c.workers.run(std::move(work));
  if (!found) co_return problem_of(found.error());
  co_return json_response(answer_of(std::move(*found)));
}

// All tenants; each whose mail is shown learns of it. The table of routes asks for the reason.
resource sent_resource(api_context& c, request r) {
  const auto w = wanted_of(c, r);
  if (w.is_nothing) co_return problem(422, say_what);
  const auto directory = c.rooms.directory.get();
  auto work = [&c, w, directory] {
    return c.rooms.env.read([&](read_txn& txn) {
      std::vector<std::pair<tenant_id, found_mail>> out;
      if (w.is_unknown) return out;
      for (const auto& t : directory->tenants()) {
        found_mail one;
        search_tenant(c.rooms, txn, t, w, one);
        if (!one.mail.empty() || one.next) out.emplace_back(t.id, std::move(one));
      }
      return out;
    });
  };
  auto found = co_await c.workers.run(std::move(work));
  if (!found) co_return problem_of(found.error());
  found_mail all;
  for (auto& [tenant, one] : *found) {
    if (!one.mail.empty()) {
      looked_at what{.tenant = tenant, .what = "searchSent"};
      if (const auto* t = directory->find(tenant); t != nullptr && !w.recipient.empty())
        what.person = tenants::pseudonym(*t, w.recipient);
      const auto noted = co_await note_access(c, r, std::move(what));
      if (!noted) co_return problem_of(noted.error());
    }
    for (auto& m : one.mail) all.mail.push_back(std::move(m));
    all.next = std::max(all.next, one.next);
  }
  co_return json_response(answer_of(std::move(all)));
}

}  // namespace consentry::app::admin
