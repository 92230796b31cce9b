// Pages of raw journal entries, for copies off the host.
//
//   GET /v1/journal/export?from=&limit=   {"previous": hex, "entries": [{seq, hash, event}],
//   "next"}
#include <boost/json.hpp>

#include "app/admin/api.h"
#include "base/text.h"
#include "journal/event_codec.h"
#include "journal/hash_chain.h"

namespace consentry::app::admin {

namespace json = boost::json;

response export_journal(api_context& c, const request& r) {
  const auto limit = number_of(r, "limit", 1000, 5000);
  const auto from = std::max<std::uint64_t>(1, number_of(r, "from", 1, ~0ULL));
  auto o = c.rooms.env.read([&](read_txn& txn) -> std::optional<json::object> {
    json::object out;
    auto previous = journal::chain_start;
    if (from > 1) {
      const auto before = c.rooms.journal.read(txn, {from - 1});
      if (!before) return std::nullopt;
      previous = before->hash;
    }
    out["previous"] = hex(as_bytes(previous));
    json::array entries;
    for (auto& e : c.rooms.journal.scan_raw(txn, {from}, limit))
      entries.push_back(json::object{
          {"seq", e.seq.value}, {"hash", hex(as_bytes(e.hash))}, {"event", base64(e.encoded)}});
    out["next"] = from + entries.size();
    out["entries"] = std::move(entries);
    return out;
  });
  if (!o) return problem_of(o.error());
  if (!*o) return problem(404, "the journal does not reach up to there");
  return json_response(**o);
}

}  // namespace consentry::app::admin
