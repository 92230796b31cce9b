// What is kept of each mail that was taken, so that the desk knows it when a complaint comes
// (RULES E2, E3): some hundreds of octets, written with the acceptance. What became of it stands in
// the journal under the same number.
//
//   table mail_digests   be32 tenant, be64 message -> digest
//
// Kept evidence.retain_days. It may name people: it goes with each person the mail went to.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/lmdb_env.h"
#include "base/secret.h"
#include "smtp/mime/mime_walk.h"
#include "smtp/stream.h"

namespace consentry::app {

struct mail_digest {
  message_id message;
  instant at{};
  smtp::stream stream{};
  std::string campaign;
  std::string from, subject, date, list_id;  // decoded, cut
  std::string message_id_field;              // as the sender wrote it
  std::string type;                          // "multipart/alternative"
  std::vector<std::string> fields;           // names of the other header fields, as they stood
  std::vector<std::string> link_domains;     // lower case, each once
  digest256 body{};                          // SHA-256 of the message as submitted
  std::uint64_t bytes = 0;
  std::uint32_t recipients = 0;
  std::vector<std::string> persons;  // pseudonyms, at most digest_persons_max
};

inline constexpr std::size_t digest_persons_max = 100;

// What the header and the links tell; the rest is the caller's. CPU work, some microseconds.
mail_digest digest_of(const smtp::mime::walked_message& mail,
                      const std::vector<std::string>& link_hosts);

// Each that is set must fit: texts where they occur (ASCII case aside), domains also as parents.
struct digest_query {
  std::string subject, campaign, message_id_field, link_domain;
  std::string person;
  message_id message;
  instant from{};
  instant until = instant::max();

  bool fits(const mail_digest& d) const;
};

// Table handles only. Any thread may read, the writer's may change. Throws decode_error.
class digest_store {
 public:
  explicit digest_store(store_env& env);  // at start

  void put(write_txn& txn, tenant_id tenant, const mail_digest& d) const;
  std::optional<mail_digest> find(const read_txn& txn, tenant_id tenant, message_id message) const;

  // The newest first, from below `before` on (0: from the newest); looks at `rows` at most. next: 0
  // at the end, or where they are older than query.from.
  struct page {
    std::vector<mail_digest> found;
    message_id next;
  };
  page search(const read_txn& txn, tenant_id tenant, const digest_query& q, message_id before,
              std::size_t limit, std::size_t rows) const;

  // Of the person, among `rows` rows from resume on; resume 0 after it: all were seen.
  std::vector<message_id> of_person(const read_txn& txn, tenant_id tenant, std::string_view person,
                                    message_id& resume, std::size_t rows) const;
  bool erase(write_txn& txn, tenant_id tenant, message_id message) const;

  // Removes what is older than `before`, at most `rows`, tenant by tenant; true: there may be more.
  bool trim(write_txn& txn, instant before, std::size_t rows) const;

 private:
  table digests_;
};

}  // namespace consentry::app
