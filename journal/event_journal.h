// The append-only history, in the one store. Entries are appended in the same transaction as what
// they tell of, so a fact and its history are durable together or not at all.
//
//   table journal              be64 seq -> hash(32), encoded event
//   table journal_by_message   be64 message, be64 seq -> ""      (for events that name a message)
//   table journal_by_person    be32 tenant, person(16), be64 seq -> ""   (tells_of_person() only)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/lmdb_env.h"
#include "base/secret.h"
#include "journal/event.h"

namespace consentry::journal {

struct entry {
  journal_seq seq;
  digest256 hash{};  // of the chain up to and with this entry
  event what;
};

// An unset member lets everything through.
struct event_filter {
  tenant_id tenant;
  recipient_id recipient;
  std::string person;
  std::vector<event_kind> kinds;

  bool lets_through(const event& e) const noexcept;
  bool may_let_through(event_kind kind, tenant_id whose) const noexcept;  // as far as these tell
};

// Whether a person's own history holds such an event: consents and their fate, sign-ups,
// complaints. What happens with every mail is not in it: a key at a random place is too dear for
// that.
bool tells_of_person(const event& e) noexcept;

struct journal_page {
  std::vector<entry> entries;  // ascending
  journal_seq next;            // where to go on; 0: the end was reached
};

struct verify_report {
  std::uint64_t checked = 0;  // entries found sound
  journal_seq last;           // the last of them
  digest256 head{};           // its hash: what a copy kept elsewhere must agree with
  journal_seq broken;         // the first that is not; 0: none
  std::string what;           // what is wrong with it
  bool is_whole() const noexcept { return !broken; }
};

// Holds no state but table handles: the head of the chain is read from the transaction each time,
// so operations can be re-run and several events appended in one. Any thread may read.
class event_journal {
 public:
  // At start; opens its tables, and once indexes a journal that is older than the index of persons.
  explicit event_journal(store_env& env);

  journal_seq append(write_txn& txn, const event& what) const;

  std::optional<entry> read(const read_txn& txn, journal_seq seq) const;
  // The newest entry's number; 0: the journal is empty.
  journal_seq last(const read_txn& txn) const;

  // From `from` on (0: the oldest), at most `limit` that pass. Looks at no more than 100 000
  // entries a call, so that no reader lives long: a page may be short or empty and yet have a next.
  journal_page scan(const read_txn& txn, journal_seq from, std::size_t limit,
                    const event_filter& filter = {}) const;

  // Which tenants entries of these kinds speak of, each once, of at most `limit` entries from
  // `from` on. through: the last one looked at; before `from` if there is none.
  struct touched {
    std::vector<tenant_id> tenants;
    journal_seq through;
  };
  touched tenants_in(const read_txn& txn, journal_seq from, std::size_t limit,
                     const std::vector<event_kind>& kinds) const;

  // As they lie in the store, for copies elsewhere.
  struct raw_entry {
    journal_seq seq;
    digest256 hash{};
    std::string encoded;
  };
  std::vector<raw_entry> scan_raw(const read_txn& txn, journal_seq from, std::size_t limit) const;

  // The newest `limit` that pass, ascending; looks back over at most 100 000 entries.
  std::vector<entry> tail(const read_txn& txn, std::size_t limit,
                          const event_filter& filter = {}) const;

  // All that was said about a message and its recipients, ascending, at most limit.
  std::vector<entry> of_message(const read_txn& txn, message_id message, std::size_t limit) const;
  // The message a recipient's number belongs to (ids.h): the nearest at or below that the journal
  // knows.
  std::optional<message_id> message_of(const read_txn& txn, recipient_id recipient) const;

  // The newest `limit` entries of a person's own history, ascending.
  std::vector<entry> of_person(const read_txn& txn, tenant_id tenant, std::string_view person,
                               std::size_t limit) const;
  // Counts an entry that names no person, the slice of an import, to one's history.
  void link_person(write_txn& txn, tenant_id tenant, std::string_view person,
                   journal_seq seq) const;

  // Recomputes the chain over [from, to] (0: from the oldest, to the newest) and stops at the first
  // entry that is missing, does not decode or does not hash. The entry before `from` is trusted. A
  // long journal is verified in slices of one read transaction each. What was cut off at the end
  // shows only against a head kept elsewhere.
  verify_report verify(const read_txn& txn, journal_seq from = {}, journal_seq to = {}) const;

 private:
  void index_persons(store_env& env) const;
  table entries_;
  table by_message_;
  table by_person_;
};

}  // namespace consentry::journal
