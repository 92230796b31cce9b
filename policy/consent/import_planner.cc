#include "policy/consent/import_planner.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/prepared_hmac.h"
#include "base/text.h"
#include "smtp/address.h"
#include "smtp/plain_address.h"

namespace consentry::policy::consent {

namespace {

// RULES A3: clocks differ by this much at most.
constexpr std::chrono::minutes future_tolerance{5};
// RULES 5.4: no proof of life for longer than this, no import.
constexpr int proof_of_life_months = 6;

constexpr std::size_t salt_bytes = 16;
constexpr std::size_t salts_drawn = 1024;

constexpr std::array shared_columns{
    column::sender,      column::topic,          column::method,          column::provenance,
    column::notice_hash, column::notice_version, column::notice_language, column::notice_url,
    column::form_id,     column::tick,           column::box_came_ticked};

// A bare date of a withdrawal means its last moment, so that no consent of the same day outlives it
// by accident; what cannot be read ("yes") means now.
instant withdrawal_time(std::string_view text, instant now) {
  const auto t = parse_timestamp(text);
  if (!t) return now;
  const auto day = parse_date(text);
  if (!day) return *t;
  const civil_date next_day{std::chrono::sys_days{*day} + std::chrono::days{1}};
  const auto end = budapest_midnight(next_day) - std::chrono::milliseconds{1};
  return *t <= now && now < end ? now : end;
}

// The first day that is not too long ago: months later it is today or in the future.
civil_date oldest_day_for(civil_date today) {
  auto day = std::chrono::sys_days{add_months(today, -proof_of_life_months)} - std::chrono::days{4};
  while (add_months(civil_date{day}, proof_of_life_months) < today) day += std::chrono::days{1};
  return civil_date{day};
}

std::optional<bool> yes_or_no(std::string_view text) {
  const auto folded = ascii_lower(text);
  if (folded == "yes" || folded == "true") return true;
  if (folded == "no" || folded == "false") return false;
  return std::nullopt;
}

bool is_plain_ascii(std::string_view s) {
  std::uint64_t all = 0;
  for (; s.size() >= 8; s.remove_prefix(8)) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, s.data(), 8);
    all |= eight;
  }
  for (const char c : s) all |= static_cast<unsigned char>(c);
  return (all & 0x8080808080808080ULL) == 0;
}

}  // namespace

row_planner::row_planner(const import_request& request, const import_lookup& lookup,
                         const import_limits& limits, run_writer& run)
    : request_{request},
      lookup_{lookup},
      limits_{limits},
      run_{run},
      import_day_{budapest_day(request.now)},
      oldest_day_{oldest_day_for(import_day_)},
      salts_(salt_bytes * salts_drawn),
      salts_used_{salts_.size()} {}

void row_planner::begin_run() {
  shared_.clear();
  known_shared_.clear();
  last_shared_key_.clear();
}

bool row_planner::is_future(instant t) const {
  return t > request_.now + future_tolerance;
}

void row_planner::salt(planned_row& out) {
  if (salts_used_ == salts_.size()) {
    fill_random(salts_);
    salts_used_ = 0;
  }
  std::memcpy(out.salt.data(), salts_.data() + salts_used_, salt_bytes);
  salts_used_ += salt_bytes;
}

row_planner::shared_facts& row_planner::shared_of(const raw_row& raw) {
  shared_key_.clear();
  for (const auto c : shared_columns) {
    const auto size = static_cast<std::uint32_t>(raw[c].size());
    shared_key_.append(reinterpret_cast<const char*>(&size), sizeof size);
    shared_key_ += raw[c];
  }
  if (shared_key_ == last_shared_key_ && !shared_.empty()) return shared_[last_shared_];
  last_shared_key_ = shared_key_;
  const auto [found, is_new] = known_shared_.try_emplace(shared_key_, shared_.size());
  if (is_new) shared_.push_back(judge_shared(raw));
  last_shared_ = found->second;
  return shared_[last_shared_];
}

