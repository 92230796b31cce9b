#include "base/strict_toml.h"

#include <catch2/catch.hpp>

using namespace consentry;

namespace {

std::string error_of(const std::string& text) {
  try {
    auto top = toml_section::from_text(text, "f.toml");
    auto server = top.section("server");
    server.integer("port", 25, 1, 65535);
    server.flag("tls", true);
    server.choice("mode", "a", {"a", "b"});
    server.texts("names");
    server.number("share", 0.5, 0, 1);
    server.finish();
    for (auto& l : top.sections("listener")) {
      l.required_text("address");
      l.finish();
    }
    top.finish();
    return "";
  } catch (const configuration_error& e) {
    return e.what();
  }
}

}  // namespace

TEST_CASE("a wrong file is refused with its line") {
  struct row {
    const char* text;
    const char* error;
  };
  for (const row& r : {
           row{"", ""},
           row{"[server]\nport = 587\nmode = \"b\"\nnames = [\"x\"]\nshare = "
               "1\n[[listener]]\naddress = \"a\"\n",
               ""},
           row{"[server]\nprot = 1\n", "f.toml:2: unknown key prot in [server]"},
           row{"\n\nserver_name = 1\n", "f.toml:3: unknown key server_name"},
           row{"[server]\n\nport = \"25\"\n", "f.toml:3: port must be an integer, not a string"},
           row{"[server]\nport = 70000\n", "f.toml:2: port must be between 1 and 65535, not 70000"},
           row{"[server]\ntls = 1\n", "f.toml:2: tls must be true or false, not an integer"},
           row{"[server]\nmode = \"c\"\n", "f.toml:2: mode must be one of a, b; it is \"c\""},
           row{"[server]\nnames = [1]\n", "f.toml:2: names must hold strings only"},
           row{"server = 1\n", "f.toml:1: server must be a table, not an integer"},
           row{"\n[[listener]]\n", "f.toml:2: address is required"},
       }) {
    INFO(r.text);
    CHECK(error_of(r.text) == r.error);
  }
  CHECK_THAT(error_of("[server\n"), Catch::StartsWith("f.toml:1: "));
  CHECK_THROWS_WITH(toml_section::from_file("/no/such/file.toml"),
                    Catch::Contains("/no/such/file.toml"));
}
