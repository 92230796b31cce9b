// What keeps the gateway from starting is one exception, and nothing is left behind.
#include <boost/asio.hpp>
#include <catch2/catch.hpp>
#include <fstream>

#include "app/gateway.h"
#include "base/result.h"
#include "tests/support/temp_folder.h"

using namespace consentry;
using namespace consentry::app;
namespace fs = std::filesystem;
using boost::asio::ip::tcp;

namespace {

struct conf_folder {
  consentry::tests::temp_folder folder;

  conf_folder() {
    for (const char* f : {"policy", "patterns/hu", "patterns/en"})
      fs::create_directories(folder.path() / f);
    write("policy/default.toml", "");
    write("patterns/brands.toml", "");
    write("patterns/hu/H4.toml",
          "language = \"hu\"\ncategory = \"H4\"\n[[pattern]]\nid = \"x\"\nweight = 12\n"
          "words = [\"tiltottszo\"]\nmust_match = [\"tiltottszo\"]\nmust_not_match = [\"szo\"]\n");
    write("reporters.toml", "");
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream{folder.path() / name} << text;
  }
  settings read(const std::string& more) const {
    write(
        "consentry.toml",
        "[server]\nhost_name = \"mail.example.hu\"\n[store]\nfolder = \"store\"\nmap_size_gib = 1\n"
        "[[listener]]\naddress = \"127.0.0.1:0\"\nrole = \"inbound\"\ntls = \"none\"\n"
        "[mail]\nbounce_domain = \"bounce.example.hu\"\nfeedback_address = "
        "\"fbl@mail.example.hu\"\n"
        "unsubscribe_url = \"https://mail.example.hu/u/\"\npostmaster = "
        "\"postmaster@mail.example.hu\"\n" +
            more);
    return read_settings(folder.path() / "consentry.toml");
  }
};

}  // namespace

TEST_CASE("what HTTP needs and cannot have stops the start with its reason") {
  boost::asio::io_context io;
  tcp::acceptor taken{io, tcp::endpoint{boost::asio::ip::address_v4::loopback(), 0}};
  const auto port = std::to_string(taken.local_endpoint().port());
  const conf_folder conf;
  const system_wall_clock clock;
  struct row {
    std::string settings;
    const char* said;
  };
  for (const row& r : {
           row{"[public]\naddress = \"127.0.0.1:" + port + "\"\n", "in use"},
           row{"[admin]\ntcp = \"127.0.0.1:" + port + "\"\n", "in use"},
       }) {
    INFO(r.settings);
    auto s = conf.read(r.settings);
    const auto socket = s.admin.socket;
    auto listeners = bind_listeners(s);
    gateway g{std::move(s), conf.folder.path() / "consentry.toml", std::move(listeners), clock};
    CHECK_THROWS_WITH(g.run(), Catch::Contains(r.said));
    CHECK_FALSE(fs::exists(socket));
  }
}