row_planner::shared_facts row_planner::judge_shared(const raw_row& raw) const {
  shared_facts out;
  auto& f = out.fields;
  f.sender = raw[column::sender].empty() ? request_.default_sender : raw[column::sender];
  f.topic = raw[column::topic];
  f.method = raw[column::method];
  f.provenance = raw[column::provenance];
  f.notice = {std::string{raw[column::notice_version]}, std::string{raw[column::notice_hash]},
              std::string{raw[column::notice_language]}, std::string{raw[column::notice_url]}};
  f.form_id = raw[column::form_id];
  const consent_key key{request_.tenant, std::string(16, '\0'), f.sender, f.topic};
  out.stored_name_hash = f.topic.empty() ? std::string(8, '\0') : stored_key(key).substr(20);
  if (f.topic.empty())
    out.early = row_refusal{"import.topic_missing", "topic is missing"};
  else if (f.method.empty())
    out.early = row_refusal{"import.method_missing", "method is missing"};
  else if (is_implicit_method(f.method))
    out.early =
        row_refusal{"import.method_implicit", "nobody gave this consent expressly (terms 5.1)"};
  else if (f.provenance.empty())
    out.early = row_refusal{"import.provenance_missing", "provenance is missing"};
  else if (is_forbidden_provenance(f.provenance))
    out.early = row_refusal{
        "import.provenance_forbidden",
        "consent cannot come from provenance " + printable(f.provenance, 40) + " (terms 5.1, 5.3)"};
  if (const auto text = raw[column::tick]; !text.empty()) {
    if (const auto tick = parse_tick_state(text))
      f.tick = *tick;
    else
      out.late =
          row_refusal{"import.tick_unknown", "tick is one of none, ticked, preticked, unticked"};
  }
  if (const auto text = raw[column::box_came_ticked]; !text.empty()) {
    f.box_came_ticked = yes_or_no(text);
    if (!f.box_came_ticked && !out.late)
      out.late = row_refusal{"import.box_came_ticked_unknown", "box_came_ticked is yes or no"};
  }
  return out;
}

row_planner::answer row_planner::read_who(const raw_row& raw, planned_row& out) {
  address_.clear();
  if (!raw.broken.empty()) return row_refusal{"import.row_broken", raw.broken};
  const bool is_ascii = is_plain_ascii(raw.text);
  if (!is_ascii || raw.text.size() > limits_.field_bytes_max) {
    for (std::size_t i = 0; i < columns; ++i) {
      const auto name = [&] { return std::string{to_string(static_cast<column>(i))}; };
      if (raw.fields[i].size() > limits_.field_bytes_max)
        return row_refusal{"import.field_too_long", name() + " is too long"};
      if (!is_valid_utf8(raw.fields[i]))
        return row_refusal{"import.not_utf8",
                           name() + " is not valid UTF-8: save the file as UTF-8"};
    }
  }
  const auto email = raw[column::email];
  if (!smtp::plain_address_key(email, address_)) {
    address_.clear();
    const auto address = smtp::mailbox::parse(email);
    if (!address || address->is_null())
      return row_refusal{"import.address_invalid",
                         "email: " + (address || email.empty() ? std::string{"is missing"}
                                                               : address.error().public_text)};
    address_ = address->key();
  }
  out.line = raw.line;
  out.address = address_;
  lookup_.pseudonym(address_, std::span<char, 16>{out.key.data(), 16});
  return std::nullopt;
}

row_planner::answer row_planner::read_times(const raw_row& raw, planned_row& out) const {
  const auto given = raw[column::given_at];
  if (given.empty()) return row_refusal{"import.given_at_missing", "given_at is missing"};
  out.given_at = parse_timestamp(given);
  out.given_at_text = given;
  if (!out.given_at)
    return row_refusal{"import.given_at_unparsable", "given_at is not an ISO 8601 time"};
  if (is_future(*out.given_at))
    return row_refusal{"import.given_at_future", "given_at lies in the future"};
  // A clock that is a little fast: a consent that seems to be given later than now would outlive
  // the withdrawal of the next minute.
  out.given_at = std::min(*out.given_at, request_.now);
  for (const auto& [c, time] : {std::pair{column::confirmed_at, &out.confirmed_at},
                                std::pair{column::doi_sent_at, &out.doi_sent_at}}) {
    if (raw[c].empty()) continue;
    *time = parse_timestamp(raw[c]);
    if (!*time || is_future(**time))
      return row_refusal{"import." + std::string{to_string(c)} + "_invalid",
                         std::string{to_string(c)} + " is no time, or a future one"};
  }
  if (out.confirmed_at) {
    out.confirmed_ip = raw[column::confirmed_ip];
    out.confirmed_user_agent = raw[column::confirmed_user_agent];
  }
  if (const auto text = raw[column::purchase_day]; !text.empty()) {
    out.purchase_day = parse_date(text);
    if (!out.purchase_day || *out.purchase_day > import_day_)
      return row_refusal{"import.purchase_day_invalid", "purchase_day is no date, or a future one"};
  }
  out.purchase_id = raw[column::purchase_id];
  for (const auto& [c, day] : {std::pair{column::birth_day, &out.birth_day},
                               std::pair{column::expires_on, &out.expires_on}}) {
    if (raw[c].empty()) continue;
    *day = parse_date(raw[c]);
    if (!*day)
      return row_refusal{"import." + std::string{to_string(c)} + "_invalid",
                         std::string{to_string(c)} + " is no date YYYY-MM-DD"};
  }
  return std::nullopt;
}

