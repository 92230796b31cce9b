#include "app/import_work.h"

#include <algorithm>
#include <cstring>

#include "app/evidence_gatherer.h"
#include "base/bytes.h"
#include "base/log.h"
#include "policy/consent/import_run.h"

namespace consentry::app {

namespace consent = policy::consent;

namespace {

constexpr std::size_t samples_per_slice = 2000;
constexpr std::size_t refusals_per_slice = 100;

const failure ended_meanwhile{.kind = failure_kind::cancelled,
                              .public_text = "the import was cancelled"};
const failure put_off{.kind = failure_kind::unavailable, .public_text = "shutting down"};

// Numbers of several sorted files, in order, each once; at most `count`, appended to out.
class number_merge {
 public:
  explicit number_merge(const std::vector<std::filesystem::path>& files) {
    for (const auto& f : files) {
      sources_.push_back({.file = std::make_unique<consent::buffered_file>(f, 64u << 10)});
      advance(sources_.back());
    }
  }
  void take(std::size_t count, std::vector<std::uint64_t>& out) {
    while (count > 0) {
      source* least = nullptr;
      for (auto& s : sources_)
        if (s.has && (least == nullptr || s.number < least->number)) least = &s;
      if (least == nullptr) return;
      const auto n = least->number;
      advance(*least);
      if (last_ && *last_ == n) continue;
      last_ = n;
      out.push_back(n);
      --count;
    }
  }

