#include "base/lmdb_env_compaction.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "base/bytes.h"
#include "base/check.h"
#include "base/lmdb_env_file.h"
#include "base/log.h"

namespace consentry {
namespace {

using lmdb::need;
using std::chrono::steady_clock;

constexpr const char* room = "base/lmdb_env";
constexpr MDB_dbi first_table = 2;                  // 0 and 1 are LMDB's own
constexpr std::size_t batch_bytes = 4u << 20;       // of one transaction of the copy
constexpr std::size_t batch_keys = 4096;            // the same, of changed keys
constexpr std::uint64_t between_syncs = 64u << 20;  // so that the swap has little to sync
constexpr std::size_t changes_at_once = 16u << 20;

// Thrown between steps, caught in compact_store().
struct stopped_by_caller {};

// A transaction of LMDB that ends with its scope.
class raw_txn {
 public:
  raw_txn(MDB_env* env, unsigned flags) {
    need(mdb_txn_begin(env, nullptr, flags, &txn_), "beginning a transaction of the copy");
  }
  ~raw_txn() {
    if (txn_ != nullptr) mdb_txn_abort(txn_);
  }
  raw_txn(const raw_txn&) = delete;
  raw_txn& operator=(const raw_txn&) = delete;
  void commit() { need(mdb_txn_commit(std::exchange(txn_, nullptr)), "committing to the copy"); }
  MDB_txn* get() const noexcept { return txn_; }

 private:
  MDB_txn* txn_ = nullptr;
};

void sync_path(const std::filesystem::path& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) throw store_error(errno, "opening to sync");
  const int code = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  if (code != 0) throw store_error(error, "syncing");
}

// Sleeps so that the work takes its share of a core and no more.
class throttle {
 public:
  explicit throttle(double share) : share_{std::clamp(share, 0.01, 1.0)} {}
  void rest() {
    const auto worked = steady_clock::now() - since_;
    if (share_ < 1) std::this_thread::sleep_for(worked * (1 / share_ - 1));
    since_ = steady_clock::now();
  }

 private:
  double share_;
  steady_clock::time_point since_ = steady_clock::now();
};

// What the copy loop tells its owner after each batch.
using after_batch = std::function<void(std::uint64_t entries)>;

// All of one table in key order; the same handle in both files.
void copy_table(MDB_txn* from, MDB_env* to, MDB_dbi dbi, const after_batch& done) {
  MDB_cursor* c = nullptr;
  need(mdb_cursor_open(from, dbi, &c), "reading for the copy");
  const std::unique_ptr<MDB_cursor, void (*)(MDB_cursor*)> closing{c, mdb_cursor_close};
  MDB_val key{}, value{};
  int code = mdb_cursor_get(c, &key, &value, MDB_FIRST);
  while (code == MDB_SUCCESS) {
    raw_txn into{to, 0};
    std::size_t bytes = 0;
    std::uint64_t entries = 0;
    for (; code == MDB_SUCCESS && bytes < batch_bytes; ++entries) {
      bytes += key.mv_size + value.mv_size;
      need(mdb_put(into.get(), dbi, &key, &value, MDB_APPEND), "copying");
      code = mdb_cursor_get(c, &key, &value, MDB_NEXT);
    }
    into.commit();
    done(entries);
  }
  if (code != MDB_NOTFOUND) need(code, "reading for the copy");
}

std::uint64_t count_entries(MDB_txn* txn, MDB_dbi tables_end) {
  std::uint64_t sum = 0;
  for (MDB_dbi dbi = first_table; dbi < tables_end; ++dbi) {
    MDB_stat s{};
    need(mdb_stat(txn, dbi, &s), "counting");
    sum += s.ms_entries;
  }
  return sum;
}

// One changed key of the log.
struct change {
  MDB_dbi dbi = 0;
  std::string_view key;
  friend auto operator<=>(const change&, const change&) = default;
};

std::vector<change> sorted_changes(std::string_view log) {
  std::vector<change> out;
  byte_reader in{log};
  while (!in.at_end()) {
    change c;
    c.dbi = static_cast<MDB_dbi>(in.varint());
    c.key = in.text();
    out.push_back(c);
  }
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

void carry_over(MDB_txn* from, MDB_txn* to, const change& c) {
  MDB_val key = lmdb::value_of(c.key), value{};
  const int found = mdb_get(from, c.dbi, &key, &value);
  if (found == MDB_SUCCESS) {
    need(mdb_put(to, c.dbi, &key, &value, 0), "copying a change");
    return;
  }
  if (found != MDB_NOTFOUND) need(found, "reading a change");
  const int erased = mdb_del(to, c.dbi, &key, nullptr);
  if (erased != MDB_NOTFOUND) need(erased, "copying an erasure");
}

}  // namespace

// One run. Its thread does everything but the logging of changes.
class store_compaction {
 public:
  store_compaction(store_env& env, const compaction_options& o)
      : env_{env}, o_{o}, old_{env.file_.get()}, throttle_{o.share} {
    std::lock_guard lock{env.gate_mutex_};
    if (env.is_compacting_) throw store_error(EALREADY, "a compaction is under way");
    env.is_compacting_ = true;
  }
  ~store_compaction();

