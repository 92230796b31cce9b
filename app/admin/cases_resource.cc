// The desk's cases (RULES E1, E2, E4): complaints as they came, and what a person entered for a
// letter or a call; ordered by how much they matter, with their ages. What is done to one is an
// entry of the journal.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "app/admin/access.h"
#include "app/admin/board_view.h"
#include "app/admin/standing_figures.h"
#include "base/text.h"
#include "journal/event_json.h"

namespace consentry::app::admin {

namespace {

namespace json = boost::json;

constexpr std::size_t text_bytes_max = 900;

// Asked once for each tenant of a list.
class standings_seen {
 public:
  standings_seen(const api_context& c, const read_txn& txn) : c_{c}, txn_{txn} {}
  reputation::standing_verdict of(tenant_id t) {
    const auto [at, is_new] = seen_.try_emplace(t);
    if (is_new) at->second = figures_of(c_, txn_, t).decision.verdict;
    return at->second;
  }

 private:
  const api_context& c_;
  const read_txn& txn_;
  std::map<tenant_id, reputation::standing_verdict> seen_;
};

case_class class_of(const api_context& c, const desk_case& d, standings_seen& standings) {
  const auto type = d.fact("feedback_type");
  const auto from = d.fact("from");
  if (from == "authority" || from == "provider") return case_class::authority;
  if (type == "fraud" || type == "virus" || from == "fraud") return case_class::fraud;
  if (d.opened.tenant && c.rooms.blocker.is_bulk_closed(d.opened.tenant))
    return case_class::tripped;
  if (d.opened.tenant && standings.of(d.opened.tenant) != reputation::standing_verdict::good)
    return case_class::near_trip;
  if (!d.opened.recipient && !d.opened.tenant) return case_class::unattributed;
  return case_class::single;
}

json::object shown(const api_context& c, const desk_case& d, case_class how) {
  const auto directory = c.rooms.directory.get();
  const auto age = c.clock.now() - d.opened.at;
  json::object o{{"case", d.number.value},
                 {"class", name_of(how)},
                 {"open", d.is_open},
                 {"at", to_string_utc(d.opened.at)},
                 {"age_s", std::chrono::floor<std::chrono::seconds>(age).count()},
                 {"acts", d.acts.size()}};
  if (const auto* t = directory->find(d.opened.tenant)) o["tenant"] = t->name;
  if (d.opened.message) o["message"] = to_string(d.opened.message);
  if (d.opened.recipient) o["recipient"] = to_string(d.opened.recipient);
  if (!d.opened.campaign.empty()) o["campaign"] = d.opened.campaign;
  if (!d.opened.person.empty()) o["person"] = hex(d.opened.person);
  for (const char* name : {"feedback_type", "reporter", "counts", "why", "from"})
    if (const auto text = d.fact(name); !text.empty()) o[name] = to_valid_utf8(text);
  if (d.opened.kind == journal::event_kind::desk_act) o["text"] = to_valid_utf8(d.opened.reason);
  // The first answer is what the desk is measured by.
  const auto answered = std::ranges::find_if(
      d.acts, [](const case_act& a) { return a.what != "open" && a.what != "reopen"; });
  const auto until = answered != d.acts.end() ? answered->at : c.clock.now();
  o["late"] =
      (d.is_open || answered != d.acts.end()) && until - d.opened.at > c.console.first_answer;
  if (answered != d.acts.end())
    o["answered_after_s"] =
        std::chrono::floor<std::chrono::seconds>(answered->at - d.opened.at).count();
  return o;
}

json::object whole(const api_context& c, const desk_case& d, case_class how) {
  auto o = shown(c, d, how);
  json::array acts;
  for (const auto& a : d.acts)
    acts.push_back(json::object{{"at", to_string_utc(a.at)},
                                {"actor", a.actor},
                                {"what", a.what},
                                {"text", to_valid_utf8(a.text)}});
  o["history"] = std::move(acts);
  json::object facts;
  for (const auto& [name, value] : d.opened.facts) facts[name] = to_valid_utf8(value);
  o["facts"] = std::move(facts);
  return o;
}

response list(api_context& c, bool with_closed, std::size_t limit) {
  if (auto done = catch_up(c, c.board); !done) return problem_of(done.error());
  const auto all = c.board.cases();
  auto o = c.rooms.env.read([&](read_txn& txn) {
    standings_seen standings{c, txn};
    std::vector<std::pair<case_class, const desk_case*>> wanted;
    std::array<std::uint64_t, 6> open{};
    for (const auto& d : all) {
      if (!d.is_open && !with_closed) continue;
      const auto how = class_of(c, d, standings);
      if (d.is_open) ++open[static_cast<std::size_t>(how)];
      wanted.emplace_back(how, &d);
    }
    // The oldest first within a class: nobody waits for ever.
    std::ranges::stable_sort(wanted, [](const auto& a, const auto& b) {
      return std::pair{!a.second->is_open, a.first} < std::pair{!b.second->is_open, b.first};
    });
    const auto count = wanted.size();
    if (wanted.size() > limit) wanted.resize(limit);
    json::array cases;
    for (const auto& [how, d] : wanted) cases.push_back(shown(c, *d, how));
    json::object classes;
    for (std::size_t n = 0; n < open.size(); ++n)
      classes[name_of(static_cast<case_class>(n))] = open[n];
    return json::object{
        {"cases", std::move(cases)}, {"count", count}, {"open", std::move(classes)}};
  });
  return o ? json_response(*o) : problem_of(o.error());
}

std::optional<journal_seq> number_in(const request& r) {
  std::uint64_t n = 0;
  const auto& text = r.path[2];
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return journal_seq{n};
}

response show(api_context& c, journal_seq number) {
  if (auto done = catch_up(c, c.board); !done) return problem_of(done.error());
  const auto d = c.board.find(number);
  if (!d) return problem(404, "no such case");
  auto o = c.rooms.env.read([&](read_txn& txn) {
    standings_seen standings{c, txn};
    return whole(c, *d, class_of(c, *d, standings));
  });
  return o ? json_response(*o) : problem_of(o.error());
}

resource on_worker(api_context& c, std::function<response()> work) {
  co_return co_await c.workers.run(std::move(work));
}

resource act(api_context& c, request r) {
  const auto number = number_in(r);
  if (!number) co_return problem(404, "no such case");
  json_body body{r.body};
  const auto what = body.required_text("what");
  const auto reason = body.required_text("reason");
  body.finish();
  if (what != "note" && what != "close" && what != "reopen")
    co_return problem(422, "what must be one of note, close, reopen");
  if (reason.size() > text_bytes_max)
    co_return problem(422, fmt::format("reason: at most {} bytes", text_bytes_max));
  std::function<std::optional<desk_case>()> look = [&c, n = *number]() -> std::optional<desk_case> {
    if (!catch_up(c, c.board)) return std::nullopt;
    return c.board.find(n);
  };
  const auto d = co_await c.workers.run(std::move(look));
  if (!d) co_return problem(404, "no such case");
  if ((what == "close") != d->is_open && what != "note")
    co_return problem(409, d->is_open ? "the case is open" : "the case is closed");
  journal::event e{.kind = journal::event_kind::desk_act,
                   .at = c.clock.now(),
                   .tenant = d->opened.tenant,
                   .message = d->opened.message,
                   .reason = to_valid_utf8(reason),
                   .rule = "E4",
                   .actor = actor_of(r)};
  e.facts["what"] = "case." + what;
  e.facts["case"] = std::to_string(number->value);
  commit_loop::operation op = [&c, e](write_txn& txn) { c.rooms.journal.append(txn, e); };
  const auto done = co_await c.rooms.commits.commit(std::move(op));
  if (!done) co_return problem_of(done.error());
  std::function<response()> work = [&c, n = *number] { return show(c, n); };
  co_return co_await on_worker(c, std::move(work));
}

// For what comes by letter, telephone or a person at the provider's.
resource open(api_context& c, request r) {
  json_body body{r.body};
  const auto from = body.required_text("from");
  const auto reason = body.required_text("reason");
  const auto tenant = body.text("tenant");
  body.finish();
  if (from != "authority" && from != "provider" && from != "fraud" && from != "person")
    co_return problem(422, "from must be one of authority, provider, fraud, person");
  if (reason.size() > text_bytes_max)
    co_return problem(422, fmt::format("reason: at most {} bytes", text_bytes_max));
  const auto directory = c.rooms.directory.get();
  const auto* t = tenant.empty() ? nullptr : directory->find_named(tenant);
  if (!tenant.empty() && t == nullptr)
    co_return problem(422, fmt::format("no tenant {}", printable(tenant, 64)));
  journal::event e{.kind = journal::event_kind::desk_act,
                   .at = c.clock.now(),
                   .reason = to_valid_utf8(reason),
                   .rule = "E1",
                   .actor = actor_of(r)};
  if (t != nullptr) e.tenant = t->id;
  e.facts = {{"what", "case.open"}, {"from", from}};
  auto seq = std::make_shared<journal_seq>();
  commit_loop::operation op = [&c, e, seq](write_txn& txn) {
    *seq = c.rooms.journal.append(txn, e);
  };
  const auto done = co_await c.rooms.commits.commit(std::move(op));
  if (!done) co_return problem_of(done.error());
  std::function<response()> work = [&c, seq] { return show(c, *seq); };
  auto out = co_await on_worker(c, std::move(work));
  if (out.status == 200) out.status = 201;
  co_return out;
}

}  // namespace

resource cases_resource(api_context& c, request r) {
  if (r.path.size() == 2 && r.method == "POST") co_return co_await open(c, std::move(r));
  if (r.path.size() == 2) {
    const bool with_closed = r.query.contains("closed") && r.query.at("closed") == "true";
    const auto limit = number_of(r, "limit", 100, 1000);
    std::function<response()> work = [&c, with_closed, limit] {
      return list(c, with_closed, limit);
    };
    co_return co_await on_worker(c, std::move(work));
  }
  if (r.method == "POST") co_return co_await act(c, std::move(r));
  const auto number = number_in(r);
  if (!number) co_return problem(404, "no such case");
  std::function<response()> work = [&c, n = *number] { return show(c, n); };
  co_return co_await on_worker(c, std::move(work));
}

}  // namespace consentry::app::admin
