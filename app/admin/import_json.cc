#include "app/admin/import_json.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <fstream>

#include "base/text.h"
#include "policy/consent/import_rows.h"

namespace consentry::app::admin {

namespace asio = boost::asio;
namespace json = boost::json;
namespace consent = policy::consent;

namespace {

constexpr std::size_t refused_listed_max = 1000;
constexpr std::size_t part_bytes = 16u << 20;
constexpr std::chrono::milliseconds between_looks{5};

json::object counts_of(const import_job& j) {
  json::object by_reason;
  for (const auto& [reason, count] : j.refused_by_reason) by_reason[reason] = count;
  const auto& sum = j.position.sum;
  return {{"dry_run", j.is_dry_run},
          {"rows", j.rows_read},
          {"taken", j.taken},
          {"refused", j.refused()},
          {"added", sum.added},
          {"renewed", sum.renewed},
          {"kept", sum.kept},
          {"still_withdrawn", sum.still_withdrawn},
          {"withdrawals", j.is_dry_run ? j.withdrawals : sum.withdrawals},
          {"refused_by_reason", std::move(by_reason)}};
}

void add_time(json::object& o, const char* name, const std::optional<instant>& t) {
  if (t) o[name] = to_string_utc(*t);
}

// The first rows of a reject file. Blocks.
json::array first_rejects(const std::filesystem::path& file) {
  json::array out;
  std::ifstream in{file, std::ios::binary};
  std::string text(4u << 20, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  consent::file_layout layout;
  // Any four columns: the reader of imports reads these too.
  layout.order = {consent::column::email, consent::column::topic, consent::column::method,
                  consent::column::evidence};
  const consent::import_limits limits{.row_bytes_max = SIZE_MAX};
  const auto whole = consent::whole_records(text, layout, false);
  const auto reader =
      consent::make_row_reader(std::string_view{text}.substr(0, whole), 1, layout, limits);
  consent::raw_row row;
  if (!reader->next(row)) return out;  // the header line
  while (out.size() < refused_listed_max && reader->next(row))
    out.push_back(json::object{{"line", std::stoull(std::string{row[consent::column::email]})},
                               {"reason", row[consent::column::topic]},
                               {"text", to_valid_utf8(row[consent::column::method])}});
  return out;
}

// Blocks: for a worker.
result<import_job> hand_in(import_runner& imports, import_job wanted, const std::string& body) {
  wanted.bytes = body.size();
  auto j = imports.create(std::move(wanted));
  for (std::size_t at = 0; j && at < body.size(); at += part_bytes)
    j = imports.append(j->id, at, std::string_view{body}.substr(at, part_bytes));
  if (j) j = imports.begin(j->id);
  return j;
}

}  // namespace

json::object to_json(const api_context& c, const import_job& j) {
  const auto directory = c.rooms.directory.get();
  const auto* t = directory->find(j.tenant);
  auto o = counts_of(j);
  o["import"] = to_string(j.id);
  o["tenant"] = t != nullptr ? t->name : std::to_string(j.tenant.value);
  o["state"] = name_of(j.state);
  o["format"] = consent::to_string(j.format);
  o["source"] = j.source;
  o["importer"] = j.importer;
  o["all_or_nothing"] = j.is_all_or_nothing;
  if (!j.mapping.empty()) o["mapping"] = j.mapping;
  if (j.bytes) o["bytes"] = *j.bytes;
  o["uploaded"] = j.uploaded;
  add_time(o, "created_at", j.created_at);
  add_time(o, "started_at", j.now);
  add_time(o, "ended_at", j.ended_at);
  if (!j.why.empty()) o["why"] = j.why;
  json::array ignored;
  for (const auto& name : j.ignored_columns) ignored.emplace_back(name);
  o["ignored_columns"] = std::move(ignored);
  o["applied"] = j.position.rows;
  o["has_rejects"] = j.has_rejects;
  if (j.state == import_state::planning && c.imports != nullptr) {
    const auto live = c.imports->live();
    if (live.id == j.id) o["planned"] = json::object{{"rows", live.rows}, {"bytes", live.bytes}};
  }
  return o;
}

json::object signs_json(const api_context& c, const import_job& j) {
  const auto score = consent::score_of(j.shares);
  json::array reasons;
  for (const auto& r : score.reasons) reasons.emplace_back(r);
  const auto& s = j.shares;
  const bool holds = score.points > c.live.policy.get()->set->rules.import_hold_score &&
                     !j.released_at && !j.is_dry_run && j.position.rows != 0;
  json::object o{{"import", to_string(j.id)},      {"source", j.source},
                 {"state", name_of(j.state)},      {"rows", s.rows},
                 {"score", score.points},          {"reasons", std::move(reasons)},
                 {"role_share", s.roles},          {"throwaway_share", s.throwaways},
                 {"same_time_share", s.same_time}, {"delivered", s.delivered},
                 {"bounced", s.bounced},           {"complained", s.complained},
                 {"holds_campaigns", holds}};
  if (s.overlap) o["overlap_share"] = *s.overlap;
  add_time(o, "ended_at", j.ended_at);
  if (j.released_at)
    o["released"] = json::object{
        {"at", to_string_utc(*j.released_at)}, {"by", j.released_by}, {"reason", j.release_reason}};
  return o;
}

resource import_at_once(api_context& c, const policy::tenants::tenant& t, request r) {
  import_job wanted;
  wanted.tenant = t.id;
  wanted.importer = r.person;
  wanted.source = r.query.contains("source") ? r.query.at("source") : "upload";
  wanted.is_dry_run = r.query.contains("dry_run");
  wanted.is_all_or_nothing = r.query.contains("all_or_nothing");
  if (r.query.contains("mapping")) wanted.mapping = r.query.at("mapping");
  if (r.content_type == "application/x-ndjson")
    wanted.format = consent::import_format::ndjson;
  else if (r.content_type == "text/csv")
    wanted.format = consent::import_format::csv;
  else
    co_return problem(415, "an import is text/csv or application/x-ndjson");
  auto work = [&c, &wanted, &r] { return hand_in(*c.imports, std::move(wanted), r.body); };
  const auto begun = co_await c.workers.run(std::move(work));
  if (!begun) co_return problem_of(begun.error());
  asio::steady_timer timer{co_await asio::this_coro::executor};
  auto job = c.imports->find(begun->id);
  while (job && job->is_open()) {
    timer.expires_after(between_looks);
    co_await timer.async_wait(asio::use_awaitable);
    job = c.imports->find(begun->id);
  }
  if (!job) co_return problem(503, "the import is not there any more");
  if (job->state == import_state::failed) co_return problem(503, job->why);
  if (job->state != import_state::done)
    co_return problem(422, job->why.empty() ? "the import was cancelled" : job->why);
  auto o = counts_of(*job);
  o["import"] = to_string(job->id);
  auto read = [&c, &job] {
    return job->has_rejects ? first_rejects(c.imports->rejects_of(job->id)) : json::array{};
  };
  o["refused_rows"] = co_await c.workers.run(std::move(read));
  co_return json_response(o);
}

}  // namespace consentry::app::admin
