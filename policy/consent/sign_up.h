// Sign-ups that wait for their confirmation (double opt-in, RULES A2 5.3), the forms they come
// from, and the confirmation texts that the operator approved: values and their stored form.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/consent/consent_record.h"

namespace consentry::policy::consent {

// RULES A2 5.3: a sign-up can be confirmed, and its confirmation mailed, for so long.
inline constexpr std::chrono::hours sign_up_life{24};

// Milliseconds since 1970 in the upper 44 bits, random below: ascending in time, and it tells its
// time when the record is gone. 0: none.
using sign_up_id = strong_id<struct sign_up_tag, std::uint64_t>;
sign_up_id make_sign_up_id(instant at);  // random
instant time_of(sign_up_id id) noexcept;
std::string to_string(sign_up_id id);  // "s" and 16 hex digits
std::optional<sign_up_id> parse_sign_up_id(std::string_view text);

// The text that a form shows, as it was at one time. Never changed: a new text is a new version.
struct form_notice {
  std::uint32_t version = 1;
  std::string text;  // exact, UTF-8, lines ended by LF
  std::string hash;  // "sha256:" and 64 hex digits, of the text
  std::string url;   // of the privacy notice; may be empty
  instant since{};
};
std::string hash_of_notice(std::string_view text);

struct sign_up_form {
  std::string id;  // 16 characters of base 32, random: stands in public URLs
  tenant_id tenant;
  std::string topic;
  std::string language;  // "hu", "en": of the notice, and so of page and mail
  std::string title;
  form_notice notice;  // the one that is shown now
  bool asks_name = false;
  std::string from;  // mailbox of the confirmation, on a verified domain of the tenant
  std::string from_name;
  std::string return_url;                  // shown as a link when all is done; may be empty
  std::vector<std::string> embed_origins;  // "https://www.example.hu": who may frame it
  bool is_enabled = true;
  instant created_at{};
  std::string created_by;
};
// failure_kind::invalid naming what is wrong; topic and from are checked by the caller.
result<void> validate(const sign_up_form& f);

std::string encode(const sign_up_form& f);
sign_up_form decode_form(std::string_view bytes);  // throws decode_error
std::string encode(const form_notice& n);
form_notice decode_notice(std::string_view bytes);

// Who hosts the form: a page of the gateway's, or the CRM, which tells of the sign-up through the
// API.
enum class sign_up_source : std::uint8_t { form = 1, api = 2 };

// One event of somebody giving an address. The evidence stands in `evidence` as it will be in the
// consent: given_at is the time of the sign-up, confirmed_at is empty.
struct pending_sign_up {
  sign_up_id id;
  sign_up_source source = sign_up_source::form;
  consent_key key;
  std::string address;  // mailbox key
  std::string name;
  consent_record evidence;
  std::optional<instant> confirmed_at;

  bool is_open(instant now) const noexcept {
    return now - *evidence.given_at <= sign_up_life && *evidence.given_at <= now;
  }
};
std::string encode(const pending_sign_up& p);
pending_sign_up decode_sign_up(sign_up_id id, std::string_view bytes);

// A confirmation text that a person of the operator's read and found free of advertising.
struct doi_template {
  std::string hash;  // 32 bytes, of the normalized text
  std::string name;  // of the file, for people
  std::string approved_by;
  instant approved_at{};
};
std::string encode(const doi_template& t);
doi_template decode_doi_template(std::string_view bytes);

}  // namespace consentry::policy::consent
