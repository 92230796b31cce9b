// The rooms of the gateway over a store in a temporary folder, with a clock that stands still, a
// small policy and keys that never change: what the tests of app and its dialogs start from.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/acceptance.h"
#include "app/live_settings.h"
#include "app/outcome_recorder.h"
#include "app/store_rooms.h"
#include "base/civil_date.h"
#include "tests/support/temp_folder.h"

namespace consentry::tests {

// Every default, but that a late first mailing need not remind (that would be part of every test's
// text).
policy::rule_knobs small_knobs();

// Compiled once in a process. conf/patterns changes with the language; these do not: "tiltottszo"
// is H4, refused; "gyanusszo" is S3, held; "engedelyszo" asks for permission; "feliratkozott" is a
// reminder.
std::shared_ptr<const app::active_policy> small_policy();

// One key, always the same, so that the token of a number can be written down.
std::shared_ptr<const smtp::token_ring> fixed_tokens();

instant time_at(std::string_view text);  // Budapest time, as in the rules

struct app_world {
  // Friday, 2025-03-14, noon. A store that is there already is opened as it is.
  explicit app_world(const std::filesystem::path& store = {}, std::uint64_t reserve_bytes = 0);
  ~app_world();

  temp_folder folder;
  manual_clock clock{time_at("2025-03-14T12:00:00")};
  app::live_settings live;
  std::atomic<bool> is_broken{false};
  app::store_rooms rooms;

  // Commits; throws what went wrong.
  void change(commit_loop::operation op);
  template <class F>
  auto read(F f) {
    return rooms.env.read(f).value();
  }

  tenant_id add_tenant(const std::string& name,
                       policy::tenants::tenant_state state = policy::tenants::tenant_state::active);
  void set_state(tenant_id tenant, policy::tenants::tenant_state state);
  void add_domain(tenant_id tenant, const std::string& domain, bool is_verified = true);
  void add_credential(tenant_id tenant, const std::string& user, const std::string& password,
                      smtp::stream stream, const std::string& topic = {},
                      const std::string& campaign = {});
  tenant_id tenant_named(std::string_view name);  // throws

  policy::consent::consent_key key_of(tenant_id tenant, std::string_view address,
                                      const std::string& topic);
  std::string person_of(tenant_id tenant, std::string_view address);
  void give_consent(tenant_id tenant, std::string_view address, const std::string& topic,
                    instant given_at, const std::string& provenance = "own_form");
  // Now, on a form that the CRM hosts.
  policy::consent::pending_sign_up sign_up(tenant_id tenant, std::string_view address,
                                           const std::string& topic);
  void withdraw(tenant_id tenant, std::string_view address, const std::string& topic);
  void suppress(tenant_id tenant, std::string_view address, reputation::suppression_reason why);
  void block(tenant_id tenant, const std::string& reason);
  void unblock(tenant_id tenant, const std::string& reason);

  // Puts a message into the queue past intake. Numbers: the message, then its recipients.
  message_id enqueue(tenant_id tenant, smtp::stream stream,
                     const std::vector<std::string>& addresses,
                     const std::string& campaign = "spring", const std::string& topic = "news");

  // The end of an attempt, recorded as the scheduler does it.
  void settle(app::outcome_recorder& recorder, recipient_id recipient, const smtp::outcome& o);
  static smtp::outcome delivered();
  static smtp::outcome bounced(int code, smtp::enhanced_code enhanced, std::string text);

  std::optional<queue::queued_recipient> recipient(recipient_id id);
  queue::queued_message message_of(recipient_id id);
  // Other knobs under the same patterns.
  void set_policy(const policy::rule_knobs& knobs);

  std::vector<journal::event> events(std::optional<journal::event_kind> kind = {});

  // Runs a coroutine to its end on an io_context of its own.
  template <class T>
  static T wait_for(boost::asio::awaitable<T> work) {
    boost::asio::io_context io;
    std::optional<T> out;
    std::exception_ptr error;
    auto done = [&](std::exception_ptr e, T value) {
      error = e;
      if (!e) out.emplace(std::move(value));
    };
    boost::asio::co_spawn(io, std::move(work), std::move(done));
    io.run();
    if (error) std::rethrow_exception(error);
    return std::move(*out);
  }
};

}  // namespace consentry::tests
