#include <catch2/catch.hpp>
#include <fstream>
#include <random>

#include "tests/support/dialog.h"
#include "tests/support/scripted_gatekeeper.h"

using namespace consentry::tests;

TEST_CASE("every dialog goes as written, in one piece and octet by octet") {
  const auto folder = std::filesystem::path{CONSENTRY_SOURCE_DIR} / "tests" / "dialogs";
  const world_factory scripted = [](boost::asio::io_context&) {
    return std::make_unique<scripted_world>();
  };
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    if (entry.path().extension() != ".smtp") continue;
    ++count;
    for (const std::size_t read_max : {1 << 20, 1}) {
      const auto result = run_dialog(entry.path(), scripted, read_max);
      INFO("reading " << read_max << " octets at a time\n" << result.transcript);
      INFO(result.failure);
      CHECK(result.passed);
    }
  }
  CHECK(count >= 40);
}

TEST_CASE("the runner notices what is not as written") {
  const auto file = std::filesystem::temp_directory_path() /
                    ("consentry_dialog_" + std::to_string(std::random_device{}()) + ".smtp");
  const auto failure_of = [&file](const std::string& text) {
    std::ofstream{file} << text;
    const world_factory scripted = [](boost::asio::io_context&) {
      return std::make_unique<scripted_world>();
    };
    const auto failure = run_dialog(file, scripted).failure;
    return failure.substr(std::min(failure.size(), failure.find(':') + 1));
  };
  const std::string banner = "S: 220 mx.test ESMTP Consentry\n";
  CHECK(failure_of(banner).empty());
  CHECK(failure_of("S: 220 other\n").starts_with("1: expected \"220 other\""));
  CHECK(failure_of(banner + "C: NOOP\n") == "2: not expected: 250 2.0.0 OK\\x0d\\x0a");
  CHECK(failure_of(banner + "C: NOOP\nS~ 5.*\n").starts_with("3: expected /5.*/"));
  CHECK(failure_of(banner + "S: 250 more\n") == "2: no reply");
  CHECK(failure_of(banner + "@expect closed\n") == "2: the session is still open");
  CHECK(failure_of(banner + "@expect accepted 1\n") == "2: accepted 0");
  CHECK(failure_of(banner + "@nonsense\n") == "2: unknown directive");
  CHECK(failure_of("@knob nonsense 1\n") == "1: no such knob");
  std::filesystem::remove(file);
}
