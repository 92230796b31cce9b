#include "policy/consent/import.h"

#include <algorithm>

#include "base/secret.h"
#include "base/text.h"
#include "policy/consent/import_rows.h"
#include "smtp/address.h"

namespace consentry::policy::consent {

namespace {

// RULES A3: clocks differ by this much at most.
constexpr std::chrono::minutes future_tolerance{5};
// RULES 5.4: no proof of life for longer than this, no import.
constexpr int proof_of_life_months = 6;

struct refusal {
  std::string reason;
  std::string text;
};

failure rejected(const std::string& text) {
  return {.kind = failure_kind::invalid, .permanent = true, .public_text = text};
}

bool is_bare_date(std::string_view text) {
  return parse_date(text).has_value();
}

// A bare date of a withdrawal means its last moment, so that no consent of the same day outlives it
// by accident; what cannot be read ("yes") means now.
instant withdrawal_time(const std::string& text, instant now) {
  const auto t = parse_timestamp(text);
  if (!t) return now;
  if (!is_bare_date(text)) return *t;
  const civil_date next_day{std::chrono::sys_days{*parse_date(text)} + std::chrono::days{1}};
  const auto end = budapest_midnight(next_day) - std::chrono::milliseconds{1};
  return *t <= now && now < end ? now : end;
}

class planner {
 public:
  planner(const import_request& request, const import_lookup& lookup, const import_limits& limits)
      : request_{request},
        lookup_{lookup},
        limits_{limits},
        import_day_{budapest_day(request.now)} {}

  // nullopt: out is a row to store.
  std::optional<refusal> plan(const raw_row& raw, import_row& out);

 private:
  using answer = std::optional<refusal>;
  answer read_who(const raw_row& raw, import_row& out);
  answer read_evidence(const raw_row& raw, consent_record& r);
  answer read_times(const raw_row& raw, consent_record& r);
  answer prove_life(const raw_row& raw, const import_row& row);
  void keep_withdrawal_only(const raw_row& raw, import_row& out);
  bool is_future(instant t) const { return t > request_.now + future_tolerance; }

