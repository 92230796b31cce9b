// Which mails a person gets from one sender, topic by topic. An empty box withdraws, at once; a box
// that the person emptied here or by a link may be ticked again, which is a new express consent
// (docs/decisions/sign-up.md).
#include <fmt/format.h>

#include <algorithm>

#include "app/complaint_intake.h"
#include "app/evidence_gatherer.h"
#include "app/public/form_body.h"
#include "app/public/page_text.h"
#include "app/public/site.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"

namespace consentry::app::public_pages {
namespace {

namespace consent = policy::consent;

constexpr std::string_view method = "preference_page";
constexpr std::size_t topics_max = 100;  // on one page

struct topic_row {
  std::string topic;
  std::string title;
  bool is_on = false;
  bool may_return = false;  // off, by the person's own act
};

struct preferences {
  policy::tenants::tenant tenant;
  std::string person;
  std::string sender;
  std::vector<topic_row> topics;
};

// Through a link or a page of ours: the person's own act, so they may take it back.
bool is_own_act(std::string_view how) {
  return how == method || how == "one_click" || how == "mailto";
}

bool may_return(const read_txn& txn, const context& c, const preferences& p,
                const consent::consent_record& r, instant now) {
  if (c.live.policy.get()->set->rules.consent_require_doi) return false;
  if (!r.is_withdrawn() || !is_own_act(r.withdrawn_method)) return false;
  // Who complained, or whose address the desk stopped, comes back by a new sign-up only.
  if (r.objected_at) return false;
  const auto s = c.rooms.suppressions.find(txn, p.tenant.id, p.person, now);
  return !s || s->reason == reputation::suppression_reason::unsubscribe ||
         s->reason == reputation::suppression_reason::withdrawn;
}

preferences read_preferences(const read_txn& txn, const context& c, const mail_facts& mail,
                             const policy::tenants::tenant& tenant, instant now) {
  preferences p{.tenant = tenant, .person = mail.person, .sender = sender_identity(tenant)};
  const auto forms = c.rooms.sign_ups.forms_of(txn, tenant.id);
  for (const auto& l : c.rooms.consents.list(txn, tenant.id, mail.person)) {
    if (l.all_topics || !l.record.given_at || p.topics.size() == topics_max) continue;
    if (consent::fold_name(l.key.sender) != consent::fold_name(p.sender)) continue;
    const auto whole = c.rooms.consents.find(txn, l.key);
    topic_row row{.topic = l.key.topic, .title = l.key.topic};
    row.is_on = whole && !whole->is_withdrawn();
    row.may_return = whole && may_return(txn, c, p, *whole, now);
    if (!row.is_on && !row.may_return) continue;
    // Forms call a topic what people call it.
    for (const auto& f : forms)
      if (consent::fold_name(f.topic) == consent::fold_name(row.topic)) row.title = f.title;
    p.topics.push_back(std::move(row));
  }
  return p;
}

std::string again_note(const preferences& p, language speaks) {
  return fmt::format(fmt::runtime(words(speaks).again_note), p.tenant.legal_name);
}

std::string topic_list(const preferences& p, const phrases& w) {
  std::string out =
      fmt::format("<fieldset><legend>{}</legend>\n<ul class=\"topics\">\n", w.preferences_legend);
  for (std::size_t i = 0; i < p.topics.size(); ++i) {
    const auto& t = p.topics[i];
    out += fmt::format(
        "<li class=\"tick\"><input type=\"checkbox\" id=\"t{0}\" name=\"topic\" value=\"{1}\"{2}>"
        "<label for=\"t{0}\">{3}</label>"
        "<input type=\"hidden\" name=\"shown\" value=\"{1}\"></li>\n",
        i, escaped(t.topic), t.is_on ? " checked" : "", escaped(t.title));
  }
  return out + "</ul></fieldset>\n";
}

admin::response preference_form(const preferences& p, language speaks, std::string_view done) {
  const auto& w = words(speaks);
  std::string content;
  if (!done.empty())
    content += fmt::format(
        "<div class=\"done\" role=\"status\"><p><strong>{}</strong></p><p>{}</p></div>\n",
        w.saved_title, done);
  content +=
      fmt::format("<p class=\"lead\">{}</p>\n",
                  escaped(fmt::format(fmt::runtime(w.preferences_lead), p.tenant.legal_name)));
  if (p.topics.empty()) {
    content += fmt::format("<p>{}</p>\n", w.none_left);
  } else {
    content += "<form method=\"post\">\n" + topic_list(p, w);
    if (std::ranges::any_of(p.topics, &topic_row::may_return))
      content += fmt::format("<p class=\"hint\">{}</p>\n", escaped(again_note(p, speaks)));
    content += fmt::format("<p><button>{}</button></p>\n</form>\n", w.save_button);
  }
  content += fmt::format(
      "<form method=\"post\" class=\"apart\"><p id=\"everything\">{}</p>\n"
      "<button class=\"second\" name=\"everything\" value=\"yes\" "
      "aria-describedby=\"everything\">{}</button></form>\n",
      w.leave_all_lead, w.leave_all_button);
  return to_response({.speaks = speaks,
                      .title = std::string{w.preferences_title},
                      .content = std::move(content),
                      .footer = p.tenant.legal_name + "\n" + p.tenant.postal_address});
}

consent::consent_record new_consent(const preferences& p, const topic_row& t, const visitor& v,
                                    recipient_id mail, instant now) {
  const auto text = again_note(p, v.speaks);
  consent::consent_record r;
  r.sender = p.sender;
  r.topic = t.topic;
  r.given_at = now;
  r.given_at_text = to_string_utc(now);
  r.method = method;
  r.provenance = "own_form";
  r.notice = {.version = "1",
              .hash = consent::hash_of_notice(text),
              .language = std::string{code_of(v.speaks)}};
  r.evidence_reference =
      fmt::format("ticked again on the preference page of mail {}: {}", to_string(mail), text);
  r.form_id = "preferences";
  r.tick = consent::tick_state::ticked;
  r.ip = v.origin.ip;
  r.user_agent = v.origin.user_agent;
  r.importer = "preferences";
  r.recorded_at = now;
  return r;
}

struct wanted {
  bool is_everything = false;
  std::vector<std::string> shown, ticked;

