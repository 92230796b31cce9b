// Consent records as stored bytes. A plain imported one takes 38 bytes: its terms lie elsewhere and
// are named (consent_terms.h), its text of the time follows from the time (timestamp_form.h), and
// what it does not have takes no room.
//
//   consent v2 = u8 2, varint flags, terms, field*     each field where its flag is set, in order
//     terms    = 6 bytes id | text terms               the latter with flag own_terms
//   consent v1 = every field in full; still read, never written
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "policy/consent/consent_record.h"
#include "policy/consent/consent_terms.h"

namespace consentry::policy::consent {

// Finds terms by their id. The pointer lives as long as the source, or `kept` keeps it alive.
class terms_source {
 public:
  virtual ~terms_source() = default;
  // Throws decode_error: unknown.
  virtual const consent_terms* find(terms_id id, std::shared_ptr<const consent_terms>& kept) = 0;
};

// A stored record taken apart but not copied: texts point into the bytes. What a look-up costs.
struct consent_view {
  const consent_terms* terms = nullptr;  // never null once read
  std::shared_ptr<const consent_terms> kept_terms;
  std::optional<instant> given_at;
  std::string_view form;  // packed timestamp_form of given_at's text
  std::string_view given_at_text;
  std::string_view salt;
  journal_seq import_entry;
  instant recorded_at{};
  std::optional<delivery_mark> first_delivery;
  std::optional<delivery_mark> last_delivery;
  std::optional<instant> confirmed_at;
  std::optional<instant> doi_sent_at;
  std::string_view confirmed_ip;
  std::string_view confirmed_user_agent;
  std::string_view evidence_reference;
  std::string_view evidence_digest;  // 32 bytes of a reference "sha256:<hex>"
  std::string_view ip;
  std::string_view user_agent;
  std::optional<instant> withdrawn_at;
  std::string_view withdrawn_method;
  std::optional<instant> unticked_at;
  std::optional<instant> objected_at;
  std::optional<civil_date> purchase_day;
  std::string_view purchase_id;
  std::optional<civil_date> birth_day;
  std::optional<civil_date> expires_on;
  std::optional<civil_date> declared_delivery_day;
};

// Throws decode_error.
consent_view read_view(std::string_view bytes, terms_source& terms);
consent_record to_record(const consent_view& v);

// id: of the record's terms in the table; 0: the record carries them itself. CHECKs that the salt
// has 16 bytes or none.
std::string encode(const consent_record& r, terms_id id);

// Bytes that need no table, and their reading. Throws decode_error.
std::string encode(const consent_record& r);
consent_record decode_consent(std::string_view bytes);

// The blob that a stored record points to, without its terms: 32 bytes, or empty.
std::string evidence_digest_in(std::string_view bytes);

// The 32 bytes of "sha256:<64 hex digits>"; empty: not such a reference.
std::string blob_digest_of(std::string_view evidence_reference);

}  // namespace consentry::policy::consent
