#include "base/lmdb_env.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <algorithm>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "base/lmdb_env_file.h"

namespace consentry {

using lmdb::need;
using lmdb::value_of;
using lmdb::view_of;

store_error::store_error(int code, const char* doing)
    : std::runtime_error(std::string{doing} + ": " + mdb_strerror(code)), code_{code} {}

bool store_error::is_full() const noexcept {
  return code_ == ENOSPC || code_ == EDQUOT || code_ == MDB_MAP_FULL || code_ == MDB_TXN_FULL;
}

failure to_failure(const store_error& e) {
  if (e.is_full())
    return {.kind = failure_kind::storage_full,
            .public_text = "insufficient system storage",
            .private_cause = e.what()};
  return {.kind = failure_kind::storage_broken,
          .public_text = "storage failed",
          .private_cause = e.what()};
}

failure failure_of_current_exception() {
  try {
    throw;
  } catch (const store_error& e) {
    return to_failure(e);
  } catch (const decode_error& e) {
    return {.kind = failure_kind::storage_broken,
            .public_text = "storage failed",
            .private_cause = e.what()};
  }
}

read_txn::read_txn(read_txn&& other) noexcept
    : file_{std::move(other.file_)},
      txn_{std::exchange(other.txn_, nullptr)},
      changes_{std::move(other.changes_)} {}

read_txn::~read_txn() {
  if (txn_ != nullptr) mdb_txn_abort(txn_);
}

std::optional<std::string_view> read_txn::get(table t, std::string_view key) const {
  MDB_val k = value_of(key), v{};
  const int code = mdb_get(txn_, t.dbi, &k, &v);
  if (code == MDB_NOTFOUND) return std::nullopt;
  need(code, "reading");
  return view_of(v);
}

cursor read_txn::scan(table t) const {
  MDB_cursor* c = nullptr;
  need(mdb_cursor_open(txn_, t.dbi, &c), "opening a cursor");
  return cursor{c, t, changes_.get()};
}

std::uint64_t read_txn::entries(table t) const {
  MDB_stat s{};
  need(mdb_stat(txn_, t.dbi, &s), "counting");
  return s.ms_entries;
}

std::uint64_t read_txn::bytes(table t) const {
  MDB_stat s{};
  need(mdb_stat(txn_, t.dbi, &s), "measuring");
  return (s.ms_branch_pages + s.ms_leaf_pages + s.ms_overflow_pages) * std::uint64_t{s.ms_psize};
}

write_txn::write_txn(write_txn&& other) noexcept
    : read_txn{std::move(other)}, owner_{std::exchange(other.owner_, nullptr)} {}

write_txn::~write_txn() {
  if (owner_ == nullptr) return;
  // LMDB's own lock goes first: whoever waits at the gate must find it free.
  if (txn_ != nullptr) mdb_txn_abort(std::exchange(txn_, nullptr));
  owner_->end_write();
}

void write_txn::note(table t, std::string_view key) {
  if (changes_) lmdb::note_change(*changes_, t, key);
}

void write_txn::put(table t, std::string_view key, std::string_view value) {
  MDB_val k = value_of(key), v = value_of(value);
  note(t, key);  // first: the key may be a view into the page that changes
  need(mdb_put(txn_, t.dbi, &k, &v, 0), "writing");
}

void write_txn::append(table t, std::string_view key, std::string_view value) {
  MDB_val k = value_of(key), v = value_of(value);
  note(t, key);
  need(mdb_put(txn_, t.dbi, &k, &v, MDB_APPEND), "appending");
}

bool write_txn::erase(table t, std::string_view key) {
  MDB_val k = value_of(key);
  note(t, key);
  const int code = mdb_del(txn_, t.dbi, &k, nullptr);
  if (code == MDB_NOTFOUND) return false;
  need(code, "erasing");
  return true;
}

void write_txn::commit() {
  const int code = mdb_txn_commit(std::exchange(txn_, nullptr));
  if (code == MDB_SUCCESS && changes_ && owner_->changes_ != nullptr)
    owner_->changes_->append(*changes_);
  std::exchange(owner_, nullptr)->end_write();
  need(code, "committing");
}

cursor::cursor(cursor&& other) noexcept
    : cursor_{std::exchange(other.cursor_, nullptr)},
      table_{other.table_},
      changes_{other.changes_},
      key_{other.key_},
      value_{other.value_} {}

cursor::~cursor() {
  if (cursor_ != nullptr) mdb_cursor_close(cursor_);
}

bool cursor::move(int op) {
  MDB_val k = value_of(key_), v{};
  const int code = mdb_cursor_get(cursor_, &k, &v, static_cast<MDB_cursor_op>(op));
  if (code == MDB_NOTFOUND) return false;
  need(code, "walking");
  key_ = view_of(k);
  value_ = view_of(v);
  return true;
}

bool cursor::first() {
  return move(MDB_FIRST);
}
bool cursor::last() {
  return move(MDB_LAST);
}
bool cursor::next() {
  return move(MDB_NEXT);
}
bool cursor::previous() {
  return move(MDB_PREV);
}

bool cursor::seek(std::string_view key) {
  key_ = key;
  return move(MDB_SET_RANGE);
}

bool cursor::seek_last(std::string_view key) {
  if (!seek(key)) return last();
  return key_ == key || previous();
}

void cursor::erase() {
  if (changes_ != nullptr) lmdb::note_change(*changes_, table_, key_);
  need(mdb_cursor_del(cursor_, 0), "erasing");
}

store_env::store_env(const options& o) : folder_{o.folder}, options_{o} {
  std::error_code error;
  if (std::filesystem::create_directories(folder_, error)) ::chmod(folder_.c_str(), 0700);
  if (error) throw configuration_error(folder_.string() + ": " + error.message());
  lock_fd_ = ::open((folder_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_fd_ < 0) throw configuration_error(folder_.string() + "/lock: " + std::strerror(errno));
  if (::flock(lock_fd_, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock_fd_);
    throw configuration_error(folder_.string() + ": in use by another consentryd");
  }
  lmdb::remove_left_overs(folder_);
  try {
    file_.set(lmdb_handle::open(folder_, o, 0));
    // All there are, also those of another version: a compaction copies what has a handle.
    for (const auto& name : lmdb::names_of_tables(file_.get()->env)) open_table(name);
  } catch (const store_error& e) {
    ::close(lock_fd_);
    throw configuration_error(folder_.string() + ": cannot open the store: " + e.what());
  }
  // Readers of a process that was killed would pin their pages for ever.
  int dead = 0;
  mdb_reader_check(file_.get()->env, &dead);
}

store_env::~store_env() {
  file_.set(nullptr);
  ::close(lock_fd_);
}

table store_env::open_table(const std::string& name) {
  try {
    const auto t = lmdb::open_table(file_.get()->env, name, MDB_CREATE);
    if (std::find(tables_.begin(), tables_.end(), name) == tables_.end()) tables_.push_back(name);
    return t;
  } catch (const store_error& e) {
    throw configuration_error(folder_.string() + ": table " + name + ": " + e.what());
  }
}

read_txn store_env::begin_read() const {
  auto file = file_.get();
  MDB_txn* txn = nullptr;
  need(mdb_txn_begin(file->env, nullptr, MDB_RDONLY, &txn), "beginning to read");
  return read_txn{std::move(file), txn};
}

write_txn store_env::begin_write() {
  bool is_recorded = false;
  {
    std::unique_lock lock{gate_mutex_};
    gate_.wait(lock, [this] { return !is_writing_ && !is_closed_; });
    if (is_lost_) throw store_error(EIO, "writing after a failed swap of the database file");
    is_writing_ = true;
    is_recorded = changes_ != nullptr;
  }
  auto file = file_.get();
  MDB_txn* txn = nullptr;
  if (const int code = mdb_txn_begin(file->env, nullptr, 0, &txn); code != MDB_SUCCESS) {
    end_write();
    need(code, "beginning to write");
  }
  write_txn out{*this, std::move(file), txn};
  if (is_recorded) out.changes_ = std::make_unique<std::string>();
  return out;
}

void store_env::end_write() noexcept {
  {
    std::lock_guard lock{gate_mutex_};
    is_writing_ = false;
  }
  gate_.notify_all();
}

store_usage store_env::usage() const {
  const auto txn = begin_read();
  return lmdb::usage_of(txn.file_->env, txn.txn_);
}

std::uint64_t store_env::file_bytes() const {
  struct stat info{};
  return ::stat((folder_ / "data.mdb").c_str(), &info) == 0
             ? static_cast<std::uint64_t>(info.st_size)
             : 0;
}

std::uint64_t store_env::free_disk_bytes() const {
  struct statvfs info{};
  if (::statvfs(folder_.c_str(), &info) != 0) return 0;
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

void store_env::sync() {
  need(mdb_env_sync(file_.get()->env, 1), "syncing");
}

}  // namespace consentry
