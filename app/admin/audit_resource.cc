// A tenant's audit: the journal's entries about it, its own people's acts and the operator's, and
// none of another's.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/admin/access.h"
#include "app/admin/audit_json.h"
#include "base/text.h"

namespace consentry::app::admin {

namespace {

namespace json = boost::json;

}  // namespace

resource audit_resource(api_context& c, const policy::tenants::tenant& t, request r) {
  const auto limit = number_of(r, "limit", 50, 1000);
  const auto from = number_of(r, "from", 0, ~0ULL);
  journal::event_filter filter{.tenant = t.id};
  if (const auto found = r.query.find("kind"); found != r.query.end()) {
    const auto kind = journal::parse_event_kind(found->second);
    if (!kind)
      co_return problem(422,
                        fmt::format("no kind of event is called {}", printable(found->second, 64)));
    filter.kinds = {*kind};
  }
  const bool to_staff = policy::tenants::is_staff(r.as);
  auto o = c.rooms.env.read([&](read_txn& txn) {
    json::array entries;
    json::object out;
    const auto add = [&](journal::entry e) {
      if (auto shown = entry_json(std::move(e), to_staff)) entries.push_back(std::move(*shown));
    };
    auto next = c.rooms.journal.last(txn).value + 1;
    if (from == 0) {
      for (auto& e : c.rooms.journal.tail(txn, limit, filter)) add(std::move(e));
    } else {
      auto found = c.rooms.journal.scan(txn, journal_seq{from}, limit, filter);
      for (auto& e : found.entries) add(std::move(e));
      if (found.next) next = found.next.value;
    }
    out["entries"] = std::move(entries);
    out["next"] = next;
    return out;
  });
  co_return o ? json_response(*o) : problem_of(o.error());
}

}  // namespace consentry::app::admin
