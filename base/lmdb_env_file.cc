#include "base/lmdb_env_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/bytes.h"

namespace consentry {

std::shared_ptr<const lmdb_handle> lmdb_handle::open(const std::filesystem::path& path,
                                                     const store_env::options& o, unsigned flags) {
  MDB_env* env = nullptr;
  int code = mdb_env_create(&env);
  if (code == 0) code = mdb_env_set_mapsize(env, o.map_size);
  if (code == 0) code = mdb_env_set_maxdbs(env, o.tables_max);
  if (code == 0) code = mdb_env_set_maxreaders(env, o.readers_max);
  // NOTLS: a reader belongs to its transaction object, so that pool threads may hold several in
  // turn.
  if (code == 0) code = mdb_env_open(env, path.c_str(), flags | MDB_NOTLS | MDB_NORDAHEAD, 0600);
  if (code != 0) {
    if (env != nullptr) mdb_env_close(env);
    throw store_error(code, "opening the database");
  }
  return std::make_shared<const lmdb_handle>(env);
}

change_log::change_log(const std::filesystem::path& file) : file_{file} {
  fd_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd_ < 0) throw store_error(errno, "creating the list of changes");
}

change_log::~change_log() {
  ::close(fd_);
  ::unlink(file_.c_str());
}

void change_log::append(std::string_view changes) noexcept {
  constexpr std::size_t in_memory_max = 256u << 10;
  std::lock_guard lock{mutex_};
  if (error_ != 0) return;
  try {
    tail_ += changes;
    if (tail_.size() >= in_memory_max) flush();
  } catch (const std::bad_alloc&) {
    error_ = ENOMEM;
  }
}

// With the lock held.
void change_log::flush() {
  std::size_t done = 0;
  while (done < tail_.size() && error_ == 0) {
    const auto n = ::pwrite(fd_, tail_.data() + done, tail_.size() - done,
                            static_cast<off_t>(written_ + done));
    if (n > 0)
      done += static_cast<std::size_t>(n);
    else if (n == 0 || errno != EINTR)
      error_ = n == 0 ? ENOSPC : errno;
  }
  written_ += done;
  tail_.clear();
}

std::uint64_t change_log::unread() const {
  std::lock_guard lock{mutex_};
  return written_ + tail_.size() - read_;
}

std::string change_log::read(std::size_t bytes_max) {
  std::lock_guard lock{mutex_};
  flush();
  if (error_ != 0) throw store_error(error_, "writing the list of changes");
  std::string out(std::min<std::uint64_t>(written_ - read_, bytes_max), '\0');
  for (std::size_t done = 0; done < out.size();) {
    const auto n =
        ::pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(read_ + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw store_error(n == 0 ? EIO : errno, "reading the list of changes");
    done += static_cast<std::size_t>(n);
  }
  // The last one may be cut: it is read again.
  byte_reader in{out};
  std::size_t whole = 0;
  try {
    while (!in.at_end()) {
      in.varint();
      in.text();
      whole = out.size() - in.rest().size();
    }
  } catch (const decode_error&) {
  }
  out.resize(whole);
  read_ += whole;
  return out;
}

namespace lmdb {

void remove_left_overs(const std::filesystem::path& folder) {
  for (const char* name : {new_file, changes_file}) ::unlink((folder / name).c_str());
  ::unlink((folder / (std::string{new_file} + "-lock")).c_str());
}

std::vector<std::string> names_of_tables(MDB_env* env) {
  MDB_txn* txn = nullptr;
  need(mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn), "listing tables");
  const std::unique_ptr<MDB_txn, void (*)(MDB_txn*)> ending{txn, mdb_txn_abort};
  // Table 1 is LMDB's own list of tables by name.
  constexpr MDB_dbi main_table = 1;
  MDB_cursor* c = nullptr;
  need(mdb_cursor_open(txn, main_table, &c), "listing tables");
  const std::unique_ptr<MDB_cursor, void (*)(MDB_cursor*)> closing{c, mdb_cursor_close};
  std::vector<std::string> out;
  MDB_val key{}, value{};
  int code = mdb_cursor_get(c, &key, &value, MDB_FIRST);
  for (; code == MDB_SUCCESS; code = mdb_cursor_get(c, &key, &value, MDB_NEXT))
    out.emplace_back(view_of(key));
  if (code != MDB_NOTFOUND) need(code, "listing tables");
  return out;
}

table open_table(MDB_env* env, const std::string& name, unsigned flags) {
  MDB_txn* txn = nullptr;
  need(mdb_txn_begin(env, nullptr, 0, &txn), "opening a table");
  table t;
  if (const int code = mdb_dbi_open(txn, name.c_str(), flags, &t.dbi); code != MDB_SUCCESS) {
    mdb_txn_abort(txn);
    need(code, "opening a table");
  }
  need(mdb_txn_commit(txn), "opening a table");
  return t;
}

store_usage usage_of(MDB_env* env, MDB_txn* txn) {
  MDB_envinfo info{};
  MDB_stat main{};
  need(mdb_env_info(env, &info), "looking at the database");
  need(mdb_env_stat(env, &main), "looking at the database");
  // Table 0 is LMDB's own list of free pages: transaction -> count, page numbers.
  constexpr MDB_dbi free_pages = 0;
  MDB_cursor* c = nullptr;
  need(mdb_cursor_open(txn, free_pages, &c), "looking at the free pages");
  std::uint64_t pages = 0;
  MDB_val key{}, value{};
  int code = mdb_cursor_get(c, &key, &value, MDB_FIRST);
  for (; code == MDB_SUCCESS; code = mdb_cursor_get(c, &key, &value, MDB_NEXT)) {
    std::size_t count = 0;
    std::memcpy(&count, value.mv_data, sizeof count);
    pages += count;
  }
  mdb_cursor_close(c);
  if (code != MDB_NOTFOUND) need(code, "looking at the free pages");
  store_usage out;
  out.file_bytes = (info.me_last_pgno + 1) * main.ms_psize;
  out.free_bytes = pages * main.ms_psize;
  out.used_bytes = out.file_bytes - std::min(out.file_bytes, out.free_bytes);
  return out;
}

void note_change(std::string& changes, table t, std::string_view key) {
  changes += byte_writer{}.varint(t.dbi).text(key).bytes();
}

}  // namespace lmdb
}  // namespace consentry
