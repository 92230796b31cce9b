#include "app/policy_shadow.h"

#include <sys/resource.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include "app/verdict_diff.h"
#include "base/civil_date.h"
#include "base/log.h"

namespace consentry::app {

namespace json = boost::json;

namespace {

constexpr int niceness = 10;
constexpr std::size_t versions_max = 20;

}  // namespace

struct policy_shadow::state {
  const snapshot<policy::tenants::tenant_directory>& directory;
  const wall_clock& clock;
  const shadow_options o;

  std::mutex starting{};  // of start and stop: the thread is theirs

  mutable std::mutex mutex{};
  std::condition_variable changed{};
  std::deque<shadow_case> waiting{};
  std::size_t waiting_bytes = 0;
  bool is_stopping = false;

  bool was_started = false;
  std::string version{}, by{};
  instant started_at{};
  std::optional<instant> ended_at{};
  std::set<std::string> against{};
  std::uint64_t dropped = 0;
  std::uint64_t failed = 0;
  verdict_diff differences{0};

  std::thread thread{};

  void work(const policy_replay& replay);
  void judge(const policy_replay& replay, const shadow_case& c);
};

policy_shadow::policy_shadow(const snapshot<policy::tenants::tenant_directory>& directory,
                             const wall_clock& clock, shadow_options o)
    : state_{new state{.directory = directory, .clock = clock, .o = o}} {}

policy_shadow::~policy_shadow() {
  stop();
}

void policy_shadow::offer(shadow_case c) {
  if (!is_on()) return;
  auto& s = *state_;
  const std::lock_guard lock{s.mutex};
  if (s.is_stopping) return;
  if (s.waiting.size() >= s.o.cases_max || s.waiting_bytes + c.mail.size() > s.o.bytes_max) {
    s.dropped += c.recipients.size();
    return;
  }
  s.waiting_bytes += c.mail.size();
  s.waiting.push_back(std::move(c));
  s.changed.notify_one();
}

result<void> policy_shadow::start(std::shared_ptr<const active_policy> candidate,
                                  const std::string& by) {
  auto& s = *state_;
  const std::lock_guard one{s.starting};
  if (s.thread.joinable())
    return failure{
        .kind = failure_kind::conflict,
        .permanent = true,
        .public_text = "policy " + s.version + " is in the shadow already: stop it first"};
  {
    const std::lock_guard lock{s.mutex};
    s.waiting.clear();
    s.waiting_bytes = 0;
    s.is_stopping = false;
    s.was_started = true;
    s.version = candidate->set->version;
    s.by = by;
    s.started_at = s.clock.now();
    s.ended_at.reset();
    s.against.clear();
    s.dropped = s.failed = 0;
    s.differences = verdict_diff{s.o.examples_max};
  }
  s.thread = std::thread{[&s, candidate = std::move(candidate)] {
    const policy_replay replay{candidate};
    s.work(replay);
  }};
  is_on_ = true;
  log::info("app/policy_shadow", "started", {{"policy", s.version}, {"by", by}});
  return {};
}

bool policy_shadow::stop() {
  auto& s = *state_;
  const std::lock_guard one{s.starting};
  if (!s.thread.joinable()) return false;
  is_on_ = false;
  {
    const std::lock_guard lock{s.mutex};
    s.is_stopping = true;
    s.ended_at = s.clock.now();
  }
  s.changed.notify_one();
  s.thread.join();
  log::info("app/policy_shadow", "stopped", {{"policy", s.version}});
  return true;
}

void policy_shadow::state::work(const policy_replay& replay) {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), niceness);
  std::unique_lock lock{mutex};
  for (;;) {
    changed.wait(lock, [this] { return is_stopping || !waiting.empty(); });
    if (is_stopping) {
      for (const auto& c : waiting) dropped += c.recipients.size();
      waiting.clear();
      return;
    }
    const auto c = std::move(waiting.front());
    waiting.pop_front();
    lock.unlock();
    bool is_judged = true;
    try {
      judge(replay, c);
    } catch (const std::exception& e) {
      is_judged = false;
      // The first one tells; all are counted. Only this thread counts them.
      if (failed == 0)
        log::warn("app/policy_shadow", "not_judged",
                  {{"message", to_string(c.message)}, {"why", e.what()}});
    }
    lock.lock();
    waiting_bytes -= c.mail.size();
    if (!is_judged) failed += c.recipients.size();
  }
}

void policy_shadow::state::judge(const policy_replay& replay, const shadow_case& c) {
  std::optional<filters::scan_result> found;
  if (!c.mail.empty()) {
    const auto owners = directory.get();
    found = replay.look_through(c.mail, {.directory = owners.get(), .tenant = c.tenant});
  }
  for (const auto& r : c.recipients) {
    const auto facts = policy::recall(*r.facts.message, r.facts.recipient);
    const auto after = replay.judge(facts, found ? &*found : nullptr);
    const std::lock_guard lock{mutex};
    if (against.size() < versions_max) against.insert(r.verdict.policy_version);
    differences.add({.before = r.verdict,
                     .after = after,
                     .tenant = facts.evidence.tenant_name,
                     .campaign = facts.evidence.campaign,
                     .message = c.message,
                     .recipient = {}});
  }
}

json::object policy_shadow::report() const {
  const auto& s = *state_;
  const std::lock_guard lock{s.mutex};
  if (!s.was_started) return {{"on", false}};
  json::array versions;
  for (const auto& v : s.against) versions.push_back(json::string{v});
  json::object o{{"on", !s.is_stopping},
                 {"version", s.version},
                 {"by", s.by},
                 {"started_at", to_string_utc(s.started_at)},
                 {"against", std::move(versions)},
                 {"waiting", s.waiting.size()},
                 {"dropped", s.dropped},
                 {"failed", s.failed}};
  if (s.ended_at) o["ended_at"] = to_string_utc(*s.ended_at);
  for (auto& [name, value] : to_json(s.differences)) o[name] = std::move(value);
  return o;
}

}  // namespace consentry::app
