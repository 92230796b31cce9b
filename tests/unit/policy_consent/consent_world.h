// A store with a journal and a ledger, and short ways to say dates and keys.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/civil_date.h"
#include "policy/consent/consent_ledger.h"
#include "policy/consent/renewal_buffer.h"
#include "tests/support/temp_folder.h"

namespace consentry::policy::consent::tests {

inline instant at(std::string_view text) {
  const auto t = parse_timestamp(text);
  REQUIRE(t);
  return *t;
}

inline std::string person(std::string_view name) {
  std::string out{name};
  out.resize(16, '.');
  return out;
}

inline consent_key key_of(std::string_view who, std::string_view topic = "news",
                          std::string_view sender = "Shop Kft.", std::uint32_t tenant = 1) {
  return {tenant_id{tenant}, person(who), std::string{sender}, std::string{topic}};
}

inline consent_record given(std::string_view when, const consent_key& key = key_of("jane")) {
  consent_record r;
  r.sender = key.sender;
  r.topic = key.topic;
  r.given_at = at(when);
  r.given_at_text = when;
  r.method = "web_form";
  r.provenance = "own_form";
  r.notice.hash = "sha256:aa";
  r.salt = std::string(16, 's');
  return r;
}

struct world {
  consentry::tests::temp_folder folder;
  store_env env{{.folder = folder.path() / "store", .map_size = 64u << 20}};
  journal::event_journal journal{env};
  consent_ledger ledger{env, journal};

  template <class F>
  auto write(F f) {
    auto txn = env.begin_write();
    if constexpr (std::is_void_v<std::invoke_result_t<F, write_txn&>>) {
      f(txn);
      txn.commit();
    } else {
      auto r = f(txn);
      txn.commit();
      return r;
    }
  }
  put_outcome put(const consent_key& key, const consent_record& r) {
    return write(
        [&](write_txn& txn) { return ledger.put(txn, key, r, {at("2026-01-01"), "desk:anna"}); });
  }
  bool withdraw(const consent_key& key, std::string_view when) {
    return write([&](write_txn& txn) {
      return ledger.withdraw(txn, key, at(when), "one_click", {at(when), "one_click"});
    });
  }
  bool withdraw_all(const consent_key& key, std::string_view when) {
    return write([&](write_txn& txn) {
      return ledger.withdraw_all(txn, key.tenant, key.person, at(when), "desk",
                                 {at(when), "desk:anna"});
    });
  }
  std::optional<consent_record> find(const consent_key& key) {
    return ledger.find(env.begin_read(), key);
  }
  // "given", "withdrawn" or "none": what a judge makes of it.
  std::string state(const consent_key& key) {
    const auto r = find(key);
    if (!r) return "none";
    return r->is_withdrawn() ? "withdrawn" : r->given_at ? "given" : "none";
  }
  std::vector<std::string> history() {
    std::vector<std::string> out;
    for (const auto& e : journal.tail(env.begin_read(), 1000))
      out.emplace_back(journal::to_string(e.what.kind));
    return out;
  }
};

}  // namespace consentry::policy::consent::tests
