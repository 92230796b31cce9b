#include "app/ports_file.h"

#include <boost/json.hpp>
#include <fstream>

namespace consentry::app {

void write_ports(const settings& s, const used_ports& ports) {
  boost::json::array all;
  for (std::size_t i = 0; i < ports.listeners.size(); ++i) {
    const auto& l = s.listeners[i];
    for (const auto& at : ports.listeners[i])
      all.push_back(boost::json::object{
          {"address", at.address().to_string()},
          {"port", at.port()},
          {"role", l.role == smtp::server::listener_role::inbound ? "inbound" : "submission"},
          {"tls", l.tls == listener_tls::implicit   ? "implicit"
                  : l.tls == listener_tls::starttls ? "starttls"
                                                    : "none"}});
  }
  boost::json::object o{{"listeners", std::move(all)}, {"admin_socket", s.admin.socket.string()}};
  if (ports.admin_tcp != 0) o["admin_tcp"] = ports.admin_tcp;
  if (ports.public_http != 0) o["public"] = ports.public_http;
  const auto folder = s.store.folder / "run";
  std::filesystem::create_directories(folder);
  std::ofstream{folder / "ports.json.new"} << boost::json::serialize(o) << "\n";
  std::filesystem::rename(folder / "ports.json.new", folder / "ports.json");
}

}  // namespace consentry::app