row_planner::answer row_planner::read_evidence(const raw_row& raw, const shared_facts& shared,
                                               planned_row& out) const {
  if (shared.early) return shared.early;
  out.evidence = raw[column::evidence];
  if (shared.fields.notice.hash.empty() && out.evidence.empty())
    return row_refusal{"import.evidence_missing",
                       "notice_hash or evidence must be given (terms 5.2)"};
  if (shared.late) return shared.late;
  out.ip = raw[column::ip];
  out.user_agent = raw[column::user_agent];
  return read_times(raw, out);
}

row_planner::answer row_planner::prove_life(const raw_row& raw, const planned_row& row) const {
  auto last = budapest_day(*row.given_at);
  const auto see = [&](const std::optional<instant>& t) {
    if (t && !is_future(*t)) last = std::max(last, budapest_day(*t));
  };
  if (last >= oldest_day_) return std::nullopt;
  see(row.confirmed_at);
  see(parse_timestamp(raw[column::last_delivery_at]));
  see(parse_timestamp(raw[column::last_click_at]));
  if (row.purchase_day) last = std::max(last, *row.purchase_day);
  if (last >= oldest_day_) return std::nullopt;
  if (lookup_.is_stored({row.key.data(), 16})) return std::nullopt;
  return row_refusal{"import.too_old", "the last sign of life (consent, delivery or click) is of " +
                                           consentry::to_string(last) +
                                           ", more than six months ago (terms 5.4)"};
}

// RULES D4: of somebody who withdrew nothing is kept but that.
void row_planner::keep_withdrawal_only(const raw_row& raw, planned_row& out) const {
  planned_row bare;
  bare.line = out.line;
  bare.key = out.key;
  bare.address = out.address;
  bare.is_withdrawal_only = true;
  bare.withdrawn_at = withdrawal_time(raw[column::withdrawn_at], request_.now);
  bare.withdrawn_method = out.withdrawn_method;
  out = bare;
}

consent_refusal row_planner::refusal(const raw_row& raw, const planned_row& out,
                                     const row_refusal& no) const {
  consent_refusal r{.key = {.tenant = request_.tenant}, .reason = no.reason};
  if (address_.empty()) return r;
  r.key.person.assign(out.key.data(), 16);
  r.key.sender = raw[column::sender].empty() ? request_.default_sender : raw[column::sender];
  r.key.topic = raw[column::topic];
  return r;
}

row_planner::answer row_planner::plan(const raw_row& raw, planned_row& out) {
  out = {};
  if (auto no = read_who(raw, out)) return no;
  auto& shared = shared_of(raw);
  std::memcpy(out.key.data() + 16, shared.stored_name_hash.data(), 8);
  auto no = read_evidence(raw, shared, out);
  out.name = raw[column::name];
  if (!raw[column::withdrawn_at].empty()) {
    out.withdrawn_at = withdrawal_time(raw[column::withdrawn_at], request_.now);
    const auto method = raw[column::withdrawn_method];
    out.withdrawn_method = method.empty() ? std::string_view{"import"} : method;
  }
  if (!no && shared.fields.tick == tick_state::unticked) {
    // RULES A4: no consent, but the knowledge that the box was left empty.
    out.unticked_at = std::exchange(out.given_at, std::nullopt);
  } else if (!no) {
    if (const auto text = raw[column::last_delivery_at]; !text.empty())
      if (const auto t = parse_timestamp(text)) out.declared_day = budapest_day(*t);
    no = prove_life(raw, out);
  }
  const bool is_withdrawn =
      out.withdrawn_at && (!out.given_at || *out.withdrawn_at >= *out.given_at);
  if (out.withdrawn_at && (no || is_withdrawn)) {
    keep_withdrawal_only(raw, out);
    no.reset();
  } else if (!no) {
    salt(out);
  }
  if (!no) {
    if (!shared.in_run) shared.in_run = run_.add_shared(shared.fields);
    out.shared = *shared.in_run;
  }
  return no;
}

}  // namespace consentry::policy::consent
