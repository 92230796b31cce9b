#include "app/tenant_import.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <fstream>

#include "app/export_rows.h"
#include "app/export_writer.h"
#include "base/log.h"
#include "base/text.h"
#include "smtp/auth/key_ring.h"

namespace consentry::app {
namespace {

namespace json = boost::json;
namespace tenants = policy::tenants;

constexpr std::size_t line_bytes_max = 4u << 20;
constexpr std::size_t rows_per_slice = 500;
constexpr std::size_t slice_bytes_max = 4u << 20;
// An import that did not end by then is swept away.
constexpr std::chrono::hours works_for{12};
constexpr std::string_view trailer_begins = "\"trailer\":";

failure no(failure_kind kind, std::string text) {
  return {.kind = kind, .permanent = true, .public_text = std::move(text)};
}

class line_source {
 public:
  explicit line_source(const std::filesystem::path& file) : in_{file, std::ios::binary} {}
  // Without its line feed. false: the end. Throws configuration_error for a line without end.
  bool next(std::string& line) {
    line.clear();
    auto* bytes = in_.rdbuf();
    for (;;) {
      const int c = bytes->sbumpc();
      if (c == std::char_traits<char>::eof()) return !line.empty();
      if (c == '\n') return true;
      if (line.size() == line_bytes_max) throw configuration_error("a line is too long");
      line += static_cast<char>(c);
    }
  }

 private:
  std::ifstream in_;
};

json::object object_in(std::string_view text) {
  json::error_code error;
  auto v = json::parse(text, error);
  if (error || !v.is_object()) throw configuration_error("not a JSON object");
  return std::move(v.as_object());
}

std::string_view without_comma(std::string_view line) {
  if (line.ends_with(',')) line.remove_suffix(1);
  return line;
}

// The counts of the trailer, once the seal is found good.
result<json::object> verified(const tenant_services& s, const std::filesystem::path& file) {
  line_source in{file};
  sha256_stream digest;
  std::string line;
  bool is_first = true;
  while (in.next(line)) {
    if (is_first && line != "{")
      return no(failure_kind::invalid, "this is no tenant export in JSON");
    is_first = false;
    if (!line.starts_with(trailer_begins)) {
      digest.add(line);
      digest.add("\n");
      continue;
    }
    auto trailer = object_in(std::string_view{line}.substr(trailer_begins.size()));
    const auto text = [&](std::string_view name) {
      const auto* v = trailer.if_contains(name);
      return v != nullptr && v->is_string() ? std::string{v->as_string()} : std::string{};
    };
    const auto sha = hex(as_bytes(digest.finish()));
    if (text("sha256") != sha) return no(failure_kind::refused, "the file was changed, or is cut");
    if (!equal_in_constant_time(text("seal"), export_seal(s.export_key, sha)))
      return no(failure_kind::refused,
                "the file was made by another gateway (its keys/export.key is another): import its "
                "consents with `consent import`");
    const auto* counts = trailer.if_contains("counts");
    if (counts == nullptr || !counts->is_object())
      return no(failure_kind::invalid, "the trailer has no counts");
    return counts->as_object();
  }
  return no(failure_kind::invalid, "the file has no trailer: it is cut");
}

// What was stored once is stored again: only a knob that was lowered since can say no.
template <class T>
void must(const result<T>& r) {
  if (!r) log::error("app/tenant_import", "row_refused", {{"cause", describe(r.error())}});
}

// Reads the rows, and writes them in slices under a number that no tenant has yet.
class importing {
 public:
  importing(const tenant_services& s, std::string actor) : s_{s}, actor_{std::move(actor)} {}

