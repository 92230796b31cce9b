// Whatever becomes of the reader, an answer comes, and the next file is read.
#include "filters/confined_reader.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "tests/unit/filters_reader/sample_files.h"

using namespace consentry;
using namespace consentry::filters;

namespace {

confined_reader false_one() {
  return confined_reader{{.program = CONSENTRY_BIN_DIR "/false_reader"}};
}
confined_reader real_one() {
  return confined_reader{{.program = CONSENTRY_BIN_DIR "/consentry-reader"}};
}

reader::reading ask(const attachment_reader& r, const std::string& name,
                    const std::string& bytes = "hello") {
  return r.read({.type = "", .name = name, .bytes = bytes, .limits = {.time_ms = 300}});
}

std::string why(const reader::reading& r) {
  return r.unreadable.empty() ? "" : r.unreadable.front().why;
}

int try_call(const char* call) {
  auto p = confined_process::start(CONSENTRY_BIN_DIR "/consentry-reader", {"--try", call}).value();
  // It says nothing: what comes is its end.
  const auto none = [](std::string_view) { return std::optional<std::size_t>{}; };
  p.exchange("", 1, none, std::chrono::steady_clock::now() + std::chrono::seconds{30});
  const auto how = p.end(std::chrono::seconds{5});
  if (how.starts_with("ended with code ")) return std::stoi(how.substr(16));
  return -std::stoi(how.substr(how.rfind(' ') + 1));
}

}  // namespace

TEST_CASE("a reader that crashes, hangs or lies is a verdict, and the next file is read") {
  const auto r = false_one();
  const std::pair<const char*, const char*> cases[] = {
      {"crash", "cannot be read: the reader was killed by signal 11"},
      {"exit", "cannot be read: the reader ended with code 7"},
      {"hang", "takes too long to read"},
      {"garbage", "cannot be read: the reader's answer is broken"},
      {"huge", "cannot be read: the reader's answer is broken"},
      {"undecodable", "cannot be read: the reader's answer is broken"},
      {"half", "cannot be read: the reader ended with code 0"},
  };
  std::uint64_t deaths = 0;
  for (const auto& [name, says] : cases) {
    INFO(name);
    CHECK(why(ask(r, name)) == says);
    CHECK(r.deaths() > deaths);
    deaths = r.deaths();
    const auto next = ask(r, "good");
    CHECK(next.unreadable.empty());
    REQUIRE(next.items.size() == 1);
    CHECK(next.items[0].text == "read: hello");
  }
}

TEST_CASE("a reader that died while idle is blamed on no file") {
  const auto r = false_one();
  CHECK(why(ask(r, "die later")).empty());
  CHECK(why(ask(r, "good")).empty());
}

TEST_CASE("a reader is kept until it meets a file that it cannot read, or has read enough") {
  const auto r = false_one();
  const auto process = [&r] { return ask(r, "process").items.at(0).text; };
  const auto first = process();
  CHECK(process() == first);
  CHECK(why(ask(r, "unreadable")) == "is encrypted");
  const auto second = process();
  CHECK(second != first);
  for (int i = 0; i < 98; ++i) CHECK(process() == second);
  ask(r, "good");
  CHECK(process() != second);
}

TEST_CASE("without a reader nothing is read, and it says so at the start") {
  CHECK_THROWS_AS(confined_reader{{.program = "/nowhere/consentry-reader"}}, configuration_error);
  CHECK_THROWS_AS(confined_reader{{.program = "/bin/true"}}, configuration_error);
}

TEST_CASE("the kernel ends a reader that opens, connects, forks or executes") {
  constexpr int killed_by_bad_call = -31;  // SIGSYS
  CHECK(try_call("nothing") == 0);
  CHECK(try_call("open") == 1);  // refused: libraries look for files that they can do without
  CHECK(try_call("socket") == killed_by_bad_call);
  CHECK(try_call("fork") == killed_by_bad_call);
  CHECK(try_call("exec") == killed_by_bad_call);
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
  return;  // its shadow needs more memory than any bound
#endif
#endif
  CHECK(try_call("memory") == 1);
}

TEST_CASE("the confined reader reads documents") {
  const auto r = real_one();
  const auto text_of = [&](const std::string& name, const std::string& bytes) {
    const auto found = r.read({.type = "", .name = name, .bytes = bytes, .limits = {}});
    std::string out;
    for (const auto& i : found.items) out += i.path + "|" + i.text + "\n";
    for (const auto& u : found.unreadable) out += "! " + u.path + "|" + u.why + "\n";
    return out;
  };
  CHECK_THAT(text_of("a.docx", tests::docx_saying("Árvíztűrő tükörfúrógép")),
             Catch::Contains("|Árvíztűrő tükörfúrógép"));
  CHECK_THAT(
      text_of("a.pdf", tests::pdf_saying("\xC1rv\xEDzt\xFBr\xF5 t\xFCk\xF6rf\xFAr\xF3g\xE9p")),
      Catch::Contains("|Árvíztűrő tükörfúrógép"));
  CHECK(r.deaths() == 0);
}

TEST_CASE("many threads read at once") {
  const auto r = real_one();
  const auto file = tests::docx_saying("Online kaszinó");
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 60; ++i) {
        const auto found = r.read({.type = "", .name = "a.docx", .bytes = file, .limits = {}});
        good += found.unreadable.empty() && found.items.size() == 1;
      }
    });
  for (auto& t : threads) t.join();
  CHECK(good == 240);
  CHECK(r.deaths() == 0);
}
