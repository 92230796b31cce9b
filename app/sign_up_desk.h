// Double opt-in (RULES A2 5.3): a sign-up is recorded together with the one mail that asks for its
// confirmation; the confirmation makes it a consent. Knows no HTTP.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <optional>
#include <string>

#include "app/live_settings.h"
#include "app/store_rooms.h"
#include "base/clock.h"
#include "policy/consent/sign_up.h"
#include "smtp/address.h"

namespace consentry::app {

// From where an act was done: evidence.
struct act_origin {
  std::string ip;
  std::string user_agent;  // valid UTF-8, bounded
};

enum class confirmation : std::uint8_t {
  done,
  already,  // confirmed before: nothing changed
  expired,  // older than a day, or gone
  not_ours  // not of this tenant, or not of this source
};

class sign_up_desk {
 public:
  // All outlive it.
  struct parts {
    store_rooms& rooms;
    const live_settings& live;
    const wall_clock& clock;
    std::string host_name;  // for Message-ID
    std::string site_url;   // "https://mail.example.hu/", ends in /
    std::function<void(instant due)> notify_queue;
  };
  explicit sign_up_desk(parts p) : parts_{std::move(p)} {}

  // A visitor of a form of ours. Records and queues the confirmation, in one commit; within a day
  // of the last confirmation only counts. The result tells no difference.
  boost::asio::awaitable<result<void>> sign_up(policy::consent::sign_up_form form,
                                               policy::tenants::tenant tenant, smtp::mailbox who,
                                               std::string name, act_origin from);

  // A sign-up on a form that the CRM hosts: it mails the confirmation itself, on the doi stream.
  // key, address, name and evidence are filled, given_at too. An open one of the same key stands:
  // it is given back, and `is_new` says so.
  struct told {
    policy::consent::pending_sign_up sign_up;
    bool is_new = true;
  };
  // notice: the text that was shown, kept under its hash; empty: only the hash is known.
  boost::asio::awaitable<result<told>> tell(policy::consent::pending_sign_up p, std::string notice,
                                            std::string actor);

  // The person acted: the consent is recorded, method double_opt_in. `at` is now for forms of ours,
  // whenever the CRM says for its own.
  boost::asio::awaitable<result<confirmation>> confirm(policy::consent::sign_up_id id,
                                                       policy::consent::sign_up_source source,
                                                       tenant_id tenant, instant at,
                                                       act_origin from, std::string actor);

  // Of a link, with the form as it is now. Empty: there is none (any more).
  struct open_sign_up {
    policy::consent::pending_sign_up sign_up;
    std::optional<policy::consent::sign_up_form> form;
    std::string legal_name;
    std::string notice;  // the text that was agreed to
  };
  result<std::optional<open_sign_up>> find(policy::consent::sign_up_id id) const;

  std::string form_url(std::string_view form) const {
    return parts_.site_url + "s/" + std::string{form};
  }

 private:
  parts parts_;
};

// Removes what is over every few minutes. Ends with its task scope.
boost::asio::awaitable<void> expire_sign_ups(store_rooms& rooms, const wall_clock& clock);

}  // namespace consentry::app
