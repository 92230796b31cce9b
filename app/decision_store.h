// The evidence that decisions were taken on, so that another policy can be asked the same
// (RULES E8). The verdicts themselves stand in verdict_store, under the same numbers.
//
//   table decisions            be64 recipient -> row, in the order of time
//     row = u8 1 head, text message_facts, recipient_facts     the first recipient of a message
//         | u8 2, varint back, recipient_facts                 the message's part stands `back`
//         before | u8 3 head, text message_facts                      as 1, its recipient was
//         erased
//     head = be64 time_ms, be32 tenant, varint recipient - message, varint recipient - text + 1 (0:
//       no text was kept)
//   table decision_texts       be64 recipient -> u8 1, be64 time_ms, be32 tenant, digest (16),
//   packed
//     a text stands once, under the first recipient it went to, and serves others for a day
//   table decision_text_marks  be32 tenant, digest (16) -> be64 recipient
//
// Rows hold pseudonyms only. Texts name people: they go with each of them
// (docs/decisions/erasure.md).
#pragma once

#include <optional>
#include <vector>

#include "app/kept_facts.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/lmdb_env.h"
#include "queue/named_person.h"

namespace consentry::app {

// Longer texts are not kept (docs/decisions/what-if.md).
inline constexpr std::size_t kept_text_max = 256u << 10;

// Digest and packing; CPU work for a worker. Empty for longer ones.
kept_text keep_text(std::string_view mail);

struct kept_decision {
  recipient_id recipient;
  message_id message;
  tenant_id tenant;
  instant at{};
  policy::recalled_evidence facts;
  recipient_id text;  // 0: none was kept
};

// Table handles only. Any thread may read, the writer's may change. Throws decode_error.
class decision_store {
 public:
  explicit decision_store(store_env& env);  // at start

  // Notes the decisions of one message, within one transaction, in ascending order of recipients.
  class recording {
   public:
    recording(write_txn& txn, const decision_store& store, tenant_id tenant, message_id message,
              instant at, const kept_text* text = nullptr)
        : txn_{txn}, store_{store}, tenant_{tenant}, message_{message}, at_{at}, text_{text} {}
    void put(recipient_id recipient, const kept_facts& facts);

   private:
    write_txn& txn_;
    const decision_store& store_;
    tenant_id tenant_;
    message_id message_;
    instant at_;
    const kept_text* text_;
    recipient_id head_{};
    const std::string* head_facts_ = nullptr;
  };

  // The newest first, from `before` on (0: from the newest), `rows` of the table at most; `next`
  // becomes where to go on, 0 at the end or where they are older than `from`. tenant 0: all.
  struct range {
    instant from{};
    instant until = instant::max();  // not with it
    tenant_id tenant{};
  };
  std::vector<kept_decision> page(const read_txn& txn, const range& r, recipient_id before,
                                  std::size_t rows, recipient_id& next) const;
  std::optional<kept_decision> find(const read_txn& txn, recipient_id recipient) const;
  // Packed; nullopt: it is gone.
  std::optional<std::string> packed_text(const read_txn& txn, recipient_id text) const;

  // Look at `rows` rows from resume on; resume 0 after it: all were seen. A follower whose head is
  // gone counts as everybody's: it can serve nobody.
  std::vector<recipient_id> of_person(const read_txn& txn, tenant_id tenant,
                                      std::string_view person, recipient_id& resume,
                                      std::size_t rows) const;
  std::vector<recipient_id> of_tenant(const read_txn& txn, tenant_id tenant, recipient_id& resume,
                                      std::size_t rows) const;
  std::vector<recipient_id> texts_of(const read_txn& txn, tenant_id tenant, recipient_id& resume,
                                     std::size_t rows) const;
  // Unpacks and decodes each.
  std::vector<recipient_id> texts_naming(const read_txn& txn, tenant_id tenant,
                                         const queue::named_person& who, recipient_id& resume,
                                         std::size_t rows) const;

  // The recipient's part goes, and the text that went to them; what others share stays. True: there
  // was something.
  bool forget(write_txn& txn, recipient_id recipient) const;
  bool erase_text(write_txn& txn, recipient_id text) const;
  // The row, and a text under the same number. Gives how many.
  std::size_t erase(write_txn& txn, recipient_id recipient) const;
  bool has_any(const read_txn& txn) const;

  // Removes the oldest decisions taken before the one time, and texts that served before the other,
  // at most `rows` of each; true: there may be more.
  bool trim(write_txn& txn, instant decisions_before, instant texts_before, std::size_t rows) const;

 private:
  struct head;
  struct reading;
  recipient_id keep(write_txn& txn, tenant_id tenant, recipient_id recipient, instant at,
                    const kept_text& text) const;

  table decisions_;
  table texts_;
  table marks_;
};

}  // namespace consentry::app
