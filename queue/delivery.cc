#include "queue/delivery.h"

#include <list>
#include <unordered_map>

#include "base/log.h"
#include "base/text.h"

namespace consentry::queue {
namespace {

namespace asio = boost::asio;

// What the worker makes: the content shared by all copies (made by the first that needs it) and
// this copy's header.
struct made_copy {
  std::shared_ptr<const shared_content> content;
  std::string header;
  std::string return_path;
  std::optional<failure> problem;
};

}  // namespace

namespace {

// A tag of a DKIM-Signature of ours, whose fields hold no other "x=" before it (RFC 6376 3.5).
std::string_view tag_of(std::string_view field, std::string_view tag) {
  for (auto at = field.find(tag); at != std::string_view::npos; at = field.find(tag, at + 1)) {
    const char before = at == 0 ? ' ' : field[at - 1];
    if (before != ' ' && before != '\t' && before != ';' && before != '\n') continue;
    const auto value = field.substr(at + tag.size());
    return trim(value.substr(0, value.find(';')));
  }
  return {};
}

// The signatures stand first, one field each; a line of its own begins no field.
std::string signers_of(std::string_view header) {
  constexpr std::string_view name = "DKIM-Signature:";
  std::string out;
  while (header.starts_with(name)) {
    auto end = header.find("\r\n");
    while (end != std::string_view::npos && end + 2 < header.size() &&
           (header[end + 2] == ' ' || header[end + 2] == '\t'))
      end = header.find("\r\n", end + 2);
    const auto field = header.substr(name.size(), end - name.size());
    if (!out.empty()) out += ", ";
    out += tag_of(field, "d=");
    out += '/';
    out += tag_of(field, "s=");
    if (end == std::string_view::npos) break;
    header.remove_prefix(end + 2);
  }
  return out;
}

}  // namespace

struct delivery::state {
  parts p;
  delivery_settings settings;

  // Shared contents: found while any copy is in flight, and the last few for copies to come, so
  // that body and hash are made once.
  std::unordered_map<message_id, std::weak_ptr<const shared_content>> known;
  std::list<std::shared_ptr<const shared_content>> recent;  // newest first
  std::size_t recent_bytes = 0;
  site_directory sites{};

  std::shared_ptr<const shared_content> find(message_id id);
  void remember(message_id id, std::shared_ptr<const shared_content> content);
};

std::shared_ptr<const shared_content> delivery::state::find(message_id id) {
  const auto found = known.find(id);
  return found == known.end() ? nullptr : found->second.lock();
}

void delivery::state::remember(message_id id, std::shared_ptr<const shared_content> content) {
  known[id] = content;
  recent_bytes += content->header.size() + content->body.size();
  recent.push_front(std::move(content));
  while (recent_bytes > settings.shared_bytes_max && !recent.empty()) {
    recent_bytes -= recent.back()->header.size() + recent.back()->body.size();
    recent.pop_back();
  }
  constexpr std::size_t sweep_at = 4096;
  if (known.size() > sweep_at)
    std::erase_if(known, [](const auto& e) { return e.second.expired(); });
}

delivery::delivery(parts p, delivery_settings s)
    : state_{std::make_unique<state>(state{.p = std::move(p), .settings = std::move(s)})} {}
delivery::~delivery() = default;

std::optional<std::string> delivery::site_of(const std::string& domain) const {
  const auto routes = state_->p.routes();
  if (const auto* way = routes->find(domain)) return way->host + ":" + std::to_string(way->port);
  if (!state_->p.sites) return domain;
  return state_->sites.find(domain, state_->p.clock.now());
}

asio::awaitable<void> delivery::find_site(std::string domain) {
  if (!state_->p.sites) co_return;
  auto name = domain;
  const auto site = co_await state_->p.sites(std::move(name));
  const auto now = state_->p.clock.now();
  if (site && !site->empty())
    state_->sites.put(domain, *site, now);
  else
    state_->sites.put_failed(domain, now);
}

asio::awaitable<carried> delivery::carry(std::shared_ptr<const queued_message> m,
                                         std::shared_ptr<const queued_recipient> r, departure from,
                                         std::function<bool()> may_start) {
  auto& p = state_->p;
  auto content = state_->find(m->id);
  const bool was_known = content != nullptr;
  const auto keys = p.keys();
  const auto tokens = p.tokens();
  const auto now = p.clock.now();
  std::function<made_copy()> job = [this, m, r, content, keys, tokens, now] {
    made_copy out{.content = content};
    if (!out.content) {
      const auto data = state_->p.bodies.read(m->body_at);
      if (!data) {
        out.problem = data.error();
        return out;
      }
      out.content = make_shared_content(*m, *data, state_->settings.copies.rewrite);
    }
    const auto& copies = state_->settings.copies;
    out.header = copy_header(copies, *tokens, *keys, *m, r->id, *out.content, now);
    out.return_path = return_path(copies, *tokens, *m, r->id);
    return out;
  };
  auto copy = co_await p.workers.run(std::move(job));

  carried failed;
  if (copy.problem) {
    // A damaged body cannot get better, but a person may bring it back from a copy of the disk: it
    // stays until it expires.
    log::error("queue/delivery", "body_unreadable",
               {{"message", to_string(m->id)}, {"cause", copy.problem->private_cause}});
    failed.outcome.scope = smtp::outcome_scope::message;
    failed.outcome.last_reply.enhanced = {4, 3, 0};
    failed.outcome.cause = "the stored message cannot be read";
    co_return failed;
  }
  // Another copy may have been quicker. A single recipient's is of no use to others.
  if (!was_known && m->recipients_total > 1 && !state_->find(m->id))
    state_->remember(m->id, copy.content);

  auto t = std::make_shared<transmission>();
  t->from = std::move(from);
  t->domain = r->domain;
  t->routes = p.routes();
  t->return_path = std::move(copy.return_path);
  t->recipient = r->address;
  // A recipient with a local part of its own script needs it too: the transaction sees to that.
  t->smtputf8 = copy.content->eight_bit_header;
  t->tls = m->tls;
  auto signers = signers_of(copy.header);
  t->header = std::move(copy.header);
  t->content = std::move(copy.content);
  t->may_start = std::move(may_start);
  if (p.traces != nullptr) t->tap = p.traces->tap(*m, *r, t->from.path);
  auto done = co_await p.network.transmit(std::move(t));
  done.outcome.signed_by = std::move(signers);
  co_return done;
}

}  // namespace consentry::queue
