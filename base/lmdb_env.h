// The one door to LMDB. One environment holds every fact; one thread writes (commit_loop.h);
// readers never block.
//
// Keys and values are plain bytes; rooms encode them with bytes.h. Views that a read gives point
// into the map: valid until the transaction ends, or until its next write.
//
// Erased keys leave their bytes behind in free pages and in the slack of used ones. compact_store()
// (lmdb_env_compaction.h) puts a new file in the place of the old one while all goes on: a
// transaction belongs to the file it began on, and the old file closes with its last reader.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/snapshot.h"

struct MDB_env;
struct MDB_txn;
struct MDB_cursor;

namespace consentry {

// An LMDB call failed. Inside commit_loop operations it just propagates; store_env::read turns it
// into a failure.
class store_error : public std::runtime_error {
 public:
  store_error(int code, const char* doing);
  int code() const noexcept { return code_; }
  bool is_full() const noexcept;  // ENOSPC, EDQUOT, MDB_MAP_FULL, MDB_TXN_FULL
 private:
  int code_;
};

failure to_failure(const store_error& e);

// A named table. Opened once at start (store_env::open_table), then copied freely.
struct table {
  unsigned dbi = 0;
};

class cursor;
class change_log;
class store_compaction;
class store_env;
struct lmdb_handle;  // one open file; closes it when it dies

// A consistent view. Keep it short: a long-lived reader pins freed pages. Bound to the thread that
// uses it; not across co_await.
class read_txn {
 public:
  read_txn(read_txn&&) noexcept;
  read_txn& operator=(read_txn&&) = delete;
  ~read_txn();

  std::optional<std::string_view> get(table t, std::string_view key) const;
  cursor scan(table t) const;
  std::uint64_t entries(table t) const;
  std::uint64_t bytes(table t) const;  // of its pages

 protected:
  friend class store_env;
  friend class store_compaction;
  friend class cursor;
  read_txn(std::shared_ptr<const lmdb_handle> file, MDB_txn* txn) noexcept
      : file_{std::move(file)}, txn_{txn} {}
  std::shared_ptr<const lmdb_handle> file_;
  MDB_txn* txn_;
  // Of a write transaction while the store is compacted: the keys it changes, for change_log.
  std::unique_ptr<std::string> changes_;
};

// Only the writer thread has one.
class write_txn : public read_txn {
 public:
  write_txn(write_txn&&) noexcept;
  ~write_txn();
  void put(table t, std::string_view key, std::string_view value);
  // The key must be greater than all others in the table (MDB_APPEND: sequential keys stay cheap).
  void append(table t, std::string_view key, std::string_view value);
  bool erase(table t, std::string_view key);  // false: was not there
  void commit();                              // throws store_error; nothing was written then

 private:
  friend class store_env;
  write_txn(store_env& owner, std::shared_ptr<const lmdb_handle> file, MDB_txn* txn) noexcept
      : read_txn{std::move(file), txn}, owner_{&owner} {}
  void note(table t, std::string_view key);
  store_env* owner_;  // null: over, or moved from
};

// Walks a table in key order. Starts before the first entry.
class cursor {
 public:
  cursor(cursor&&) noexcept;
  cursor& operator=(cursor&&) = delete;
  ~cursor();

  bool first();
  bool last();
  bool next();
  bool previous();
  bool seek(std::string_view key);       // to the first entry at or after key
  bool seek_last(std::string_view key);  // to the last entry at or before key
  std::string_view key() const noexcept { return key_; }
  std::string_view value() const noexcept { return value_; }
  void erase();  // write transactions only; next() then goes to the entry behind

 private:
  friend class read_txn;
  cursor(MDB_cursor* c, table t, std::string* changes) noexcept
      : cursor_{c}, table_{t}, changes_{changes} {}
  bool move(int op);
  MDB_cursor* cursor_;
  table table_;
  std::string* changes_;  // of its write transaction
  std::string_view key_;
  std::string_view value_;
};

// What the file is made of.
struct store_usage {
  std::uint64_t file_bytes = 0;
  std::uint64_t used_bytes = 0;  // pages that hold something
  std::uint64_t free_bytes = 0;  // pages that wait to be used again
};

class store_env {
 public:
  struct options {
    std::filesystem::path folder;          // created with mode 0700 if missing
    std::uint64_t map_size = 64ULL << 30;  // address space, not disk; never resized under load
    unsigned tables_max = 128;
    unsigned readers_max = 256;
  };

  // Throws configuration_error (cannot create, locked by another daemon, corrupt). Holds an
  // exclusive lock on folder/lock, so two daemons never share a store.
  explicit store_env(const options& o);
  ~store_env();
  store_env(const store_env&) = delete;
  store_env& operator=(const store_env&) = delete;

  // At start only, before other threads run. The same name gives the same table.
  table open_table(const std::string& name);
  const std::vector<std::string>& table_names() const noexcept { return tables_; }

  read_txn begin_read() const;
  write_txn begin_write();  // commit_loop only

  // Runs f(read_txn&) and turns store_error and decode_error into a failure (kind storage_broken:
  // "451, never send").
  template <class F>
  auto read(F f) const -> result<std::invoke_result_t<F, read_txn&>>;

  // For the watch on free space: bytes of the data file, and free bytes of its file system.
  std::uint64_t file_bytes() const;
  std::uint64_t free_disk_bytes() const;
  store_usage usage() const;  // throws store_error; walks the list of free pages
  const std::filesystem::path& folder() const noexcept { return folder_; }

  // The full sync of everything so far; used by nobody but tests of failing disks.
  void sync();

 private:
  friend class write_txn;
  friend class store_compaction;
  void end_write() noexcept;

  std::filesystem::path folder_;
  options options_;
  int lock_fd_ = -1;
  std::vector<std::string> tables_;  // in the order of their handles
  snapshot<lmdb_handle> file_;

  // Who writes, and who keeps writers out for a moment (store_compaction).
  std::mutex gate_mutex_;
  std::condition_variable gate_;
  bool is_writing_ = false;
  bool is_closed_ = false;
  bool is_compacting_ = false;
  bool is_lost_ = false;           // a swap of files failed half-way: nothing more is written
  change_log* changes_ = nullptr;  // set while the store is compacted
};

failure failure_of_current_exception();

template <class F>
auto store_env::read(F f) const -> result<std::invoke_result_t<F, read_txn&>> {
  try {
    auto txn = begin_read();
    if constexpr (std::is_void_v<std::invoke_result_t<F, read_txn&>>) {
      f(txn);
      return {};
    } else {
      return f(txn);
    }
  } catch (...) {
    return failure_of_current_exception();  // rethrows what is neither store_error nor decode_error
  }
}

}  // namespace consentry
