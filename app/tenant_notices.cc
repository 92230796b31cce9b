#include "app/tenant_notices.h"

#include <map>
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

constexpr std::size_t owed_per_page = 100;

struct due_letter {
  own_mail mail;
  std::string matter_key;  // of notice_marks; empty: always told
};

struct letters_page {
  std::vector<due_letter> letters;
  std::map<std::string, std::optional<owed_notice>> owed;  // by key; nullopt: no longer
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

// Of one read transaction.
class page_reader {
 public:
  page_reader(const tenant_services& s, const read_txn& txn, instant now)
      : s_{s}, txn_{txn}, now_{now} {}

  letters_page read();

 private:
  struct news {
    policy::tenants::tenant tenant;
    tenant_letter letter;
  };
  std::optional<news> news_in(const journal::event& e) const;
  void take(const journal::entry& e);
  void take_owed();
  bool is_still_so(const news& n) const;
  bool is_owed(const std::string& key) const;
  void write(news n, std::string key);

  const tenant_services& s_;
  const read_txn& txn_;
  instant now_;
  std::set<std::string> told_;  // of this page
  letters_page out_;
};

letters_page page_reader::read() {
  const auto& rooms = s_.rooms;
  out_.from = rooms.notice_marks.next(txn_);
  const journal::event_filter filter{
      .kinds = {event_kind::tenant_changed, event_kind::standing_changed, event_kind::held,
                event_kind::domain_changed, event_kind::warned, event_kind::desk_act}};
  const auto page = rooms.journal.scan(txn_, out_.from, events_per_page, filter);
  out_.is_more = bool{page.next};
  out_.next = out_.is_more ? page.next : journal_seq{rooms.journal.last(txn_).value + 1};
  for (const auto& e : page.entries) take(e);
  // What takes it back may be among what is still to be read.
  if (!out_.is_more) take_owed();
  return std::move(out_);
}

std::optional<page_reader::news> page_reader::news_in(const journal::event& e) const {
  if (now_ - e.at > news_for) return std::nullopt;
  auto t = s_.rooms.tenants.find_tenant(txn_, e.tenant);
  if (!t) return std::nullopt;
  auto letter = letter_on(e, *t, s_.postmaster.text());
  if (!letter) return std::nullopt;
  return news{std::move(*t), std::move(*letter)};
}

void page_reader::take(const journal::entry& e) {
  auto n = news_in(e.what);
  if (!n) return;
  if (n->letter.matter.empty()) return write(std::move(*n), {});
  const auto& marks = s_.rooms.notice_marks;
  auto key = marks.key_of(n->tenant.id, n->letter.matter);
  if (const auto& domain = n->letter.domain) {
    // What was never told need not be taken back: the last letter is true again.
    const auto opposite = marks.key_of(n->tenant.id, domain->opposite);
    if (is_owed(opposite)) {
      out_.owed[opposite] = std::nullopt;
      return;
    }
  }
  const auto told = told_.contains(key) ? now_ : marks.told(txn_, key);
  if (!told || now_ - *told >= same_matter_after) {
    write(std::move(*n), std::move(key));
  } else if (n->letter.domain) {
    out_.owed[key] = {.seq = e.seq, .due = *told + same_matter_after};
  }
}

void page_reader::take_owed() {
  const auto& rooms = s_.rooms;
  for (auto& [key, owed] : rooms.notice_marks.due(txn_, now_, owed_per_page)) {
    if (out_.owed.contains(key)) continue;
    out_.owed[key] = std::nullopt;
    const auto e = rooms.journal.read(txn_, owed.seq);
    auto n = e ? news_in(e->what) : std::nullopt;
    if (n && is_still_so(*n)) write(std::move(*n), std::move(key));
  }
}

bool page_reader::is_still_so(const news& n) const {
  const auto& domain = n.letter.domain;
  if (!domain) return false;
  const auto row = s_.rooms.preflights.find(txn_, n.tenant.id, domain->domain);
  return row && (row->state() == smtp::auth::check_state::fail) == domain->is_failing;
}

bool page_reader::is_owed(const std::string& key) const {
  const auto changed = out_.owed.find(key);
  return changed != out_.owed.end() ? changed->second.has_value()
                                    : s_.rooms.notice_marks.is_owed(txn_, key);
}

void page_reader::write(news n, std::string key) {
  if (!key.empty()) {
    told_.insert(key);
    if (is_owed(key)) out_.owed[key] = std::nullopt;
  }
  out_.letters.push_back({mail_of(s_, n.tenant, std::move(n.letter)), std::move(key)});
}

struct spooled_letter {
  spooled_own_mail mail;
  std::string matter_key;
};

}  // namespace

boost::asio::awaitable<result<bool>> send_tenant_notices(tenant_services& s) {
  const auto now = s.clock.now();
  auto look = [&s, now] {
    return s.rooms.env.read([&](read_txn& txn) { return page_reader{s, txn, now}.read(); });
  };
  const auto page = co_await s.workers.run(std::move(look));
  if (!page) co_return page.error();
  // Where nothing is to be told, looking again is cheaper than a commit each time.
  if (page->letters.empty() && page->owed.empty() &&
      page->next.value - page->from.value < looked_through_min)
    co_return false;
  auto letters = std::make_shared<std::vector<spooled_letter>>();
  for (const auto& l : page->letters) {
    auto spooled = spool_own_mail(s.rooms.bodies, l.mail, s.host_name, now, now + mail_lifetime);
    if (!spooled) co_return spooled.error();
    letters->push_back({std::move(*spooled), l.matter_key});
  }
  commit_loop::operation op = [&rooms = s.rooms, letters, owed = page->owed, next = page->next,
                               now](write_txn& txn) {
    for (const auto& l : *letters) {
      queue_own_mail(txn, rooms, l.mail, "gateway");
      if (!l.matter_key.empty()) rooms.notice_marks.set_told(txn, l.matter_key, now);
    }
    for (const auto& [key, n] : owed) {
      if (n)
        rooms.notice_marks.owe(txn, key, *n);
      else
        rooms.notice_marks.settle(txn, key);
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
