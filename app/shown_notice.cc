#include "app/shown_notice.h"

#include "base/text.h"

namespace consentry::app {

std::optional<policy::consent::notice_text> find_shown_notice(const store_rooms& rooms,
                                                              const read_txn& txn, tenant_id tenant,
                                                              std::string_view hash) {
  if (auto told = rooms.evidence.find_notice(txn, tenant, hash)) return told;
  for (const auto& form : rooms.sign_ups.forms_of(txn, tenant))
    for (const auto& n : rooms.sign_ups.notices_of(txn, form))
      if (ascii_iequals(n.hash, trim(hash)))
        return policy::consent::notice_text{.notice = {.version = std::to_string(n.version),
                                                       .hash = n.hash,
                                                       .language = form.language,
                                                       .url = n.url},
                                            .text = n.text,
                                            .stored_at = n.since,
                                            .stored_by = "form " + form.id};
  return std::nullopt;
}

}  // namespace consentry::app
