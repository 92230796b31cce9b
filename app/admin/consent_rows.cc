#include "app/admin/consent_rows.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/evidence_gatherer.h"
#include "base/text.h"
#include "policy/consent/import_planner.h"
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

// Views into the item.
consent::raw_row row_of(const json::object& item, std::uint64_t line) {
  consent::raw_row row;
  row.line = line;
  for (const auto& m : item)
    if (m.value().is_string()) {
      const auto c = *consent::parse_column({m.key().data(), m.key().size()});
      const auto& text = m.value().get_string();
      row.fields[static_cast<std::size_t>(c)] = trim({text.data(), text.size()});
    }
  return row;
}

}  // namespace

std::vector<judged_consent> judge_consents(const store_rooms& rooms, const consent_writer& who,
                                           const json::array& items) {
  const consent::import_request wanted{.tenant = who.tenant.id,
                                       .default_sender = sender_identity(who.tenant),
                                       .importer = who.person,
                                       .source = "api",
                                       .now = who.now};
  consent::import_lookup lookup;
  lookup.pseudonym = [&](std::string_view key, std::span<char, 16> out) {
    const auto person = policy::tenants::pseudonym(who.tenant, key);
    std::copy(person.begin(), person.end(), out.begin());
  };
  lookup.is_stored = [&](std::string_view person) {
    const auto found = rooms.env.read([&](read_txn& txn) {
      return rooms.consents.find_person(txn, who.tenant.id, person).has_value();
    });
    return found && *found;
  };
  const consent::import_limits limits;
  consent::run_writer run;
  consent::row_planner planner{wanted, lookup, limits, run};
  std::vector<judged_consent> out(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    consent::planned_row planned;
    consent::raw_row raw;
    std::optional<consent::row_refusal> no;
    if (auto fault = fault_of(items[i]); !fault.empty()) {
      no = consent::row_refusal{"import.row_broken", std::move(fault)};
    } else {
      raw = row_of(items[i].get_object(), i + 1);
      no = planner.plan(raw, planned);
      if (no) out[i].row.key = planner.refusal(raw, planned, *no).key;
    }
    if (no) {
      out[i].reason = std::move(no->reason);
      out[i].text = std::move(no->text);
    } else {
      consent::to_import_row(planned, run.shared(planned.shared), wanted, out[i].row);
    }
  }
  return out;
}

}  // namespace consentry::app::admin
