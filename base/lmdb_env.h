// The one door to LMDB. One environment holds every fact; one thread writes (commit_loop.h);
// readers never block.
//
// Keys and values are plain bytes; rooms encode them with bytes.h. Views that a read gives point
// into the map: valid until the transaction ends, or until its next write.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

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

 protected:
  friend class store_env;
  friend class cursor;
  explicit read_txn(MDB_txn* txn) noexcept : txn_{txn} {}
  MDB_txn* txn_;
};

// Only the writer thread has one.
class write_txn : public read_txn {
 public:
  write_txn(write_txn&&) noexcept = default;
  void put(table t, std::string_view key, std::string_view value);
  // The key must be greater than all others in the table (MDB_APPEND: sequential keys stay cheap).
  void append(table t, std::string_view key, std::string_view value);
  bool erase(table t, std::string_view key);  // false: was not there
  void commit();                              // throws store_error; nothing was written then

 private:
  friend class store_env;
  using read_txn::read_txn;
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
  explicit cursor(MDB_cursor* c) noexcept : cursor_{c} {}
  bool move(int op);
  MDB_cursor* cursor_;
  std::string_view key_;
  std::string_view value_;
};

class store_env {
 public:
  struct options {
    std::filesystem::path folder;          // created with mode 0700 if missing
    std::uint64_t map_size = 64ULL << 30;  // address space, not disk; never resized under load
    unsigned tables_max = 64;
    unsigned readers_max = 256;
  };

  // Throws configuration_error (cannot create, locked by another daemon, corrupt). Holds an
  // exclusive lock on folder/lock, so two daemons never share a store.
  explicit store_env(const options& o);
  ~store_env();
  store_env(const store_env&) = delete;
  store_env& operator=(const store_env&) = delete;

  // At start only, before other threads run.
  table open_table(const std::string& name);
  const std::vector<std::string>& table_names() const noexcept { return table_names_; }

  read_txn begin_read() const;
  write_txn begin_write();  // commit_loop only

  // Runs f(read_txn&) and turns store_error and decode_error into a failure (kind storage_broken:
  // "451, never send").
  template <class F>
  auto read(F f) const -> result<std::invoke_result_t<F, read_txn&>>;

  // For the watch on free space: bytes of the data file, and free bytes of its file system.
  std::uint64_t file_bytes() const;
  std::uint64_t free_disk_bytes() const;
  const std::filesystem::path& folder() const noexcept { return folder_; }

  // The full sync of everything so far; used by nobody but tests of failing disks.
  void sync();

 private:
  std::filesystem::path folder_;
  std::vector<std::string> table_names_;
  int lock_fd_ = -1;
  MDB_env* env_ = nullptr;
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
