// The world of the dialogs in tests/dialogs/gateway: the real intake and inbound over a store of
// their own. The README there tells the directives.
#pragma once

#include <functional>
#include <map>

#include "app/inbound.h"
#include "app/intake.h"
#include "tests/support/dialog.h"
#include "tests/unit/app/app_world.h"

namespace consentry::tests {

class gateway_world final : public dialog_world {
 public:
  explicit gateway_world(boost::asio::io_context& io);
  ~gateway_world() override;

  smtp::server::gatekeeper& gate() override;
  std::string directive(std::string_view name, std::string_view rest) override;

 private:
  using words = std::vector<std::string>;
  struct by_role;

  void add_directives();
  void consent_directives();
  void queue_directives();
  void campaign_directives();
  std::string expect(std::string_view rest);
  std::string expect_count(const std::string& what, const std::string& number);
  std::string expect_journal(const words& w, bool is_wanted);
  std::string expect_notice(std::string_view rest, bool is_wanted);
  std::string expect_spooled(std::string_view rest);
  std::string expect_gate(const words& w);
  std::string expect_campaign(const words& w);
  recipient_id queued_to(const std::string& address);

  app_world world_;
  worker_pool workers_{1};
  smtp::dns::resolver dns_;
  app::outcome_recorder recorder_;
  app::intake submissions_;
  app::inbound reports_;
  std::unique_ptr<by_role> gate_;
  std::map<std::string, std::function<void(const words&)>> directives_;
};

}  // namespace consentry::tests
