#include "base/lmdb_env.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <algorithm>

#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"

namespace consentry {
namespace {

MDB_val value_of(std::string_view s) noexcept {
  return {s.size(), const_cast<char*>(s.data())};
}
std::string_view view_of(const MDB_val& v) noexcept {
  return {static_cast<const char*>(v.mv_data), v.mv_size};
}

void need(int code, const char* doing) {
  if (code != MDB_SUCCESS) throw store_error(code, doing);
}

}  // namespace

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

read_txn::read_txn(read_txn&& other) noexcept : txn_{std::exchange(other.txn_, nullptr)} {}

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
  return cursor{c};
}

std::uint64_t read_txn::entries(table t) const {
  MDB_stat s{};
  need(mdb_stat(txn_, t.dbi, &s), "counting");
  return s.ms_entries;
}

void write_txn::put(table t, std::string_view key, std::string_view value) {
  MDB_val k = value_of(key), v = value_of(value);
  need(mdb_put(txn_, t.dbi, &k, &v, 0), "writing");
}

void write_txn::append(table t, std::string_view key, std::string_view value) {
  MDB_val k = value_of(key), v = value_of(value);
  need(mdb_put(txn_, t.dbi, &k, &v, MDB_APPEND), "appending");
}

bool write_txn::erase(table t, std::string_view key) {
  MDB_val k = value_of(key);
  const int code = mdb_del(txn_, t.dbi, &k, nullptr);
  if (code == MDB_NOTFOUND) return false;
  need(code, "erasing");
  return true;
}

void write_txn::commit() {
  const int code = mdb_txn_commit(std::exchange(txn_, nullptr));
  need(code, "committing");
}

cursor::cursor(cursor&& other) noexcept
    : cursor_{std::exchange(other.cursor_, nullptr)}, key_{other.key_}, value_{other.value_} {}

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
  need(mdb_cursor_del(cursor_, 0), "erasing");
}

store_env::store_env(const options& o) : folder_{o.folder} {
  std::error_code error;
  if (std::filesystem::create_directories(folder_, error)) ::chmod(folder_.c_str(), 0700);
  if (error) throw configuration_error(folder_.string() + ": " + error.message());
  lock_fd_ = ::open((folder_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_fd_ < 0) throw configuration_error(folder_.string() + "/lock: " + std::strerror(errno));
  if (::flock(lock_fd_, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock_fd_);
    throw configuration_error(folder_.string() + ": in use by another consentryd");
  }
  int code = mdb_env_create(&env_);
  if (code == 0) code = mdb_env_set_mapsize(env_, o.map_size);
  if (code == 0) code = mdb_env_set_maxdbs(env_, o.tables_max);
  if (code == 0) code = mdb_env_set_maxreaders(env_, o.readers_max);
  // NOTLS: a reader belongs to its transaction object, so that pool threads may hold several in
  // turn.
  if (code == 0) code = mdb_env_open(env_, folder_.c_str(), MDB_NOTLS | MDB_NORDAHEAD, 0600);
  if (code != 0) {
    if (env_ != nullptr) mdb_env_close(env_);
    ::close(lock_fd_);
    throw configuration_error(folder_.string() + ": cannot open the store: " + mdb_strerror(code));
  }
  // Readers of a process that was killed would pin their pages for ever.
  int dead = 0;
  mdb_reader_check(env_, &dead);
}

store_env::~store_env() {
  mdb_env_close(env_);
  ::close(lock_fd_);
}

table store_env::open_table(const std::string& name) {
  if (std::find(table_names_.begin(), table_names_.end(), name) == table_names_.end())
    table_names_.push_back(name);
  MDB_txn* txn = nullptr;
  table t;
  int code = mdb_txn_begin(env_, nullptr, 0, &txn);
  if (code == 0) {
    code = mdb_dbi_open(txn, name.c_str(), MDB_CREATE, &t.dbi);
    if (code == 0)
      code = mdb_txn_commit(txn);
    else
      mdb_txn_abort(txn);
  }
  if (code != 0)
    throw configuration_error(folder_.string() + ": table " + name + ": " + mdb_strerror(code));
  return t;
}

read_txn store_env::begin_read() const {
  MDB_txn* txn = nullptr;
  need(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn), "beginning to read");
  return read_txn{txn};
}

write_txn store_env::begin_write() {
  MDB_txn* txn = nullptr;
  need(mdb_txn_begin(env_, nullptr, 0, &txn), "beginning to write");
  return write_txn{txn};
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
  need(mdb_env_sync(env_, 1), "syncing");
}

}  // namespace consentry
