#include "journal/event.h"

#include <algorithm>
#include <array>

namespace consentry::journal {
namespace {

struct kind_name {
  event_kind kind;
  std::string_view name;
};

constexpr std::array kind_names{
    kind_name{event_kind::accepted, "accepted"},
    kind_name{event_kind::refused, "refused"},
    kind_name{event_kind::held, "held"},
    kind_name{event_kind::released, "released"},
    kind_name{event_kind::purged, "purged"},
    kind_name{event_kind::attempted, "attempted"},
    kind_name{event_kind::delivered, "delivered"},
    kind_name{event_kind::deferred, "deferred"},
    kind_name{event_kind::bounced, "bounced"},
    kind_name{event_kind::complained, "complained"},
    kind_name{event_kind::consent_given, "consent_given"},
    kind_name{event_kind::consent_confirmed, "consent_confirmed"},
    kind_name{event_kind::consent_renewed, "consent_renewed"},
    kind_name{event_kind::consent_refused, "consent_refused"},
    kind_name{event_kind::consent_withdrawn, "consent_withdrawn"},
    kind_name{event_kind::consent_expired, "consent_expired"},
    kind_name{event_kind::consent_erased, "consent_erased"},
    kind_name{event_kind::consent_imported, "consent_imported"},
    kind_name{event_kind::signed_up, "signed_up"},
    kind_name{event_kind::consent_corrected, "consent_corrected"},
    kind_name{event_kind::suppressed, "suppressed"},
    kind_name{event_kind::unsuppressed, "unsuppressed"},
    kind_name{event_kind::tenant_added, "tenant_added"},
    kind_name{event_kind::tenant_changed, "tenant_changed"},
    kind_name{event_kind::domain_added, "domain_added"},
    kind_name{event_kind::domain_changed, "domain_changed"},
    kind_name{event_kind::credential_added, "credential_added"},
    kind_name{event_kind::credential_changed, "credential_changed"},
    kind_name{event_kind::user_added, "user_added"},
    kind_name{event_kind::user_changed, "user_changed"},
    kind_name{event_kind::tenant_removed, "tenant_removed"},
    kind_name{event_kind::tenant_exported, "tenant_exported"},
    kind_name{event_kind::standing_changed, "standing_changed"},
    kind_name{event_kind::warned, "warned"},
    kind_name{event_kind::policy_activated, "policy_activated"},
    kind_name{event_kind::desk_act, "desk_act"},
    kind_name{event_kind::accessed, "accessed"},
    kind_name{event_kind::form_changed, "form_changed"},
    kind_name{event_kind::session_changed, "session_changed"},
    kind_name{event_kind::notice_sent, "notice_sent"},
};

}  // namespace

std::string_view to_string(event_kind kind) noexcept {
  const auto it = std::ranges::find(kind_names, kind, &kind_name::kind);
  return it == kind_names.end() ? "unknown" : it->name;
}

std::optional<event_kind> parse_event_kind(std::string_view name) noexcept {
  const auto it = std::ranges::find(kind_names, name, &kind_name::name);
  if (it == kind_names.end()) return std::nullopt;
  return it->kind;
}

}  // namespace consentry::journal