  result<import_made> run(const std::filesystem::path& file, const std::string& name,
                          const json::object& told) {
    if (auto begun = begin(); !begun) return begun.error();
    line_source in{file};
    std::string line, section;
    for (std::uint64_t number = 1; in.next(line); ++number) {
      if (line.starts_with(trailer_begins)) break;
      try {
        take(line, section);
      } catch (const configuration_error& e) {
        return no(failure_kind::invalid, fmt::format("line {}: {}", number, e.what()));
      }
      slice_bytes_ += line.size();
      if (slice_.size() >= rows_per_slice || slice_bytes_ >= slice_bytes_max)
        if (auto done = commit_slice(); !done) return done.error();
    }
    if (auto done = commit_slice(); !done) return done.error();
    for (const auto& [section, rows] : told)
      if (counts_[section] != rows.to_number<std::uint64_t>())
        return no(failure_kind::invalid, "the rows are not as many as the trailer tells");
    return finish(name);
  }

 private:
  using change = std::function<void(write_txn&, const tenant_services&, tenant_id)>;

  result<void> begin() {
    return s_.rooms.commits.run([this](write_txn& txn) {
      id_ = s_.rooms.tenants.reserve_id(txn);
      const auto until = s_.clock.now() + works_for;
      s_.rooms.removals.put(txn, {.tenant = id_,
                                  .name = "(import)",
                                  .reason = "an import that did not end",
                                  .actor = "gateway",
                                  .begun_at = until,
                                  .queue_rows_after = until});
    });
  }

  void take(std::string_view line, std::string& section) {
    constexpr std::string_view tenant_begins = "\"tenant\":";
    if (line.starts_with(tenant_begins)) {
      const auto row = object_in(without_comma(line.substr(tenant_begins.size())));
      tenant_ = read_tenant(row, s_.export_key);
    } else if (line.starts_with('{') && !section.empty()) {
      row(section, without_comma(line));
    } else if (line.starts_with('"')) {
      const auto colon = line.find("\":[");
      if (colon == std::string_view::npos) return;  // the head
      section = line.substr(1, colon - 1);
      if (line.ends_with("],")) section.clear();
    } else if (line.starts_with(']')) {
      section.clear();
    } else if (line != "{") {
      throw configuration_error("not a line of an export");
    }
  }

  void row(const std::string& section, std::string_view text) {
    ++counts_[section];
    if (section == "history") {
      put([n = counts_[section], line = std::string{text}](write_txn& txn, const tenant_services& s,
                                                           tenant_id id) {
        s.rooms.past.put(txn, id, n, line);
      });
      return;
    }
    const auto o = object_in(text);
    if (section == "domains")
      domains_.push_back(read_domain(o));
    else if (section == "credentials")
      credentials_.push_back(read_credential(o, s_.export_key));
    else if (section == "standings")
      standings_.push_back(read_standing(o));
    else if (section == "persons")
      put([p = read_person(o)](write_txn& txn, const tenant_services& s, tenant_id id) {
        s.rooms.consents.put_person(txn, id, p.person, p.record);
      });
    else if (section == "consents")
      consent(read_consent(o, s_.export_key));
    else if (section == "evidence")
      put([b = read_blob(o)](write_txn& txn, const tenant_services& s, tenant_id id) {
        must(s.rooms.evidence.put_evidence(txn, id, b.bytes, b.what.type,
                                           {b.what.stored_at, b.what.stored_by}));
      });
    else if (section == "notices")
      put([n = read_notice(o)](write_txn& txn, const tenant_services& s, tenant_id id) {
        must(s.rooms.evidence.put_notice(txn, id, n.notice, n.text, {n.stored_at, n.stored_by}));
      });
    else if (section == "suppressions")
      put([l = read_suppression(o, s_.export_key)](write_txn& txn, const tenant_services& s,
                                                   tenant_id id) {
        s.rooms.suppressions.restore(txn, id, l);
      });
    else if (section == "campaigns" || section == "days")
      put([sum = read_sum(o, section == "days")](write_txn& txn, const tenant_services& s,
                                                 tenant_id id) {
        s.rooms.tally.restore(txn, id, sum);
      });
    else if (section == "templates")
      put([a = read_approval(o)](write_txn& txn, const tenant_services& s, tenant_id id) {
        s.rooms.fingerprints.approve(txn, id, a);
      });
    else if (section == "exemptions")
      exemption(read_exemption(o));
    else if (section == "forms")
      forms_.push_back(read_form(o));
    else if (section == "form_texts")
      form_texts_.push_back(read_form_text(o));
    else if (section == "users")
      users_.push_back(read_user(o));
    else if (section == "sign_ups")
      put([l = read_sign_up(o, s_.export_key)](write_txn& txn, const tenant_services& s,
                                               tenant_id id) mutable {
        l.what.key.tenant = id;
        s.rooms.sign_ups.restore(txn, l);
      });
    else if (section == "doi_templates")
      put([t = read_doi_template(o), actor = actor_](write_txn& txn, const tenant_services& s,
                                                     tenant_id id) {
        s.rooms.sign_ups.approve(txn, id, t, {s.clock.now(), actor});
      });
    else
      throw configuration_error("section " + section + " is unknown");
  }