  const import_request& request_;
  const import_lookup& lookup_;
  const import_limits& limits_;
  civil_date import_day_;
};

planner::answer planner::read_who(const raw_row& raw, import_row& out) {
  if (!raw.broken.empty()) return refusal{"import.row_broken", raw.broken};
  for (std::size_t i = 0; i < columns; ++i) {
    const auto name = std::string{to_string(static_cast<column>(i))};
    if (raw.fields[i].size() > limits_.field_bytes_max)
      return refusal{"import.field_too_long", name + " is too long"};
    if (!is_valid_utf8(raw.fields[i]))
      return refusal{"import.not_utf8", name + " is not valid UTF-8: save the file as UTF-8"};
  }
  const auto address = smtp::mailbox::parse(raw[column::email]);
  if (!address || address->is_null())
    return refusal{"import.address_invalid",
                   "email: " + (address ? "is missing" : address.error().public_text)};
  out.line = raw.line;
  out.person = {address->key(), raw[column::name]};
  const auto& sender = raw[column::sender];
  out.key = {request_.tenant, lookup_.pseudonym(out.person.address),
             sender.empty() ? request_.default_sender : sender, raw[column::topic]};
  return std::nullopt;
}

planner::answer planner::read_times(const raw_row& raw, consent_record& r) {
  const auto& given = raw[column::given_at];
  if (given.empty()) return refusal{"import.given_at_missing", "given_at is missing"};
  r.given_at = parse_timestamp(given);
  r.given_at_text = given;
  if (!r.given_at) return refusal{"import.given_at_unparsable", "given_at is not an ISO 8601 time"};
  if (is_future(*r.given_at))
    return refusal{"import.given_at_future", "given_at lies in the future"};
  // A clock that is a little fast: a consent that seems to be given later than now would outlive
  // the withdrawal of the next minute.
  r.given_at = std::min(*r.given_at, request_.now);
  if (const auto& text = raw[column::confirmed_at]; !text.empty()) {
    r.confirmed_at = parse_timestamp(text);
    if (!r.confirmed_at || is_future(*r.confirmed_at))
      return refusal{"import.confirmed_at_invalid", "confirmed_at is no time, or a future one"};
  }
  if (const auto& text = raw[column::purchase_day]; !text.empty()) {
    r.purchase_day = parse_date(text);
    if (!r.purchase_day || *r.purchase_day > import_day_)
      return refusal{"import.purchase_day_invalid", "purchase_day is no date, or a future one"};
  }
  return std::nullopt;
}

planner::answer planner::read_evidence(const raw_row& raw, consent_record& r) {
  r.topic = raw[column::topic];
  if (r.topic.empty()) return refusal{"import.topic_missing", "topic is missing"};
  r.method = raw[column::method];
  if (r.method.empty()) return refusal{"import.method_missing", "method is missing"};
  if (is_implicit_method(r.method))
    return refusal{"import.method_implicit", "nobody gave this consent expressly (terms 5.1)"};
  r.provenance = raw[column::provenance];
  if (r.provenance.empty()) return refusal{"import.provenance_missing", "provenance is missing"};
  if (is_forbidden_provenance(r.provenance))
    return refusal{
        "import.provenance_forbidden",
        "consent cannot come from provenance " + printable(r.provenance, 40) + " (terms 5.1, 5.3)"};
  r.notice = {raw[column::notice_version], raw[column::notice_hash], raw[column::notice_language],
              raw[column::notice_url]};
  r.evidence_reference = raw[column::evidence];
  if (r.notice.hash.empty() && r.evidence_reference.empty())
    return refusal{"import.evidence_missing", "notice_hash or evidence must be given (terms 5.2)"};
  if (const auto& text = raw[column::tick]; !text.empty()) {
    const auto tick = parse_tick_state(text);
    if (!tick)
      return refusal{"import.tick_unknown", "tick is one of none, ticked, preticked, unticked"};
    r.tick = *tick;
  }
  r.form_id = raw[column::form_id];
  r.ip = raw[column::ip];
  r.user_agent = raw[column::user_agent];
  return read_times(raw, r);
}

planner::answer planner::prove_life(const raw_row& raw, const import_row& row) {
  auto last = budapest_day(*row.record.given_at);
  const auto see = [&](const std::optional<instant>& t) {
    if (t && !is_future(*t)) last = std::max(last, budapest_day(*t));
  };
  see(row.record.confirmed_at);
  see(parse_timestamp(raw[column::last_delivery_at]));
  see(parse_timestamp(raw[column::last_click_at]));
  if (row.record.purchase_day) last = std::max(last, *row.record.purchase_day);
  if (add_months(last, proof_of_life_months) >= import_day_) return std::nullopt;
  if (lookup_.is_stored(row.key.person)) return std::nullopt;
  return refusal{"import.too_old", "the last sign of life (consent, delivery or click) is of " +
                                       consentry::to_string(last) +
                                       ", more than six months ago (terms 5.4)"};
}

// RULES D4: of somebody who withdrew nothing is kept but that.
void planner::keep_withdrawal_only(const raw_row& raw, import_row& out) {
  const auto at = withdrawal_time(raw[column::withdrawn_at], request_.now);
  const auto& method = raw[column::withdrawn_method];
  out.record = consent_record{.sender = out.key.sender, .topic = out.key.topic};
  out.record.withdrawn_at = at;
  out.record.withdrawn_method = method.empty() ? "import" : method;
  out.record.importer = request_.importer;
  out.record.recorded_at = request_.now;
  out.person.name.clear();
}

planner::answer planner::plan(const raw_row& raw, import_row& out) {
  out = {};
  if (auto no = read_who(raw, out)) return no;
  auto& r = out.record;
  auto no = read_evidence(raw, r);
  r.sender = out.key.sender;
  r.importer = request_.importer;
  r.recorded_at = request_.now;
  r.salt = random_bytes(16);
  if (!raw[column::withdrawn_at].empty()) {
    r.withdrawn_at = withdrawal_time(raw[column::withdrawn_at], request_.now);
    const auto& method = raw[column::withdrawn_method];
    r.withdrawn_method = method.empty() ? "import" : method;
  }
  if (!no && r.tick == tick_state::unticked) {
    // RULES A4: no consent, but the knowledge that the box was left empty.
    r.unticked_at = std::exchange(r.given_at, std::nullopt);
  } else if (!no) {
    if (const auto text = raw[column::last_delivery_at]; !text.empty())
      if (const auto t = parse_timestamp(text)) r.declared_delivery_day = budapest_day(*t);
    no = prove_life(raw, out);
  }
  if (r.withdrawn_at && (no || r.is_withdrawn())) {
    keep_withdrawal_only(raw, out);
    return std::nullopt;
  }
  return no;
}

// RULES 5.4: what a row must say for itself cannot be said for the whole file.
std::string missing_column(const std::set<column>& seen) {
  for (auto c :
       {column::email, column::topic, column::given_at, column::method, column::provenance})
    if (!seen.contains(c)) return std::string{to_string(c)};
  if (!seen.contains(column::notice_hash) && !seen.contains(column::evidence))
    return "notice_hash or evidence";
  return "";
}

void sort_by_key(std::vector<import_row>& rows) {
  std::vector<std::pair<std::string, std::size_t>> order;
  order.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) order.emplace_back(stored_key(rows[i].key), i);
  std::ranges::sort(order);
  std::vector<import_row> sorted;
  sorted.reserve(rows.size());
  for (const auto& [key, i] : order) sorted.push_back(std::move(rows[i]));
  rows = std::move(sorted);
}

struct slice_result {
  import_summary sum;
  void count(put_outcome outcome) {
    switch (outcome) {
      case put_outcome::added:
        ++sum.added;
        break;
      case put_outcome::renewed:
        ++sum.renewed;
        break;
      case put_outcome::kept:
        ++sum.kept;
        break;
      case put_outcome::still_withdrawn:
        ++sum.still_withdrawn;
        break;
    }
  }
};

void apply_slice(write_txn& txn, std::span<const import_row> rows, const import_request& request,
                 const consent_ledger& ledger, slice_result& out) {
  const act by{request.now, "import:" + request.importer};
  std::string commitments;
  out = {};
  for (const auto& row : rows) {
    if (!row.record.given_at && row.record.withdrawn_at) {
      const auto at = *row.record.withdrawn_at;
      if (row.key.topic.empty()) {
        ledger.withdraw_all(txn, row.key.tenant, row.key.person, at, row.record.withdrawn_method,
                            by);
      } else {
        ledger.withdraw(txn, row.key, at, row.record.withdrawn_method, by);
      }
      ++out.sum.withdrawals;
      continue;
    }
    if (!ledger.is_erased(txn, row.key.tenant, row.key.person, row.record.given_at))
      ledger.put_person(txn, row.key.tenant, row.key.person, row.person);
    out.count(ledger.put_imported(txn, row.key, row.record, by));
    commitments += commitment_to(row.key, row.record);
  }
  ledger.note_import(txn, request.tenant, rows.size(), sha256(commitments), request.source, by);
}

void add(import_summary& to, const import_summary& more) {
  to.added += more.added;
  to.renewed += more.renewed;
  to.kept += more.kept;
  to.still_withdrawn += more.still_withdrawn;
  to.withdrawals += more.withdrawals;
}

}  // namespace

