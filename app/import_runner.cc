#include "app/import_runner.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/evidence_gatherer.h"
#include "app/import_files.h"
#include "app/import_work.h"
#include "base/log.h"
#include "policy/consent/import_rows.h"

namespace consentry::app {

namespace consent = policy::consent;

namespace {

constexpr std::chrono::minutes between_cleanings{10};
constexpr std::chrono::seconds before_retry{5};

failure conflict(std::string text) {
  return {.kind = failure_kind::conflict, .permanent = true, .public_text = std::move(text)};
}
failure invalid(std::string text) {
  return {.kind = failure_kind::invalid, .permanent = true, .public_text = std::move(text)};
}
const failure no_such{.kind = failure_kind::not_found, .public_text = "no such import"};

}  // namespace

struct import_runner::state {
  state(store_rooms& r, const wall_clock& c, options o)
      : rooms{r},
        clock{c},
        limits{std::move(o)},
        files{limits.folder},
        platform{limits.platform_key},
        work{{.rooms = rooms,
              .clock = clock,
              .files = files,
              .platform = platform,
              .company = company,
              .lists = limits.lists,
              .threads = limits.threads}} {}

  store_rooms& rooms;
  const wall_clock& clock;
  const options limits;
  const import_files files;
  const prepared_hmac platform;
  company_watch company{rooms.commits};
  import_work work;

  std::mutex mutex;  // of the members below
  std::condition_variable wake;
  bool is_stopping = false;
  bool is_news = false;
  std::mutex upload_mutex;  // one part at a time; the disk is the limit
  std::thread thread;

