#include "app/desk_samples.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "filters/content_fingerprint.h"
#include "queue/named_person.h"

namespace consentry::app {
namespace {

constexpr std::size_t contents_max = 20;
constexpr std::size_t messages_looked_at_max = 2000;
constexpr std::size_t recipients_max = 100;
constexpr std::string_view content_reason = "content.";

// "content.s3" -> "S3"; empty for what no category held.
std::string category_of(std::string_view reason) {
  if (!reason.starts_with(content_reason)) return {};
  std::string out{reason.substr(content_reason.size())};
  const bool is_category =
      out.size() == 2 && (out[0] == 'h' || out[0] == 's') && out[1] >= '1' && out[1] <= '8';
  if (!is_category) return {};
  out[0] = static_cast<char>(out[0] - 'a' + 'A');
  return out;
}

struct held_message {
  queue::queued_message message;
  std::string category;
  std::vector<queue::named_person> recipients;
};

// What the order would decide: held for its content.
std::optional<held_message> held_for_content(const read_txn& txn, const store_rooms& rooms,
                                             const queue::queued_message& m) {
  if (m.recipients_held == 0 || m.recipients_total > recipients_max ||
      m.body_at.length > desk_sample_bytes_max)
    return std::nullopt;
  held_message out{m, {}, {}};
  for (const auto& r : rooms.queue.recipients_of(txn, m)) {
    if (r.state == queue::recipient_state::held && out.category.empty())
      out.category = category_of(r.reason);
    const auto known = rooms.consents.find_person(txn, m.tenant, r.person);
    if (!r.address.empty())
      out.recipients.emplace_back(ascii_lower(r.address), known ? known->name : std::string{});
  }
  if (out.category.empty()) return std::nullopt;
  return out;
}

std::vector<held_message> find_held(store_rooms& rooms, const queue::queue_filter& which) {
  const auto found = rooms.env.read([&](read_txn& txn) {
    std::vector<held_message> out;
    const auto take = [&](const queue::queued_message& m) {
      if (auto held = held_for_content(txn, rooms, m)) out.push_back(std::move(*held));
    };
    if (which.message.value != 0) {
      if (const auto m = rooms.queue.message(txn, which.message)) take(*m);
      return out;
    }
    std::string resume;
    std::size_t looked_at = 0;
    do {
      const auto page = rooms.queue.list(txn, which, resume, 200);
      looked_at += page.size();
      for (const auto& m : page) take(m);
    } while (!resume.empty() && looked_at < messages_looked_at_max &&
             out.size() < 5 * contents_max);
    return out;
  });
  return found ? *found : std::vector<held_message>{};
}

}  // namespace

std::vector<desk_sample> samples_of(store_rooms& rooms, const queue_order& order, instant now) {
  if (order.what == queue_act::hold) return {};
  std::map<std::pair<tenant_id, std::string>, desk_sample> by_content;
  for (const auto& held : find_held(rooms, order.which)) {
    if (by_content.size() == contents_max) break;
    const auto body = rooms.bodies.read(held.message.body_at);
    if (!body) continue;
    desk_sample s{.tenant = held.message.tenant,
                  .fingerprint = filters::fingerprint_of(smtp::mime::walk(*body)).digest,
                  .message = held.message.id,
                  .at = now,
                  .label = order.what == queue_act::release ? "clean" : held.category,
                  .actor = order.actor,
                  .reason = order.reason,
                  .policy_version = held.message.policy_version,
                  .mail = *body};
    for (const auto& who : held.recipients) s.mail = who.redacted(s.mail);
    by_content.try_emplace({s.tenant, s.fingerprint}, std::move(s));
  }
  std::vector<desk_sample> out;
  for (auto& [key, s] : by_content) out.push_back(std::move(s));
  return out;
}

void keep_samples(write_txn& txn, store_rooms& rooms, const std::vector<desk_sample>& samples) {
  for (const auto& s : samples) {
    rooms.samples.put(txn, s);
    auto all = rooms.samples.of_tenant(txn, s.tenant);
    if (all.size() <= desk_samples_per_tenant_max) continue;
    const auto oldest = std::min_element(all.begin(), all.end(),
                                         [](const auto& a, const auto& b) { return a.at < b.at; });
    rooms.samples.erase(txn, oldest->tenant, oldest->fingerprint);
  }
}

erasure_hook hook_for_desk_samples(store_rooms& rooms) {
  return [&rooms](const erased_person& who) -> result<std::uint64_t> {
    const auto all =
        rooms.env.read([&](read_txn& txn) { return rooms.samples.of_tenant(txn, who.tenant); });
    if (!all) return all.error();
    std::uint64_t changed = 0;
    for (auto s : *all) {
      if (!who.name.is_named_in(s.mail) && !who.name.is_named_in(s.reason)) continue;
      s.mail = who.name.redacted(s.mail);
      s.reason = who.name.without(s.reason);
      const auto done = rooms.commits.run([&](write_txn& txn) {
        // It may have been removed, or decided anew, meanwhile: then the mail kept is another.
        for (const auto& now : rooms.samples.of_tenant(txn, s.tenant))
          if (now.fingerprint == s.fingerprint && now.at == s.at) rooms.samples.put(txn, s);
      });
      if (!done) return done.error();
      ++changed;
    }
    return changed;
  };
}

}  // namespace consentry::app
