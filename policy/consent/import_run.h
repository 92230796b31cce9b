// Planned rows on their way from the parsers to the ledger: compact, sorted by stored key, in
// files.
//
//   run  = magic, varint shared fields, [shared fields], varint rows, [row]
//   row  = varint size, key(24), varint line, u8 flags x2, varint shared field, address, then what
//          the flags say is there
//   key  = person(16) sender+topic(8): the stored key without the tenant, which is one
//
// What most rows of a file share (sender, topic, method, notice ...) stands once at the head.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/civil_date.h"
#include "policy/consent/import.h"

namespace consentry::policy::consent {

using run_key = std::array<char, 24>;

struct shared_fields {
  std::string sender, topic, method, provenance;
  notice_shown notice;
  std::string form_id;
  tick_state tick = tick_state::none;
  std::optional<bool> box_came_ticked;
};

// A row as the planner leaves it; views live until the next.
struct planned_row {
  std::uint64_t line = 0;
  run_key key{};
  std::uint32_t shared = 0;
  bool is_withdrawal_only = false;
  std::string_view address;
  std::optional<instant> given_at;
  std::string_view given_at_text;
  std::optional<instant> confirmed_at, doi_sent_at;
  std::string_view confirmed_ip, confirmed_user_agent;
  std::optional<civil_date> purchase_day;
  std::optional<civil_date> declared_day;
  std::optional<instant> withdrawn_at;
  std::string_view withdrawn_method;
  std::optional<instant> unticked_at;
  std::string_view evidence, ip, user_agent, name, purchase_id;
  std::optional<civil_date> birth_day, expires_on;
  std::array<char, 16> salt{};
};

// Overwrites out, whose strings keep their memory.
void to_import_row(const planned_row& row, const shared_fields& shared,
                   const import_request& request, import_row& out);

// Collects rows in memory and writes them sorted. Throws std::system_error when the disk refuses.
class run_writer {
 public:
  void add(const planned_row& row);
  std::uint32_t add_shared(const shared_fields& f);
  const shared_fields& shared(std::uint32_t index) const { return shared_.at(index); }
  std::size_t bytes() const noexcept { return arena_.size() + shared_bytes_; }
  bool empty() const noexcept { return order_.empty(); }
  // Writes, syncs, and begins anew; indexes of shared fields begin at 0 again.
  void write(const std::filesystem::path& file, const std::function<void()>& give_way = {});

 private:
  struct place {
    std::uint64_t prefix;  // of the key, big endian
    std::uint32_t offset;
  };
  std::string arena_;
  std::vector<place> order_;
  std::vector<shared_fields> shared_;
  std::size_t shared_bytes_ = 0;
};

// Reads files through a buffer of its own, so that memory stays bounded whatever their size.
class buffered_file {
 public:
  explicit buffered_file(const std::filesystem::path& file, std::size_t buffer_bytes = 256u << 10);
  // The next bytes, valid until the next call; throws decode_error at a premature end.
  std::string_view take(std::size_t count);
  std::uint64_t varint();
  bool at_end();

 private:
  bool fill(std::size_t count);
  struct closer {
    void operator()(std::FILE* f) const noexcept { std::fclose(f); }
  };
  std::unique_ptr<std::FILE, closer> file_;
  std::string buffer_;
  std::size_t begin_ = 0, end_ = 0;
};

// One run, row by row.
class run_reader {
 public:
  explicit run_reader(const std::filesystem::path& file);
  bool next();  // false: the end
  std::string_view key() const noexcept { return row_.substr(0, sizeof(run_key)); }
  std::uint64_t line() const noexcept { return line_; }
  // Overwrites out, whose strings keep their memory.
  void decode(const import_request& request, import_row& out) const;

 private:
  buffered_file file_;
  std::vector<shared_fields> shared_;
  std::uint64_t rows_left_ = 0;
  std::string_view row_;
  std::string_view rest_;  // of the row, behind the line
  std::uint64_t line_ = 0;
};

// All runs as one, in the order of key and line.
class run_merge {
 public:
  explicit run_merge(const std::vector<std::filesystem::path>& runs);
  bool next();
  const run_reader& row() const noexcept { return *heap_.front(); }

 private:
  static bool is_behind(const std::unique_ptr<run_reader>& a, const std::unique_ptr<run_reader>& b);
  void sink();
  std::vector<std::unique_ptr<run_reader>> heap_;  // the smallest first
  bool is_first_ = true;
};

// Sorted numbers, eight bytes each: the samples of import_signs.h.
void write_numbers(const std::filesystem::path& file, std::vector<std::uint64_t>& numbers,
                   const std::function<void()>& give_way = {});

// Brings written bytes to the disk without a sync, so that the sync behind them is short and
// others' syncs come between.
void write_back(int fd, std::uint64_t offset, std::size_t bytes) noexcept;
// Throws std::system_error.
void sync_file(const std::filesystem::path& file);
void sync_folder(const std::filesystem::path& folder);

}  // namespace consentry::policy::consent