  void consent(policy::consent::listed_consent c) {
    slice_digest_.add(encode(c.record));
    ++slice_consents_;
    put([c = std::move(c)](write_txn& txn, const tenant_services& s, tenant_id id) mutable {
      c.key.tenant = id;
      s.rooms.consents.restore(txn, c);
    });
  }

  // Whoever comes back after the end of a contract is verified anew: exemptions are granted anew.
  void exemption(policy::tenants::exemption x) {
    if (tenant_ && tenant_->state == tenants::tenant_state::terminated && !x.ended_at) {
      x.ended_at = s_.clock.now();
      x.ended_by = actor_;
      x.end_reason = "the contract had ended";
    }
    put([x = std::move(x)](write_txn& txn, const tenant_services& s, tenant_id id) {
      s.rooms.exemptions.restore(txn, id, x);
    });
  }

  void put(change c) { slice_.push_back(std::move(c)); }

  result<void> commit_slice() {
    slice_bytes_ = 0;
    if (slice_.empty()) return {};
    const auto digest = std::exchange(slice_digest_, hash{}).finish();
    const auto consents = std::exchange(slice_consents_, 0);
    const policy::consent::act by{.at = s_.clock.now(), .actor = actor_};
    auto done = s_.rooms.commits.run([&](write_txn& txn) {
      for (auto& c : slice_) c(txn, s_, id_);
      if (consents != 0)
        s_.rooms.consents.note_import(txn, id_, consents, digest, "tenant export", by);
    });
    slice_.clear();
    return done;
  }

  // RULES A2 1: whoever comes back after the end of a contract is verified anew.
  void reopen() {
    if (tenant_->state != tenants::tenant_state::terminated) return;
    tenant_->state = tenants::tenant_state::pending;
    tenant_->state_since = s_.clock.now();
    tenant_->ended_because = tenants::termination_reason::none;
    tenant_->contact_confirmed_at = {};
    tenant_->contact_confirmed_by.clear();
    for (auto& d : domains_) d.verified_by = tenants::domain_proof::none;
  }

  result<import_made> finish(const std::string& name) {
    if (!tenant_) return no(failure_kind::invalid, "the file names no tenant");
    if (!name.empty()) tenant_->name = name;
    reopen();
    tenant_->id = id_;
    std::optional<result<import_made>> answer;
    auto done = s_.rooms.commits.run([&](write_txn& txn) { answer.emplace(last(txn)); });
    if (!done) return done.error();
    if (!*answer) return answer->error();
    if (auto loaded = s_.rooms.reload_directory(); !loaded) return loaded.error();
    s_.rooms.env.read([&](read_txn& txn) { s_.rooms.blocker.refresh(txn, id_); }).value();
    make_keys();
    return std::move(*answer);
  }

