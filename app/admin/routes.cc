// The table of routes.
#include <array>

#include "app/admin/access.h"

namespace consentry::app::admin {

namespace {

constexpr auto admin = only(role::admin);
constexpr auto desk = admin | only(role::desk);
constexpr auto staff = desk | only(role::auditor);
constexpr auto tenant_admin = only(role::tenant_admin);
constexpr auto tenants_own = tenant_admin | only(role::tenant_user);
constexpr auto everybody = staff | tenants_own;

const route table[] = {
    {"GET", "/v1/tenants", "listTenants", staff, tenants_resource},
    {"POST", "/v1/tenants", "addTenant", admin, tenants_resource, view::nothing, takes::json},
    {"GET", "/v1/tenants/{tenant}", "showTenant", everybody, tenants_resource},
    {"POST", "/v1/tenants/{tenant}/state", "changeTenantState", desk, tenants_resource,
     view::nothing, takes::json},
    {"POST", "/v1/tenants/{tenant}/erase", "eraseTenant", admin, tenants_resource, view::nothing,
     takes::json},
    {"POST", "/v1/tenants/{tenant}/exports", "makeExport", admin | tenant_admin, exports_resource,
     view::nothing, takes::json},
    {"GET", "/v1/tenants/{tenant}/exports/{export}", "fetchExport", admin | tenant_admin,
     exports_resource, view::tenant},
    {"POST", "/v1/tenants/{tenant}/exports/{export}/remove", "removeExport", admin | tenant_admin,
     exports_resource, view::nothing, takes::json},
    {"POST", "/v1/tenants/{tenant}/contact-link", "sendContactLink", desk | tenant_admin,
     tenants_resource, view::nothing, takes::json},
    {"POST", "/v1/tenants/{tenant}/domains", "addDomain", admin | tenant_admin,
     sender_domains_resource, view::nothing, takes::json},
    {"POST", "/v1/tenants/{tenant}/domains/{domain}/check", "checkDomain", desk | tenant_admin,
     sender_domains_resource, view::nothing, takes::json},
    {"POST", "/v1/tenants/{tenant}/domains/{domain}/remove", "removeDomain", admin | tenant_admin,
     sender_domains_resource, view::nothing, takes::json},
    {"GET", "/v1/tenants/{tenant}/templates", "listTemplates", everybody, templates_resource},
    {"POST", "/v1/tenants/{tenant}/templates", "approveTemplate", desk, templates_resource,
     view::nothing, takes::json},
    {"POST", "/v1/tenants/{tenant}/templates/{fingerprint}/revoke", "revokeTemplate", desk,
     templates_resource, view::nothing, takes::json},
    {"POST", "/v1/tenants/{tenant}/credentials", "addCredential", admin | tenant_admin,
     credentials_resource, view::nothing, takes::json},

    {"GET", "/v1/tenants/{tenant}/users", "listTenantUsers", admin | tenant_admin,
     tenant_users_resource},
    {"POST", "/v1/tenants/{tenant}/users", "addTenantUser", admin | tenant_admin,
     tenant_users_resource, view::nothing, takes::json},
    {"GET", "/v1/tenants/{tenant}/users/{login}", "showTenantUser", admin | tenant_admin,
     tenant_users_resource},
    {"PATCH", "/v1/tenants/{tenant}/users/{login}", "changeTenantUser", admin | tenant_admin,
     tenant_users_resource, view::nothing, takes::json},
    {"DELETE", "/v1/tenants/{tenant}/users/{login}", "removeTenantUser", admin | tenant_admin,
     tenant_users_resource},
    {"POST", "/v1/tenants/{tenant}/users/{login}/tokens", "addTenantUserToken",
     admin | tenant_admin, tenant_users_resource, view::nothing, takes::json},
    {"DELETE", "/v1/tenants/{tenant}/users/{login}/tokens/{number}", "revokeTenantUserToken",
     admin | tenant_admin, tenant_users_resource},

    {"GET", "/v1/tenants/{tenant}/consents", "showConsents", everybody, consents_resource,
     view::person},
    {"POST", "/v1/tenants/{tenant}/consents", "writeConsents", admin | tenants_own,
     consents_resource, view::nothing, takes::json_or_rows, large_body},
    {"POST", "/v1/tenants/{tenant}/consents/withdraw", "withdrawConsent", desk | tenants_own,
     consents_resource, view::nothing, takes::json},

    {"POST", "/v1/tenants/{tenant}/objections", "recordObjection", desk | tenants_own,
     object_resource, view::nothing, takes::json},

    {"GET", "/v1/tenants/{tenant}/suppressions", "listSuppressions", everybody,
     suppressions_resource, view::tenant},
    {"POST", "/v1/tenants/{tenant}/suppressions", "addSuppression", desk | tenants_own,
     suppressions_resource, view::nothing, takes::json},
    {"GET", "/v1/tenants/{tenant}/suppressions/{person}", "showSuppression", everybody,
     suppressions_resource, view::person},
    {"DELETE", "/v1/tenants/{tenant}/suppressions/{person}", "removeSuppression",
     desk | tenants_own, suppressions_resource},

    {"GET", "/v1/tenants/{tenant}/imports", "listImports", everybody, imports_resource},
    {"POST", "/v1/tenants/{tenant}/imports", "addImport", admin | tenants_own, imports_resource,
     view::nothing, takes::json},
    {"GET", "/v1/tenants/{tenant}/imports/{import}", "showImport", everybody, imports_resource},
    {"PUT", "/v1/tenants/{tenant}/imports/{import}/data", "uploadImport", admin | tenants_own,
     imports_resource, view::nothing, takes::rows, large_body},
    {"POST", "/v1/tenants/{tenant}/imports/{import}/start", "startImport", admin | tenants_own,
     imports_resource, view::nothing, takes::json},
    {"POST", "/v1/tenants/{tenant}/imports/{import}/cancel", "cancelImport", desk | tenants_own,
     imports_resource, view::nothing, takes::json},
    {"GET", "/v1/tenants/{tenant}/imports/{import}/rejects", "readRejects", everybody,
     imports_resource, view::tenant},
    // What others' lists have in common with this one is for the desk alone.
    {"GET", "/v1/tenants/{tenant}/imports/{import}/signs", "showImportSigns", desk,
     imports_resource},
    {"GET", "/v1/tenants/{tenant}/import-signs", "listImportSigns", desk, imports_resource},
    {"POST", "/v1/tenants/{tenant}/imports/{import}/release", "releaseImport", desk,
     imports_resource, view::nothing, takes::json},

    {"GET", "/v1/tenants/{tenant}/queue", "listTenantQueue", everybody, tenant_queue_resource,
     view::tenant},
    {"GET", "/v1/tenants/{tenant}/queue/{message}", "showTenantMessage", everybody,
     tenant_queue_resource, view::person},
    {"GET", "/v1/tenants/{tenant}/why/{message}", "explainTenantMessage", everybody,
     tenant_why_resource, view::person},

    {"GET", "/v1/tenants/{tenant}/audit", "readAudit", everybody, audit_resource},
    {"GET", "/v1/tenants/{tenant}/standing", "showStanding", everybody, standing_resource},
    {"POST", "/v1/tenants/{tenant}/block", "blockBulk", desk, standing_resource, view::nothing,
     takes::json},
    {"POST", "/v1/tenants/{tenant}/unblock", "unblockBulk", desk, standing_resource, view::nothing,
     takes::json},

    {"GET", "/v1/tenants/{tenant}/forms", "listForms", everybody, forms_resource},
    {"POST", "/v1/tenants/{tenant}/forms", "addForm", admin | tenant_admin, forms_resource,
     view::nothing, takes::json},
    {"GET", "/v1/tenants/{tenant}/forms/{form}", "showForm", everybody, forms_resource},
    {"POST", "/v1/tenants/{tenant}/forms/{form}", "changeForm", admin | tenant_admin,
     forms_resource, view::nothing, takes::json},
    {"POST", "/v1/tenants/{tenant}/forms/{form}/disable", "disableForm", desk | tenant_admin,
     forms_resource, view::nothing, takes::json},
    {"POST", "/v1/tenants/{tenant}/forms/{form}/enable", "enableForm", admin | tenant_admin,
     forms_resource, view::nothing, takes::json},
    {"POST", "/v1/tenants/{tenant}/sign-ups", "addSignUp", admin | tenants_own, sign_ups_resource,
     view::nothing, takes::json},
    {"GET", "/v1/tenants/{tenant}/sign-ups/{sign_up}", "showSignUp", everybody, sign_ups_resource,
     view::person},
    {"POST", "/v1/tenants/{tenant}/sign-ups/{sign_up}/confirm", "confirmSignUp",
     admin | tenants_own, sign_ups_resource, view::nothing, takes::json},
    {"GET", "/v1/tenants/{tenant}/doi-templates", "listDoiTemplates", everybody,
     doi_templates_resource},
    {"POST", "/v1/tenants/{tenant}/doi-templates", "approveDoiTemplate", desk,
     doi_templates_resource, view::nothing, takes::message, large_body},
    {"POST", "/v1/tenants/{tenant}/doi-templates/{hash}/revoke", "revokeDoiTemplate", desk,
     doi_templates_resource, view::nothing, takes::json},

    {"POST", "/v1/tenants/{tenant}/evidence", "addEvidence", admin | tenants_own, evidence_resource,
     view::nothing, takes::anything, evidence_body},
    {"GET", "/v1/tenants/{tenant}/evidence/{sha256}", "showEvidence", everybody, evidence_resource,
     view::person},
    {"POST", "/v1/tenants/{tenant}/notices", "addNotice", admin | tenants_own, notices_resource,
     view::nothing, takes::json},
    {"GET", "/v1/tenants/{tenant}/notices", "listNotices", everybody, notices_resource},

    {"GET", "/v1/tenants/{tenant}/campaigns", "listCampaigns", everybody, campaigns_resource},
    {"GET", "/v1/tenants/{tenant}/campaigns/{campaign}", "showCampaign", everybody,
     campaigns_resource},
    {"POST", "/v1/tenants/{tenant}/campaigns/{campaign}/hold", "holdCampaign", desk,
     campaigns_resource, view::nothing, takes::json},
    {"POST", "/v1/tenants/{tenant}/campaigns/{campaign}/release", "releaseCampaign", desk,
     campaigns_resource, view::nothing, takes::json},

    {"GET", "/v1/tenants/{tenant}/persons", "reportPerson", everybody, persons_resource,
     view::person},
    {"POST", "/v1/tenants/{tenant}/persons/erase", "erasePerson", desk | tenant_admin,
     persons_resource, view::nothing, takes::json},
    {"POST", "/v1/tenants/{tenant}/persons/correct", "correctPerson", desk | tenant_admin,
     persons_resource, view::nothing, takes::json},
    {"POST", "/v1/persons/erase", "erasePersonEverywhere", desk, all_persons_resource,
     view::nothing, takes::json},

    {"POST", "/v1/tenant-imports", "beginTenantImport", admin, tenant_imports_resource,
     view::nothing, takes::anything},
    {"POST", "/v1/tenant-imports/{upload}", "uploadTenantImport", admin, tenant_imports_resource,
     view::nothing, takes::anything, large_body},
    {"POST", "/v1/tenant-imports/{upload}/apply", "applyTenantImport", admin,
     tenant_imports_resource, view::nothing, takes::json},

    {"GET", "/v1/queue", "listQueue", staff, queue_resource},
    {"POST", "/v1/queue/hold", "holdMail", desk, queue_resource, view::nothing, takes::json},
    {"POST", "/v1/queue/release", "releaseMail", desk, queue_resource, view::nothing, takes::json},
    {"POST", "/v1/queue/purge", "purgeMail", desk, queue_resource, view::nothing, takes::json},
    {"GET", "/v1/queue/{message}", "showQueuedMessage", staff, queue_resource, view::person},
    {"GET", "/v1/why/{message}", "explainMessage", staff, why_resource, view::person},
    {"GET", "/v1/journal", "readJournal", staff, journal_resource},
    {"GET", "/v1/journal/verify", "verifyJournal", staff, journal_resource},
    {"GET", "/v1/journal/export", "exportJournal", admin, journal_resource},
    {"GET", "/v1/store/compact", "showCompaction", staff, store_resource},
    {"POST", "/v1/store/compact", "compactStore", admin, store_resource, view::nothing,
     takes::json},
    {"POST", "/v1/store/snapshot", "snapshotStore", admin, store_resource, view::nothing,
     takes::json},
    {"GET", "/v1/stats", "showStats", staff, stats_resource},

    {"GET", "/v1/suppressions", "listPlatformSuppressions", staff, platform_suppressions},
    {"POST", "/v1/suppressions", "addPlatformSuppression", desk, platform_suppressions,
     view::nothing, takes::json},
    {"GET", "/v1/suppressions/{person}", "showPlatformSuppression", staff, platform_suppressions},
    {"DELETE", "/v1/suppressions/{person}", "removePlatformSuppression", desk,
     platform_suppressions},

    {"GET", "/v1/users", "listStaff", admin, staff_resource},
    {"POST", "/v1/users", "addStaff", admin, staff_resource, view::nothing, takes::json},
    {"GET", "/v1/users/{login}", "showStaff", admin, staff_resource},
    {"PATCH", "/v1/users/{login}", "changeStaff", admin, staff_resource, view::nothing,
     takes::json},
    {"DELETE", "/v1/users/{login}", "removeStaff", admin, staff_resource},
    {"POST", "/v1/users/{login}/tokens", "addStaffToken", admin, staff_resource, view::nothing,
     takes::json},
    {"DELETE", "/v1/users/{login}/tokens/{number}", "revokeStaffToken", admin, staff_resource},
    {"POST", "/v1/check-text", "checkText", everybody, check_text_resource, view::nothing,
     takes::json, text_body},
    {"GET", "/v1/me", "whoAmI", everybody, me_resource},
    {"GET", "/v1/openapi.json", "readOpenApi", everybody, openapi_resource},
    {"GET", "/v1/routes", "listRoutes", everybody, routes_resource},
};

}  // namespace

std::span<const route> routes() noexcept {
  return table;
}

}  // namespace consentry::app::admin