  void run();
  bool run_one();
  void clean() const;
  bool wait(std::chrono::steady_clock::duration patience);
  std::optional<import_job> next() const;
  result<import_job> change(import_id id, std::function<std::optional<failure>(import_job&)> f);
};

// Reads, changes and commits a job; f says no by a failure.
result<import_job> import_runner::state::change(
    import_id id, std::function<std::optional<failure>(import_job&)> f) {
  auto answer = std::make_shared<result<import_job>>(no_such);
  company.note_own();
  const auto done = rooms.commits.run([this, id, &f, answer](write_txn& txn) {
    *answer = no_such;
    auto j = rooms.imports.find(txn, id);
    if (!j) return;
    if (auto no = f(*j)) {
      *answer = std::move(*no);
      return;
    }
    j->touched_at = clock.now();
    rooms.imports.put(txn, *j);
    *answer = std::move(*j);
  });
  if (!done) return done.error();
  return *answer;
}

// The oldest that is not only uploading.
std::optional<import_job> import_runner::state::next() const {
  auto found = rooms.env.read([&](read_txn& txn) {
    return rooms.imports.all(
        txn, [](const import_job& j) { return j.is_open() && j.state != import_state::uploading; });
  });
  if (!found) {
    log::error("app/import_runner", "store_unreadable", {{"cause", describe(found.error())}});
    return std::nullopt;
  }
  if (found->empty()) return std::nullopt;
  // What is under way comes before what waits.
  return std::move(*std::ranges::max_element(*found, {}, &import_job::state));
}

// false: stopping.
bool import_runner::state::wait(std::chrono::steady_clock::duration patience) {
  std::unique_lock lock{mutex};
  wake.wait_for(lock, patience, [&] { return is_stopping || is_news; });
  is_news = false;
  return !is_stopping;
}

// false: nothing to do, or it must be tried again later.
bool import_runner::state::run_one() {
  auto job = next();
  if (!job) return false;
  const auto done = work.run(std::move(*job));
  if (done) return true;
  log::warn("app/import_runner", "import_waits", {{"why", describe(done.error())}});
  return false;
}

void import_runner::state::run() {
  auto next_cleaning = std::chrono::steady_clock::now();
  do {
    try {
      while (!work.is_stopping() && run_one()) {
      }
      if (std::chrono::steady_clock::now() >= next_cleaning) {
        clean();
        next_cleaning = std::chrono::steady_clock::now() + between_cleanings;
      }
    } catch (const std::exception& e) {
      log::error("app/import_runner", "import_surprised_us", {{"what", e.what()}});
    }
  } while (wait(next() ? std::chrono::steady_clock::duration{before_retry} : between_cleanings));
}

// Uploads nobody goes on with, rejects past their time, and folders whose job is no more.
void import_runner::state::clean() const {
  const auto now = clock.now();
  for (const auto id : files.list()) {
    auto job = rooms.env.read([&](read_txn& txn) { return rooms.imports.find(txn, id); });
    if (!job) return;
    if (!*job) {
      files.remove(id);
      continue;
    }
    const auto& j = **job;
    if (j.state == import_state::uploading && j.touched_at + limits.keep_uploads < now) {
      const auto ended = rooms.commits.run([&, id](write_txn& txn) {
        auto again = rooms.imports.find(txn, id);
        if (!again || again->state != import_state::uploading) return;
        again->state = import_state::cancelled;
        again->why = "nobody went on with the upload";
        again->ended_at = now;
        rooms.imports.put(txn, *again);
      });
      if (ended) files.remove(id);
    } else if (!j.is_open()) {
      files.remove_all_but_rejects(id);
      if (!j.has_rejects || j.ended_at.value_or(now) + limits.keep_rejects < now) files.remove(id);
    }
  }
}

import_runner::import_runner(store_rooms& rooms, const wall_clock& clock, options o)
    : state_{std::make_unique<state>(rooms, clock, std::move(o))} {}

import_runner::~import_runner() {
  stop();
}

void import_runner::start() {
  state_->thread = std::thread{[s = state_.get()] { s->run(); }};
}

void import_runner::stop() {
  {
    std::lock_guard lock{state_->mutex};
    state_->is_stopping = true;
  }
  state_->work.stop();
  state_->wake.notify_one();
  if (state_->thread.joinable()) state_->thread.join();
}

result<import_job> import_runner::create(import_job j) {
  if (auto mapping = consent::parse_mapping(j.mapping); !mapping) return mapping.error();
  if (j.bytes && *j.bytes > state_->limits.bytes_max)
    return invalid("an import has at most " + std::to_string(state_->limits.bytes_max) + " bytes");
  j.state = import_state::uploading;
  j.created_at = j.touched_at = state_->clock.now();
  const auto done =
      state_->rooms.commits.run([this, &j](write_txn& txn) { state_->rooms.imports.add(txn, j); });
  if (!done) return done.error();
  if (auto made = state_->files.create(j.id); !made) return made.error();
  return j;
}

result<import_job> import_runner::append(import_id id, std::uint64_t offset,
                                         std::string_view bytes) {
  std::lock_guard one_at_a_time{state_->upload_mutex};
  const auto j = find(id);
  if (!j) return no_such;
  if (j->state != import_state::uploading) return conflict("the import was started already");
  if (offset != j->uploaded)
    return conflict(fmt::format("the next part begins at offset {}", j->uploaded));
  const auto most = std::min(j->bytes.value_or(UINT64_MAX), state_->limits.bytes_max);
  if (bytes.size() > most - offset)
    return invalid(fmt::format("the file has {} bytes, this part goes beyond", most));
  // A crash may have come between the job's record and its folder.
  if (offset == 0)
    if (auto made = state_->files.create(id); !made) return made.error();
  if (auto written = state_->files.write(id, offset, bytes, [this] { state_->company.give_way(); });
      !written)
    return written.error();
  return state_->change(id, [&](import_job& now) -> std::optional<failure> {
    if (now.state != import_state::uploading || now.uploaded != offset)
      return conflict("the import was started or cancelled meanwhile");
    now.uploaded = offset + bytes.size();
    return std::nullopt;
  });
}

result<import_job> import_runner::begin(import_id id) {
  std::lock_guard one_at_a_time{state_->upload_mutex};
  // Bytes behind the last acknowledged one, of a part that failed, are no part of the list.
  if (const auto now = find(id); now && now->state == import_state::uploading)
    if (auto cut = state_->files.write(id, now->uploaded, {}); !cut) return cut.error();
  auto j = state_->change(id, [](import_job& now) -> std::optional<failure> {
    if (now.state != import_state::uploading) return conflict("the import was started already");
    if (now.bytes && *now.bytes != now.uploaded)
      return conflict(fmt::format("only {} of {} bytes were uploaded", now.uploaded, *now.bytes));
    now.state = import_state::waiting;
    return std::nullopt;
  });
  if (j) {
    std::lock_guard lock{state_->mutex};
    state_->is_news = true;
    state_->wake.notify_one();
  }
  return j;
}

result<import_job> import_runner::cancel(import_id id) {
  auto j =
      state_->change(id, [at = state_->clock.now()](import_job& now) -> std::optional<failure> {
        if (!now.is_open()) return conflict("the import has ended");
        if (now.state == import_state::applying && now.is_all_or_nothing)
          return conflict("the import is all or nothing and is being applied");
        now.state = import_state::cancelled;
        now.ended_at = at;
        return std::nullopt;
      });
  if (!j) return j;
  // The thread, if it is at this one, notices and removes the files; else they go here.
  if (!state_->work.cancel(id)) state_->files.remove_all_but_rejects(id);
  return j;
}

void import_runner::cancel_all(tenant_id tenant) {
  constexpr std::size_t jobs_max = 100'000;
  const auto jobs = state_->rooms.env.read(
      [&](read_txn& txn) { return state_->rooms.imports.of_tenant(txn, tenant, jobs_max); });
  if (!jobs) return;
  for (const auto& j : *jobs)
    if (j.is_open() && !cancel(j.id)) state_->work.cancel(j.id);
}

result<import_job> import_runner::release(import_id id, const std::string& reason,
                                          const std::string& actor) {
  auto answer = std::make_shared<result<import_job>>(no_such);
  auto& rooms = state_->rooms;
  const auto at = state_->clock.now();
  const auto done = rooms.commits.run([&, answer](write_txn& txn) {
    *answer = no_such;
    auto j = rooms.imports.find(txn, id);
    if (!j) return;
    j->released_at = at;
    j->released_by = actor;
    j->release_reason = reason;
    rooms.imports.put(txn, *j);
    journal::event e{.kind = journal::event_kind::desk_act,
                     .at = at,
                     .tenant = j->tenant,
                     .reason = "import.released",
                     .rule = "A2.5.3",
                     .actor = actor};
    e.facts["import"] = to_string(id);
    e.facts["score"] = std::to_string(j->points());
    e.facts["why"] = reason.substr(0, 1000);
    rooms.journal.append(txn, e);
    *answer = std::move(*j);
  });
  if (!done) return done.error();
  if (auto seen = rooms.env.read([&](read_txn& txn) { rooms.imports.refresh_suspects(txn); });
      !seen)
    return seen.error();
  return *answer;
}

std::optional<import_job> import_runner::find(import_id id) const {
  auto found =
      state_->rooms.env.read([&](read_txn& txn) { return state_->rooms.imports.find(txn, id); });
  return found ? std::move(*found) : std::nullopt;
}

std::filesystem::path import_runner::rejects_of(import_id id) const {
  return state_->files.rejects(id);
}

import_runner::live_progress import_runner::live() const {
  const auto p = state_->work.live();
  return {p.id, p.rows, p.bytes};
}

std::uint64_t import_runner::platform_hash(std::string_view address_key) const {
  return consentry::app::platform_hash(state_->platform, address_key);
}

erasure_hook import_runner::hook_for_erasures() {
  return [s = state_.get(), this](const erased_person& p) -> result<std::uint64_t> {
    const auto hash = platform_hash(p.name.address());
    const auto forgotten = s->rooms.commits.run(
        [s, &p, hash](write_txn& txn) { s->rooms.imports.forget_sample(txn, p.tenant, hash); });
    if (!forgotten) return forgotten.error();
    std::uint64_t changed = 0;
    try {
      for (const auto id : s->files.list()) {
        const auto j = find(id);
        if (!j || j->tenant != p.tenant || j->is_open()) continue;
        if (s->files.forget(id, [&](std::string_view row) { return p.name.is_named_in(row); }))
          ++changed;
      }
    } catch (const std::system_error& e) {
      return failure{.kind = failure_kind::io,
                     .public_text = "a reject file cannot be rewritten",
                     .private_cause = e.what()};
    }
    return changed;
  };
}

}  // namespace consentry::app
