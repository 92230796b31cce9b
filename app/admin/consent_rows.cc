#include "app/admin/consent_rows.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/evidence_gatherer.h"
#include "base/text.h"
#include "policy/consent/import_rows.h"

namespace consentry::app::admin {

namespace {

namespace json = boost::json;
namespace consent = policy::consent;

// What is wrong with an item before any rule is asked; empty: nothing.
std::string fault_of(const json::value& item) {
  if (!item.is_object()) return "a consent is a JSON object";
  for (const auto& m : item.get_object()) {
    const std::string_view name{m.key().data(), m.key().size()};
    if (!consent::parse_column(name)) return fmt::format("unknown member {}", printable(name, 64));
    if (!m.value().is_string() && !m.value().is_null())
      return fmt::format("{} must be a string", printable(name, 64));
  }
  return {};
}

// Every column is there, so that what lacks is said of the item and not of the whole.
std::string line_of(const json::object& item) {
  json::object row;
  for (std::size_t i = 0; i < consent::columns; ++i)
    row[to_string(static_cast<consent::column>(i))] = "";
  for (const auto& m : item)
    row[to_string(*consent::parse_column({m.key().data(), m.key().size()}))] = m.value();
  return json::serialize(row) + "\n";
}

}  // namespace

std::vector<judged_consent> judge_consents(const store_rooms& rooms, const consent_writer& who,
                                           const json::array& items) {
  std::vector<judged_consent> out(items.size());
  std::string rows;
  std::vector<std::size_t> numbers;  // line - 1 -> item
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (auto fault = fault_of(items[i]); !fault.empty()) {
      out[i].reason = "import.row_broken";
      out[i].text = std::move(fault);
      continue;
    }
    rows += line_of(items[i].get_object());
    numbers.push_back(i);
  }
  if (numbers.empty()) return out;
  consent::import_request wanted{.tenant = who.tenant.id,
                                 .default_sender = sender_identity(who.tenant),
                                 .importer = who.person,
                                 .source = "api",
                                 .format = consent::import_format::ndjson,
                                 .now = who.now};
  consent::import_lookup lookup;
  lookup.pseudonym = [&](std::string_view key, std::span<char, 16> to) {
    std::ranges::copy(policy::tenants::pseudonym(who.tenant, key), to.begin());
  };
  lookup.is_stored = [&](std::string_view person) {
    const auto found = rooms.env.read([&](read_txn& txn) {
      return rooms.consents.find_person(txn, who.tenant.id, person).has_value();
    });
    return found && *found;
  };
  auto plan = consent::plan_batch(rows, wanted, lookup);
  if (!plan) throw configuration_error(plan.error().public_text);
  for (auto& row : plan->rows) out[numbers[row.line - 1]].row = std::move(row);
  for (auto& no : plan->refused) {
    out[numbers[no.line - 1]].reason = std::move(no.reason);
    out[numbers[no.line - 1]].text = std::move(no.text);
  }
  return out;
}

}  // namespace consentry::app::admin
