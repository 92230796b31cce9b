#include "policy/consent/import.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <fstream>
#include <mutex>
#include <thread>

#include "base/text.h"
#include "policy/consent/import_planner.h"
#include "policy/consent/import_rows.h"
#include "policy/consent/import_run.h"

namespace consentry::policy::consent {

namespace {

// A record longer than this has no end worth waiting for.
constexpr std::size_t record_bytes_max = 1u << 20;

failure rejected(const std::string& text) {
  return {.kind = failure_kind::invalid, .permanent = true, .public_text = text};
}

// RULES 5.4: what a row must say for itself cannot be said for the whole file.
std::string missing_column(const columns_met& met) {
  const auto has = [&](column c) { return met.seen.test(static_cast<std::size_t>(c)); };
  for (auto c :
       {column::email, column::topic, column::given_at, column::method, column::provenance})
    if (!has(c)) return std::string{to_string(c)};
  if (!has(column::notice_hash) && !has(column::evidence)) return "notice_hash or evidence";
  return "";
}

struct piece {
  std::uint64_t number = 0;
  std::uint64_t first_line = 1;
  std::string text;
};

// The pieces on their way from the one who cuts to those who parse, and the rejects on their way
// back into the order of the file. Bounded: a piece is handed out only while few are under way.
class piece_queue {
 public:
  piece_queue(const std::filesystem::path& rejects, std::size_t under_way_max)
      : under_way_max_{under_way_max}, rejects_{rejects, std::ios::binary | std::ios::trunc} {
    rejects_ << "line,reason,text,row\n";
  }

  // false: somebody failed; there is no point in more.
  bool push(piece p) {
    std::unique_lock lock{mutex_};
    room_.wait(lock, [&] { return has_failed_ || p.number < done_ + under_way_max_; });
    if (has_failed_) return false;
    waiting_.push_back(std::move(p));
    work_.notify_one();
    return true;
  }
  std::optional<piece> pop() {
    std::unique_lock lock{mutex_};
    work_.wait(lock, [&] { return has_failed_ || is_closed_ || !waiting_.empty(); });
    if (has_failed_ || waiting_.empty()) return std::nullopt;
    auto p = std::move(waiting_.front());
    waiting_.pop_front();
    return p;
  }
  void done(const piece& p, std::uint64_t rows, std::string rejects, const import_watch& watch) {
    std::lock_guard lock{mutex_};
    rows_ += rows;
    bytes_ += p.text.size();
    finished_[p.number] = std::move(rejects);
    while (!finished_.empty() && finished_.begin()->first == done_) {
      rejects_ << finished_.begin()->second;
      finished_.erase(finished_.begin());
      ++done_;
    }
    if (watch.progress) watch.progress(rows_, bytes_);
    room_.notify_one();
  }
  void close() {
    std::lock_guard lock{mutex_};
    is_closed_ = true;
    work_.notify_all();
  }
  void fail(std::exception_ptr why) {
    std::lock_guard lock{mutex_};
    if (!has_failed_) why_ = std::move(why);
    has_failed_ = true;
    work_.notify_all();
    room_.notify_all();
  }
  // Nobody needs the rest.
  void abandon() { fail(nullptr); }
  bool is_over() {
    std::lock_guard lock{mutex_};
    return has_failed_;
  }
  // After the threads have ended.
  void finish() {
    if (why_) std::rethrow_exception(why_);
    rejects_.flush();
    if (!rejects_) throw std::system_error{errno, std::generic_category(), "writing rejects"};
  }
  std::uint64_t rows() {
    std::lock_guard lock{mutex_};
    return rows_;
  }

