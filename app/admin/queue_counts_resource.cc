// How many wait, from counters that change with the queue.
//
//   GET /v1/queue/counts?by=campaign|domain|reason|age[&tenant=&stream=&campaign=][&limit=&after=]
#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/admin/queue_query.h"
#include "base/text.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;

struct page {
  json::array rows;
  std::string resume;
  bool is_whole = true;  // else there was more than anybody sums up at once
};

std::string name_of(const policy::tenants::tenant_directory& directory, tenant_id id) {
  const auto* t = directory.find(id);
  return t != nullptr ? t->name : std::to_string(id.value);
}

page by_campaign(api_context& c, const read_txn& txn, const queue::queue_filter& f,
                 std::string from, std::size_t limit) {
  const auto directory = c.rooms.directory.get();
  page out;
  out.resume = std::move(from);
  for (const auto& row : c.rooms.queue.waiting().by_campaign(txn, f.tenant, f.stream, f.campaign,
                                                             out.resume, limit)) {
    auto o = counts_json(row.waiting);
    o["tenant"] = name_of(*directory, row.tenant);
    o["stream"] = smtp::to_string(row.stream);
    o["campaign"] = to_valid_utf8(row.campaign);
    o["oldest_at"] = to_string_utc(row.oldest);
    out.rows.push_back(std::move(o));
  }
  return out;
}

page by_domain(api_context& c, const read_txn& txn, const queue::queue_filter& f, std::string from,
               std::size_t limit) {
  page out;
  out.resume = std::move(from);
  for (const auto& row : c.rooms.queue.waiting().by_domain(txn, f.tenant, out.resume, limit)) {
    auto o = counts_json(row.waiting);
    o.erase("messages");
    o["domain"] = row.domain;
    if (c.carrier != nullptr)
      if (const auto site = c.carrier->site_of(row.domain)) o["site"] = *site;
    out.rows.push_back(std::move(o));
  }
  return out;
}

page by_reason(api_context& c, const read_txn& txn, const queue::queue_filter& f, std::string from,
               std::size_t limit) {
  const auto directory = c.rooms.directory.get();
  page out;
  out.resume = std::move(from);
  for (const auto& row : c.rooms.queue.waiting().by_reason(txn, f.tenant, out.resume, limit))
    if (!f.stream || row.stream == *f.stream)
      out.rows.push_back(json::object{{"tenant", name_of(*directory, row.tenant)},
                                      {"stream", smtp::to_string(row.stream)},
                                      {"reason", to_valid_utf8(row.reason)},
                                      {"held", row.held}});
  return out;
}

// Buckets that people think in; the counters know hours.
page by_age(api_context& c, const read_txn& txn, const queue::queue_filter& f) {
  struct bucket {
    const char* name;
    std::chrono::hours from;
    queue::queue_counts waiting;
  };
  std::array<bucket, 6> buckets{{{"under_1h", std::chrono::hours{0}, {}},
                                 {"1h_to_4h", std::chrono::hours{1}, {}},
                                 {"4h_to_12h", std::chrono::hours{4}, {}},
                                 {"12h_to_24h", std::chrono::hours{12}, {}},
                                 {"1d_to_3d", std::chrono::hours{24}, {}},
                                 {"over_3d", std::chrono::hours{72}, {}}}};
  const auto ages = c.rooms.queue.waiting().by_age(txn, f.tenant, f.stream, f.campaign);
  const auto hour = std::chrono::floor<std::chrono::hours>(c.clock.now());
  for (const auto& [at, counts] : ages.by_hour)
    for (auto b = buckets.rbegin(); b != buckets.rend(); ++b)
      if (hour - at >= b->from || b->from == std::chrono::hours{0}) {
        b->waiting += counts;
        break;
      }
  page out;
  out.is_whole = ages.is_whole;
  for (const auto& b : buckets) {
    auto o = counts_json(b.waiting);
    o["age"] = b.name;
    out.rows.push_back(std::move(o));
  }
  return out;
}

}  // namespace

resource queue_counts_resource(api_context& c, request r) {
  const named_text asked = [&r](const std::string& name) {
    const auto found = r.query.find(name);
    return found == r.query.end() ? std::string{} : found->second;
  };
  const auto by = asked("by").empty() ? std::string{"campaign"} : asked("by");
  const auto filter = filter_of(c, asked);
  const auto limit = number_of(r, "limit", 100, 1000);
  std::string from;
  if (const auto after = asked("after"); !after.empty()) {
    const auto bytes = parse_hex(after);
    if (!bytes) co_return problem(422, "after must be what the page before gave as next");
    from = *bytes;
  }
  if (by != "campaign" && by != "domain" && by != "reason" && by != "age")
    co_return problem(422, "by must be one of campaign, domain, reason, age");
  if ((by == "domain" && (filter.stream || filter.campaign)) || (by == "reason" && filter.campaign))
    co_return problem(422, "that is not counted by domain or reason: name a tenant");
  auto o = c.rooms.env.read([&](read_txn& txn) {
    auto p = by == "campaign" ? by_campaign(c, txn, filter, from, limit)
             : by == "domain" ? by_domain(c, txn, filter, from, limit)
             : by == "reason" ? by_reason(c, txn, filter, from, limit)
                              : by_age(c, txn, filter);
    json::object out{
        {"by", by},
        {"counts", std::move(p.rows)},
        {"total", counts_json(c.rooms.queue.counts(txn, filter.tenant, filter.stream))}};
    if (!p.resume.empty()) out["next"] = hex(p.resume);
    if (!p.is_whole) out["whole"] = false;
    return out;
  });
  co_return o ? json_response(*o) : problem_of(o.error());
}

}  // namespace consentry::app::admin
