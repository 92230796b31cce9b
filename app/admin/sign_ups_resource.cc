// Sign-ups on forms that the CRM hosts, and the confirmation texts it may mail on the doi stream.
//   POST /v1/tenants/T/sign-ups   GET /v1/tenants/T/sign-ups/ID   POST .../sign-ups/ID/confirm
//   POST|GET /v1/tenants/T/doi-templates   POST /v1/tenants/T/doi-templates/HASH/revoke
#include <fmt/format.h>

#include "app/admin/api.h"
#include "app/admin/sign_up_json.h"
#include "app/evidence_gatherer.h"
#include "app/message_reading.h"
#include "app/sign_up_desk.h"
#include "app/sign_up_template.h"
#include "base/civil_date.h"
#include "base/text.h"
#include "policy/judge.h"

namespace consentry::app::admin {

namespace json = boost::json;
namespace consent = policy::consent;
namespace tenants = policy::tenants;

json::object json_object(const std::string& body) {
  boost::system::error_code error;
  auto value = json::parse(body.empty() ? "{}" : body, error);
  if (error || !value.is_object())
    throw configuration_error("the request body must be a JSON object");
  return std::move(value.as_object());
}

std::optional<std::vector<std::string>> take_texts(json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  if (v == nullptr) return std::nullopt;
  std::vector<std::string> out;
  const auto wrong = [name] {
    return configuration_error(fmt::format("{} must be a list of strings", name));
  };
  if (!v->is_array()) throw wrong();
  for (const auto& e : v->as_array()) {
    if (!e.is_string()) throw wrong();
    out.emplace_back(e.as_string());
  }
  o.erase(name);
  return out;
}

result<void> check_scan(const policy::policy_set& set, const filters::scan_result& scan) {
  policy::evidence e;
  e.phase = policy::phase::message;
  // What is asked is the content alone: all else is as it should be.
  e.stream = smtp::stream::doi;
  e.topic = "any";
  e.sign_up = policy::sign_up_facts{.at = e.now};
  e.is_doi_template_approved = true;
  e.tenant_state = tenants::tenant_state::active;
  e.domain_status = policy::sender_domain_status::verified;
  // A confirmation asks for permission: that is what it is for, and the stream doi may.
  auto content = scan;
  content.scores.erase("permission_request");
  e.scan = &content;
  const auto v = policy::judge(set, e);
  if (v.is_send()) return {};
  return failure{.kind = failure_kind::invalid,
                 .permanent = true,
                 .public_text = fmt::format("{}: {}", v.reason, v.text)};
}

namespace {

constexpr std::size_t text_bytes_max = 1000;
constexpr std::chrono::minutes clock_tolerance{5};

json::object shown(const consent::pending_sign_up& p, instant now) {
  json::object o{{"id", to_string(p.id)},
                 {"topic", p.key.topic},
                 {"source", p.source == consent::sign_up_source::form ? "form" : "api"},
                 {"signed_up_at", to_string_utc(*p.evidence.given_at)},
                 {"expires_at", to_string_utc(*p.evidence.given_at + consent::sign_up_life)},
                 {"state", p.confirmed_at   ? "confirmed"
                           : p.is_open(now) ? "pending"
                                            : "expired"}};
  if (p.confirmed_at) o["confirmed_at"] = to_string_utc(*p.confirmed_at);
  return o;
}

std::string bounded_text(json_body& body, const char* name) {
  auto text = body.text(name);
  if (text.size() > text_bytes_max || !is_valid_utf8(text))
    throw configuration_error(
        fmt::format("{} has at most {} bytes of UTF-8", name, text_bytes_max));
  return text;
}

// A time of the CRM's; now where none is given. Older than a day and future ones are refused.
instant time_of_act(json_body& body, const char* name, instant now) {
  const auto text = body.text(name);
  if (text.empty()) return now;
  const auto at = parse_timestamp(text);
  if (!at) throw configuration_error(fmt::format("{} is not a timestamp", name));
  if (*at > now + clock_tolerance)
    throw configuration_error(fmt::format("{} is in the future", name));
  if (now - *at > consent::sign_up_life)
    throw configuration_error(fmt::format("{} is more than 24 hours ago (terms 5.3)", name));
  return std::min(*at, now);
}

act_origin read_origin(json_body& body) {
  act_origin o;
  o.ip = bounded_text(body, "ip");
  o.user_agent = bounded_text(body, "user_agent");
  return o;
}

struct told_sign_up {
  consent::pending_sign_up sign_up;
  smtp::mailbox address;
  act_origin origin;
  std::string form;    // of ours: we mail the confirmation
  std::string notice;  // the text, where it was told
};

told_sign_up read_sign_up(const api_context& c, const tenants::tenant& t, const request& r) {
  json_body body{r.body};
  told_sign_up out;
  const auto address = smtp::mailbox::parse(body.required_text("address"));
  if (!address) throw configuration_error("address: " + address.error().public_text);
  out.address = *address;
  out.form = body.text("form");
  auto& p = out.sign_up;
  p.address = address->key();
  p.name = bounded_text(body, "name");
  out.origin = read_origin(body);
  auto& e = p.evidence;
  // What the form itself knows need not, and may not, be told.
  if (out.form.empty()) {
    const auto topic = valid_name(body.required_text("topic"));
    if (!topic) throw configuration_error("topic: " + topic.error().public_text);
    e.topic = *topic;
    e.given_at = time_of_act(body, "signed_up_at", c.clock.now());
    const auto& text = out.notice = body.text("notice");
    e.notice = {
        .version = bounded_text(body, "notice_version"),
        .hash = text.empty() ? bounded_text(body, "notice_hash") : consent::hash_of_notice(text),
        .language = bounded_text(body, "notice_language"),
        .url = bounded_text(body, "notice_url")};
    if (e.notice.hash.empty())
      throw configuration_error(
          "notice, the exact text that was shown, or notice_hash is required");
    e.form_id = bounded_text(body, "form_id");
    e.tick = consent::parse_tick_state(body.text("tick", "ticked"))
                 .value_or(consent::tick_state::unticked);
    if (e.tick != consent::tick_state::ticked)
      throw configuration_error("tick must be ticked: an empty box that the person ticked");
  }
  body.finish();
  if (!out.form.empty()) return out;
  e.sender = sender_identity(t);
  e.given_at_text = to_string_utc(*e.given_at);
  e.method = "double_opt_in";
  e.provenance = "own_form";
  e.ip = out.origin.ip;
  e.user_agent = out.origin.user_agent;
  e.importer = r.person;
  p.key = {.tenant = t.id,
           .person = tenants::pseudonym(t, p.address),
           .sender = e.sender,
           .topic = e.topic};
  return out;
}

// The CRM's server stands between the visitor and a form of ours: we mail the confirmation.
resource sign_up_on_form(api_context& c, const tenants::tenant& t, told_sign_up told) {
  const auto form =
      c.rooms.env.read([&](read_txn& txn) { return c.rooms.sign_ups.find_form(txn, told.form); });
  if (!form) co_return problem_of(form.error());
  if (!*form || (*form)->tenant != t.id) co_return problem(404, "no such form");
  if (!(*form)->is_enabled) co_return problem(409, "the form is disabled");
  const auto done =
      co_await c.sign_ups->sign_up(**form, t, told.address, told.sign_up.name, told.origin);
  if (!done) co_return problem_of(done.error());
  co_return json_response(json::object{{"form", told.form}, {"state", "pending"}}, 202);
}

resource add_sign_up(api_context& c, const tenants::tenant& t, const request& r) {
  auto told = read_sign_up(c, t, r);
  if (!told.form.empty()) co_return co_await sign_up_on_form(c, t, std::move(told));
  const auto done =
      co_await c.sign_ups->tell(std::move(told.sign_up), std::move(told.notice), actor_of(r));
  if (!done) co_return problem_of(done.error());
  co_return json_response(shown(done->sign_up, c.clock.now()), done->is_new ? 201 : 200);
}

resource confirm_sign_up(api_context& c, const tenants::tenant& t, consent::sign_up_id id,
                         const request& r) {
  json_body body{r.body};
  const auto at = time_of_act(body, "confirmed_at", c.clock.now());
  const auto origin = read_origin(body);
  body.finish();
  const auto done =
      co_await c.sign_ups->confirm(id, consent::sign_up_source::api, t.id, at, origin, actor_of(r));
  if (!done) co_return problem_of(done.error());
  if (*done == confirmation::not_ours)
    co_return problem(409, "a sign-up on a form of the gateway is confirmed by its own link");
  if (*done == confirmation::expired)
    co_return problem(410, "the sign-up is older than 24 hours, or there is none");
  co_return json_response(json::object{
      {"id", to_string(id)}, {"state", "confirmed"}, {"news", *done == confirmation::done}});
}

resource one_sign_up(api_context& c, const tenants::tenant& t, const request& r) {
  const auto id = consent::parse_sign_up_id(r.path[4]);
  if (!id) co_return problem(404, "no such sign-up");
  const auto found =
      c.rooms.env.read([&](read_txn& txn) { return c.rooms.sign_ups.find(txn, *id); });
  if (!found) co_return problem_of(found.error());
  if (!*found || (*found)->key.tenant != t.id) co_return problem(404, "no such sign-up");
  if (r.path.size() == 5 && r.method == "GET")
    co_return json_response(shown(**found, c.clock.now()));
  if (r.path.size() == 6 && r.path[5] == "confirm" && r.method == "POST")
    co_return co_await confirm_sign_up(c, t, *id, r);
  co_return problem(404, "no such resource");
}

json::object shown(const consent::doi_template& x) {
  return {{"hash", hex(x.hash)},
          {"name", x.name},
          {"approved_by", x.approved_by},
          {"approved_at", to_string_utc(x.approved_at)}};
}

resource approve(api_context& c, const tenants::tenant& t, const request& r) {
  if (r.content_type != "message/rfc822") co_return problem(415, "a template is message/rfc822");
  const auto active = c.live.policy.get();
  auto work = [&r, active] { return read_message(r.body, *active->patterns, {}); };
  const auto read = co_await c.workers.run(std::move(work));
  if (!read) co_return problem_of(read.error());
  if (read->mail.unscannable) co_return problem(422, "the message cannot be read to its end");
  if (const auto ok = check_scan(*active->set, read->scan); !ok) co_return problem_of(ok.error());
  consent::doi_template x{
      .hash = template_hash(read->mail),
      .name = r.query.contains("name") ? printable(r.query.at("name"), 200) : "",
      .approved_by = r.person,
      .approved_at = c.clock.now()};
  commit_loop::operation op = [&c, id = t.id, x, actor = actor_of(r)](write_txn& txn) {
    c.rooms.sign_ups.approve(txn, id, x, {.at = x.approved_at, .actor = actor});
  };
  const auto done = co_await c.rooms.commits.commit(std::move(op));
  if (!done) co_return problem_of(done.error());
  auto o = shown(x);
  o["text"] = to_valid_utf8(normalized_template(read->mail));
  co_return json_response(o, 201);
}

resource revoke(api_context& c, const tenants::tenant& t, const request& r) {
  const auto hash = parse_hex(r.path[4]);
  auto was_there = std::make_shared<bool>();
  commit_loop::operation op = [&c, id = t.id, hash, was_there, actor = actor_of(r),
                               at = c.clock.now()](write_txn& txn) {
    *was_there = hash && c.rooms.sign_ups.revoke(txn, id, *hash, {.at = at, .actor = actor});
  };
  const auto done = co_await c.rooms.commits.commit(std::move(op));
  if (!done) co_return problem_of(done.error());
  if (!*was_there) co_return problem(404, "no such template");
  co_return json_response(json::object{{"hash", r.path[4]}, {"revoked", true}});
}

}  // namespace

resource sign_ups_resource(api_context& c, const tenants::tenant& given, request r) {
  const auto t = given;
  if (r.path.size() > 4) co_return co_await one_sign_up(c, t, r);
  if (r.method == "POST") co_return co_await add_sign_up(c, t, r);
  co_return problem(405, "only POST");
}

resource doi_templates_resource(api_context& c, const tenants::tenant& given, request r) {
  const auto t = given;
  if (r.path.size() == 6 && r.path[5] == "revoke" && r.method == "POST")
    co_return co_await revoke(c, t, r);
  if (r.path.size() != 4) co_return problem(404, "no such resource");
  if (r.method == "POST") co_return co_await approve(c, t, r);
  const auto found =
      c.rooms.env.read([&](read_txn& txn) { return c.rooms.sign_ups.templates_of(txn, t.id); });
  if (!found) co_return problem_of(found.error());
  json::array all;
  for (const auto& x : *found) all.push_back(shown(x));
  co_return json_response(json::object{{"templates", std::move(all)}});
}

}  // namespace consentry::app::admin