  bool leaves(const topic_row& t) const {
    return t.is_on && std::ranges::count(shown, t.topic) && !std::ranges::count(ticked, t.topic);
  }
  bool returns(const topic_row& t) const {
    return t.may_return && std::ranges::count(shown, t.topic) &&
           std::ranges::count(ticked, t.topic);
  }
};

// Inside an operation. What the person has is read anew: the page may be old.
void save(write_txn& txn, context& c, const mail_facts& mail, const policy::tenants::tenant& tenant,
          const wanted& w, const visitor& v, recipient_id recipient, const std::string& salt,
          instant now) {
  const consent::act by{.at = now, .actor = std::string{method}};
  const auto& ledger = c.rooms.consents;
  bool has_left = w.is_everything;
  if (w.is_everything) ledger.withdraw_all(txn, tenant.id, mail.person, now, method, by);
  const auto p = read_preferences(txn, c, mail, tenant, now);
  for (const auto& t : p.topics) {
    if (w.is_everything) break;
    const consent::consent_key key{tenant.id, p.person, p.sender, t.topic};
    if (w.leaves(t)) {
      ledger.withdraw(txn, key, now, method, by);
      has_left = true;
    } else if (w.returns(t)) {
      auto r = new_consent(p, t, v, recipient, now);
      r.salt = std::string{as_bytes(hmac_sha256(salt, t.topic)).substr(0, 16)};
      ledger.put(txn, key, r, by);
      // A tenant that has too many texts already keeps this one in the consent's own reference.
      (void)c.rooms.evidence.put_notice(txn, tenant.id, r.notice, again_note(p, v.speaks), by);
    }
  }
  if (has_left) c.rooms.tally.mark(txn, recipient, reputation::sent_mark::unsubscribed);
}

}  // namespace

answer preference_page(context& c, const admin::request& r, const std::string& token) {
  const auto v = visitor_of(c, r);
  const auto who = c.live.tokens.get()->read(token, smtp::token_purpose::preferences);
  if (!who) co_return bad_link(v);
  const auto directory = c.rooms.directory.get();
  const auto mail = c.rooms.env.read([&](read_txn& txn) { return find_mail(txn, c.rooms, *who); });
  if (!mail) co_return not_now(v);
  const auto* found = *mail ? directory->find((*mail)->tenant) : nullptr;
  if (found == nullptr) co_return bad_link(v);
  const auto tenant = *found;
  std::string_view done_text;
  if (r.method == "POST") {
    const auto body = form_body::read(r);
    wanted w;
    if (body)
      w = {.is_everything = body->says("everything", "yes"),
           .shown = body->all("shown"),
           .ticked = body->all("topic")};
    if (!body || (!w.is_everything && w.shown.empty())) co_return bad_request(v);
    commit_loop::operation op = [&c, facts = **mail, tenant, w, v, recipient = *who,
                                 salt = random_bytes(16), now = c.clock.now()](write_txn& txn) {
      save(txn, c, facts, tenant, w, v, recipient, salt, now);
    };
    const auto done = co_await c.rooms.commits.commit(std::move(op));
    if (!done) {
      log::error("app/public", "preferences_failed", {{"cause", describe(done.error())}});
      co_return not_now(v);
    }
    log::info("app/public", "preferences_saved", {{"recipient", to_string(*who)}});
    done_text = w.is_everything ? words(v.speaks).saved_none : words(v.speaks).saved;
  }
  const auto now = c.clock.now();
  const auto p = c.rooms.env.read(
      [&](read_txn& txn) { return read_preferences(txn, c, **mail, tenant, now); });
  if (!p) co_return not_now(v);
  co_return preference_form(*p, v.speaks, done_text);
}

}  // namespace consentry::app::public_pages
