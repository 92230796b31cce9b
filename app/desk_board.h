// What the desk watches, gathered from the journal as it grows: how much of what happened in each
// minute, what happened last, and the cases. A view in memory: it is made anew after a start from
// the journal's end backwards, costs mail nothing and loses nothing that the journal has.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "journal/event_journal.h"

namespace consentry::app {

// RULES E1, in its order.
enum class case_class : std::uint8_t {
  authority,  // an authority or a provider demands it
  fraud,
  tripped,       // of a tenant whose bulk mail is blocked
  near_trip,     // of a tenant at half of the limit or more
  unattributed,  // no mail of ours is known for it
  single,
};
std::string_view name_of(case_class c) noexcept;

struct case_act {
  instant at{};
  std::string actor;
  std::string what;  // "open", "note", "close", "reopen"; of reports "confirm", "reject"
  std::string text;
};

// One complaint, or what a person entered. Its number is that of its journal entry.
struct desk_case {
  journal_seq number;
  journal::event opened;  // kind complained, or a desk_act "case.open"
  bool is_open = true;
  std::vector<case_act> acts;

  std::string fact(const std::string& name) const;
};

// Minutes are columns, so that a plot can take them as they are.
inline constexpr std::array watched_kinds{
    journal::event_kind::accepted,   journal::event_kind::refused,
    journal::event_kind::held,       journal::event_kind::delivered,
    journal::event_kind::deferred,   journal::event_kind::bounced,
    journal::event_kind::complained, journal::event_kind::consent_withdrawn};

struct minute_counts {
  std::int64_t minute = 0;  // since 1970
  std::array<std::uint32_t, watched_kinds.size()> counts{};
};

// What happened behind an entry, in few words.
struct news {
  journal_seq last;
  std::map<std::string, std::uint64_t> kinds;
  std::set<tenant_id> tenants;
};

// Any thread; readers wait for a slice of catch_up() at most, so not those of I/O.
class desk_board {
 public:
  static constexpr std::uint64_t looked_back_max = 200'000;  // entries, at the first look
  static constexpr std::size_t minutes_max = 24 * 60, cases_max = 5'000, recent_max = 20'000;

  // Reads what is new. True: all was read; false: call again.
  result<bool> catch_up(const store_env& env, const journal::event_journal& journal);

  std::vector<minute_counts> minutes(std::size_t count) const;  // ascending, only those with any
  // From then on nothing is missing in the minutes.
  instant whole_since() const;
  std::vector<desk_case> cases() const;  // by number
  std::optional<desk_case> find(journal_seq number) const;
  // Of one tenant (0: of all).
  news since(journal_seq after, tenant_id only) const;
  journal_seq last() const;

 private:
  struct short_entry {
    journal_seq seq;
    journal::event_kind kind;
    tenant_id tenant;
  };
  void take(const journal::entry& e);
  void take_act(const journal::entry& e);

  mutable std::mutex mutex_;
  journal_seq last_;
  instant whole_since_{};
  std::deque<minute_counts> minutes_;
  std::deque<short_entry> recent_;
  std::map<std::uint64_t, desk_case> cases_;
};

}  // namespace consentry::app
