#include "app/tenant_export.h"

#include <algorithm>

#include "app/export_rows.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"

namespace consentry::app {
namespace {

using policy::tenants::tenant;
namespace fs = std::filesystem;

constexpr std::size_t rows_per_slice = 2000;
constexpr std::size_t blobs_per_slice = 16;
constexpr std::chrono::hours kept_for{24};

// A failure of the store inside the sections below.
struct unreadable : std::runtime_error {
  explicit unreadable(const failure& f) : std::runtime_error{describe(f)}, what_failed{f} {}
  failure what_failed;
};

// read: (txn, resume) -> rows of one slice; resume empty at the end. write: each of them.
template <class Read, class Write>
void in_slices(const tenant_services& s, Read read, Write write) {
  std::string resume;
  do {
    auto rows = s.rooms.env.read([&](read_txn& txn) { return read(txn, resume); });
    if (!rows) throw unreadable{rows.error()};
    for (const auto& r : *rows) write(r);
  } while (!resume.empty());
}

void write_account(const tenant_services& s, export_writer& out, const tenant& t) {
  const auto directory = s.rooms.directory.get();
  out.tenant(tenant_row(t, s.export_key));
  out.begin("domains", "domain");
  for (const auto* d : directory->domains_of(t.id)) out.row(domain_row(*d));
  out.end();
  out.begin("credentials", "credential");
  for (const auto* c : directory->credentials_of(t.id)) out.row(credential_row(*c, s.export_key));
  out.end();
}

void write_people(const tenant_services& s, export_writer& out, tenant_id id) {
  const auto& rooms = s.rooms;
  out.begin("persons", "person_record");
  in_slices(
      s,
      [&](const read_txn& txn, std::string& resume) {
        return rooms.consents.person_rows(txn, id, rows_per_slice, resume);
      },
      [&](const auto& p) { out.row(person_row(p)); });
  out.end();
  out.begin("consents", "consent");
  in_slices(
      s,
      [&](const read_txn& txn, std::string& resume) {
        return rooms.consents.rows(txn, id, rows_per_slice, resume);
      },
      [&](const auto& c) { out.row(consent_row(c, s.export_key)); });
  out.end();
  // Behind the consents that point to them: so they are never without one after an import.
  out.begin("evidence", "blob");
  in_slices(
      s,
      [&](const read_txn& txn, std::string& resume) {
        return rooms.evidence.blobs(txn, id, blobs_per_slice, resume);
      },
      [&](const auto& b) { out.row(blob_row(b)); });
  out.end();
  out.begin("notices", "notice");
  in_slices(
      s,
      [&](const read_txn& txn, std::string& resume) {
        return rooms.evidence.notices(txn, id, blobs_per_slice, resume);
      },
      [&](const auto& n) { out.row(notice_row(n)); });
  out.end();
  out.begin("suppressions", "suppression");
  in_slices(
      s,
      [&](const read_txn& txn, std::string& resume) {
        return rooms.suppressions.all(txn, id, rows_per_slice, resume);
      },
      [&](const auto& l) { out.row(suppression_row(l, s.export_key)); });
  out.end();
}

void write_reputation(const tenant_services& s, export_writer& out, tenant_id id) {
  const auto& rooms = s.rooms;
  out.begin("standings", "standing");
  in_slices(
      s,
      [&](const read_txn& txn, std::string& resume) {
        resume.clear();
        auto all = rooms.blocker.history(txn, id, 100'000);
        std::ranges::reverse(all);
        return all;
      },
      [&](const auto& c) { out.row(standing_row(c.after)); });
  out.end();
  for (const bool by_day : {false, true}) {
    out.begin(by_day ? "days" : "campaigns", by_day ? "day_sum" : "campaign_sum");
    in_slices(
        s,
        [&](const read_txn& txn, std::string& resume) {
          return rooms.tally.sums(txn, id, by_day, rows_per_slice, resume);
        },
        [&](const auto& sum) { out.row(sum_row(sum)); });
    out.end();
  }
  out.begin("templates", "template");
  in_slices(
      s,
      [&](const read_txn& txn, std::string& resume) {
        resume.clear();
        return rooms.fingerprints.approvals(txn, id, 100'000);
      },
      [&](const auto& a) { out.row(approval_row(a)); });
  out.end();
  out.begin("exemptions", "exemption");
  in_slices(
      s,
      [&](const read_txn& txn, std::string& resume) {
        resume.clear();
        return rooms.exemptions.all(txn, id);
      },
      [&](const auto& x) { out.row(exemption_row(x)); });
  out.end();
}

void write_sign_ups(const tenant_services& s, export_writer& out, tenant_id id) {
  const auto& rooms = s.rooms;
  const auto once = [&](auto read) {
    return [read](const read_txn& txn, std::string& resume) {
      resume.clear();
      return read(txn);
    };
  };
  const auto forms = [&](const read_txn& txn) { return rooms.sign_ups.forms_of(txn, id); };
  out.begin("forms", "form");
  in_slices(s, once(forms), [&](const auto& f) { out.row(form_row(f)); });
  out.end();
  const auto texts = [&](const read_txn& txn) {
    std::vector<form_text> all;
    for (const auto& f : rooms.sign_ups.forms_of(txn, id))
      for (auto& n : rooms.sign_ups.notices_of(txn, f)) all.push_back({f.id, std::move(n)});
    return all;
  };
  out.begin("form_texts", "form_text");
  in_slices(s, once(texts), [&](const auto& t) { out.row(form_text_row(t)); });
  out.end();
  out.begin("sign_ups", "waiting_sign_up");
  in_slices(
      s,
      [&](const read_txn& txn, std::string& resume) {
        return rooms.sign_ups.rows(txn, id, rows_per_slice, resume);
      },
      [&](const auto& l) { out.row(sign_up_row(l, s.export_key)); });
  out.end();
  const auto approved = [&](const read_txn& txn) { return rooms.sign_ups.templates_of(txn, id); };
  out.begin("doi_templates", "doi_template");
  in_slices(s, once(approved), [&](const auto& t) { out.row(doi_template_row(t)); });
  out.end();
  const auto people = [&](const read_txn& txn) { return rooms.users.list(txn, id); };
  out.begin("users", "user");
  in_slices(s, once(people), [&](const auto& u) { out.row(user_row(u)); });
  out.end();
}

void write_history(const tenant_services& s, export_writer& out, tenant_id id) {
  const auto& rooms = s.rooms;
  out.begin("history", "entry");
  in_slices(
      s,
      [&](const read_txn& txn, std::string& resume) {
        return rooms.past.page(txn, id, rows_per_slice, resume);
      },
      [&](const auto& line) { out.line(line); });
  in_slices(
      s,
      [&](const read_txn& txn, std::string& resume) {
        const journal_seq from{resume.empty() ? 1 : std::stoull(resume)};
        auto page = rooms.journal.scan(txn, from, rows_per_slice, {.tenant = id});
        resume = page.next ? std::to_string(page.next.value) : std::string{};
        return page.entries;
      },
      [&](const auto& e) { out.row(history_row(e.what, s.export_key)); });
  out.end();
}

bool owes(const tenant& t) {
  return t.state == policy::tenants::tenant_state::overdue ||
         t.ended_because == policy::tenants::termination_reason::over30_overdue;
}

result<void> note(const tenant_services& s, const tenant& t, export_format format, bool is_settled,
                  const export_trailer& trailer, const std::string& actor) {
  journal::event e;
  e.kind = journal::event_kind::tenant_exported;
  e.at = s.clock.now();
  e.tenant = t.id;
  e.rule = "A2.12";
  e.actor = actor;
  e.facts = {{"format", std::string{to_string(format)}}, {"sha256", trailer.sha256}};
  if (is_settled) e.facts["invoices"] = "settled";
  for (const auto& [section, rows] : trailer.counts)
    e.facts["rows." + section] = std::to_string(rows);
  return s.rooms.commits.run(
      [&rooms = s.rooms, e](write_txn& txn) { rooms.journal.append(txn, e); });
}

}  // namespace

result<export_made> export_tenant(const tenant_services& s, const tenant& t, export_format format,
                                  bool is_settled, const std::string& actor) {
  if (format == export_format::json && owes(t) && !is_settled)
    return failure{.kind = failure_kind::refused,
                   .permanent = true,
                   .public_text =
                       "JSON is handed over after invoices are settled (terms 12): say "
                       "that they are, or hand over XML"};
  const auto folder = s.exports_folder / std::to_string(t.id.value);
  std::error_code error;
  fs::create_directories(folder, error);
  fs::permissions(s.exports_folder, fs::perms::owner_all, error);
  export_made made{.id = base32(random_bytes(20))};
  const auto file = folder / (made.id + "." + std::string{to_string(format)});
  try {
    export_writer out{
        file, format, {.made_at = to_string_utc(s.clock.now()), .gateway = s.host_name}};
    write_account(s, out, t);
    write_people(s, out, t.id);
    write_reputation(s, out, t.id);
    write_sign_ups(s, out, t.id);
    write_history(s, out, t.id);
    made.trailer = out.finish(s.export_key);
  } catch (const unreadable& e) {
    fs::remove(file, error);
    return e.what_failed;
  } catch (const std::exception& e) {
    fs::remove(file, error);
    log::error("app/tenant_export", "failed", {{"tenant", t.name}, {"cause", e.what()}});
    return failure{.kind = failure_kind::io, .public_text = e.what()};
  }
  if (auto noted = note(s, t, format, is_settled, made.trailer, actor); !noted) {
    fs::remove(file, error);
    return noted.error();
  }
  log::info("app/tenant_export", "made",
            {{"tenant", t.name}, {"format", to_string(format)}, {"bytes", made.trailer.bytes}});
  return made;
}

bool is_transfer_id(std::string_view id) noexcept {
  return id.size() == 32 && std::ranges::all_of(id, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7');
         });
}

std::optional<fs::path> find_export(const tenant_services& s, tenant_id tenant,
                                    const std::string& id) {
  if (!is_transfer_id(id)) return std::nullopt;
  std::error_code error;
  for (const auto format : {export_format::json, export_format::xml}) {
    const auto file = s.exports_folder / std::to_string(tenant.value) /
                      (id + "." + std::string{to_string(format)});
    if (fs::is_regular_file(file, error)) return file;
  }
  return std::nullopt;
}

void remove_old_exports(const tenant_services& s) {
  std::error_code error;
  // The file system's own clock tells its files' age.
  const auto now = fs::file_time_type::clock::now();
  std::vector<fs::path> old;
  for (fs::recursive_directory_iterator at{s.exports_folder, error}, end; !error && at != end;
       at.increment(error)) {
    std::error_code unread;
    if (at->is_regular_file(unread) && now - at->last_write_time(unread) > kept_for)
      old.push_back(at->path());
  }
  for (const auto& f : old) fs::remove(f, error);
}

}  // namespace consentry::app