  void run();
  compaction_report report;

  static void copy_to(const store_env& env, const std::filesystem::path& file);

 private:
  class writer_pause;
  void need_room() const;
  void step();
  void open_copy();
  static void make_tables(const store_env& env, const lmdb_handle& file);
  void copy_all(MDB_txn* from);
  void catch_up();
  std::uint64_t apply_changes(std::size_t bytes_max);
  void sync_copy() { need(mdb_env_sync(new_->env, 1), "syncing the copy"); }
  void swap();
  void put_in_place();
  void wait_for_readers();

  store_env& env_;
  const compaction_options& o_;
  std::shared_ptr<const lmdb_handle> old_;
  std::shared_ptr<const lmdb_handle> new_;
  std::unique_ptr<change_log> log_;
  throttle throttle_;
  compaction_progress at_;
  bool is_swapped_ = false;
};

// Nobody writes while it lives. It waits for the write under way, so that is not part of the pause.
class store_compaction::writer_pause {
 public:
  explicit writer_pause(store_compaction& c) : c_{c} {
    std::unique_lock lock{c.env_.gate_mutex_};
    c.env_.is_closed_ = true;
    c.env_.gate_.wait(lock, [&] { return !c.env_.is_writing_; });
    since_ = steady_clock::now();
  }
  ~writer_pause() {
    {
      std::lock_guard lock{c_.env_.gate_mutex_};
      c_.env_.is_closed_ = false;
    }
    c_.env_.gate_.notify_all();
    const auto lasted =
        std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - since_);
    c_.report.longest_pause = std::max(c_.report.longest_pause, lasted);
  }
  writer_pause(const writer_pause&) = delete;
  writer_pause& operator=(const writer_pause&) = delete;

 private:
  store_compaction& c_;
  steady_clock::time_point since_;
};

store_compaction::~store_compaction() {
  if (log_) {
    const writer_pause pause{*this};
    env_.changes_ = nullptr;
  }
  log_.reset();
  if (!is_swapped_ && !env_.is_lost_) {
    new_.reset();
    lmdb::remove_left_overs(env_.folder_);
  }
  std::lock_guard lock{env_.gate_mutex_};
  env_.is_compacting_ = false;
}

void store_compaction::step() {
  if (o_.is_cancelled && o_.is_cancelled()) throw stopped_by_caller{};
  if (o_.progress) o_.progress(at_);
}

void store_compaction::need_room() const {
  // The copy, and what the old file grows by while its pages are pinned: as much again is ample.
  const auto wanted = env_.usage().used_bytes * 5 / 4 + o_.reserve_bytes;
  if (env_.free_disk_bytes() < wanted) throw store_error(ENOSPC, "making room for the copy");
}

void store_compaction::open_copy() {
  lmdb::remove_left_overs(env_.folder_);
  // Not synced commit by commit: a copy that a crash tears is thrown away.
  new_ = lmdb_handle::open(env_.folder_ / lmdb::new_file, env_.options_, MDB_NOSUBDIR | MDB_NOSYNC);
  make_tables(env_, *new_);
}

// In the same order, so that they get the same handles.
void store_compaction::make_tables(const store_env& env, const lmdb_handle& file) {
  for (std::size_t i = 0; i < env.tables_.size(); ++i) {
    const auto t = lmdb::open_table(file.env, env.tables_[i], MDB_CREATE);
    CONSENTRY_CHECK(t.dbi == i + first_table);
  }
}

void store_compaction::copy_to(const store_env& env, const std::filesystem::path& file) {
  const auto to = lmdb_handle::open(file, env.options_, MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOLOCK);
  make_tables(env, *to);
  const auto from = env.begin_read();
  for (std::size_t i = 0; i < env.tables_.size(); ++i)
    copy_table(from.txn_, to->env, static_cast<MDB_dbi>(i + first_table), [](std::uint64_t) {});
  need(mdb_env_sync(to->env, 1), "syncing the copy");
}

void store_compaction::copy_all(MDB_txn* from) {
  const auto end = static_cast<MDB_dbi>(env_.tables_.size() + first_table);
  at_.entries_total = count_entries(from, end);
  std::uint64_t since_sync = 0;
  const after_batch done = [&](std::uint64_t entries) {
    at_.entries += entries;
    since_sync += batch_bytes;
    if (since_sync >= between_syncs) {
      sync_copy();
      since_sync = 0;
    }
    step();
    throttle_.rest();
  };
  for (MDB_dbi dbi = first_table; dbi < end; ++dbi) copy_table(from, new_->env, dbi, done);
  report.entries = at_.entries;
}

