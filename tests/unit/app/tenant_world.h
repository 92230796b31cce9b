// What tests of a tenant's life need besides the rooms: services whose DNS never answers, and a
// look at the mail that the gateway wrote.
#pragma once

#include <string>
#include <vector>

#include "app/admin/api.h"
#include "app/tenant_services.h"
#include "tests/unit/app/app_world.h"

namespace consentry::tests {

struct tenant_world : app_world {
  explicit tenant_world(const std::filesystem::path& store = {});
  ~tenant_world();

  boost::asio::io_context dns_io;
  worker_pool workers{1};
  smtp::dns::resolver dns;
  int compactions = 0;
  app::tenant_services care;
  app::admin::api_context api;

  app::admin::response ask(const std::string& method, std::vector<std::string> path,
                           const std::string& body = {});
  app::admin::response ask_as(const std::string& person, const std::string& method,
                              std::vector<std::string> path, const std::string& body = {});

  struct letter {
    std::string to;
    std::string subject;  // decoded
    std::string text;     // decoded
    queue::queued_message message;
  };
  // Of the gateway's own mail that waits, oldest first.
  std::vector<letter> letters();
  void tell();  // sends what tenants are to be told
};

}  // namespace consentry::tests
