// The rows of a tenant's export, one JSON object each, and back. docs/export-schema.md tells every
// member. Numbers that only mean something in one store (tenant, messages, recipients) stay behind;
// secrets travel sealed.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "app/fingerprint_counts.h"
#include "journal/event.h"
#include "policy/consent/consent_ledger.h"
#include "policy/consent/evidence_store.h"
#include "policy/consent/sign_up_store.h"
#include "policy/tenants/credential.h"
#include "policy/tenants/exemption.h"
#include "policy/tenants/sender_domain.h"
#include "policy/tenants/tenant.h"
#include "policy/tenants/user.h"
#include "reputation/blocker.h"
#include "reputation/suppression_list.h"
#include "reputation/tally.h"

namespace consentry::app {

using row = boost::json::object;

// Reading throws configuration_error naming what is wrong.
row tenant_row(const policy::tenants::tenant& t, std::string_view export_key);
policy::tenants::tenant read_tenant(const row& r, std::string_view export_key);

row domain_row(const policy::tenants::sender_domain& d);
policy::tenants::sender_domain read_domain(const row& r);

row credential_row(const policy::tenants::credential& c, std::string_view export_key);
policy::tenants::credential read_credential(const row& r, std::string_view export_key);

row person_row(const policy::consent::listed_person& p);
policy::consent::listed_person read_person(const row& r);

// Throws std::logic_error where the row would not give the record back: a field was added to it and
// not here. An export must not lose in silence.
row consent_row(const policy::consent::listed_consent& c, std::string_view export_key);
policy::consent::listed_consent read_consent(const row& r, std::string_view export_key);

row blob_row(const policy::consent::evidence_store::stored_blob& b);
policy::consent::evidence_store::stored_blob read_blob(const row& r);

row notice_row(const policy::consent::notice_text& n);
policy::consent::notice_text read_notice(const row& r);

row form_row(const policy::consent::sign_up_form& f);  // its texts are rows of their own
policy::consent::sign_up_form read_form(const row& r);

struct form_text {
  std::string form;
  policy::consent::form_notice notice;
};
row form_text_row(const form_text& t);
form_text read_form_text(const row& r);

row sign_up_row(const policy::consent::listed_sign_up& l, std::string_view export_key);
policy::consent::listed_sign_up read_sign_up(const row& r, std::string_view export_key);

row doi_template_row(const policy::consent::doi_template& t);
policy::consent::doi_template read_doi_template(const row& r);

// Without tokens: whoever is handed over needs new ones.
row user_row(const policy::tenants::user& u);
policy::tenants::user read_user(const row& r);

// Of a complaint only the day is to be read (RULES D5); all else of it is sealed, and comes back.
row suppression_row(const reputation::suppression_list::listed& l, std::string_view export_key);
reputation::suppression_list::listed read_suppression(const row& r, std::string_view export_key);

row standing_row(const reputation::standing& s);
reputation::standing read_standing(const row& r);

row sum_row(const reputation::tally::sum_row& s);
reputation::tally::sum_row read_sum(const row& r, bool by_day);

row approval_row(const template_approval& a);
template_approval read_approval(const row& r);

// One of a hard category is no row (RULES A6).
row exemption_row(const policy::tenants::exemption& x);
policy::tenants::exemption read_exemption(const row& r);

// Who complained stays with the operator (RULES D5): of a complaint there is the kind alone, of the
// suppression that follows the day; the entry itself is sealed.
row history_row(const journal::event& e, std::string_view export_key);

}  // namespace consentry::app