std::uint64_t store_compaction::apply_changes(std::size_t bytes_max) {
  const auto log = log_->read(bytes_max);
  if (log.empty()) return 0;
  // Begun after the log was read, so that it shows at least what the log tells of.
  const raw_txn from{old_->env, MDB_RDONLY};
  const auto changes = sorted_changes(log);
  for (std::size_t i = 0; i < changes.size();) {
    raw_txn into{new_->env, 0};
    const auto end = std::min(changes.size(), i + batch_keys);
    for (; i < end; ++i) carry_over(from.get(), into.get(), changes[i]);
    into.commit();
  }
  report.changes += changes.size();
  return changes.size();
}

// Each round has less to do than the one before, as long as the copy is written faster than the
// original. Where it is not, the writer is held for moments, so that it ends all the same.
void store_compaction::catch_up() {
  constexpr unsigned patient_rounds = 8;
  const auto little = o_.changes_in_pause_max;
  for (unsigned round = 1; round <= o_.rounds_max; ++round) {
    report.rounds = at_.round = round;
    if (round > patient_rounds) {
      const writer_pause pause{*this};
      apply_changes(2 * little);
    }
    for (int i = 0; i < 8 && log_->unread() > little && apply_changes(changes_at_once) != 0; ++i)
      step();
    sync_copy();
    if (log_->unread() <= little) return;
    step();
  }
  throw store_error(EBUSY, "catching up with the writer");
}

void store_compaction::put_in_place() {
  const auto& folder = env_.folder_;
  const auto name = [&](const char* n) { return folder / n; };
  if (::rename(name(lmdb::new_file).c_str(), name("data.mdb").c_str()) != 0)
    throw store_error(errno, "renaming the copy");
  // From here on the name means the new file: the old one must not be written any more.
  env_.is_lost_ = true;
  const auto lock = std::string{lmdb::new_file} + "-lock";
  if (::rename((folder / lock).c_str(), name("lock.mdb").c_str()) != 0)
    log::warn(room, "lock_file_not_renamed", {{"errno", errno}});
  sync_path(folder, O_RDONLY | O_DIRECTORY);
  env_.is_lost_ = false;
}

void store_compaction::swap() {
  const writer_pause pause{*this};
  while (apply_changes(changes_at_once) != 0) {
  }
  sync_copy();
  // Its commits are those of the store from now on.
  need(mdb_env_set_flags(new_->env, MDB_NOSYNC, 0), "ending the copy");
  put_in_place();
  env_.changes_ = nullptr;
  env_.file_.set(new_);
  is_swapped_ = true;
}

// So that the unmapping of a large file happens here, and not on a thread that reads.
void store_compaction::wait_for_readers() {
  const auto until = steady_clock::now() + std::chrono::minutes{1};
  while (old_.use_count() > 1 && steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  report.is_old_file_gone = old_.use_count() == 1;
  old_.reset();
}

void store_compaction::run() {
  const auto begun = steady_clock::now();
  report.bytes_before = env_.file_bytes();
  need_room();
  open_copy();
  log_ = std::make_unique<change_log>(env_.folder_ / lmdb::changes_file);
  {
    std::optional<raw_txn> from;
    {
      const writer_pause pause{*this};
      from.emplace(old_->env, MDB_RDONLY);
      env_.changes_ = log_.get();
    }
    copy_all(from->get());
  }
  catch_up();
  swap();
  log_.reset();
  wait_for_readers();
  report.bytes_after = env_.file_bytes();
  report.took = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - begun);
}

result<compaction_report> compact_store(store_env& env, const compaction_options& o) {
  try {
    store_compaction c{env, o};
    c.run();
    return c.report;
  } catch (const stopped_by_caller&) {
    return failure{.kind = failure_kind::cancelled, .public_text = "the compaction was stopped"};
  } catch (const store_error& e) {
    if (e.code() == EALREADY)
      return failure{.kind = failure_kind::conflict, .public_text = "a compaction is under way"};
    if (e.code() == EBUSY)
      return failure{.kind = failure_kind::unavailable,
                     .public_text = "too much is written: try again later",
                     .private_cause = e.what()};
    return to_failure(e);
  }
}

result<void> copy_store(const store_env& env, const std::filesystem::path& folder) {
  try {
    const auto file = folder / "data.mdb";
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) throw store_error(error.value(), "creating the folder");
    if (std::filesystem::exists(file, error))
      return failure{.kind = failure_kind::conflict,
                     .permanent = true,
                     .public_text = "there is a database already"};
    store_compaction::copy_to(env, file);
    sync_path(file, O_RDONLY);
    sync_path(folder, O_RDONLY | O_DIRECTORY);
    return {};
  } catch (const store_error& e) {
    return to_failure(e);
  }
}

}  // namespace consentry
