// A gatekeeper that says yes, but for what a test told it to refuse; and remembers what it was
// asked.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "smtp/server/gatekeeper.h"
#include "tests/support/dialog.h"

namespace consentry::tests {

class scripted_gatekeeper final : public smtp::server::gatekeeper {
 public:
  struct accepted_message {
    smtp::server::session_info session;
    smtp::envelope envelope;
    std::string data;
  };
  struct user {
    smtp::server::scram_keys keys;
    smtp::stream stream = smtp::stream::bulk;
  };

  std::map<std::string, user> users;
  std::map<std::string, smtp::reply> mail_refusals;     // by address as given
  std::map<std::string, smtp::reply> rcpt_refusals;     // by address as given
  std::map<std::string, smtp::reply> message_refusals;  // by a text the message contains
  bool is_down = false;                                 // credentials cannot be read
  std::vector<accepted_message> accepted;

  // Few iterations: tests sign in often.
  void add_user(const std::string& name, const std::string& password, smtp::stream stream);

  boost::asio::awaitable<result<std::optional<smtp::server::scram_keys>>> find_keys(
      std::string name) override;
  boost::asio::awaitable<result<smtp::server::principal>> sign_in(
      const smtp::server::session_info& session, std::string name) override;
  boost::asio::awaitable<smtp::reply> mail(const smtp::server::session_info& session,
                                           const smtp::envelope& so_far) override;
  boost::asio::awaitable<smtp::reply> recipient(const smtp::server::session_info& session,
                                                const smtp::envelope& so_far,
                                                const smtp::envelope_recipient& next) override;
  boost::asio::awaitable<smtp::reply> message(const smtp::server::session_info& session,
                                              smtp::envelope complete, std::string data) override;
};

// "from=<a@b> to=<c@d> notify=FAILURE orcpt=rfc822;x to=<e@f> body=8BITMIME smtputf8 size=10
// ret=HDRS envid=q"
std::string describe_envelope(const smtp::envelope& e);

// The world of the dialogs in tests/dialogs: @user, @refuse, @down, @expect (see the README there).
class scripted_world final : public dialog_world {
 public:
  smtp::server::gatekeeper& gate() override { return gate_; }
  std::string directive(std::string_view name, std::string_view rest) override;

 private:
  std::string refuse(std::string_view rest);
  std::string expect(std::string_view rest) const;
  scripted_gatekeeper gate_;
};

}  // namespace consentry::tests