std::optional<import_format> parse_import_format(std::string_view name) noexcept {
  if (name == "csv") return import_format::csv;
  if (name == "ndjson" || name == "jsonl") return import_format::ndjson;
  return std::nullopt;
}

result<import_plan> plan_import(std::string_view file, const import_request& request,
                                const import_lookup& lookup, const import_limits& limits) {
  if (trim(file).empty()) return rejected("the file is empty");
  const auto reader = make_row_reader(file, request.format, limits);
  // In CSV the header line tells at once what the rows can say.
  if (request.format == import_format::csv && reader->fatal().empty())
    if (const auto name = missing_column(reader->seen()); !name.empty())
      return rejected("no column " + name + ": every row must say it for itself (terms 5.4)");
  import_plan plan;
  planner one{request, lookup, limits};
  raw_row raw;
  import_row row;
  while (reader->next(raw)) {
    if (++plan.rows_read > limits.rows_max)
      return rejected("more than " + std::to_string(limits.rows_max) + " rows: split the file");
    const auto no = one.plan(raw, row);
    if (!no) {
      if (!row.record.given_at && row.record.withdrawn_at) ++plan.withdrawals;
      plan.rows.push_back(std::move(row));
      continue;
    }
    ++plan.refused_by_reason[no->reason];
    if (plan.refused.size() < limits.refused_listed_max)
      plan.refused.push_back({raw.line, no->reason, no->text});
  }
  if (!reader->fatal().empty()) return rejected(reader->fatal());
  if (plan.rows_read == 0) return rejected("the file has no rows");
  if (const auto name = missing_column(reader->seen()); !name.empty())
    return rejected("no row has " + name + ": every row must say it for itself (terms 5.4)");
  plan.ignored_columns.assign(reader->ignored().begin(), reader->ignored().end());
  sort_by_key(plan.rows);
  return plan;
}

result<import_summary> apply_import(const import_plan& plan, const import_request& request,
                                    const consent_ledger& ledger, const commit_slice& commit,
                                    std::size_t slice_rows) {
  import_summary total;
  const std::span all{plan.rows};
  for (std::size_t i = 0; i < all.size(); i += slice_rows) {
    const auto rows = all.subspan(i, std::min(slice_rows, all.size() - i));
    slice_result slice;
    const auto done =
        commit([&](write_txn& txn) { apply_slice(txn, rows, request, ledger, slice); });
    if (!done) return done.error();
    add(total, slice.sum);
  }
  return total;
}

}  // namespace consentry::policy::consent
