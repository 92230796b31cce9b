// Consent records of every shape, from a seed.
#pragma once

#include <random>

#include "base/civil_date.h"
#include "policy/consent/consent_record.h"

namespace consentry::policy::consent::tests {

class random_records {
 public:
  explicit random_records(std::uint32_t seed) : random_{seed} {}

  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  bool coin() { return below(2) == 0; }

  instant time() {
    // Some in whole seconds, some before 1970, some beyond 2106.
    static constexpr std::int64_t year_ms = 31'556'952'000;
    auto ms = static_cast<std::int64_t>(random_()) * 1000 % (4 * year_ms) + 52 * year_ms;
    if (below(20) == 0) ms -= 60 * year_ms;
    if (below(20) == 0) ms += 90 * year_ms;
    return from_ms(coin() ? ms : ms + below(1000));
  }

  std::string text() {
    static constexpr std::string_view alphabet = "aZ09 _:/.\xC5\x91\0\n";
    std::string out(static_cast<std::size_t>(below(4) == 0 ? below(300) : below(12)), ' ');
    for (auto& c : out) c = alphabet[random_() % alphabet.size()];
    return out;
  }

  std::string time_text(instant t) {
    const auto utc = to_string_utc(t);
    switch (below(7)) {
      case 0:
        return to_string_budapest(t);
      case 1:
        return utc;
      case 2:
        return utc.substr(0, 10);
      case 3:
        return utc.substr(0, 10) + " " + utc.substr(11, 5);
      case 4:
        return utc.substr(0, 19) + "+0000";
      case 5:
        return utc.substr(0, 19);
      default:
        return text();
    }
  }

  consent_record record() {
    consent_record r;
    r.sender = text();
    r.topic = text();
    if (below(8) != 0) r.given_at = time();
    r.given_at_text = r.given_at ? time_text(*r.given_at) : coin() ? text() : "";
    maybe(r.confirmed_at);
    // Only of a confirmation.
    if (r.confirmed_at && coin()) r.confirmed_ip = text();
    if (r.confirmed_at && coin()) r.confirmed_user_agent = text();
    r.method = text();
    r.provenance = text();
    r.notice = {text(), text(), text(), text()};
    r.evidence_reference =
        coin() ? "sha256:" + std::string(64, static_cast<char>('a' + below(8))) : text();
    r.form_id = text();
    r.tick = static_cast<tick_state>(below(4));
    if (coin()) r.box_came_ticked = coin();
    r.ip = text();
    r.user_agent = text();
    maybe(r.doi_sent_at);
    maybe(r.purchase_day);
    r.purchase_id = text();
    maybe(r.birth_day);
    maybe(r.expires_on);
    r.importer = text();
    if (coin()) r.recorded_at = time();
    if (coin()) r.salt = std::string(16, static_cast<char>(random_()));
    if (coin()) r.import_entry = journal_seq{random_()};
    if (coin()) {
      r.withdrawn_at = time();
      r.withdrawn_method = text();
    }
    maybe(r.unticked_at);
    maybe(r.objected_at);
    if (coin()) add_delivery(r, {time(), recipient_id{random_()}});
    if (coin()) add_delivery(r, {time(), recipient_id{random_()}});
    maybe(r.declared_delivery_day);
    return r;
  }

 private:
  void maybe(std::optional<instant>& t) {
    if (coin()) t = time();
  }
  void maybe(std::optional<civil_date>& d) {
    if (coin()) d = budapest_day(time());
  }
  std::mt19937 random_;
};

}  // namespace consentry::policy::consent::tests
