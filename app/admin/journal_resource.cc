// The journal: pages of it, its newest entries, its verification.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/admin/api.h"
#include "base/text.h"
#include "journal/event_json.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;

constexpr std::uint64_t entries_per_slice =
    20'000;  // one read transaction; a longer one would pin freed pages

// Blocks for as long as the journal is long: for a worker.
result<journal::verify_report> verify_all(const store_rooms& rooms) {
  journal::verify_report whole;
  for (;;) {
    const journal_seq from{whole.last.value + 1};
    const journal_seq to{whole.last.value + entries_per_slice};
    bool at_end = false;
    auto slice = rooms.env.read([&](read_txn& txn) {
      const auto last = rooms.journal.last(txn);
      at_end = last.value <= to.value;
      return last.value < from.value ? journal::verify_report{}
                                     : rooms.journal.verify(txn, from, std::min(to, last));
    });
    if (!slice) return slice.error();
    whole.checked += slice->checked;
    if (slice->checked != 0) {
      whole.last = slice->last;
      whole.head = slice->head;
    }
    whole.broken = slice->broken;
    whole.what = slice->what;
    if (at_end || !whole.is_whole()) return whole;
  }
}

resource verify(api_context& c) {
  auto work = [&c] { return verify_all(c.rooms); };
  const auto report = co_await c.workers.run(std::move(work));
  if (!report) co_return problem_of(report.error());
  json::object o{{"whole", report->is_whole()},
                 {"checked", report->checked},
                 {"last", report->last.value},
                 {"head", hex(as_bytes(report->head))}};
  if (!report->is_whole()) {
    o["broken"] = report->broken.value;
    o["what"] = report->what;
  }
  co_return json_response(o);
}

response page(api_context& c, const request& r) {
  const auto limit = number_of(r, "limit", 20, 1000);
  const auto from = number_of(r, "from", 0, ~0ULL);
  journal::event_filter filter;
  if (const auto found = r.query.find("tenant"); found != r.query.end()) {
    const auto directory = c.rooms.directory.get();
    const auto* t = directory->find_named(found->second);
    if (t == nullptr)
      return problem(404, fmt::format("no tenant {}", printable(found->second, 64)));
    filter.tenant = t->id;
  }
  if (const auto found = r.query.find("kind"); found != r.query.end()) {
    const auto kind = journal::parse_event_kind(found->second);
    if (!kind)
      return problem(422,
                     fmt::format("no kind of event is called {}", printable(found->second, 64)));
    filter.kinds = {*kind};
  }
  auto o = c.rooms.env.read([&](read_txn& txn) {
    json::array entries;
    json::object out;
    if (from == 0) {
      for (const auto& e : c.rooms.journal.tail(txn, limit, filter))
        entries.push_back(journal::to_json(e));
      out["next"] = c.rooms.journal.last(txn).value + 1;
    } else {
      const auto found = c.rooms.journal.scan(txn, journal_seq{from}, limit, filter);
      for (const auto& e : found.entries) entries.push_back(journal::to_json(e));
      out["next"] = found.next ? found.next.value : c.rooms.journal.last(txn).value + 1;
    }
    out["entries"] = std::move(entries);
    return out;
  });
  return o ? json_response(*o) : problem_of(o.error());
}

}  // namespace

resource journal_resource(api_context& c, request r) {
  if (r.method != "GET") co_return problem(405, "the journal is only read");
  if (r.path.size() > 2) {
    if (r.path[2] == "export") co_return export_journal(c, r);
    if (r.path[2] == "verify") co_return co_await verify(c);
    co_return problem(404, "no such resource");
  }
  co_return page(c, r);
}

}  // namespace consentry::app::admin
