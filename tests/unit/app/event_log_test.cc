#include "app/event_log.h"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "tests/support/temp_folder.h"

using namespace consentry;
using namespace consentry::app;
using namespace std::chrono_literals;

namespace {

constexpr instant noon = from_ms(1'790'000'000'000);

std::string line(std::uint64_t seq) {
  return "{\"seq\":" + std::to_string(seq) + ",\"kind\":\"delivered\"}\n";
}

struct log_folder {
  consentry::tests::temp_folder folder;
  event_log_settings settings{.folder = folder.path() / "events", .rotate_bytes = 200, .keep = 2};

  std::string text(const std::string& name) const {
    std::ifstream in{settings.folder / name, std::ios::binary};
    return (std::ostringstream{} << in.rdbuf()).str();
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& e : std::filesystem::directory_iterator{settings.folder})
      out.push_back(e.path().filename().string());
    std::sort(out.begin(), out.end());
    return out;
  }
};

}  // namespace

TEST_CASE("the event log goes on behind its last whole line") {
  log_folder f;
  {
    event_files files{f.settings, {40}, noon};
    CHECK(files.cursor().value == 40);
    files.append(line(41) + line(42), {43}, noon);
  }
  CHECK(event_files{f.settings, {50}, noon}.cursor().value == 42);
  {
    std::ofstream out{f.settings.folder / "events.ndjson", std::ios::app};
    out << "{\"seq\":43,\"ki";  // a crash
  }
  event_files files{f.settings, {50}, noon};
  CHECK(files.cursor().value == 42);
  files.append(line(43), {43}, noon);
  CHECK(f.text("events.ndjson").ends_with(line(42) + line(43)));
  // Before the first event of all there was a line that says where the log began.
  CHECK(f.text("events.ndjson").starts_with("{\"seq\":40,\"kind\":\"log_begun\""));
}

TEST_CASE("full files are named by their first event, and the newest are kept") {
  log_folder f;
  event_files files{f.settings, {0}, noon};
  for (std::uint64_t seq = 1; seq <= 40; ++seq) files.append(line(seq), {seq}, noon);
  const auto names = f.names();
  REQUIRE(names.size() == 3);
  CHECK(names[2] == "events.ndjson");
  CHECK(f.text(names[0]).starts_with("{\"seq\":" +
                                     std::to_string(std::stoi(names[0].substr(7, 12)))));
  CHECK(names[0] < names[1]);
  // With an empty file of now the full ones tell where to go on.
  std::filesystem::resize_file(f.settings.folder / "events.ndjson", 0);
  const auto last = event_files{f.settings, {40}, noon}.cursor().value;
  CHECK(f.text(names[1]).ends_with(line(last)));
}

TEST_CASE("with addresses no file outlives the time for erasures") {
  log_folder f;
  f.settings.addresses = true;
  f.settings.rotate_bytes = 1 << 20;
  f.settings.keep = 100;
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  event_files files{f.settings, {0}, now};
  files.append(line(1), {1}, now);
  CHECK(f.names().size() == 1);
  files.append(line(2), {2}, now + 7h);
  CHECK(f.names().size() == 2);
  files.tidy(now + 11h);
  CHECK(f.names().size() == 2);
  files.tidy(now + 13h);
  CHECK(f.names().size() == 1);
}

TEST_CASE("a file that is no event log is left alone") {
  log_folder f;
  std::filesystem::create_directories(f.settings.folder);
  std::ofstream{f.settings.folder / "events.ndjson"} << "notes\n";
  CHECK_THROWS(event_files{f.settings, {1}, noon});
  CHECK(f.text("events.ndjson") == "notes\n");
}