 private:
  const std::size_t under_way_max_;
  std::mutex mutex_;
  std::condition_variable work_, room_;
  std::deque<piece> waiting_;
  std::map<std::uint64_t, std::string> finished_;
  std::ofstream rejects_;
  std::uint64_t done_ = 0, rows_ = 0, bytes_ = 0;
  bool is_closed_ = false, has_failed_ = false;
  std::exception_ptr why_;
};

// One thread's share of a plan.
class plan_worker {
 public:
  plan_worker(unsigned number, const std::filesystem::path& folder, const import_request& request,
              const import_lookup& lookup, const import_limits& limits, const file_layout& layout,
              const import_watch& watch)
      : number_{number},
        folder_{folder},
        lookup_{lookup},
        limits_{limits},
        layout_{layout},
        watch_{watch},
        planner_{request, lookup, limits, run_} {}

  void run(piece_queue& queue) {
    try {
      while (auto p = queue.pop()) {
        rejects_.clear();
        const auto rows = read(*p);
        queue.done(*p, rows, std::move(rejects_), watch_);
        rejects_ = {};
      }
      if (!queue.is_over()) write_run();
    } catch (...) {
      queue.fail(std::current_exception());
    }
  }

  import_plan part;
  columns_met met;
  std::vector<std::pair<std::uint64_t, consent_refusal>> refusals;  // by line

 private:
  std::uint64_t read(const piece& p);
  void take(const raw_row& raw);
  void refuse(const raw_row& raw, const row_refusal& no);
  void write_run();

  unsigned number_;
  std::filesystem::path folder_;
  const import_lookup& lookup_;
  const import_limits& limits_;
  const file_layout& layout_;
  const import_watch& watch_;
  run_writer run_;
  row_planner planner_;
  planned_row row_;
  std::string rejects_;
  std::vector<std::uint64_t> samples_;
};

std::uint64_t plan_worker::read(const piece& p) {
  const auto reader = make_row_reader(p.text, p.first_line, layout_, limits_);
  raw_row raw;
  std::uint64_t rows = 0;
  while (reader->next(raw)) {
    ++rows;
    take(raw);
  }
  part.rows_read += rows;
  met.add(reader->met());
  return rows;
}

void plan_worker::take(const raw_row& raw) {
  const auto no = planner_.plan(raw, row_);
  if (const auto address = planner_.address(); !address.empty()) {
    part.signs.see(address, raw[column::given_at], lookup_.lists);
    if (lookup_.platform_hash && is_sampled(address))
      samples_.push_back(lookup_.platform_hash(address));
  }
  if (no) {
    refuse(raw, *no);
    return;
  }
  ++part.taken;
  if (row_.is_withdrawal_only) ++part.withdrawals;
  run_.add(row_);
  if (run_.bytes() >= limits_.run_bytes || planner_.is_crowded()) write_run();
}

void plan_worker::refuse(const raw_row& raw, const row_refusal& no) {
  ++part.refused_by_reason[no.reason];
  if (refusals.size() < refusals_noted_a_day && !planner_.address().empty())
    refusals.emplace_back(raw.line, planner_.refusal(raw, row_, no));
  rejects_ += std::to_string(raw.line);
  rejects_ += ',';
  append_csv(rejects_, no.reason);
  rejects_ += ',';
  append_csv(rejects_, to_valid_utf8(no.text));
  rejects_ += ',';
  append_csv(rejects_, raw.text);
  rejects_ += '\n';
}

void plan_worker::write_run() {
  const auto name = [&](std::string_view what, std::size_t n) {
    return folder_ / (std::string{what} + std::to_string(number_) + "." + std::to_string(n));
  };
  if (!run_.empty()) {
    part.runs.push_back(name("run", part.runs.size()));
    run_.write(part.runs.back(), watch_.give_way);
  }
  planner_.begin_run();
  if (samples_.empty()) return;
  part.samples.push_back(name("sample", part.samples.size()));
  write_numbers(part.samples.back(), samples_, watch_.give_way);
}

// Reads the file and cuts it into pieces of whole records.
class file_cutter {
 public:
  file_cutter(const std::filesystem::path& file, const import_limits& limits)
      : file_{file.string()}, fd_{::open(file.c_str(), O_RDONLY | O_CLOEXEC)}, limits_{limits} {
    if (fd_ < 0) throw std::system_error{errno, std::generic_category(), file_};
    ::posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
    read_more(limits_.piece_bytes);
  }
  ~file_cutter() { ::close(fd_); }
  file_cutter(const file_cutter&) = delete;
  file_cutter& operator=(const file_cutter&) = delete;

