#include "app/admin/queue_query.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>

#include "base/text.h"
#include "queue/courier.h"
#include "smtp/address.h"

namespace consentry::app::admin {
namespace {

constexpr std::size_t domains_looked_at_max = 200'000;
constexpr std::chrono::seconds lookups_may_take{3};

instant ago(api_context& c, const std::string& text, const char* name) {
  const auto age = parse_age(text);
  if (!age)
    throw configuration_error(fmt::format("{} must be an age like 90s, 15m, 6h or 3d", name));
  return c.clock.now() - *age;
}

std::string domain_named(const std::string& text) {
  auto ascii = smtp::ascii_domain(text);
  if (!ascii) throw configuration_error("domain must be a domain");
  return *ascii;
}

result<std::vector<std::string>> waiting_domains(api_context& c) {
  return c.rooms.env.read([&](read_txn& txn) {
    std::vector<std::string> out;
    std::string resume;
    do {
      for (auto& d : c.rooms.queue.waiting().by_domain(txn, {}, resume, 1000))
        out.push_back(std::move(d.domain));
    } while (!resume.empty() && out.size() < domains_looked_at_max);
    return out;
  });
}

}  // namespace

std::optional<std::chrono::seconds> parse_age(std::string_view text) {
  std::uint32_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end + 1 != text.data() + text.size()) return std::nullopt;
  using namespace std::chrono;
  switch (*end) {
    case 's':
      return seconds{n};
    case 'm':
      return minutes{n};
    case 'h':
      return hours{n};
    case 'd':
      return days{n};
    default:
      return std::nullopt;
  }
}

queue::queue_filter filter_of(api_context& c, const named_text& asked) {
  queue::queue_filter f;
  const auto directory = c.rooms.directory.get();
  if (const auto tenant = asked("tenant"); !tenant.empty()) {
    const auto* t = directory->find_named(tenant);
    if (t == nullptr) throw configuration_error(fmt::format("no tenant {}", printable(tenant, 64)));
    f.tenant = t->id;
  }
  if (const auto stream = asked("stream"); !stream.empty()) {
    f.stream = smtp::parse_stream(stream);
    if (!f.stream)
      throw configuration_error("stream must be one of bulk, transactional, automation, doi");
  }
  if (auto campaign = asked("campaign"); !campaign.empty()) f.campaign = std::move(campaign);
  if (const auto message = asked("message"); !message.empty()) {
    const auto id = parse_message_id(message);
    if (!id) throw configuration_error("message must be a number like m0000012");
    f.message = *id;
  }
  if (const auto recipient = asked("recipient"); !recipient.empty()) {
    const auto id = parse_recipient_id(recipient);
    if (!id) throw configuration_error("recipient must be a number like r0000013");
    const auto m =
        c.rooms.env.read([&](read_txn& txn) { return c.rooms.queue.message_of(txn, *id); });
    if (!m || !*m || (f.message && (*m)->id != f.message))
      throw configuration_error(fmt::format("no recipient {}", to_string(*id)));
    f.recipient = *id;
    f.message = (*m)->id;
  }
  if (const auto domain = asked("domain"); !domain.empty())
    f.domains =
        std::make_shared<const std::set<std::string>>(std::set<std::string>{domain_named(domain)});
  if (const auto state = asked("state"); !state.empty()) {
    f.state = queue::parse_waits(state);
    if (!f.state) throw configuration_error("state must be one of untried, deferred, held");
  }
  if (auto reason = asked("held_because"); !reason.empty()) f.held_because = std::move(reason);
  if (const auto age = asked("older_than"); !age.empty())
    f.accepted_before = ago(c, age, "older_than");
  if (const auto age = asked("newer_than"); !age.empty())
    f.accepted_from = ago(c, age, "newer_than");
  return f;
}

boost::asio::awaitable<result<found_site>> find_site(api_context& c, std::string named) {
  found_site out;
  out.site = named;
  if (c.carrier == nullptr) {
    out.domains.insert(std::move(named));
    co_return out;
  }
  if (const auto ascii = smtp::ascii_domain(named)) {
    auto site = c.carrier->site_of(*ascii);
    if (!site) {
      co_await c.carrier->find_site(*ascii);
      site = c.carrier->site_of(*ascii);
    }
    if (site) out.site = *site;
  }
  auto domains = waiting_domains(c);
  if (!domains) co_return domains.error();
  const auto until = std::chrono::steady_clock::now() + lookups_may_take;
  for (auto& d : *domains) {
    auto site = c.carrier->site_of(d);
    if (!site && std::chrono::steady_clock::now() < until) {
      co_await c.carrier->find_site(d);
      site = c.carrier->site_of(d);
    }
    if (!site)
      ++out.unknown;
    else if (*site == out.site)
      out.domains.insert(std::move(d));
  }
  co_return out;
}

boost::asio::awaitable<result<queue::queue_filter>> find_filter(api_context& c, named_text asked) {
  auto f = filter_of(c, asked);
  auto site = asked("site");
  if (site.empty()) co_return f;
  if (f.domains) throw configuration_error("name a domain or a site, not both");
  auto found = co_await find_site(c, std::move(site));
  if (!found) co_return found.error();
  f.domains = std::make_shared<const std::set<std::string>>(std::move(found->domains));
  co_return f;
}

boost::json::object counts_json(const queue::queue_counts& c) {
  return {
      {"messages", c.messages}, {"queued", c.queued}, {"deferred", c.deferred}, {"held", c.held}};
}

}  // namespace consentry::app::admin
