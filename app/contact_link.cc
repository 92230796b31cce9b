#include "app/contact_link.h"

#include <fmt/format.h>

#include "app/own_mail.h"
#include "app/tenant_change.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"

namespace consentry::app {
namespace {

using policy::tenants::tenant;

constexpr std::size_t token_bytes = 20;
// A mail server that is away for a weekend still gets it.
constexpr std::chrono::hours mail_lifetime{72};

own_mail link_mail(const tenant_services& s, const tenant& t, const std::string& token,
                   instant expires_at) {
  const auto url = s.public_origin + "/a/" + token;
  own_mail m;
  m.tenant = t.id;
  // A notice: the gate would hold any other mail of a tenant that is pending.
  m.is_notice = true;
  m.about = "contact_link";
  m.from = s.postmaster;
  m.from_name = "Consentry";
  m.to = smtp::mailbox::parse(t.contact).value();
  m.subject = fmt::format("Erősítse meg: {} / Please confirm: {}", t.name, t.name);
  const auto until = to_string_budapest(expires_at).substr(0, 10);
  m.text = fmt::format(
      "{0} ezt a címet adta meg kapcsolattartási címként ({1}).\n"
      "A fiók a megerősítés után használható. Nyissa meg ezt a lapot {2} előtt, és nyomja meg\n"
      "rajta a gombot:\n\n{3}\n\n"
      "Ha Ön erről nem tud, nincs teendője: a fiók nem lesz használható.\n\n"
      "---\n\n"
      "{0} named this address as its contact ({1}).\n"
      "The account can be used once that is confirmed. Please open the page above before {2} and\n"
      "press its button. If you know nothing of this, do nothing: the account stays closed.\n",
      t.legal_name, t.name, until, url);
  return m;
}

}  // namespace

std::string origin_of(const std::string& url) {
  const auto scheme = url.find("://");
  if (scheme == std::string::npos) return {};
  return url.substr(0, url.find('/', scheme + 3));
}

std::string contact_token_hash(std::string_view token) {
  const auto lower = ascii_lower(token);
  return std::string{as_bytes(sha256(lower))};
}

boost::asio::awaitable<result<tenant>> send_contact_link(tenant_services& s, tenant_id id,
                                                         std::string actor) {
  const auto directory = s.rooms.directory.get();
  const auto* t = directory->find(id);
  if (t == nullptr)
    co_return failure{
        .kind = failure_kind::not_found, .permanent = true, .public_text = "no such tenant"};
  const auto now = s.clock.now();
  const auto token = base32(random_bytes(token_bytes));
  const auto expires_at = now + contact_link_lifetime;
  const auto mail = link_mail(s, *t, token, expires_at);
  auto spooled = spool_own_mail(s.rooms.bodies, mail, s.host_name, now, now + mail_lifetime);
  if (!spooled) co_return spooled.error();
  const auto body = std::make_shared<const spooled_own_mail>(std::move(*spooled));
  std::function<result<tenant>(write_txn&)> f =
      [&rooms = s.rooms, id, body, actor, now, expires_at,
       hash = contact_token_hash(token)](write_txn& txn) -> result<tenant> {
    auto issued = rooms.tenants.issue_contact_token(txn, id, hash, expires_at, actor, now);
    if (issued) queue_own_mail(txn, rooms, *body, actor);
    return issued;
  };
  auto done = co_await change_tenants<tenant>(s.rooms, std::move(f));
  if (done) {
    s.notify_queue(now);
    log::info("app/contact_link", "sent", {{"tenant", done->name}});
  }
  co_return done;
}

}  // namespace consentry::app
