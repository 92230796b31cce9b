#include "app/appeal_store.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>

#include "base/bytes.h"
#include "base/text.h"

// appeal = u8 version(1), u8 about, campaign text opened_by, zigzag opened_ms, varint due day, u8
//          outcome, answer closed_by, zigzag closed_ms, flag is_overdue_told

namespace consentry::app {
namespace {

using namespace std::chrono;

constexpr std::uint8_t version = 1;

struct about_name {
  appeal_about about;
  std::string_view name;
};
constexpr std::array abouts{
    about_name{appeal_about::block, "block"}, about_name{appeal_about::hold, "hold"},
    about_name{appeal_about::suspension, "suspension"},
    about_name{appeal_about::refusal, "refusal"}, about_name{appeal_about::other, "other"}};

struct outcome_name {
  appeal_outcome outcome;
  std::string_view name;
};
constexpr std::array outcomes{outcome_name{appeal_outcome::open, "open"},
                              outcome_name{appeal_outcome::granted, "granted"},
                              outcome_name{appeal_outcome::rejected, "rejected"},
                              outcome_name{appeal_outcome::settled, "settled"},
                              outcome_name{appeal_outcome::withdrawn, "withdrawn"}};

std::string prefix_of(tenant_id tenant) {
  return byte_writer{}.be32(tenant.value).take();
}
std::string key_of(tenant_id tenant, std::uint32_t number) {
  return byte_writer{}.be32(tenant.value).be32(number).take();
}

int day_count(civil_date d) {
  return static_cast<int>(sys_days{d}.time_since_epoch().count());
}

std::string encode(const appeal& a) {
  return byte_writer{}
      .u8(version)
      .u8(static_cast<std::uint8_t>(a.about))
      .text(a.campaign)
      .text(a.text)
      .text(a.opened_by)
      .zigzag(to_ms(a.opened_at))
      .zigzag(day_count(a.due))
      .u8(static_cast<std::uint8_t>(a.outcome))
      .text(a.answer)
      .text(a.closed_by)
      .zigzag(to_ms(a.closed_at))
      .flag(a.is_overdue_told)
      .take();
}

appeal decode(std::string_view key, std::string_view bytes) {
  byte_reader k{key}, in{bytes};
  if (in.u8() != version) throw decode_error("appeal: unknown version");
  appeal a;
  a.tenant = {k.be32()};
  a.number = k.be32();
  const auto about = in.u8();
  if (about < 1 || about > static_cast<std::uint8_t>(appeal_about::other))
    throw decode_error("appeal: about what");
  a.about = static_cast<appeal_about>(about);
  a.campaign = in.text();
  a.text = in.text();
  a.opened_by = in.text();
  a.opened_at = from_ms(in.zigzag());
  a.due = civil_date{sys_days{days{in.zigzag()}}};
  const auto outcome = in.u8();
  if (outcome > static_cast<std::uint8_t>(appeal_outcome::withdrawn))
    throw decode_error("appeal: outcome");
  a.outcome = static_cast<appeal_outcome>(outcome);
  a.answer = in.text();
  a.closed_by = in.text();
  a.closed_at = from_ms(in.zigzag());
  a.is_overdue_told = in.flag();
  if (!in.at_end()) throw decode_error("appeal: bytes behind it");
  return a;
}

failure wrong(failure_kind kind, std::string text) {
  return {.kind = kind, .permanent = true, .public_text = std::move(text)};
}

bool is_text(std::string_view s, std::size_t most) {
  return !trim(s).empty() && s.size() <= most && is_valid_utf8(s);
}

journal::event event_of(const appeal& a, const char* what, const std::string& actor, instant at) {
  journal::event e;
  e.kind = journal::event_kind::desk_act;
  e.at = at;
  e.tenant = a.tenant;
  e.campaign = a.campaign;
  e.rule = "A2.3";
  e.actor = actor;
  e.facts["what"] = what;
  e.facts["appeal"] = appeal_id(a.number);
  e.facts["about"] = name_of(a.about);
  e.facts["due"] = to_string(a.due);
  return e;
}

constexpr std::size_t fact_bytes_max = 900;
std::string as_fact(std::string_view text) {
  return to_valid_utf8(std::string{text.substr(0, fact_bytes_max)});
}

}  // namespace

std::string_view name_of(appeal_about a) noexcept {
  const auto* it = std::ranges::find(abouts, a, &about_name::about);
  return it == abouts.end() ? "other" : it->name;
}
std::optional<appeal_about> parse_appeal_about(std::string_view name) noexcept {
  const auto* it = std::ranges::find(abouts, name, &about_name::name);
  return it == abouts.end() ? std::nullopt : std::optional{it->about};
}
std::string_view name_of(appeal_outcome o) noexcept {
  const auto* it = std::ranges::find(outcomes, o, &outcome_name::outcome);
  return it == outcomes.end() ? "open" : it->name;
}
std::optional<appeal_outcome> parse_appeal_outcome(std::string_view name) noexcept {
  const auto* it = std::ranges::find(outcomes, name, &outcome_name::name);
  if (it == outcomes.end() || it->outcome == appeal_outcome::open) return std::nullopt;
  return it->outcome;
}

int appeal::days_left(instant now) const {
  return day_count(due) - day_count(budapest_day(now));
}

std::string appeal_id(std::uint32_t number) {
  return "a" + std::to_string(number);
}
std::optional<std::uint32_t> parse_appeal_id(std::string_view id) noexcept {
  if (id.size() < 2 || id.size() > 11 || id[0] != 'a' || id[1] == '0') return std::nullopt;
  std::uint32_t number = 0;
  const auto* const end = id.data() + id.size();
  const auto [at, error] = std::from_chars(id.data() + 1, end, number);
  return error == std::errc{} && at == end ? std::optional{number} : std::nullopt;
}

appeal_store::appeal_store(store_env& env, const journal::event_journal& history)
    : journal_{&history}, appeals_{env.open_table("appeals")} {}

void appeal_store::put(write_txn& txn, const appeal& a) const {
  txn.put(appeals_, key_of(a.tenant, a.number), encode(a));
}

result<appeal> appeal_store::open(write_txn& txn, appeal wanted) const {
  if (!is_text(wanted.text, text_bytes_max))
    return wrong(failure_kind::invalid, "the grievance is needed, in at most 10000 bytes");
  if (trim(wanted.opened_by).empty() || wanted.campaign.size() > 200)
    return wrong(failure_kind::invalid, "who appeals must be named");
  if (count_open(txn, wanted.tenant) >= open_max)
    return wrong(failure_kind::limit, "too many appeals of this tenant are open");
  std::uint32_t last = 0;
  const auto prefix = prefix_of(wanted.tenant);
  if (auto c = txn.scan(appeals_);
      c.seek_last(key_of(wanted.tenant, UINT32_MAX)) && c.key().starts_with(prefix))
    last = byte_reader{c.key().substr(prefix.size())}.be32();
  wanted.number = last + 1;
  wanted.due = civil_date{sys_days{budapest_day(wanted.opened_at)} + days{appeal_days}};
  wanted.outcome = appeal_outcome::open;
  auto e = event_of(wanted, "appeal.opened", wanted.opened_by, wanted.opened_at);
  e.reason = as_fact(wanted.text);
  journal_->append(txn, e);
  put(txn, wanted);
  return wanted;
}

result<appeal> appeal_store::close(write_txn& txn, tenant_id tenant, std::uint32_t number,
                                   appeal_outcome outcome, std::string_view answer,
                                   std::string_view person, instant at) const {
  auto found = find(txn, tenant, number);
  if (!found) return wrong(failure_kind::not_found, "no such appeal");
  if (!found->is_open()) return wrong(failure_kind::conflict, "this appeal is closed");
  if (!is_text(answer, text_bytes_max) || outcome == appeal_outcome::open)
    return wrong(failure_kind::invalid, "an outcome and an answer are needed");
  found->outcome = outcome;
  found->answer = answer;
  found->closed_by = person;
  found->closed_at = at;
  auto e = event_of(*found, "appeal.closed", found->closed_by, at);
  e.reason = as_fact(answer);
  e.facts["outcome"] = name_of(outcome);
  if (found->days_left(at) < 0) e.facts["days_late"] = std::to_string(-found->days_left(at));
  journal_->append(txn, e);
  put(txn, *found);
  return *found;
}

std::optional<appeal> appeal_store::find(const read_txn& txn, tenant_id tenant,
                                         std::uint32_t number) const {
  const auto key = key_of(tenant, number);
  const auto bytes = txn.get(appeals_, key);
  return bytes ? std::optional{decode(key, *bytes)} : std::nullopt;
}

std::vector<appeal> appeal_store::list(const read_txn& txn, tenant_id tenant, std::uint32_t after,
                                       std::size_t limit) const {
  std::vector<appeal> out;
  const auto prefix = prefix_of(tenant);
  auto c = txn.scan(appeals_);
  for (bool more = c.seek(key_of(tenant, after + 1));
       more && c.key().starts_with(prefix) && out.size() < limit; more = c.next())
    out.push_back(decode(c.key(), c.value()));
  return out;
}

std::size_t appeal_store::count_open(const read_txn& txn, tenant_id tenant) const {
  std::size_t n = 0;
  const auto prefix = prefix_of(tenant);
  auto c = txn.scan(appeals_);
  for (bool more = c.seek(prefix); more && c.key().starts_with(prefix); more = c.next())
    if (decode(c.key(), c.value()).is_open()) ++n;
  return n;
}

std::vector<appeal> appeal_store::all_open(const read_txn& txn, std::size_t limit) const {
  std::vector<appeal> out;
  auto c = txn.scan(appeals_);
  for (bool more = c.first(); more; more = c.next())
    if (auto a = decode(c.key(), c.value()); a.is_open()) out.push_back(std::move(a));
  std::ranges::sort(out, {}, [](const appeal& a) {
    return std::tuple{day_count(a.due), a.tenant.value, a.number};
  });
  if (out.size() > limit) out.resize(limit);
  return out;
}

std::vector<appeal> appeal_store::tell_overdue(write_txn& txn, instant now) const {
  std::vector<appeal> told;
  for (auto& a : all_open(txn, SIZE_MAX)) {
    if (!a.is_overdue(now)) break;  // the first due stands first
    if (a.is_overdue_told) continue;
    a.is_overdue_told = true;
    auto e = event_of(a, "appeal.overdue", "gateway", now);
    e.kind = journal::event_kind::warned;
    e.reason = "appeal.overdue";
    e.facts["watch"] = "appeal";
    e.facts["from"] = "open";
    e.facts["to"] = "overdue";
    journal_->append(txn, e);
    put(txn, a);
    told.push_back(a);
  }
  return told;
}

}  // namespace consentry::app