 private:
  struct source {
    std::unique_ptr<consent::buffered_file> file;
    std::uint64_t number = 0;
    bool has = false;
  };
  static void advance(source& s) {
    s.has = !s.file->at_end();
    if (!s.has) return;
    const auto bytes = s.file->take(sizeof s.number);
    std::memcpy(&s.number, bytes.data(), sizeof s.number);
  }
  std::vector<source> sources_;
  std::optional<std::uint64_t> last_;
};

// The job as this thread knows it, with what others changed meanwhile: a cancelled one stays so
// (the slice under way counts), the desk may have released it, outcomes may have been seen.
import_job with_news_of(const import_job& stored, import_job j) {
  if (!stored.is_open()) {
    j.state = stored.state;
    j.ended_at = stored.ended_at;
  }
  j.shares.delivered = stored.shares.delivered;
  j.shares.bounced = stored.shares.bounced;
  j.shares.complained = stored.shares.complained;
  j.released_at = stored.released_at;
  j.released_by = stored.released_by;
  j.release_reason = stored.release_reason;
  return j;
}

std::vector<std::string> names_of(const std::vector<std::filesystem::path>& files) {
  std::vector<std::string> out;
  for (const auto& f : files) out.push_back(f.filename().string());
  return out;
}

}  // namespace

std::uint64_t platform_hash(const prepared_hmac& platform, std::string_view address_key) {
  const auto digest = platform(address_key);
  std::uint64_t out = 0;
  std::memcpy(&out, digest.data(), sizeof out);
  return out;
}

bool import_work::cancel(import_id id) {
  std::lock_guard lock{mutex_};
  if (live_.id != id) return false;
  is_cancelled_ = true;
  return true;
}

import_work::live_progress import_work::live() const {
  std::lock_guard lock{mutex_};
  return live_;
}

// failure cancelled: somebody ended the job meanwhile, and it stays so.
result<void> import_work::put(const import_job& j) {
  auto is_open = std::make_shared<bool>(false);
  const auto done = tools_.rooms.commits.run([this, &j, is_open](write_txn& txn) {
    const auto stored = tools_.rooms.imports.find(txn, j.id);
    *is_open = stored && stored->is_open();
    if (*is_open) tools_.rooms.imports.put(txn, j);
  });
  if (done && !*is_open) return ended_meanwhile;
  return done;
}

result<void> import_work::end(import_job& j, import_state how, std::string why) {
  j.state = how;
  j.why = std::move(why);
  j.ended_at = j.touched_at = tools_.clock.now();
  const auto done = tools_.rooms.commits.run([this, &j](write_txn& txn) {
    const auto stored = tools_.rooms.imports.find(txn, j.id);
    if (!stored) return;
    tools_.rooms.imports.put(txn, with_news_of(*stored, j));
  });
  if (!done) return done;
  tools_.files.remove_all_but_rejects(j.id);
  if (!j.has_rejects) tools_.files.remove(j.id);
  log::info("app/import_work", "import_ended",
            {{"import", to_string(j.id)},
             {"tenant", j.tenant.value},
             {"state", name_of(how)},
             {"rows", j.rows_read},
             {"applied", j.position.rows}});
  return refresh_suspects();
}

result<void> import_work::refresh_suspects() {
  return tools_.rooms.env.read([&](read_txn& txn) { tools_.rooms.imports.refresh_suspects(txn); });
}

consent::import_request import_work::request_of(const import_job& j,
                                                const policy::tenants::tenant& t) const {
  return {.tenant = t.id,
          .default_sender = sender_identity(t),
          .importer = j.importer,
          .source = j.source,
          .format = j.format,
          .mapping = j.mapping,
          .delimiter = j.delimiter,
          .now = j.now.value()};
}

result<void> import_work::begin_plan(import_job& j) {
  tools_.files.remove_plan(j.id);
  j.state = import_state::planning;
  j.touched_at = tools_.clock.now();
  if (!j.now) {
    auto now = tools_.rooms.env.read([&](read_txn& txn) {
      return tools_.rooms.imports.unique_now(txn, j.tenant, tools_.clock.now());
    });
    if (!now) return now.error();
    j.now = *now;
  }
  return put(j);
}

result<void> import_work::look_for_overlap(import_job& j) const {
  if (j.shares.rows <= consent::signs_rows_min) return {};
  number_merge numbers{tools_.files.of(j.id, j.samples)};
  std::uint64_t seen = 0, shared = 0;
  std::vector<std::uint64_t> some;
  // Enough to round to five percent; each slice is a short reader.
  constexpr std::uint64_t enough = 100'000;
  do {
    some.clear();
    numbers.take(samples_per_slice, some);
    const auto found = tools_.rooms.env.read(
        [&](read_txn& txn) { return tools_.rooms.imports.count_shared(txn, j.tenant, some); });
    if (!found) return found.error();
    seen += some.size();
    shared += *found;
  } while (!some.empty() && seen < enough && !must_stop());
  if (seen != 0) j.shares.overlap = consent::rounded_share(shared, seen);
  return {};
}

result<void> import_work::note_refusals(const import_job& j,
                                        const std::vector<consent::consent_refusal>& refusals) {
  const consent::act by{.at = tools_.clock.now(), .actor = "import:" + j.importer};
  const std::map<std::string, std::string> facts{{"import", to_string(j.id)}};
  for (std::size_t from = 0; from < refusals.size() && !must_stop(); from += refusals_per_slice) {
    const auto some =
        std::span{refusals}.subspan(from, std::min(refusals_per_slice, refusals.size() - from));
    const auto done = tools_.rooms.commits.run([&](write_txn& txn) {
      for (const auto& r : some) tools_.rooms.consents.note_refused(txn, r, by, facts);
    });
    if (!done) return done;
    tools_.company.give_way();
  }
  return {};
}

result<void> import_work::plan(import_job& j, const policy::tenants::tenant& t) {
  if (auto begun = begin_plan(j); !begun) return begun;
  const prepared_hmac person{t.pseudonym_key};
  consent::import_lookup lookup;
  lookup.pseudonym = [&person](std::string_view key, std::span<char, 16> out) {
    const auto digest = person(key);
    std::memcpy(out.data(), digest.data(), out.size());
  };
  lookup.is_stored = [this, &t](std::string_view p) {
    const auto found = tools_.rooms.env.read(
        [&](read_txn& txn) { return tools_.rooms.consents.find_person(txn, t.id, p).has_value(); });
    return found && *found;
  };
  lookup.platform_hash = [this](std::string_view key) {
    return platform_hash(tools_.platform, key);
  };
  lookup.lists = tools_.lists.get();
  consent::import_watch watch;
  watch.progress = [this](std::uint64_t rows, std::uint64_t bytes) {
    std::lock_guard lock{mutex_};
    live_.rows = rows;
    live_.bytes = bytes;
  };
  watch.is_cancelled = [this] { return must_stop(); };
  watch.give_way = [this] { tools_.company.give_way(); };
  auto made = consent::plan_import(tools_.files.upload(j.id), tools_.files.folder(j.id),
                                   request_of(j, t), lookup, {.threads = tools_.threads}, watch);
  if (!made) {
    const auto& f = made.error();
    if (is_stopping_) return put_off;
    if (f.kind == failure_kind::storage_full || f.kind == failure_kind::storage_broken) return f;
    if (f.kind == failure_kind::invalid) return end(j, import_state::refused, f.public_text);
    log::warn("app/import_work", "plan_failed", {{"cause", describe(f)}});
    return end(j, is_cancelled_ ? import_state::cancelled : import_state::failed, f.public_text);
  }
  j.rows_read = made->rows_read;
  j.taken = made->taken;
  j.withdrawals = made->withdrawals;
  j.refused_by_reason = made->refused_by_reason;
  j.ignored_columns = made->ignored_columns;
  j.runs = names_of(made->runs);
  j.samples = names_of(made->samples);
  j.has_rejects = made->refused_count() != 0;
  j.shares = consent::shares_of(made->signs);
  if (auto looked = look_for_overlap(j); !looked) return looked;
  if (!j.is_dry_run)
    if (auto noted = note_refusals(j, made->refusals); !noted) return noted;
  if (must_stop()) return is_stopping_ ? put_off : end(j, import_state::cancelled, "");
  if (j.is_all_or_nothing && j.refused() != 0)
    return end(j, import_state::refused,
               std::to_string(j.refused()) + " rows were refused, so nothing was stored");
  if (j.is_dry_run) return end(j, import_state::done, "");
  j.state = import_state::applying;
  if (auto stored = put(j); !stored) return stored;
  return refresh_suspects();
}

result<void> import_work::add_samples(const import_job& j) {
  if (j.shares.rows <= consent::signs_rows_min) return {};
  number_merge numbers{tools_.files.of(j.id, j.samples)};
  std::vector<std::uint64_t> some;
  for (;;) {
    some.clear();
    numbers.take(samples_per_slice, some);
    if (some.empty()) return {};
    const auto done = tools_.rooms.commits.run(
        [&](write_txn& txn) { tools_.rooms.imports.add_samples(txn, j.tenant, some); });
    if (!done) return done;
    if (is_stopping_) return put_off;
    tools_.company.give_way();
  }
}

result<void> import_work::apply(import_job& j, const policy::tenants::tenant& t) {
  consent::apply_options options;
  options.from = j.position;
  options.note = [this, &j](write_txn& txn, const consent::import_position& at) {
    const auto stored = tools_.rooms.imports.find(txn, j.id);
    if (!stored) return;
    auto next = with_news_of(*stored, j);
    next.position = at;
    tools_.rooms.imports.put(txn, next);
  };
  options.has_company = [this] { return tools_.company.has_company(); };
  options.facts = {{"import", to_string(j.id)}};
  options.is_cancelled = [this] { return must_stop(); };
  options.now = [this] { return tools_.clock.now(); };
  const auto request = request_of(j, t);
  const consent::submit_slice submit =
      [this, commits = consent::submit_to(tools_.rooms.commits)](commit_loop::operation op) {
        tools_.company.note_own();
        return commits(std::move(op));
      };
  const auto done = consent::apply_import(tools_.files.of(j.id, j.runs), request,
                                          tools_.rooms.consents, submit, options);
  // How far it came stands in the store, whatever stopped it.
  auto stored =
      tools_.rooms.env.read([&](read_txn& txn) { return tools_.rooms.imports.find(txn, j.id); });
  if (!stored) return stored.error();
  if (*stored) j.position = (*stored)->position;
  if (!done) {
    const auto& f = done.error();
    if (is_stopping_ || f.kind == failure_kind::unavailable) return put_off;
    if (is_cancelled_) return end(j, import_state::cancelled, "");
    if (f.kind != failure_kind::io) return f;
    log::error("app/import_work", "apply_failed", {{"cause", describe(f)}});
    return end(j, import_state::failed, f.public_text);
  }
  if (auto added = add_samples(j); !added) return added;
  return end(j, import_state::done, "");
}

result<void> import_work::work_on(import_job& j) {
  const auto directory = tools_.rooms.directory.get();
  const auto* t = directory->find(j.tenant);
  if (t == nullptr) return end(j, import_state::failed, "the tenant is not there any more");
  try {
    if (j.state != import_state::applying)
      if (auto planned = plan(j, *t); !planned) return planned;
    if (j.state == import_state::applying) return apply(j, *t);
    return {};
  } catch (const decode_error& e) {
    log::error("app/import_work", "files_broken", {{"cause", e.what()}});
  } catch (const std::system_error& e) {
    log::error("app/import_work", "files_broken", {{"cause", e.what()}});
  }
  return end(j, import_state::failed, "the import's files cannot be read");
}

result<void> import_work::run(import_job j) {
  {
    std::lock_guard lock{mutex_};
    live_ = {.id = j.id};
    is_cancelled_ = false;
  }
  // Who cancelled it before this thread was at it took its files away; whoever does from now on
  // tells us.
  auto done = [&]() -> result<void> {
    auto stored =
        tools_.rooms.env.read([&](read_txn& txn) { return tools_.rooms.imports.find(txn, j.id); });
    if (!stored) return stored.error();
    if (!*stored || !(*stored)->is_open()) {
      tools_.files.remove_all_but_rejects(j.id);
      return {};
    }
    j = std::move(**stored);
    return work_on(j);
  }();
  if (!done && done.error().kind == failure_kind::cancelled)
    done = end(j, import_state::cancelled, "");
  std::lock_guard lock{mutex_};
  live_ = {};
  return done;
}

}  // namespace consentry::app
