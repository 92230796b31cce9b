// The queue's tables. Functions that take a write_txn run inside operations of the commit loop, so
// that the journal entry and whatever else belongs to a change stand in the same transaction; the
// others need only a read_txn and may run on any thread.
//
//   messages    be64 message                              -> queued_message
//   recipients  be64 recipient                            -> queued_recipient
//   due         u8 lane, flow, be64 time_ms, be64 rcpt    -> domain[, 0, pool]
//   parked      u8 lane, group, 0, flow, be64 time, rcpt  -> as due  overflow of busy destinations
//   open        flow, be64 message                        -> ""      with queued or held recipients
//   segments    be32 segment                              -> open messages whose body lies there
//   and those of waiting_counts.h
//
// Every queued recipient has a row in due or in parked. The converse need not hold: a row whose
// recipient is not queued, or is due at another time, is stale (it was held while parked, say); who
// meets one drops it, and drop_stale_parked() looks for them.
//
// Keys grow with time, so commits stay cheap (DESIGN "Keys decide the speed"). Finished rows stay,
// without address and body, so that a token still leads to tenant, campaign and recipient; trim()
// removes them when complaints can no longer count.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/lmdb_env.h"
#include "queue/named_person.h"
#include "queue/queue_filter.h"
#include "queue/queued_message.h"
#include "queue/waiting_counts.h"

namespace consentry::queue {

// Mail that somebody waits for is not behind a campaign: notices, transactional and doi go in the
// first lane.
enum class lane : std::uint8_t { prompt = 0, bulk = 1 };
lane lane_of(const queued_message& m) noexcept;

// Mail that takes turns with others: of one tenant, stream and campaign. Campaigns whose names have
// the same CRC are one flow. Stored: be32 tenant, u8 stream, be32 campaign.
struct flow_id {
  tenant_id tenant;
  smtp::stream stream = smtp::stream::bulk;
  std::uint32_t campaign = 0;
  friend auto operator<=>(const flow_id&, const flow_id&) = default;
};
flow_id flow_of(const queued_message& m) noexcept;
flow_id flow_of(tenant_id tenant, smtp::stream stream, std::string_view campaign) noexcept;
lane lane_of(smtp::stream stream) noexcept;  // of what is no notice

// A row of due or parked. group is empty for due.
struct due_row {
  lane in = lane::bulk;
  flow_id flow;
  std::string group;
  instant at{};
  recipient_id recipient;
  std::string domain;
  std::string pool{};  // of sources, where not the flow's
};

struct due_position {
  instant at{};
  recipient_id recipient;
  friend auto operator<=>(const due_position&, const due_position&) = default;
};

struct slice {
  std::uint64_t changed = 0;
  bool more = false;   // run again with `resume`
  std::string resume;  // where the next slice begins
};

class queue_store {
 public:
  // Takes `count` consecutive numbers from the one sequence (journal) and returns the first.
  using id_source = std::function<std::uint64_t(write_txn&, std::uint64_t count)>;
  using visit = std::function<void(write_txn&, const queued_message&, const queued_recipient&)>;

  queue_store(store_env& env, id_source take_ids);  // opens the tables

  // --- inside operations of the commit loop ---

  // Each recipient queued (due at next_attempt_at) or held (with its reason). CHECKs at least one
  // recipient and a body. Returns the message's id; the recipients have the following ones, in
  // order.
  message_id accept(write_txn& txn, const queued_message& m,
                    std::span<const queued_recipient> recipients);

  // What an attempt or a decision did to a recipient. r is the row as it is to be, state and all,
  // but for the blanking that final states bring; the store moves it between the indexes, counts,
  // and closes the message with its last recipient. parked_under: the group of the due_row it was
  // taken from. Somebody may have held or purged the recipient meanwhile: then a deferral changes
  // nothing but the attempt's facts, and a final outcome stands. Gives the message as it is then.
  queued_message update(write_txn& txn, const queued_recipient& r,
                        std::string_view parked_under = {});