  std::string_view head() const noexcept { return text_; }
  void skip(std::size_t bytes, std::uint64_t lines) {
    text_.erase(0, bytes);
    line_ += lines;
  }
  // nullopt: the end, or what cannot be read further (see why()).
  std::optional<piece> next(const file_layout& layout);
  const std::string& why() const noexcept { return why_; }

 private:
  void read_more(std::size_t bytes);

  std::string file_;
  int fd_;
  const import_limits& limits_;
  std::string text_;  // read and not handed out
  std::uint64_t line_ = 1;
  std::uint64_t number_ = 0;
  bool is_end_ = false;
  std::string why_;
};

void file_cutter::read_more(std::size_t bytes) {
  auto size = text_.size();
  text_.resize(size + bytes);
  while (size < text_.size()) {
    const auto n = ::read(fd_, text_.data() + size, text_.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw std::system_error{errno, std::generic_category(), file_};
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  is_end_ = size < text_.size();
  text_.resize(size);
}

std::optional<piece> file_cutter::next(const file_layout& layout) {
  if (!is_end_ && text_.size() < limits_.piece_bytes) read_more(limits_.piece_bytes);
  if (text_.empty()) return std::nullopt;
  auto whole = whole_records(text_, layout, is_end_);
  while (whole == 0 && !is_end_ && text_.size() < record_bytes_max) {
    read_more(limits_.piece_bytes);
    whole = whole_records(text_, layout, is_end_);
  }
  if (whole == 0) {
    why_ = "line " + std::to_string(line_) + ": " +
           (layout.format == import_format::csv && text_.find('"') != text_.npos
                ? "a quote that never closes"
                : "a row without an end");
    return std::nullopt;
  }
  piece p{.number = number_++, .first_line = line_};
  const std::string_view rest = std::string_view{text_}.substr(whole);
  std::string left;
  left.reserve(limits_.piece_bytes * 2);
  left = rest;
  text_.resize(whole);
  p.text = std::exchange(text_, std::move(left));
  line_ += static_cast<std::uint64_t>(std::ranges::count(p.text, '\n'));
  return p;
}

// Import threads give way to those that answer somebody.
void yield_to_others() {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 10);
}

class plan_run {
 public:
  plan_run(const std::filesystem::path& file, const std::filesystem::path& folder,
           const import_request& request, const import_lookup& lookup, const import_limits& limits,
           const import_watch& watch)
      : folder_{folder},
        request_{request},
        lookup_{lookup},
        limits_{limits},
        watch_{watch},
        file_{file, limits} {}

  result<import_plan> run();

 private:
  std::optional<failure> cut(piece_queue& queue);
  result<import_plan> sum();

  const std::filesystem::path& folder_;
  const import_request& request_;
  const import_lookup& lookup_;
  const import_limits& limits_;
  const import_watch& watch_;
  file_cutter file_;
  file_layout layout_;
  std::vector<std::unique_ptr<plan_worker>> workers_;
};

std::optional<failure> plan_run::cut(piece_queue& queue) {
  while (auto p = file_.next(layout_)) {
    if (!queue.push(std::move(*p))) return std::nullopt;
    if (watch_.is_cancelled && watch_.is_cancelled())
      return failure{.kind = failure_kind::cancelled, .public_text = "the import was cancelled"};
    if (queue.rows() > limits_.rows_max)
      return rejected("more than " + std::to_string(limits_.rows_max) + " rows: split the file");
  }
  if (!file_.why().empty()) return rejected(file_.why());
  return std::nullopt;
}

result<import_plan> plan_run::run() {
  auto layout = read_layout(file_.head(), request_);
  if (!layout) return layout.error();
  layout_ = std::move(*layout);
  // In CSV the header line tells at once what the rows can say.
  if (request_.format == import_format::csv)
    if (const auto name = missing_column(layout_.met); !name.empty())
      return rejected("no column " + name + ": every row must say it for itself (terms 5.4)");
  file_.skip(layout_.header_bytes, layout_.header_lines);

  piece_queue queue{folder_ / rejects_file, limits_.threads * 2 + 2};
  std::vector<std::thread> threads;
  for (unsigned n = 0; n < limits_.threads; ++n) {
    workers_.push_back(
        std::make_unique<plan_worker>(n, folder_, request_, lookup_, limits_, layout_, watch_));
    threads.emplace_back([worker = workers_.back().get(), &queue] {
      yield_to_others();
      worker->run(queue);
    });
  }
  std::optional<failure> no;
  try {
    no = cut(queue);
  } catch (...) {
    queue.fail(std::current_exception());
  }
  if (no) queue.abandon();
  queue.close();
  for (auto& t : threads) t.join();
  queue.finish();
  if (no) return *no;
  return sum();
}

result<import_plan> plan_run::sum() {
  import_plan plan;
  auto met = layout_.met;
  std::vector<std::pair<std::uint64_t, consent_refusal>> refusals;
  for (const auto& w : workers_) {
    std::ranges::move(w->refusals, std::back_inserter(refusals));
    met.add(w->met);
    const auto& p = w->part;
    plan.rows_read += p.rows_read;
    plan.taken += p.taken;
    plan.withdrawals += p.withdrawals;
    for (const auto& [reason, count] : p.refused_by_reason) plan.refused_by_reason[reason] += count;
    plan.signs.add(p.signs);
    plan.runs.insert(plan.runs.end(), p.runs.begin(), p.runs.end());
    plan.samples.insert(plan.samples.end(), p.samples.begin(), p.samples.end());
  }
  if (!met.fatal.empty()) return rejected(met.fatal);
  if (plan.rows_read == 0) return rejected("the file has no rows");
  if (plan.rows_read > limits_.rows_max)
    return rejected("more than " + std::to_string(limits_.rows_max) + " rows: split the file");
  if (const auto name = missing_column(met); !name.empty())
    return rejected("no row has " + name + ": every row must say it for itself (terms 5.4)");
  // Each worker has read its pieces in the order of the file.
  std::ranges::sort(refusals, {}, [](const auto& r) { return r.first; });
  if (refusals.size() > refusals_noted_a_day) refusals.resize(refusals_noted_a_day);
  for (auto& r : refusals) plan.refusals.push_back(std::move(r.second));
  plan.ignored_columns.assign(met.ignored.begin(), met.ignored.end());
  sync_file(folder_ / rejects_file);
  sync_folder(folder_);
  return plan;
}

}  // namespace

std::optional<import_format> parse_import_format(std::string_view name) noexcept {
  if (name == "csv") return import_format::csv;
  if (name == "ndjson" || name == "jsonl") return import_format::ndjson;
  return std::nullopt;
}

std::string_view to_string(import_format f) noexcept {
  return f == import_format::csv ? "csv" : "ndjson";
}

result<import_plan> plan_import(const std::filesystem::path& file,
                                const std::filesystem::path& folder, const import_request& request,
                                const import_lookup& lookup, const import_limits& limits,
                                const import_watch& watch) {
  try {
    return plan_run{file, folder, request, lookup, limits, watch}.run();
  } catch (const std::system_error& e) {
    const bool is_full = e.code().value() == ENOSPC || e.code().value() == EDQUOT;
    return failure{.kind = is_full ? failure_kind::storage_full : failure_kind::io,
                   .public_text = is_full ? "no room on the disk for this import"
                                          : "the import's files cannot be read or written",
                   .private_cause = e.what()};
  } catch (const store_error& e) {
    return to_failure(e);
  }
}

}  // namespace consentry::policy::consent
