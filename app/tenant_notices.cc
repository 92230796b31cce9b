#include "app/tenant_notices.h"

#include <set>
#include <vector>

#include "app/own_mail.h"
#include "app/tenant_letters.h"
#include "base/log.h"

namespace consentry::app {
namespace {

using journal::event_kind;

constexpr std::size_t events_per_page = 200;
constexpr std::uint64_t looked_through_min = 2000;
constexpr std::chrono::hours news_for{72};
constexpr std::chrono::hours same_matter_after{24};
constexpr std::chrono::hours mail_lifetime{72};

struct due_letter {
  own_mail mail;
  std::string matter;
};

struct letters_page {
  std::vector<due_letter> letters;
  journal_seq from;
  journal_seq next;
  bool is_more = false;
};

own_mail mail_of(const tenant_services& s, const policy::tenants::tenant& t, tenant_letter letter) {
  own_mail m;
  m.tenant = t.id;
  m.is_notice = true;
  m.about = std::move(letter.about);
  m.from = s.postmaster;
  m.from_name = "Consentry";
  m.to = smtp::mailbox::parse(t.contact).value();
  m.subject = std::move(letter.subject);
  m.text = std::move(letter.text);
  return m;
}

letters_page read_page(const tenant_services& s, const read_txn& txn, instant now) {
  letters_page out;
  const auto& rooms = s.rooms;
  out.from = rooms.notice_marks.next(txn);
  const journal::event_filter filter{.kinds = {event_kind::tenant_changed,
                                               event_kind::standing_changed, event_kind::held,
                                               event_kind::domain_changed}};
  const auto page = rooms.journal.scan(txn, out.from, events_per_page, filter);
  out.is_more = bool{page.next};
  out.next = out.is_more ? page.next : journal_seq{rooms.journal.last(txn).value + 1};
  std::set<std::pair<tenant_id, std::string>> matters;
  const auto desk = s.postmaster.text();
  for (const auto& e : page.entries) {
    if (now - e.what.at > news_for) continue;
    const auto t = rooms.tenants.find_tenant(txn, e.what.tenant);
    if (!t) continue;
    auto letter = letter_on(e.what, *t, desk);
    if (!letter) continue;
    auto matter = letter->matter;
    if (!matter.empty()) {
      const auto told = rooms.notice_marks.told(txn, t->id, matter);
      if (told && now - *told < same_matter_after) continue;
      if (!matters.emplace(t->id, matter).second) continue;
    }
    out.letters.push_back({mail_of(s, *t, std::move(*letter)), std::move(matter)});
  }
  return out;
}

struct spooled_letter {
  spooled_own_mail mail;
  tenant_id tenant;
  std::string matter;
};

}  // namespace

boost::asio::awaitable<result<bool>> send_tenant_notices(tenant_services& s) {
  const auto now = s.clock.now();
  auto look = [&s, now] {
    return s.rooms.env.read([&](read_txn& txn) { return read_page(s, txn, now); });
  };
  const auto page = co_await s.workers.run(std::move(look));
  if (!page) co_return page.error();
  // Where nothing is to be told, looking again is cheaper than a commit each time.
  if (page->letters.empty() && page->next.value - page->from.value < looked_through_min)
    co_return false;
  auto letters = std::make_shared<std::vector<spooled_letter>>();
  for (const auto& l : page->letters) {
    auto spooled = spool_own_mail(s.rooms.bodies, l.mail, s.host_name, now, now + mail_lifetime);
    if (!spooled) co_return spooled.error();
    letters->push_back({std::move(*spooled), l.mail.tenant, l.matter});
  }
  commit_loop::operation op = [&rooms = s.rooms, letters, next = page->next, now](write_txn& txn) {
    for (const auto& l : *letters) {
      queue_own_mail(txn, rooms, l.mail, "gateway");
      if (!l.matter.empty()) rooms.notice_marks.set_told(txn, l.tenant, l.matter, now);
    }
    rooms.notice_marks.set_next(txn, next);
  };
  const auto done = co_await s.rooms.commits.commit(std::move(op));
  if (!done) co_return done.error();
  if (!letters->empty()) {
    s.notify_queue(now);
    log::info("app/tenant_notices", "sent", {{"letters", letters->size()}});
  }
  co_return page->is_more;
}

boost::asio::awaitable<result<void>> send_all_tenant_notices(tenant_services& s) {
  for (;;) {
    const auto more = co_await send_tenant_notices(s);
    if (!more) co_return more.error();
    if (!*more) co_return result<void>{};
  }
}

}  // namespace consentry::app
