#include "app/sign_up_desk.h"

#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "app/evidence_gatherer.h"
#include "app/own_mail.h"
#include "app/sign_up_mail.h"
#include "base/log.h"
#include "base/secret.h"

namespace consentry::app {

namespace asio = boost::asio;
namespace consent = policy::consent;
namespace tenants = policy::tenants;

namespace {

constexpr std::size_t expired_per_commit = 200;
constexpr std::chrono::minutes expire_every{5};

failure taken() {
  return {.kind = failure_kind::unavailable, .public_text = "please try again"};
}

consent::pending_sign_up sign_up_of(const consent::sign_up_form& form, const tenants::tenant& t,
                                    const smtp::mailbox& who, const std::string& name,
                                    const act_origin& from, instant now) {
  consent::pending_sign_up p;
  p.id = consent::make_sign_up_id(now);
  p.source = consent::sign_up_source::form;
  p.address = who.key();
  p.name = name;
  p.key = {.tenant = t.id,
           .person = tenants::pseudonym(t, p.address),
           .sender = sender_identity(t),
           .topic = form.topic};
  auto& e = p.evidence;
  e.sender = p.key.sender;
  e.topic = form.topic;
  e.given_at = now;
  e.given_at_text = to_string_utc(now);
  e.method = "double_opt_in";
  e.provenance = "own_form";
  e.notice = {.version = std::to_string(form.notice.version),
              .hash = form.notice.hash,
              .language = form.language,
              .url = form.notice.url};
  e.form_id = form.id;
  e.tick = consent::tick_state::ticked;
  e.ip = from.ip;
  e.user_agent = from.user_agent;
  e.importer = "form";
  e.recorded_at = now;
  e.salt = random_bytes(16);
  return p;
}

// Whether the person took everything back between sign-up and confirmation.
bool was_withdrawn_since(const read_txn& txn, const store_rooms& rooms,
                         const consent::pending_sign_up& p, instant now) {
  const auto since = *p.evidence.given_at;
  if (const auto stored = rooms.consents.find(txn, p.key))
    if (stored->withdrawn_at && *stored->withdrawn_at >= since) return true;
  const auto s = rooms.suppressions.find(txn, p.key.tenant, p.key.person, now);
  return s && s->at >= since;
}

void record_consent(write_txn& txn, store_rooms& rooms, const consent::pending_sign_up& p,
                    instant at, const act_origin& from, const std::string& actor) {
  auto record = p.evidence;
  // The confirmation is an express act of its own: it is newer than what was taken back before it.
  if (was_withdrawn_since(txn, rooms, p, at)) {
    record.given_at = at;
    record.given_at_text = to_string_utc(at);
  }
  record.evidence_reference =
      fmt::format("sign-up {} of {}", to_string(p.id), to_string_utc(*p.evidence.given_at));
  // The mail of this sign-up, and not one of a day ago.
  if (const auto mark = rooms.sign_ups.mark_of(txn, p.key);
      mark.mail && mark.mailed_at >= *p.evidence.given_at && mark.mailed_at <= at)
    record.doi_sent_at = mark.mailed_at;
  const consent::act by{.at = at, .actor = actor};
  // Twice, so that the history has both: given, then confirmed.
  rooms.consents.put(txn, p.key, record, by);
  record.confirmed_at = at;
  record.confirmed_ip = from.ip;
  record.confirmed_user_agent = from.user_agent;
  rooms.consents.put(txn, p.key, record, by);
  rooms.consents.put_person(txn, p.key.tenant, p.key.person,
                            {.address = p.address, .name = p.name});
  rooms.sign_ups.set_confirmed(txn, p, at);
}

}  // namespace

asio::awaitable<result<void>> sign_up_desk::sign_up(consent::sign_up_form form,
                                                    tenants::tenant tenant, smtp::mailbox who,
                                                    std::string name, act_origin from) {
  auto& rooms = parts_.rooms;
  const auto now = parts_.clock.now();
  const auto p = sign_up_of(form, tenant, who, name, from, now);
  const auto token =
      parts_.live.tokens.get()->make(recipient_id{p.id.value}, smtp::token_purpose::confirmation);
  const auto mail =
      confirmation_mail(form, tenant, who, p.key.person, parts_.site_url + "c/" + token, now);
  // Spooled even where it will not be queued: the time taken tells nothing about an address.
  auto spooled =
      spool_own_mail(rooms.bodies, mail, parts_.host_name, now, now + consent::sign_up_life);
  if (!spooled) co_return spooled.error();
  struct outcome {
    bool is_taken = false, is_mailed = false;
  };
  auto answer = std::make_shared<outcome>();
  const auto ready = std::make_shared<spooled_own_mail>(std::move(*spooled));
  commit_loop::operation op = [&rooms, p, ready, answer, now](write_txn& txn) {
    *answer = {};
    if (rooms.sign_ups.mark_of(txn, p.key).is_mailed(now)) {
      rooms.sign_ups.count_again(txn, p.key);
      return;
    }
    answer->is_taken = !rooms.sign_ups.add(txn, p, {.at = now, .actor = "form"});
    if (answer->is_taken) return;
    const auto message = queue_own_mail(txn, rooms, *ready, "gateway");
    rooms.sign_ups.note_mail(txn, p.key, message, now);
    answer->is_mailed = true;
  };
  const auto done = co_await rooms.commits.commit(std::move(op));
  if (!done) co_return done.error();
  if (answer->is_taken) co_return taken();
  log::info("app/sign_up_desk", answer->is_mailed ? "signed_up" : "signed_up_again",
            {{"form", form.id}, {"sign_up", to_string(p.id)}});
  if (answer->is_mailed) parts_.notify_queue(now);
  co_return result<void>{};
}

asio::awaitable<result<sign_up_desk::told>> sign_up_desk::tell(consent::pending_sign_up p,
                                                               std::string notice,
                                                               std::string actor) {
  auto& rooms = parts_.rooms;
  const auto now = parts_.clock.now();
  p.source = consent::sign_up_source::api;
  p.id = consent::make_sign_up_id(now);
  p.evidence.recorded_at = now;
  p.evidence.salt = random_bytes(16);
  auto answer = std::make_shared<std::optional<told>>();
  commit_loop::operation op = [&rooms, p, notice, actor, answer, now](write_txn& txn) {
    answer->reset();
    // So that the text is found by the hash that the consent names. A tenant that has too many
    // texts is left with the hash.
    if (!notice.empty())
      (void)rooms.evidence.put_notice(txn, p.key.tenant, p.evidence.notice, notice,
                                      {.at = now, .actor = actor});
    const auto known = rooms.sign_ups.find(txn, rooms.sign_ups.mark_of(txn, p.key).last);
    if (known && known->source == consent::sign_up_source::api && known->is_open(now) &&
        !known->confirmed_at) {
      rooms.sign_ups.count_again(txn, p.key);
      answer->emplace(told{*known, false});
    } else if (rooms.sign_ups.add(txn, p, {.at = now, .actor = actor})) {
      answer->emplace(told{p, true});
    }
  };
  const auto done = co_await rooms.commits.commit(std::move(op));
  if (!done) co_return done.error();
  if (!*answer) co_return taken();
  co_return std::move(**answer);
}

asio::awaitable<result<confirmation>> sign_up_desk::confirm(consent::sign_up_id id,
                                                            consent::sign_up_source source,
                                                            tenant_id tenant, instant at,
                                                            act_origin from, std::string actor) {
  auto& rooms = parts_.rooms;
  auto answer = std::make_shared<confirmation>();
  commit_loop::operation op = [&rooms, id, source, tenant, at, from, actor,
                               answer](write_txn& txn) {
    *answer = confirmation::expired;
    const auto p = rooms.sign_ups.find(txn, id);
    if (!p) return;
    if (p->source != source || (tenant && p->key.tenant != tenant))
      *answer = confirmation::not_ours;
    else if (p->confirmed_at)
      *answer = confirmation::already;
    else if (p->is_open(at)) {
      record_consent(txn, rooms, *p, at, from, actor);
      *answer = confirmation::done;
    }
  };
  const auto done = co_await rooms.commits.commit(std::move(op));
  if (!done) co_return done.error();
  if (*answer == confirmation::done)
    log::info("app/sign_up_desk", "confirmed", {{"sign_up", to_string(id)}});
  co_return *answer;
}

result<std::optional<sign_up_desk::open_sign_up>> sign_up_desk::find(consent::sign_up_id id) const {
  const auto& rooms = parts_.rooms;
  const auto directory = rooms.directory.get();
  return rooms.env.read([&](read_txn& txn) {
    std::optional<open_sign_up> out;
    auto p = rooms.sign_ups.find(txn, id);
    const auto* tenant = p ? directory->find(p->key.tenant) : nullptr;
    if (tenant == nullptr) return out;
    out.emplace(open_sign_up{.sign_up = std::move(*p), .legal_name = tenant->legal_name});
    out->form = rooms.sign_ups.find_form(txn, out->sign_up.evidence.form_id);
    if (!out->form) return out;
    for (const auto& n : rooms.sign_ups.notices_of(txn, *out->form))
      if (n.hash == out->sign_up.evidence.notice.hash) out->notice = n.text;
    return out;
  });
}

asio::awaitable<void> expire_sign_ups(store_rooms& rooms, const wall_clock& clock) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  for (;;) {
    auto count = std::make_shared<std::size_t>(0);
    commit_loop::operation op = [&rooms, count, now = clock.now()](write_txn& txn) {
      *count = rooms.sign_ups.remove_expired(txn, now, expired_per_commit);
    };
    const auto done = co_await rooms.commits.commit(std::move(op));
    if (!done) log::warn("app/sign_up_desk", "not_expired", {{"cause", describe(done.error())}});
    if (done && *count == expired_per_commit) continue;
    timer.expires_after(expire_every);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

}  // namespace consentry::app
