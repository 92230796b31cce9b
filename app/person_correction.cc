#include "app/person_correction.h"

#include <fmt/format.h>

#include "base/secret.h"
#include "base/text.h"

namespace consentry::app {
namespace {

namespace consent = policy::consent;
namespace tenants = policy::tenants;

failure say(failure_kind kind, std::string text) {
  return {.kind = kind, .permanent = true, .public_text = std::move(text)};
}

class correcting {
 public:
  correcting(const erasure_parts& p, const correction_request& r, const tenants::tenant& t)
      : parts_{p},
        rooms_{p.rooms},
        r_{r},
        now_{p.clock.now()},
        old_{tenants::pseudonym(t, r.address)},
        new_{r.new_address.empty() ? old_ : tenants::pseudonym(t, r.new_address)},
        salt_{random_bytes(16)} {}
  result<correction_report> run();

 private:
  bool changes_address() const { return new_ != old_; }
  std::optional<failure> objection(const read_txn& txn) const;
  void move_consents(write_txn& txn);
  void carry_objections(write_txn& txn);
  void note(write_txn& txn, const std::string& person) const;
  void apply(write_txn& txn);

  const erasure_parts& parts_;
  store_rooms& rooms_;
  const correction_request& r_;
  const instant now_;
  const std::string old_, new_;
  const std::string salt_;
  correction_report report_;
};

std::optional<failure> correcting::objection(const read_txn& txn) const {
  const auto& ledger = rooms_.consents;
  if (!ledger.find_person(txn, r_.tenant, old_) && ledger.list(txn, r_.tenant, old_).empty())
    return say(failure_kind::not_found, "nobody of that address is known");
  if (!changes_address()) return std::nullopt;
  if (ledger.is_erased(txn, r_.tenant, old_, std::nullopt))
    return say(failure_kind::not_found, "that person was erased");
  if (ledger.find_person(txn, r_.tenant, new_) || !ledger.list(txn, r_.tenant, new_).empty())
    return say(failure_kind::conflict, "the new address is known already");
  return std::nullopt;
}

void correcting::move_consents(write_txn& txn) {
  report_.consents_moved = report_.consents_left = 0;
  for (const auto& c : rooms_.consents.list(txn, r_.tenant, old_)) {
    if (c.all_topics || !c.record.given_at) continue;
    if (!r_.moves_consents) {
      ++report_.consents_left;
      continue;
    }
    auto key = c.key;
    key.person = new_;
    auto record = c.record;
    // The mail went to the old address, and whoever confirmed read that one.
    record.confirmed_at.reset();
    record.confirmed_ip.clear();
    record.confirmed_user_agent.clear();
    record.doi_sent_at.reset();
    record.recorded_at = now_;
    record.salt = salt_;
    rooms_.consents.put(txn, key, record, {.at = now_, .actor = r_.actor});
    ++report_.consents_moved;
  }
}

// What speaks against mail to the old address speaks against mail to the new one.
void correcting::carry_objections(write_txn& txn) {
  const consent::act by{.at = now_, .actor = r_.actor};
  for (const auto& c : rooms_.consents.list(txn, r_.tenant, old_)) {
    if (c.record.objected_at)
      rooms_.consents.object_all(txn, r_.tenant, new_, *c.record.objected_at);
    if (!c.record.withdrawn_at) continue;
    const auto at = *c.record.withdrawn_at;
    const auto& method = c.record.withdrawn_method;
    auto key = c.key;
    key.person = new_;
    if (c.all_topics)
      rooms_.consents.withdraw_all(txn, r_.tenant, new_, at, method, by);
    else
      rooms_.consents.withdraw(txn, key, at, method, by);
  }
  if (const auto s = rooms_.suppressions.find(txn, r_.tenant, old_, now_);
      s && s->reason != reputation::suppression_reason::hard_bounce)
    rooms_.suppressions.add(txn, r_.tenant, new_, *s, r_.actor);
}

void correcting::note(write_txn& txn, const std::string& person) const {
  journal::event e;
  e.kind = journal::event_kind::consent_corrected;
  e.at = now_;
  e.tenant = r_.tenant;
  e.person = person;
  e.reason = r_.reason;
  e.actor = r_.actor;
  e.facts["fields"] = changes_address() && r_.name ? "address,name"
                      : changes_address()          ? "address"
                                                   : "name";
  if (changes_address()) {
    e.facts[person == new_ ? "was" : "is"] = hex(person == new_ ? old_ : new_);
    e.facts["consents_moved"] = std::to_string(report_.consents_moved);
  }
  rooms_.journal.append(txn, e);
}

void correcting::apply(write_txn& txn) {
  const auto known = rooms_.consents.find_person(txn, r_.tenant, old_);
  consent::person_record p{.address = changes_address() ? r_.new_address : r_.address};
  p.name = r_.name ? *r_.name : known ? known->name : std::string{};
  if (changes_address()) {
    move_consents(txn);
    carry_objections(txn);
    note(txn, old_);
  }
  rooms_.consents.replace_person(txn, r_.tenant, new_, p);
  note(txn, new_);
}

result<correction_report> correcting::run() {
  std::optional<failure> refused;
  const auto looked = rooms_.env.read([&](const read_txn& txn) { refused = objection(txn); });
  if (!looked) return looked.error();
  if (refused) return *refused;
  auto done = rooms_.commits.run([&](write_txn& txn) {
    refused = objection(txn);
    if (!refused) apply(txn);
  });
  if (!done) return done.error();
  if (refused) return *refused;
  report_.person = new_;
  if (!changes_address()) return report_;
  const auto erased = erase_person(parts_, {.tenant = r_.tenant,
                                            .address = r_.address,
                                            .reason = r_.reason,
                                            .actor = r_.actor,
                                            .method = std::string{consent::corrected_method}});
  if (!erased) return erased.error();
  report_.cancelled = erased->cancelled;
  return report_;
}

}  // namespace

result<correction_report> correct_person(const erasure_parts& parts, const correction_request& r) {
  const auto directory = parts.rooms.directory.get();
  const auto* t = directory->find(r.tenant);
  if (t == nullptr) return say(failure_kind::not_found, "no such tenant");
  if (trim(r.reason).empty() || r.reason.size() > 500 || !is_valid_utf8(r.reason))
    return say(failure_kind::invalid, "a reason is needed, in at most 500 bytes");
  const queue::named_person before{r.address, ""}, after{r.new_address, r.name.value_or("")};
  if (before.is_in(r.reason) || (!r.new_address.empty() && after.is_named_in(r.reason)))
    return say(failure_kind::invalid, "the reason must not name the person: it is kept");
  if ((r.new_address.empty() || r.new_address == r.address) && !r.name)
    return say(failure_kind::invalid, "name what is to be changed: new_address or name");
  if (r.name && (r.name->size() > 200 || !is_valid_utf8(*r.name)))
    return say(failure_kind::invalid, "a name has at most 200 bytes of UTF-8");
  return correcting{parts, r, *t}.run();
}

}  // namespace consentry::app
