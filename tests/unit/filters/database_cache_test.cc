// Compiled patterns from a cache find what freshly compiled ones find, and nothing damaged is
// taken.
#include "filters/database_cache.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>

#include "filters/pattern_database.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/filters/shipped.h"

using namespace consentry::filters;
namespace fs = std::filesystem;

namespace {

double ms_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> out;
  for (const auto& e : fs::directory_iterator{folder}) out.push_back(e.path());
  return out;
}

bool are_same(const pattern_database& a, const pattern_database& b) {
  for (const auto& p : a.patterns())
    for (const auto& s : p.must_match) {
      bool complete = true;
      const zone where = p.zones.empty() ? zone::body : p.zones.front();
      const auto x = a.search(s.text, where, complete);
      const auto y = b.search(s.text, where, complete);
      if (x.size() != y.size() || x.empty()) return false;
      for (std::size_t i = 0; i < x.size(); ++i)
        if (x[i].pattern != y[i].pattern || x[i].begin != y[i].begin || x[i].end != y[i].end)
          return false;
    }
  return true;
}

}  // namespace

TEST_CASE("what was compiled before is taken from the cache, and finds the same") {
  consentry::tests::temp_folder folder;
  const database_cache cache{folder.path() / "compiled"};
  const auto begin = std::chrono::steady_clock::now();
  const pattern_database fresh{load_patterns(consentry::tests::pattern_folder()), cache};
  const auto compiled_ms = ms_since(begin);
  const auto files = files_in(folder.path() / "compiled");
  CHECK(files.size() >= 2);  // a database for each view that has patterns
  for (const auto& f : files)
    CHECK((fs::status(f).permissions() & fs::perms{077}) == fs::perms::none);
  const auto again = std::chrono::steady_clock::now();
  const pattern_database cached{load_patterns(consentry::tests::pattern_folder()), cache};
  WARN("compiled in " << compiled_ms << " ms, from the cache in " << ms_since(again) << " ms");
  CHECK(are_same(fresh, cached));
  CHECK(files_in(folder.path() / "compiled").size() == files.size());
}

TEST_CASE("damaged, foreign and missing files are compiled anew and replaced") {
  consentry::tests::temp_folder folder;
  const auto place = folder.path() / "compiled";
  const database_cache cache{place};
  const std::string key(64, 'a');
  CHECK_FALSE(cache.find(key));
  cache.keep(key, "content");
  CHECK(cache.find(key) == "content");
  const auto file = place / (key + ".hsdb");
  SECTION("a changed octet") {
    std::fstream f{file, std::ios::in | std::ios::out | std::ios::binary};
    f.seekp(34);
    f.put('X');
  }
  SECTION("cut short") {
    fs::resize_file(file, 20);
  }
  SECTION("readable by others") {
    ::chmod(file.c_str(), 0644);
  }
  SECTION("a link") {
    fs::rename(file, place / "elsewhere");
    fs::create_symlink(place / "elsewhere", file);
  }
  CHECK_FALSE(cache.find(key));
  fs::remove(file);
  cache.keep(key, "anew");
  CHECK(cache.find(key) == "anew");
}

TEST_CASE("a digest that is right around bytes that are no database is compiled anew") {
  consentry::tests::temp_folder folder;
  const database_cache cache{folder.path() / "compiled"};
  const auto& shipped = consentry::tests::pattern_folder();
  {
    const pattern_database first{load_patterns(shipped), cache};
  }
  for (const auto& f : files_in(folder.path() / "compiled"))
    cache.keep(f.stem().string(), "no database");
  const pattern_database second{load_patterns(shipped), cache};
  CHECK(are_same(consentry::tests::shipped_patterns(), second));
}

TEST_CASE("the cache keeps what was used last") {
  consentry::tests::temp_folder folder;
  const database_cache cache{folder.path() / "compiled"};
  for (int n = 0; n < 60; ++n) cache.keep("k" + std::to_string(n), std::to_string(n));
  CHECK(files_in(folder.path() / "compiled").size() == 48);
  CHECK(cache.find("k59") == "59");
}
