// What the consents of one list share: who asked, for what, how, under which notice. Told once in
// the store (terms_table.h), so that a record is its own facts only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "policy/consent/consent_record.h"

namespace consentry::policy::consent {

struct consent_terms {
  std::string sender;
  std::string topic;
  std::string method;
  std::string provenance;
  notice_shown notice;
  std::string form_id;
  std::string importer;
  tick_state tick = tick_state::none;
  std::optional<bool> box_came_ticked;

  friend bool operator==(const consent_terms&, const consent_terms&) = default;
};

consent_terms terms_of(const consent_record& r);
bool has_terms(const consent_record& r, const consent_terms& t) noexcept;
void set_terms(consent_record& r, const consent_terms& t);

// Bytes for the store. decode throws decode_error.
std::string encode(const consent_terms& t);
consent_terms decode_terms(std::string_view bytes);

// Names terms by their content, so a name never comes to mean something else: 48 bits of a hash,
// which the table checks against the bytes.
using terms_id = std::uint64_t;
inline constexpr std::size_t terms_id_bytes = 6;
terms_id id_of_terms(std::string_view encoded);

}  // namespace consentry::policy::consent