  // By hand, in bounded slices: at most `rows` rows are looked at. Start with an empty resume.
  // visit is called for each changed recipient, before the change, with its address.
  slice hold(write_txn& txn, const queue_filter& f, std::string_view reason, instant now,
             const std::string& resume, std::size_t rows, const visit& each);
  slice release(write_txn& txn, const queue_filter& f, instant now, const std::string& resume,
                std::size_t rows, const visit& each);
  slice purge(write_txn& txn, const queue_filter& f, std::string_view reason, instant now,
              const std::string& resume, std::size_t rows, const visit& each);
  // What waits for a later attempt is due now.
  slice requeue(write_txn& txn, const queue_filter& f, instant now, const std::string& resume,
                std::size_t rows);
  // Leaves from the sources of that pool; "": of the one that the rules say. An attempt on its way
  // ends from where it began.
  slice assign_pool(write_txn& txn, const queue_filter& f, std::string_view pool, instant now,
                    const std::string& resume, std::size_t rows);
  // Drops the rows of parked that such acts made stale, of the filter's tenant, stream and
  // campaign; `rows` are looked at.
  slice drop_stale_parked(write_txn& txn, const queue_filter& f, const std::string& resume,
                          std::size_t rows);

  // Moves rows of due to parked under a group (a name without zero bytes; long ones are cut), or
  // any rows to a later due time. Rows that have gone meanwhile are left out.
  void park(write_txn& txn, std::span<const due_row> rows, std::string_view group);
  // postpone never goes past the time at which a message expires, so that it is looked at then; it
  // gives the earliest time at which one of them is due now.
  instant postpone(write_txn& txn, std::span<const due_row> rows, instant until);
  void drop_stale(write_txn& txn, std::span<const due_row> rows);

  // Removes finished messages that ended before `before`, oldest first; at most `rows` rows.
  slice trim(write_txn& txn, instant before, const std::string& resume, std::size_t rows);

  // --- rights of persons, moving of bodies (queue_store_persons.cc) ---

  // Ends it as cancelled, which blanks its address. False: it had ended already.
  bool cancel(write_txn& txn, recipient_id id, std::string_view reason, instant now,
              const visit& each);
  // The body lies elsewhere now. False: the message has ended, or its body was moved by somebody
  // else.
  bool move_body(write_txn& txn, message_id id, const spool_location& from,
                 const spool_location& to);
  // Takes the person out of texts that were kept as they came: Message-ID, ENVID, reverse path,
  // replies. True: something changed.
  bool forget(write_txn& txn, message_id id, const named_person& who);
  bool forget(write_txn& txn, recipient_id id, const named_person& who);

  // Open recipients of a person and open notices, in slices of `rows` messages of one tenant.
  struct open_mail {
    std::vector<queued_recipient> recipients;
    std::vector<queued_message> messages;  // of those recipients
    std::vector<queued_message> notices;   // all of the tenant: their bodies may name the person
    std::string resume;                    // empty: that was all
  };
  open_mail open_of_person(const read_txn& txn, tenant_id tenant, std::string_view person,
                           const std::string& resume, std::size_t rows) const;
  // Every row of a person, ended ones too, in slices of `rows` rows looked at; resume 0: all seen.
  std::vector<queued_recipient> all_of_person(const read_txn& txn, std::string_view person,
                                              recipient_id& resume, std::size_t rows) const;
  // Messages, of anybody to anybody, whose row names the person in clear; the same way.
  std::vector<message_id> naming(const read_txn& txn, const named_person& who, message_id& resume,
                                 std::size_t rows) const;
  std::vector<recipient_id> naming(const read_txn& txn, const named_person& who,
                                   recipient_id& resume, std::size_t rows) const;
  // Open messages with their bodies, in slices of `rows`, for spool_rewrite.
  std::vector<queued_message> open_messages(const read_txn& txn, std::string& resume,
                                            std::size_t rows) const;
  // A finished message with its recipients, wherever a token led; which they were. Nothing may be
  // on its way for it any more.
  std::vector<recipient_id> remove(write_txn& txn, message_id id) const;

