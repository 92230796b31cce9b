// Policies on trial: replays of stored decisions, and the shadow beside live mail (RULES E8).
#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/policy_trials.h"
#include "base/text.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;

constexpr std::uint64_t days_max = 90;
constexpr std::uint64_t decisions_max = 10'000'000, decisions_by_default = 1'000'000;
constexpr std::uint64_t examples_max = 1000, examples_by_default = 50;

// The policy that a body names: {"files": {..}} or {"version": "p.."}.
result<policy_bundle> candidate_of(api_context& c, json_body& body) {
  const auto version = body.text("version");
  const auto* files = body.object("files");
  if ((files == nullptr) == version.empty())
    throw configuration_error("one of files and version is required");
  if (files != nullptr) return bundle_from_json(*files);
  auto found = c.rooms.env.read([&](read_txn& txn) -> std::optional<policy_bundle> {
    const auto v = c.rooms.policies.find(txn, version);
    if (!v) return std::nullopt;
    return c.rooms.policies.files_of(txn, *v);
  });
  if (!found) return found.error();
  if (!*found)
    return failure{.kind = failure_kind::not_found,
                   .permanent = true,
                   .public_text = "there is no policy " + printable(version, 40)};
  return std::move(**found);
}

std::uint64_t bounded(json_body& body, std::string_view name, std::uint64_t otherwise,
                      std::uint64_t most) {
  const auto n = body.number(name).value_or(otherwise);
  if (n == 0 || n > most)
    throw configuration_error(std::string{name} + " must be 1 to " + std::to_string(most));
  return n;
}

response start_what_if(api_context& c, const request& r) {
  json_body body{r.body};
  auto files = candidate_of(c, body);
  what_if_question q;
  const auto days = bounded(body, "days", days_max, days_max);
  q.from = c.clock.now() - std::chrono::hours{24} * static_cast<int>(days);
  if (const auto until = end_of(body.text("until"), "until")) q.until = *until;
  q.decisions_max = bounded(body, "limit", decisions_by_default, decisions_max);
  q.examples_max = bounded(body, "examples", examples_by_default, examples_max);
  const auto tenant = body.text("tenant");
  body.finish();
  if (!files) return problem_of(files.error());
  if (!tenant.empty()) {
    const auto* t = c.rooms.directory.get()->find_named(tenant);
    if (t == nullptr) return problem(404, "there is no tenant " + printable(tenant, 80));
    q.tenant = t->id;
  }
  auto& trials = *c.trials;
  const auto started = trials.start_what_if(trials.compile(std::move(*files)), q, actor_of(r));
  if (!started) return problem_of(started.error());
  return json_response(trials.what_if_report(), 202);
}

response serve_what_if(api_context& c, const request& r) {
  if (r.method == "POST") return start_what_if(c, r);
  if (r.method == "DELETE") c.trials->cancel_what_if();
  return json_response(c.trials->what_if_report());
}

response start_shadow(api_context& c, const request& r) {
  json_body body{r.body};
  auto files = candidate_of(c, body);
  body.finish();
  if (!files) return problem_of(files.error());
  auto candidate = c.trials->compile(std::move(*files));
  const auto started = c.trials->shadow().start(std::move(candidate.policy), actor_of(r));
  if (!started) return problem_of(started.error());
  return json_response(c.trials->shadow().report(), 201);
}

response serve_shadow(api_context& c, const request& r) {
  if (r.method == "POST") return start_shadow(c, r);
  if (r.method == "DELETE" && !c.trials->shadow().stop())
    return problem(404, "no policy is in the shadow");
  return json_response(c.trials->shadow().report());
}

}  // namespace

// Compiling and ending a shadow take their time: on a worker.
resource policy_trial_resource(api_context& c, request r) {
  if (c.trials == nullptr) co_return problem(503, "no policies here");
  std::function<response()> work = [&c, r = std::move(r)] {
    try {
      return r.path[2] == "what-if" ? serve_what_if(c, r) : serve_shadow(c, r);
    } catch (const configuration_error& e) {
      return problem(422, e.what());
    }
  };
  co_return co_await c.workers.run(std::move(work));
}

}  // namespace consentry::app::admin
