// What came to the feedback address, abuse@ and postmaster@, and what persons at the desk were told
// of: each until a person, or the rules, decided it (RULES C2, E1).
//
//   table reports         be32 tenant (0: nobody's yet), be64 number -> report_record
//   table report_numbers  be64 number -> be32 tenant, u8 open; number 0 -> varint rows, varint
//   bytes table report_days     be32 day -> report_day
//
// A report's number is the place of its `complained` entry in the journal: ascending, never used
// twice. What comes in is a stranger's: raw mail is kept up to bounds, the rows are bounded too,
// and both end after a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/lmdb_env.h"
#include "reputation/window.h"

namespace consentry::app {

inline constexpr std::size_t report_raw_bytes_max = 256u << 10;
// What is kept of a mail; takes milliseconds, so not on the writer's thread.
std::string packed_report(std::string_view mail);

// Numbers are stored.
enum class report_state : std::uint8_t {
  open = 1,     // a person has to decide
  counted = 2,  // proven, counted by itself
  noted = 3,  // nothing to decide: an opt-out, a repetition, too old; may be confirmed all the same
  confirmed = 4,  // by a person, with a reason
  rejected = 5,
};
std::string_view name_of(report_state s) noexcept;
std::optional<report_state> parse_report_state(std::string_view name) noexcept;

struct report_record {
  journal_seq number;
  tenant_id tenant;  // 0: not known whose mail it is about
  report_state state = report_state::open;
  instant at{};
  std::string type;     // "abuse", ..., "person" (a forward), "none" (no token), "desk" (told of)
  std::string channel;  // "feedback", "abuse", "postmaster"; "phone", "post", "authority", ...
  std::string why;      // why it does not count, empty where it does
  recipient_id recipient;
  message_id message;
  std::string person;  // pseudonym, empty: not known
  std::string campaign;
  std::string reporter;     // listed, proven
  std::string dkim_domain;  // that proved it
  std::string from;         // mailbox key of the From field; may be a person's
  std::string mail_from;    // of the envelope, "" for <>
  std::string remote_ip;
  std::string spf;            // "pass", ...; empty: not asked
  std::string spf_why;        // printable
  std::string actor, reason;  // who decided and why, and when
  std::optional<instant> decided_at;
  journal_seq raw_in;  // the report of the same mail that holds its text; 0: nobody kept it
  // 16 bytes each of the digests of its valid DKIM signatures, one behind the other.
  std::string signatures;
  std::string packed_raw;  // base/compression: as it came, at most report_raw_bytes_max of it

  std::string raw() const;  // throws decode_error

  friend bool operator==(const report_record&, const report_record&) = default;
};

// How the reports of a Budapest day were told apart (RULES C7). Mail that is no report is not one.
struct report_day {
  std::uint64_t reports = 0;
  std::uint64_t unattributed = 0;
  std::uint64_t counted = 0;
  bool is_alarmed = false;
  friend bool operator==(const report_day&, const report_day&) = default;
};

// Table handles only. Any thread may read, the writer's may change. Throws decode_error.
class report_store {
 public:
  static constexpr std::uint64_t raw_total_max = 512ull << 20;  // packed
  static constexpr std::uint64_t rows_max = 200'000;

  explicit report_store(store_env& env);  // at start

  // A new one, or a changed one; a change may move it to a tenant. False: too many rows, it is not
  // kept. Where too much text is kept already, the mail is dropped.
  bool put(write_txn& txn, const report_record& r) const;
  // Whether a report came with one of these signatures (report_record::signatures) before: whoever
  // sends it again is not its reporter, or says nothing new.
  bool is_replayed(const read_txn& txn, std::string_view signatures) const;
  std::optional<report_record> find(const read_txn& txn, journal_seq number) const;

  // Newest first, below `before` (0: from the newest), at most limit; looks at no more than 10 000
  // rows. next: what to go on below; 0 at the end. Without their raw text.
  struct filter {
    std::optional<report_state> state;
    std::optional<tenant_id> tenant;
  };
  std::vector<report_record> list(const read_txn& txn, const filter& which, journal_seq before,
                                  std::size_t limit, journal_seq& next) const;
  std::vector<report_record> of_tenant(const read_txn& txn, tenant_id tenant, journal_seq after,
                                       std::size_t limit) const;  // ascending, with raw

  // Erases those from before, at most `rows`. True: there are more.
  bool trim(write_txn& txn, instant before, std::size_t rows) const;

  report_day day(const read_txn& txn, reputation::day_number day) const;
  void put_day(write_txn& txn, reputation::day_number day, const report_day& d) const;

 private:
  struct totals {
    std::uint64_t rows = 0;
    std::uint64_t raw_bytes = 0;
  };
  totals read_totals(const read_txn& txn) const;
  void erase(write_txn& txn, journal_seq number) const;

  table reports_;
  table numbers_;
  table signatures_;
  table days_;
};

}  // namespace consentry::app