  // --- reads ---
  std::optional<queued_message> message(const read_txn& txn, message_id id) const;
  std::optional<queued_recipient> recipient(const read_txn& txn, recipient_id id) const;
  std::optional<queued_message> message_of(const read_txn& txn,
                                           recipient_id id) const;  // where a token leads
  std::vector<queued_recipient> recipients_of(const read_txn& txn, const queued_message& m,
                                              std::size_t limit = 1000) const;
  // Open messages in order of tenant, stream, campaign (by its CRC) and age, with a recipient that
  // the filter has. Looks at no more than list_looks_max rows: a page may be short or empty and
  // yet have a resume.
  static constexpr std::size_t list_looks_max = 10'000;
  std::vector<queued_message> list(const read_txn& txn, const queue_filter& f, std::string& resume,
                                   std::size_t limit) const;
  queue_counts counts(const read_txn& txn) const;
  queue_counts counts(const read_txn& txn, tenant_id tenant,
                      std::optional<smtp::stream> stream = {}) const;
  const waiting_counts& waiting() const noexcept { return waiting_; }
  // The oldest open message of a flow: one step.
  std::optional<message_id> oldest(const read_txn& txn, const flow_id& flow) const;
  // Whether a row of due is due by now; looks at one a flow, at most `flows_max`. What is parked is
  // due as well: parked_groups().
  bool is_any_due(const read_txn& txn, instant now, std::size_t flows_max) const;
  // Flows with rows in due, behind `after`, at most `limit`; costs one step a flow.
  std::vector<flow_id> flows(const read_txn& txn, lane in, std::optional<flow_id> after,
                             std::size_t limit) const;
  // Rows of one flow from a position on, due by `until`, at most `limit`.
  std::vector<due_row> due(const read_txn& txn, lane in, const flow_id& flow, due_position from,
                           instant until, std::size_t limit) const;
  // When the first row of a flow from a position on is due.
  std::optional<instant> next_due(const read_txn& txn, lane in, const flow_id& flow,
                                  due_position from) const;
  // The same of a group; the flows that have rows there.
  std::vector<flow_id> parked_flows(const read_txn& txn, lane in, std::string_view group,
                                    std::optional<flow_id> after, std::size_t limit) const;
  std::vector<due_row> parked(const read_txn& txn, lane in, std::string_view group,
                              const flow_id& flow, due_position from, std::size_t limit) const;
  // Names of groups with rows, at most `limit`; costs one step a group.
  std::vector<std::string> parked_groups(const read_txn& txn, lane in, std::size_t limit) const;
  // Messages of a tenant by a walk over all: at most `rows` looked at, `limit` found.
  struct tenant_page {
    std::vector<message_id> finished;
    bool any_open = false;
    std::string resume;  // empty: the end
  };
  tenant_page messages_of(const read_txn& txn, tenant_id tenant, const std::string& resume,
                          std::size_t rows, std::size_t limit) const;
  std::uint64_t open_messages_in(const read_txn& txn, std::uint32_t segment) const;
  std::uint32_t last_segment(const read_txn& txn) const;

 private:
  // What walk() does to a recipient: changes m, and what is counted; false: nothing.
  using handle =
      std::function<bool(queued_message& m, const queued_recipient& r, waiting_changes& counted)>;

  void erase(write_txn& txn, const due_row& row);
  bool is_stale(const read_txn& txn, const due_row& row) const;
  void count_segment(write_txn& txn, std::uint32_t segment, int by);
  // The recipient's rows, and m in memory: put() stores that, and closes it with its last one.
  void transition(write_txn& txn, queued_message& m, const queued_recipient& before,
                  queued_recipient after, std::string_view parked_under, waiting_changes& counted);
  void put(write_txn& txn, queued_message& m, instant now, waiting_changes& counted);
  // Calls f for open recipients that the filter has, until `rows` rows were looked at.
  slice walk(write_txn& txn, const queue_filter& f, instant now, const std::string& resume,
             std::size_t rows, const handle& each);
  static std::vector<flow_id> flows_under(const read_txn& txn, table t, const std::string& prefix,
                                          std::optional<flow_id> after, std::size_t limit);
  std::vector<due_row> read_rows(const read_txn& txn, table t, const std::string& prefix,
                                 const due_row& like, due_position from, instant until,
                                 std::size_t limit) const;

  id_source take_ids_;
  table messages_, recipients_, due_, parked_, open_, segments_;
  waiting_counts waiting_;
};

}  // namespace consentry::queue
