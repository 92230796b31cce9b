// Consents written one by one or in batches, withdrawals and objections: what a CRM does all day.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/admin/consent_rows.h"
#include "app/admin/write_once.h"
#include "app/evidence_gatherer.h"
#include "base/civil_date.h"
#include "base/text.h"
#include "smtp/address.h"

namespace consentry::app::admin {

namespace {

namespace json = boost::json;
namespace consent = policy::consent;
namespace tenants = policy::tenants;

constexpr std::size_t batch_max = 1000;
// RULES A3: clocks differ by this much at most.
constexpr std::chrono::minutes future_tolerance{5};

// What came, judged; blocks, for a worker.
struct reading {
  bool is_batch = false;
  std::vector<judged_consent> items;
};

reading read_consents(const store_rooms& rooms, const consent_writer& who,
                      const std::string& body) {
  boost::system::error_code error;
  const auto value = json::parse(body, error);
  if (error || !value.is_object())
    throw configuration_error("the request body must be a JSON object");
  const auto& o = value.get_object();
  const auto* list = o.if_contains("consents");
  if (list == nullptr) return {false, judge_consents(rooms, who, json::array{value})};
  if (o.size() != 1 || !list->is_array())
    throw configuration_error("a batch is {\"consents\": [...]} and nothing beside it");
  const auto& items = list->get_array();
  if (items.empty() || items.size() > batch_max)
    throw configuration_error(fmt::format("a batch has 1 to {} consents", batch_max));
  return {true, judge_consents(rooms, who, items)};
}

std::string_view store(write_txn& txn, const consent::consent_ledger& ledger,
                       const consent::import_row& row, const consent::act& by) {
  if (!row.record.given_at && row.record.withdrawn_at) {
    const auto& method = row.record.withdrawn_method;
    if (row.key.topic.empty())
      ledger.withdraw_all(txn, row.key.tenant, row.key.person, *row.record.withdrawn_at, method,
                          by);
    else
      ledger.withdraw(txn, row.key, *row.record.withdrawn_at, method, by);
    return "withdrawn";
  }
  if (ledger.is_erased(txn, row.key.tenant, row.key.person, row.record.given_at))
    ledger.note_refused(txn, {row.key, "consent.erased"}, by);
  else
    ledger.put_person(txn, row.key.tenant, row.key.person, row.person);
  return to_string(ledger.put(txn, row.key, row.record, by));
}

// RULES D1. Nobody's history where no address could be read.
void note_refused(write_txn& txn, const consent::consent_ledger& ledger, const judged_consent& item,
                  const consent::act& by) {
  if (!item.row.key.person.empty()) ledger.note_refused(txn, {item.row.key, item.reason}, by);
}

json::object told(const judged_consent& item, std::string_view outcome) {
  if (!item.reason.empty())
    return {{"outcome", "refused"}, {"reason", item.reason}, {"text", to_valid_utf8(item.text)}};
  return {{"outcome", outcome}, {"person", hex(item.row.key.person)}};
}

response write_all(write_txn& txn, const consent::consent_ledger& ledger, const reading& what,
                   const consent::act& by) {
  json::array results;
  std::size_t refused = 0;
  for (std::size_t i = 0; i < what.items.size(); ++i) {
    const auto& item = what.items[i];
    std::string_view outcome;
    if (item.reason.empty()) {
      outcome = store(txn, ledger, item.row, by);
    } else {
      note_refused(txn, ledger, item, by);
      ++refused;
    }
    auto o = told(item, outcome);
    if (!what.is_batch) return json_response(o);
    o["index"] = i;
    results.push_back(std::move(o));
  }
  const auto taken = what.items.size() - refused;
  return json_response(
      json::object{{"taken", taken}, {"refused", refused}, {"results", std::move(results)}},
      refused == 0 ? 200 : 207);
}

struct person_named {
  std::string pseudonym;
  instant at{};
};

// RULES D3: a withdrawal may be told late, never ahead.
instant time_of_act(const std::string& text, instant now) {
  const auto at = end_of(text, "at");
  if (!at) return now;
  const bool is_today = parse_date(text) && *parse_date(text) == budapest_day(now);
  if (!is_today && *at > now + future_tolerance)
    throw configuration_error("at lies in the future: a withdrawal is told when it has happened");
  return std::min(*at, now);
}

person_named person_in(const tenants::tenant& t, json_body& body, instant now) {
  const auto address = smtp::mailbox::parse(body.required_text("address"));
  if (!address) throw configuration_error("address: " + address.error().public_text);
  if (address->is_null()) throw configuration_error("address is required");
  return {tenants::pseudonym(t, address->key()), time_of_act(body.text("at"), now)};
}

std::string method_in(json_body& body, const char* name, const char* otherwise) {
  auto method = body.text(name, otherwise);
  if (method.size() > 64 || !is_valid_utf8(method))
    throw configuration_error(fmt::format("{}: at most 64 bytes of UTF-8", name));
  return method;
}

}  // namespace

resource write_consents(api_context& c, const tenants::tenant& t, request r) {
  const consent::act by{.at = c.clock.now(), .actor = actor_of(r)};
  auto work = [&c, &t, &r, &by] {
    return std::make_shared<const reading>(
        read_consents(c.rooms, {.tenant = t, .person = r.person, .now = by.at}, r.body));
  };
  const auto what = co_await c.workers.run(std::move(work));
  if (!what->is_batch && !what->items.front().reason.empty()) {
    const auto& no = what->items.front();
    commit_loop::operation note = [&c, what, by](write_txn& txn) {
      note_refused(txn, c.rooms.consents, what->items.front(), by);
    };
    const auto done = co_await c.rooms.commits.commit(std::move(note));
    if (!done) co_return problem_of(done.error());
    co_return problem(422, to_valid_utf8(no.text), no.reason);
  }
  std::function<response(write_txn&)> write = [&c, what, by](write_txn& txn) {
    return write_all(txn, c.rooms.consents, *what, by);
  };
  co_return co_await write_once(c, t.id, r, std::move(write));
}

resource withdraw_consent(api_context& c, const tenants::tenant& t, request r) {
  json_body body{r.body};
  const consent::act by{.at = c.clock.now(), .actor = actor_of(r)};
  const auto who = person_in(t, body, by.at);
  const auto topic = body.text("topic");
  const auto sender = body.text("sender", sender_identity(t));
  const auto method = method_in(body, "method", tenants::is_staff(r.as) ? "desk" : "api");
  body.finish();
  std::function<response(write_txn&)> write = [&ledger = c.rooms.consents, id = t.id, who, topic,
                                               sender, method, by](write_txn& txn) {
    const consent::consent_key key{id, who.pseudonym, sender, topic};
    const bool is_news = topic.empty()
                             ? ledger.withdraw_all(txn, id, who.pseudonym, who.at, method, by)
                             : ledger.withdraw(txn, key, who.at, method, by);
    return json_response(
        json::object{{"withdrawn", true}, {"news", is_news}, {"at", to_string_utc(who.at)}});
  };
  co_return co_await write_once(c, t.id, r, std::move(write));
}

// RULES A3: whoever answers "please no more" has objected; silence no longer renews his consent.
resource object_resource(api_context& c, const tenants::tenant& t, request r) {
  json_body body{r.body};
  const auto who = person_in(t, body, c.clock.now());
  const auto channel = method_in(body, "channel", "reply");
  body.finish();
  journal::event e{.kind = journal::event_kind::desk_act,
                   .at = c.clock.now(),
                   .tenant = t.id,
                   .person = who.pseudonym,
                   .reason = "objection",
                   .rule = "A3",
                   .actor = actor_of(r)};
  e.facts = {{"channel", channel}, {"objected_at", to_string_utc(who.at)}};
  std::function<response(write_txn&)> write = [&rooms = c.rooms, e, who](write_txn& txn) {
    rooms.consents.object_all(txn, e.tenant, e.person, who.at);
    rooms.journal.append(txn, e);
    return json_response(json::object{{"objected", true}, {"at", to_string_utc(who.at)}});
  };
  co_return co_await write_once(c, t.id, r, std::move(write));
}

}  // namespace consentry::app::admin
