#include "app/policy_trials.h"

#include <boost/json.hpp>

#include "base/civil_date.h"
#include "base/log.h"

namespace consentry::app {

namespace json = boost::json;

struct policy_trials::run {
  run(const store_rooms& rooms, trial_policy candidate, const policy::policy_set& in_force,
      what_if_question q, std::string who, instant at)
      : engine{rooms, std::move(candidate.policy), std::move(candidate.files), in_force, q},
        by{std::move(who)},
        started_at{at} {}

  policy_what_if engine;
  const std::string by;
  const instant started_at;
  std::atomic<bool> is_cancelled{false};
  std::mutex slice;  // held while one runs: then rooms and clock are there

  mutable std::mutex mutex;  // of the rest
  std::string state = "running";
  std::string why_not;
  std::optional<instant> ended_at;

  bool is_running() const {
    const std::lock_guard lock{mutex};
    return state == "running";
  }
  void end(std::string how, instant at, std::string why = {}) {
    const std::lock_guard lock{mutex};
    if (state != "running") return;
    state = std::move(how);
    why_not = std::move(why);
    ended_at = at;
  }
};

policy_trials::policy_trials(const store_rooms& rooms, const live_settings& live,
                             worker_pool& workers, const wall_clock& clock)
    : rooms_{rooms},
      live_{live},
      workers_{workers},
      clock_{clock},
      cache_{rooms.env.folder() / "compiled"},
      shadow_{rooms.directory, clock} {}

policy_trials::~policy_trials() {
  const std::lock_guard lock{mutex_};
  if (run_ == nullptr) return;
  run_->is_cancelled = true;
  const std::lock_guard waited{run_->slice};
}

trial_policy policy_trials::compile(policy_bundle files) const {
  auto policy = load_policy(files, cache_);
  return {.files = std::move(files), .policy = std::move(policy)};
}

void policy_trials::step(const std::shared_ptr<run>& r, worker_pool& workers,
                         const wall_clock& clock) {
  {
    const std::lock_guard lock{r->slice};
    if (r->is_cancelled) return;
    try {
      const auto more = r->engine.run_slice();
      if (!more) return r->end("failed", clock.now(), describe(more.error()));
      if (!*more) return r->end("done", clock.now());
    } catch (const std::exception& e) {
      return r->end("failed", clock.now(), e.what());
    }
  }
  // Behind whatever else waits for a worker.
  workers.post([r, &workers, &clock] { step(r, workers, clock); });
}

result<void> policy_trials::start_what_if(trial_policy candidate, what_if_question q,
                                          const std::string& by) {
  const std::lock_guard lock{mutex_};
  if (run_ != nullptr && run_->is_running())
    return failure{.kind = failure_kind::conflict,
                   .permanent = true,
                   .public_text = "a replay is under way: wait for it or cancel it"};
  const auto in_force = live_.policy.get();
  log::info("app/policy_trials", "what_if",
            {{"policy", candidate.policy->set->version}, {"by", by}});
  run_ = std::make_shared<run>(rooms_, std::move(candidate), *in_force->set, q, by, clock_.now());
  workers_.post([r = run_, &workers = workers_, &clock = clock_] { step(r, workers, clock); });
  return {};
}

bool policy_trials::cancel_what_if() {
  const std::lock_guard lock{mutex_};
  if (run_ == nullptr || !run_->is_running()) return false;
  run_->is_cancelled = true;
  run_->end("cancelled", clock_.now());
  return true;
}

json::object policy_trials::what_if_report() const {
  std::shared_ptr<run> r;
  {
    const std::lock_guard lock{mutex_};
    r = run_;
  }
  if (r == nullptr) return {{"state", "none"}};
  json::object o;
  {
    const std::lock_guard lock{r->mutex};
    o = {{"state", r->state}, {"by", r->by}, {"started_at", to_string_utc(r->started_at)}};
    if (r->ended_at) o["ended_at"] = to_string_utc(*r->ended_at);
    if (!r->why_not.empty()) o["why_not"] = r->why_not;
  }
  for (auto& [name, value] : r->engine.report()) o[name] = std::move(value);
  return o;
}

}  // namespace consentry::app