  // The transaction that makes the tenant be there.
  result<import_made> last(write_txn& txn) {
    auto& rooms = s_.rooms;
    const auto at = s_.clock.now();
    if (!rooms.removals.erase(txn, id_))
      return no(failure_kind::unavailable, "the import took too long");
    auto restored = rooms.tenants.restore_tenant(txn, *tenant_, "tenant export", actor_, at);
    if (!restored) {
      // Nothing of it stays: what was written is swept at once.
      rooms.removals.put(txn, {.tenant = id_,
                               .name = "(import)",
                               .reason = "an import that was refused",
                               .actor = "gateway",
                               .begun_at = at,
                               .queue_rows_after = at});
      return restored.error();
    }
    import_made made{.tenant = *restored, .counts = counts_};
    for (auto d : domains_) {
      d.tenant = id_;
      if (const auto r = rooms.tenants.restore_domain(txn, d, actor_, at); !r)
        made.left_out.push_back("domain " + d.domain + ": " + r.error().public_text);
    }
    for (auto c : credentials_) {
      c.tenant = id_;
      const auto created_at = c.created_at == instant{} ? at : c.created_at;
      if (const auto r = rooms.tenants.restore_credential(txn, c, actor_, created_at, at); !r)
        made.left_out.push_back("credential " + c.user + ": " + r.error().public_text);
    }
    restore_forms(txn, made);
    for (auto u : users_) {
      u.tenant = id_;
      if (const auto r = rooms.users.restore(txn, u, {actor_, "tenant export", at}); !r)
        made.left_out.push_back("login " + u.login + ": " + r.error().public_text);
    }
    for (const auto& standing : standings_) rooms.blocker.restore(txn, id_, standing);
    return made;
  }

  void restore_forms(write_txn& txn, import_made& made) {
    for (auto f : forms_) {
      f.tenant = id_;
      std::vector<policy::consent::form_notice> texts;
      for (const auto& t : form_texts_) {
        if (t.form != f.id) continue;
        texts.push_back(t.notice);
        if (t.notice.version == f.notice.version) f.notice = t.notice;
      }
      if (!s_.rooms.sign_ups.restore_form(txn, f, texts, {s_.clock.now(), actor_}))
        made.left_out.push_back("form " + f.id + ": another tenant's form here has this number");
    }
  }

  // Private keys never leave a gateway: these are new, and their records have to be published.
  void make_keys() {
    bool is_new = false;
    for (const auto& d : domains_) {
      std::error_code error;
      if (std::filesystem::exists(s_.dkim_folder.of(d.domain), error)) continue;
      const auto made = smtp::auth::create_keys(s_.dkim_folder, d.domain, d.dkim_selector);
      if (!made)
        log::error("app/tenant_import", "no_keys",
                   {{"domain", d.domain}, {"cause", describe(made.error())}});
      is_new = true;
    }
    if (is_new) s_.reload_dkim_keys();
  }

  struct hash {
    std::unique_ptr<sha256_stream> stream = std::make_unique<sha256_stream>();
    void add(std::string_view bytes) { stream->add(bytes); }
    digest256 finish() { return stream->finish(); }
  };

  const tenant_services& s_;
  std::string actor_;
  tenant_id id_;
  std::optional<tenants::tenant> tenant_;
  std::vector<tenants::sender_domain> domains_;
  std::vector<tenants::credential> credentials_;
  std::vector<reputation::standing> standings_;
  std::vector<policy::consent::sign_up_form> forms_;
  std::vector<form_text> form_texts_;
  std::vector<tenants::user> users_;
  std::map<std::string, std::uint64_t> counts_;
  std::vector<change> slice_;
  hash slice_digest_;
  std::uint64_t slice_consents_ = 0;
  std::size_t slice_bytes_ = 0;
};

}  // namespace

result<import_made> import_tenant(const tenant_services& s, const std::filesystem::path& file,
                                  const std::string& name, const std::string& actor) {
  try {
    const auto told = verified(s, file);
    if (!told) return told.error();
    auto made = importing{s, actor}.run(file, name, *told);
    if (!made) return made;
    log::info("app/tenant_import", "made", {{"tenant", made->tenant.name}});
    return made;
  } catch (const configuration_error& e) {
    return no(failure_kind::invalid, e.what());
  }
}

}  // namespace consentry::app
