#include "app/tenant_erasure.h"

#include <fmt/format.h>

#include "app/own_mail.h"

namespace consentry::app {
namespace {

using policy::tenants::tenant;
namespace asio = boost::asio;

constexpr std::chrono::hours letter_lifetime{72};

// Stands on the platform's account: the tenant's own mail goes with the tenant. It repeats why the
// contract ended, for that letter may not have left yet (RULES A2 12: written notice).
own_mail farewell(const tenant_services& s, const tenant& t) {
  own_mail m;
  m.is_notice = true;
  m.about = "tenant.erased";
  m.from = s.postmaster;
  m.from_name = "Consentry";
  m.to = smtp::mailbox::parse(t.contact).value();
  m.subject = fmt::format("{}: Az adatok törölve / The data are erased", t.name);
  m.text = fmt::format(
      "{0} ({1})\n\nA szerződés {2}-án megszűnt (indok: {3}). Kérésére minden adatot töröltünk; "
      "fizikailag 24 órán belül eltűnnek.\n\n---\n\n"
      "The contract ended on {2} (reason: {3}). At your request all data were erased; physically "
      "they are gone within 24 hours.\n\n{4}\n",
      t.legal_name, t.name, to_string(budapest_day(t.state_since)),
      policy::tenants::to_string(t.ended_because), s.postmaster.text());
  return m;
}

asio::awaitable<result<void>> say_farewell(tenant_services& s, const tenant& t,
                                           const std::string& reason, const std::string& actor) {
  const auto now = s.clock.now();
  const auto mail = farewell(s, t);
  auto spooled = spool_own_mail(s.rooms.bodies, mail, s.host_name, now, now + letter_lifetime);
  if (!spooled) co_return spooled.error();
  const auto letter = std::make_shared<const spooled_own_mail>(std::move(*spooled));
  journal::event e{.kind = journal::event_kind::desk_act,
                   .at = now,
                   .tenant = t.id,
                   .reason = reason,
                   .rule = "A2.10",
                   .actor = actor};
  e.facts = {{"act", "tenant.erase"}, {"name", t.name}};
  commit_loop::operation op = [&rooms = s.rooms, letter, e](write_txn& txn) {
    rooms.journal.append(txn, e);
    queue_own_mail(txn, rooms, *letter, e.actor);
  };
  const auto done = co_await s.rooms.commits.commit(std::move(op));
  if (done) s.notify_queue(now);
  co_return done;
}

}  // namespace

asio::awaitable<result<erasure>> erase_tenant(tenant_services& s, tenant_id id, std::string reason,
                                              std::string actor) {
  const auto directory = s.rooms.directory.get();
  const auto* found = directory->find(id);
  if (found == nullptr)
    co_return failure{
        .kind = failure_kind::not_found, .permanent = true, .public_text = "no such tenant"};
  const auto t = *found;
  if (t.state != policy::tenants::tenant_state::terminated)
    co_return failure{.kind = failure_kind::refused,
                      .permanent = true,
                      .public_text = "the contract has not ended: consentry tenant state " +
                                     t.name + " terminated --why by_tenant --reason ..."};
  if (auto said = co_await say_farewell(s, t, reason, actor); !said) co_return said.error();
  auto order = co_await begin_removal(s, id, std::move(reason), std::move(actor));
  if (!order) co_return order.error();
  auto gone = co_await continue_removal(s, std::move(*order));
  if (!gone) co_return gone.error();
  co_return erasure{.name = t.name, .is_finished = *gone};
}

}  // namespace consentry::app
