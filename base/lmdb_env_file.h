// Behind the door to LMDB: one open file, and the calls that lmdb_env.cc and
// lmdb_env_compaction.cc share. Included by nobody else.
#pragma once

#include <lmdb.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/lmdb_env.h"

namespace consentry {

// A database file that is open. Moved under another name it stays what it is.
struct lmdb_handle {
  explicit lmdb_handle(MDB_env* e) noexcept : env{e} {}
  ~lmdb_handle() { mdb_env_close(env); }
  lmdb_handle(const lmdb_handle&) = delete;
  lmdb_handle& operator=(const lmdb_handle&) = delete;

  // path: a folder, or with MDB_NOSUBDIR in flags the file itself. Throws store_error.
  static std::shared_ptr<const lmdb_handle> open(const std::filesystem::path& path,
                                                 const store_env::options& o, unsigned flags);

  MDB_env* const env;
};

// The keys that committed transactions changed while a copy was made, in the order of their
// commits:
//
//   change = varint table, varint length, key
//
// Goes to a file, so that an import during the copy costs disk, not memory. Any thread.
class change_log {
 public:
  explicit change_log(const std::filesystem::path& file);  // throws store_error
  ~change_log();                                           // removes the file
  change_log(const change_log&) = delete;
  change_log& operator=(const change_log&) = delete;

  void append(std::string_view changes) noexcept;
  std::uint64_t unread() const;
  // Whole changes, about bytes_max of them; empty: all was read. Throws store_error, also for what
  // append() could not write.
  std::string read(std::size_t bytes_max);

 private:
  void flush();

  std::filesystem::path file_;
  int fd_ = -1;
  mutable std::mutex mutex_;
  std::string tail_;
  std::uint64_t written_ = 0;
  std::uint64_t read_ = 0;
  int error_ = 0;
};

namespace lmdb {

inline MDB_val value_of(std::string_view s) noexcept {
  return {s.size(), const_cast<char*>(s.data())};
}
inline std::string_view view_of(const MDB_val& v) noexcept {
  return {static_cast<const char*>(v.mv_data), v.mv_size};
}
inline void need(int code, const char* doing) {
  if (code != MDB_SUCCESS) throw store_error(code, doing);
}

// Names of the files of a compaction under way, in the store's folder.
inline constexpr const char* new_file = "data.mdb.new";
inline constexpr const char* changes_file = "data.mdb.changes";
// What a crash during a compaction leaves.
void remove_left_overs(const std::filesystem::path& folder);

std::vector<std::string> names_of_tables(MDB_env* env);
table open_table(MDB_env* env, const std::string& name, unsigned flags);
store_usage usage_of(MDB_env* env, MDB_txn* txn);

void note_change(std::string& changes, table t, std::string_view key);

}  // namespace lmdb
}  // namespace consentry
