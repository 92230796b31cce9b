// The keys of the opaque ids (RULES C1): the newest makes them, the older ones still read.
//
//   GET  /v1/token-keys
//   POST /v1/token-keys/rotate      {"reason": "..."}
//   POST /v1/token-keys/N/remove    {"reason": "..."}
#include <boost/json.hpp>
#include <charconv>

#include "app/admin/api.h"
#include "app/key_store.h"
#include "base/log.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;

json::object shown(const token_key_file& k, std::chrono::hours max_age) {
  json::object o{{"number", k.number},
                 {"made_at", to_string_utc(k.made_at)},
                 {"makes_tokens", !k.superseded_at.has_value()}};
  if (k.superseded_at) {
    o["superseded_at"] = to_string_utc(*k.superseded_at);
    o["needed_until"] = to_string_utc(*k.superseded_at + max_age);
  }
  return o;
}

response list(api_context& c) {
  const auto keys = list_token_keys(c.token_keys);
  if (!keys) return problem_of(keys.error());
  json::array rows;
  for (const auto& k : *keys) rows.push_back(shown(k, c.complaint_max_age));
  return json_response(json::object{{"keys", std::move(rows)}});
}

// Journaled first: no key is used, or gone, that the journal does not tell of.
boost::asio::awaitable<result<void>> note(api_context& c, const request& r, std::string act,
                                          std::string number, std::string reason) {
  journal::event e{.kind = journal::event_kind::desk_act,
                   .at = c.clock.now(),
                   .reason = std::move(reason),
                   .rule = "C1",
                   .actor = actor_of(r)};
  e.facts = {{"act", std::move(act)}, {"token_key", std::move(number)}};
  commit_loop::operation op = [&rooms = c.rooms, e](write_txn& txn) {
    rooms.journal.append(txn, e);
  };
  co_return co_await c.rooms.commits.commit(std::move(op));
}

result<void> read_ring_again(api_context& c) {
  try {
    c.live.tokens.set(read_token_ring(c.token_keys));
    return {};
  } catch (const configuration_error& e) {
    return failure{.kind = failure_kind::io,
                   .public_text = "the token keys cannot be read again",
                   .private_cause = e.what()};
  }
}

resource rotate(api_context& c, request r) {
  json_body body{r.body};
  auto reason = body.required_text("reason");
  body.finish();
  const auto keys = list_token_keys(c.token_keys);
  if (!keys) co_return problem_of(keys.error());
  auto next = std::to_string(keys->empty() ? 1 : keys->back().number + 1);
  std::string act = "token_key.rotate";
  const auto noted = co_await note(c, r, std::move(act), std::move(next), std::move(reason));
  if (!noted) co_return problem_of(noted.error());
  const auto made = add_token_key(c.token_keys);
  if (!made) co_return problem_of(made.error());
  if (const auto read = read_ring_again(c); !read) co_return problem_of(read.error());
  log::info("app/admin", "token_key_rotated", {{"number", made->number}, {"person", r.person}});
  co_return list(c);
}

resource remove(api_context& c, request r) {
  json_body body{r.body};
  auto reason = body.required_text("reason");
  body.finish();
  unsigned number = 0;
  const auto& text = r.path[2];
  const auto* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end || number == 0 || number > 255)
    co_return problem(404, "no such token key");
  const auto key = static_cast<std::uint8_t>(number);
  const auto may = may_remove_token_key(c.token_keys, key, c.clock.now(), c.complaint_max_age);
  if (!may) co_return problem_of(may.error());
  std::string act = "token_key.remove";
  auto name = std::to_string(number);
  const auto noted = co_await note(c, r, std::move(act), std::move(name), std::move(reason));
  if (!noted) co_return problem_of(noted.error());
  const auto gone = remove_token_key(c.token_keys, key, c.clock.now(), c.complaint_max_age);
  if (!gone) co_return problem_of(gone.error());
  if (const auto read = read_ring_again(c); !read) co_return problem_of(read.error());
  log::info("app/admin", "token_key_removed", {{"number", number}, {"person", r.person}});
  co_return list(c);
}

}  // namespace

resource token_keys_resource(api_context& c, request r) {
  if (r.method == "GET") co_return list(c);
  if (r.path[2] == "rotate") co_return co_await rotate(c, std::move(r));
  co_return co_await remove(c, std::move(r));
}

}  // namespace consentry::app::admin
