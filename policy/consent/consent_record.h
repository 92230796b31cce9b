// What is known about one person's consent to one sender and topic (RULES A1.2, D1), as a value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/civil_date.h"
#include "base/ids.h"

namespace consentry::policy::consent {

// Whose consent, to whom, for what: RULES A1.2. Consent to one key says nothing about another.
struct consent_key {
  tenant_id tenant;
  std::string person;  // keyed pseudonym of the recipient, 16 bytes
  std::string sender;  // sender identity: the name the person agreed to hear from
  std::string topic;

  friend bool operator==(const consent_key&, const consent_key&) = default;
};

// Sender identities and topics are compared without regard to ASCII case and outer white space.
std::string fold_name(std::string_view sender_or_topic);

// Numbers are stored: never reuse or renumber.
enum class tick_state : std::uint8_t {
  none = 0,       // no box was involved, or nothing is known of one
  ticked = 1,     // an empty box that the person ticked
  preticked = 2,  // the box came ticked and was left so (RULES A4: good until 2018-05-24 only)
  unticked = 3,   // the person removed the tick, or left the box empty
};
std::string_view to_string(tick_state t) noexcept;
std::optional<tick_state> parse_tick_state(std::string_view name) noexcept;

struct notice_shown {
  std::string version;
  std::string hash;  // of the exact text, as the tenant computed it; evidence_store keeps the text
  std::string language;
  std::string url;
  friend bool operator==(const notice_shown&, const notice_shown&) = default;
};

// A delivery of advertising under the key: what renews a consent (RULES A3).
struct delivery_mark {
  instant at;
  recipient_id recipient;
  friend bool operator==(const delivery_mark&, const delivery_mark&) = default;
};

struct consent_record {
  // As the tenant wrote them; the key holds them folded and hashed.
  std::string sender;
  std::string topic;

  // The evidence. given_at is empty where only a withdrawal is known.
  std::optional<instant> given_at;
  std::string given_at_text;  // as it stood in the source, with its offset
  // Double opt-in: the second act, and where it came from. All three go together.
  std::optional<instant> confirmed_at;
  std::string confirmed_ip;
  std::string confirmed_user_agent;
  std::string method;      // "web_form", "purchase", "paper"
  std::string provenance;  // "own_form"; is_forbidden_provenance() is refused
  notice_shown notice;
  std::string evidence_reference;  // where the proof lies, instead of a notice hash
  std::string form_id;
  tick_state tick = tick_state::none;
  std::optional<bool> box_came_ticked;  // the default that the person met, where it is known
  std::string ip;
  std::string user_agent;
  std::optional<instant> doi_sent_at;      // when the confirmation mail went out
  std::optional<civil_date> purchase_day;  // RULES A4
  std::string purchase_id;
  std::optional<civil_date> birth_day;   // only where the advertising has an age limit
  std::optional<civil_date> expires_on;  // the last day the person agreed to, if one was named
  std::string importer;
  instant recorded_at{};
  std::string salt;          // 16 random bytes for commitment_to(); dies with the record
  journal_seq import_entry;  // the journal's entry of the import slice it came with; 0: none

  // What came after. Nothing here is ever overwritten by older evidence.
  std::optional<instant> withdrawn_at;
  std::string withdrawn_method;                 // "one_click", "mailto", "import", "desk"
  std::optional<instant> unticked_at;           // a later purchase with the box unticked (RULES A4)
  std::optional<instant> objected_at;           // complaint or reply: ends renewal (RULES A3)
  std::optional<delivery_mark> first_delivery;  // the first on or after the consent day
  std::optional<delivery_mark> last_delivery;
  std::optional<civil_date>
      declared_delivery_day;  // what the tenant says; counts only if a knob says so

  friend bool operator==(const consent_record&, const consent_record&) = default;

  // RULES 5.2.1, D3: withdrawn at or after the time it was given. No clock needed: a withdrawal
  // holds at once.
  bool is_withdrawn() const noexcept {
    return withdrawn_at && (!given_at || *withdrawn_at >= *given_at);
  }
};

// RULES A2 5.1, 5.3 (FIXED): lists bought, rented, copied, harvested or of another company, and
// "unknown", under the names people give them.
bool is_forbidden_provenance(std::string_view provenance) noexcept;
// RULES A2 5.1 (FIXED): consent that nobody expressed ("implicit", "preselected", "soft_opt_in").
bool is_implicit_method(std::string_view method) noexcept;

// Newer knowledge joined with what was stored: the newest given_at brings the evidence;
// withdrawals, objections and deliveries stay, whichever side they come from. Commutative, so the
// order of imports does not matter: of two evidences of one instant the one recorded first stands.
consent_record merge(const consent_record& stored, const consent_record& incoming);

// What a withdrawal or objection for all topics says, brought to the record of one.
void add_all_topics(consent_record& r, const consent_record& all_topics);

// A delivery of advertising was seen (in any order, twice is once) or taken back by a later bounce.
void add_delivery(consent_record& r, const delivery_mark& d);
void retract_delivery(consent_record& r, recipient_id bounced);

// Whether a record is of this sender and topic (their hash in the key may be another's).
bool is_same_matter(std::string_view sender, std::string_view topic,
                    const consent_key& key) noexcept;

// RULES D1: the name of one evidence, for receipts and reports: "c" and 16 characters, from its
// salt, so that it dies with it. Empty where there is no salt.
std::string record_id(const consent_record& r);

// Salted hash over key and evidence (not over what came after), 32 bytes: what the journal keeps.
// Without the salt, which dies with the record, it proves nothing about a guessed person.
std::string commitment_to(const consent_key& key, const consent_record& r);

// Who stands behind a pseudonym. Erased apart from the consent.
struct person_record {
  std::string address;  // mailbox key, "jane@example.hu"
  std::string name;     // declared; may be empty
  friend bool operator==(const person_record&, const person_record&) = default;
};
std::string encode(const person_record& p);
person_record decode_person(std::string_view bytes);

}  // namespace consentry::policy::consent
