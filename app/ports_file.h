// Where the listeners are, for scripts that ask for free ports: <store>/run/ports.json.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <vector>

#include "app/settings.h"

namespace consentry::app {

struct used_ports {
  std::vector<std::vector<boost::asio::ip::tcp::endpoint>> listeners;  // as settings::listeners
  std::uint16_t admin_tcp = 0;                                         // 0: none
  std::uint16_t public_http = 0;
};

// Throws std::filesystem::filesystem_error.
void write_ports(const settings& s, const used_ports& ports);

}  // namespace consentry::app
