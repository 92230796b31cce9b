// Forms, pending sign-ups and approved confirmation texts in the store.
//
//   sign_up_forms      tenant(4) form(16)                     -> sign_up_form
//   sign_up_form_ids   form(16)                               -> tenant(4)
//   sign_up_notices    tenant(4) form(16) version(4)          -> form_notice, every text ever shown
//   sign_ups           sign-up(8)                             -> pending_sign_up, in order of time
//   sign_up_marks      tenant(4) person(16) sender+topic(8)   -> the last sign-up and the last mail
//   doi_templates      tenant(4) hash(32)                     -> doi_template
//
// A pending sign-up lives for a day (as long as its confirmation mail is younger than that, for two
// at most) and is then removed with its address, confirmed or not: the consent has the evidence.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/lmdb_env.h"
#include "journal/event_journal.h"
#include "policy/consent/consent_ledger.h"
#include "policy/consent/sign_up.h"

namespace consentry::policy::consent {

// What is known of the sign-ups of one person to one topic.
struct sign_up_mark {
  sign_up_id last;  // 0: none
  message_id mail;  // of the last confirmation; 0: none
  instant mailed_at{};
  std::uint32_t asked = 0;  // sign-ups within the life of `last`, itself included

  bool is_mailed(instant now) const noexcept { return mail && now - mailed_at < sign_up_life; }
};

// A sign-up with what its mark tells, for a hand-over.
struct listed_sign_up {
  pending_sign_up what;
  std::uint32_t asked = 0;           // 0: a later one has the mark
  std::optional<instant> mailed_at;  // its confirmation
};

// Reads: any thread, with its own transaction. Writes: inside commit_loop operations; all are
// re-runnable. Throws store_error and decode_error.
class sign_up_store {
 public:
  // At start only. `history` must outlive it.
  sign_up_store(store_env& env, const journal::event_journal& history);

  // -- forms. Changes journal form_changed; `how` is "added", "notice changed", "disabled" ...
  void put_form(write_txn& txn, const sign_up_form& f, std::string_view how, const act& by) const;
  std::optional<sign_up_form> find_form(const read_txn& txn, std::string_view form) const;
  std::vector<sign_up_form> forms_of(const read_txn& txn, tenant_id tenant) const;
  std::vector<form_notice> notices_of(const read_txn& txn, const sign_up_form& f) const;

  // -- sign-ups
  // The id must be new; false: it is taken (try another). Journals signed_up.
  bool add(write_txn& txn, const pending_sign_up& p, const act& by) const;
  // Asked again while one is open: only counted.
  void count_again(write_txn& txn, const consent_key& key) const;
  void set_confirmed(write_txn& txn, const pending_sign_up& p, instant at) const;
  // Nothing where a confirmation of the last day is noted already (RULES A2 5.3: one per list in 24
  // h).
  void note_mail(write_txn& txn, const consent_key& key, message_id mail, instant at) const;
  std::optional<pending_sign_up> find(const read_txn& txn, sign_up_id id) const;
  // Of one person, confirmed or not. A day's worth of sign-ups is looked through.
  std::vector<pending_sign_up> sign_ups_of(const read_txn& txn, tenant_id tenant,
                                           std::string_view person) const;
  sign_up_mark mark_of(const read_txn& txn, const consent_key& key) const;

  // -- confirmation texts. Journals desk_act.
  void approve(write_txn& txn, tenant_id tenant, const doi_template& t, const act& by) const;
  // false: it was not approved.
  bool revoke(write_txn& txn, tenant_id tenant, std::string_view hash, const act& by) const;
  bool is_approved(const read_txn& txn, tenant_id tenant, std::string_view hash) const;
  std::vector<doi_template> templates_of(const read_txn& txn, tenant_id tenant) const;

  // -- hand-over
  // A tenant's sign-ups in order of time. `looked_at` of everybody's at most; resume: empty at
  // first and at the end.
  std::vector<listed_sign_up> rows(const read_txn& txn, tenant_id tenant, std::size_t looked_at,
                                   std::string& resume) const;
  // Under its own number or, where that is taken, another one of its time. Not journaled.
  void restore(write_txn& txn, const listed_sign_up& l) const;
  // With all texts that it ever showed; the newest is the form's own. False: the id is taken.
  bool restore_form(write_txn& txn, const sign_up_form& f, const std::vector<form_notice>& texts,
                    const act& by) const;

  // -- ends
  // Removes at most `limit` sign-ups that are over, oldest first; gives how many.
  std::size_t remove_expired(write_txn& txn, instant now, std::size_t limit) const;
  // All that is kept here of a person, or of a tenant (at most `limit` records; gives how many).
  void erase_person(write_txn& txn, tenant_id tenant, std::string_view person) const;
  std::size_t erase_tenant(write_txn& txn, tenant_id tenant, std::size_t limit) const;

 private:
  void put_mark(write_txn& txn, const consent_key& key, const sign_up_mark& m) const;

  const journal::event_journal* journal_;
  table forms_;
  table form_ids_;
  table notices_;
  table sign_ups_;
  table marks_;
  table templates_;
};

}  // namespace consentry::policy::consent
