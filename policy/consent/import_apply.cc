#include <algorithm>
#include <ctime>
#include <thread>

#include "base/bytes.h"
#include "base/secret.h"
#include "policy/consent/import.h"
#include "policy/consent/import_run.h"
#include "policy/consent/slice_writer.h"

namespace consentry::policy::consent {

namespace {

constexpr std::size_t slice_rows_first = 256, slice_rows_min = 256, slice_rows_max = 8192;

constexpr std::chrono::milliseconds pause_max{20};

const failure cancelled{.kind = failure_kind::cancelled, .public_text = "the import was cancelled"};

// Neighbouring rows, ready for the writer. Strings keep their memory from slice to slice.
struct import_slice {
  std::vector<import_row> rows;  // the first count
  std::size_t count = 0;
  digest256 digest{};
  instant at{};
  // What the writer leaves; a second run of the operation overwrites it.
  import_summary sum;
  std::chrono::microseconds took{};
};

void count(import_summary& sum, put_outcome outcome) {
  switch (outcome) {
    case put_outcome::added:
      ++sum.added;
      break;
    case put_outcome::renewed:
      ++sum.renewed;
      break;
    case put_outcome::kept:
      ++sum.kept;
      break;
    case put_outcome::still_withdrawn:
      ++sum.still_withdrawn;
      break;
  }
}

// What a slice costs the writer. On a busy machine most of the time that passes is others': a slice
// made small for that would pay a sync for a few rows. What it waits for itself (pages from the
// disk) is counted for a quarter.
class slice_clock {
 public:
  std::chrono::microseconds passed() const {
    const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - began_);
    return std::max(whole / 4, thread_time() - thread_began_);
  }

 private:
  static std::chrono::microseconds thread_time() {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return std::chrono::seconds{t.tv_sec} + std::chrono::microseconds{t.tv_nsec / 1000};
  }
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::chrono::microseconds thread_began_ = thread_time();
};

class import_applier {
 public:
  import_applier(const import_request& request, const consent_ledger& ledger,
                 const submit_slice& submit, const apply_options& options)
      : request_{request},
        ledger_{ledger},
        submit_{submit},
        options_{options},
        slice_rows_{options.slice_rows != 0 ? options.slice_rows : slice_rows_first} {}

  result<import_position> run(run_merge& rows);

 private:
  bool prepare(run_merge& rows, import_slice& s);
  std::future<result<void>> send(import_slice& s);
  void write(write_txn& txn, import_slice& s, const import_position& before) const;
  void pace(const import_slice& s);
  bool has_company() const { return options_.has_company && options_.has_company(); }

  const import_request& request_;
  const consent_ledger& ledger_;
  const submit_slice& submit_;
  const apply_options& options_;
  std::size_t slice_rows_;
  import_position position_;  // behind the last slice that is durable
};

bool import_applier::prepare(run_merge& rows, import_slice& s) {
  s.count = 0;
  std::string commitments;
  commitments.reserve(slice_rows_ * sizeof(digest256));
  while (s.count < slice_rows_ && rows.next()) {
    if (s.count == s.rows.size()) s.rows.emplace_back();
    auto& row = s.rows[s.count++];
    rows.row().decode(request_, row);
    if (!row.is_withdrawal_only()) commitments += commitment_to(row.key, row.record);
  }
  s.digest = sha256(commitments);
  s.at = options_.now ? options_.now() : request_.now;
  return s.count != 0;
}

void import_applier::write(write_txn& txn, import_slice& s, const import_position& before) const {
  const slice_clock clock;
  s.sum = {};
  const std::span rows{s.rows.data(), s.count};
  const slice_facts about{.tenant = request_.tenant,
                          .rows = s.count,
                          .commitments = s.digest,
                          .source = request_.source,
                          .by = {s.at, "import:" + request_.importer},
                          .more = options_.facts,
                          .last_key = rows.back().stored_key};
  write_slice(txn, ledger_, about, [&](slice_writer& to) {
    for (auto& row : rows) {
      const auto outcome = to.put(row.key, row.stored_key, row.record, row.person);
      if (row.is_withdrawal_only())
        ++s.sum.withdrawals;
      else
        count(s.sum, outcome);
    }
  });
  auto after = before;
  after.rows += s.count;
  after.sum += s.sum;
  if (options_.note) options_.note(txn, after);
  s.took = clock.passed();
}

std::future<result<void>> import_applier::send(import_slice& s) {
  return submit_([this, &s, before = position_](write_txn& txn) { write(txn, s, before); });
}

// Towards slices that hold the writer for the time allowed, by at most double or half.
void import_applier::pace(const import_slice& s) {
  if (options_.slice_rows != 0 || s.count < slice_rows_) return;
  const auto took = std::max<std::int64_t>(1, s.took.count());
  const auto time = has_company() ? options_.slice_time_in_company : options_.slice_time;
  const auto wanted =
      s.count * static_cast<std::size_t>(time.count()) / static_cast<std::size_t>(took);
  slice_rows_ =
      std::clamp(std::clamp(wanted, s.count / 2, s.count * 2), slice_rows_min, slice_rows_max);
}

result<import_position> import_applier::run(run_merge& rows) {
  position_ = options_.from;
  for (std::uint64_t i = 0; i < position_.rows; ++i)
    if (!rows.next()) throw decode_error("an import's runs hold less than was applied");
  import_slice slices[2];
  auto *ready = &slices[0], *other = &slices[1];
  bool has_more = prepare(rows, *ready);
  while (has_more) {
    if (options_.is_cancelled && options_.is_cancelled()) return cancelled;
    const auto sent = std::chrono::steady_clock::now();
    auto written = send(*ready);
    // While the writer writes this one; a throw must not leave it with a slice that is gone.
    std::exception_ptr broken;
    try {
      has_more = prepare(rows, *other);
    } catch (...) {
      broken = std::current_exception();
    }
    if (const auto done = written.get(); !done) return done.error();
    if (broken) std::rethrow_exception(broken);
    position_.rows += ready->count;
    position_.sum += ready->sum;
    pace(*ready);
    // As long as this one took from end to end the writer and the disk are the others'.
    if (has_company())
      std::this_thread::sleep_for(std::min<std::chrono::steady_clock::duration>(
          std::chrono::steady_clock::now() - sent, pause_max));
    std::swap(ready, other);
  }
  return position_;
}

}  // namespace

import_summary& import_summary::operator+=(const import_summary& more) noexcept {
  added += more.added;
  renewed += more.renewed;
  kept += more.kept;
  still_withdrawn += more.still_withdrawn;
  withdrawals += more.withdrawals;
  return *this;
}

submit_slice submit_to(commit_loop& commits) {
  return [&commits](commit_loop::operation op) {
    auto promise = std::make_shared<std::promise<result<void>>>();
    auto answer = promise->get_future();
    commits.submit(std::move(op), [promise](result<void> r) { promise->set_value(std::move(r)); });
    return answer;
  };
}

result<import_position> apply_import(const std::vector<std::filesystem::path>& runs,
                                     const import_request& request, const consent_ledger& ledger,
                                     const submit_slice& submit, const apply_options& options) {
  try {
    run_merge rows{runs};
    return import_applier{request, ledger, submit, options}.run(rows);
  } catch (const decode_error& e) {
    return failure{.kind = failure_kind::io,
                   .public_text = "the import's files cannot be read",
                   .private_cause = e.what()};
  } catch (const std::system_error& e) {
    return failure{.kind = failure_kind::io,
                   .public_text = "the import's files cannot be read",
                   .private_cause = e.what()};
  }
}

}  // namespace consentry::policy::consent
