// Measures reading and scanning on one core: messages from a folder, read into memory first. Prints
// one JSON object; scripts/bench scan runs it.
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>

#include "app/message_reading.h"
#include "filters/link_check.h"
#include "filters/message_texts.h"
#include "filters/pattern_database.h"
#include "filters/pattern_file.h"
#include "smtp/mime/mime_walk.h"

namespace consentry::bench {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

double cpu_s() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](timeval t) { return double(t.tv_sec) + double(t.tv_usec) / 1e6; };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

std::size_t resident_kib() {
  std::ifstream in{"/proc/self/status"};
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("RssAnon:")) return std::stoul(line.substr(8));
  }
  return 0;
}

// CPU seconds of one call.
template <class F>
double measured(F&& f) {
  const double before = cpu_s();
  f();
  return cpu_s() - before;
}

std::vector<std::string> read_messages(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& e : fs::directory_iterator{folder}) files.push_back(e.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> out;
  for (const fs::path& f : files) {
    std::ifstream in{f, std::ios::binary};
    out.emplace_back(std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{});
  }
  return out;
}

// A pattern file of words that nobody has written yet: syllables, three to a word.
std::string invented_patterns(int count) {
  constexpr std::string_view syllables[] = {"ba", "rek", "lo",  "min", "tu",  "vas", "ze", "dor",
                                            "gi", "ny",  "pel", "ka",  "sor", "ix",  "ul", "fen"};
  std::mt19937 random{7};  // NOLINT(cert-msc51-cpp): the same words in each run
  const auto syllable = [&] { return std::string{syllables[random() % std::size(syllables)]}; };
  std::string out = "language = \"hu\"\ncategory = \"S1\"\n";
  for (int n = 0; n < count; ++n) {
    const std::string word = syllable() + syllable() + syllable() + syllable();
    out += "[[pattern]]\nid = \"bench" + std::to_string(n) + "\"\nwords = [\"" + word +
           "~\"]\nweight = 1\nmust_match = [\"" + word + "\"]\nmust_not_match = [\"alma\"]\n";
  }
  return out;
}

struct options {
  fs::path patterns;
  fs::path messages;
  int repeats = 5;
  int extra = 0;
};

// Domains under those that much mail links to, so that no look-up ends early.
std::string invented_domains(int count) {
  std::string out;
  for (int n = 0; n < count; ++n)
    out += "listed" + std::to_string(n) + (n % 2 == 0 ? ".com\n" : ".hu\n");
  return out;
}

filters::pattern_set load(const options& o) {
  filters::pattern_set set = filters::load_patterns(o.patterns);
  set.lists.blocked = filters::parse_host_list(invented_domains(10'000), "blocked");
  set.lists.shorteners = filters::parse_host_list("bit.ly\nt.co\ntinyurl.com\n", "shorteners");
  if (o.extra > 0) {
    set.files.push_back(
        filters::parse_pattern_file(invented_patterns(o.extra), "hu/S1_bench.toml"));
  }
  return set;
}

// The time that a start takes with what another start compiled.
double load_from_cache(const options& o) {
  const fs::path folder = fs::temp_directory_path() / ("scan_bench-" + std::to_string(::getpid()));
  const filters::database_cache cache{folder};
  {
    const filters::pattern_database compiled{load(o), cache};
  }
  filters::pattern_set set = load(o);
  const auto begin = std::chrono::steady_clock::now();
  const filters::pattern_database database{std::move(set), cache};
  const double spent =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  fs::remove_all(folder);
  return spent;
}

json::value run(const options& o) {
  const std::vector<std::string> mails = read_messages(o.messages);
  std::size_t octets = 0;
  for (const std::string& m : mails) octets += m.size();

  const std::size_t memory_before = resident_kib();
  filters::pattern_set set = load(o);
  const auto begin = std::chrono::steady_clock::now();
  const filters::pattern_database database{std::move(set)};
  const double compile_s =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const std::size_t memory_database = resident_kib() - memory_before;
  const double cached_s = load_from_cache(o);

  std::size_t sink = 0;
  const app::sender_view nobody;
  const auto whole = [&] {
    for (const std::string& m : mails) {
      const auto reading = app::read_message(m, database, nobody);
      sink += reading ? reading->scan.findings.size() : 0;
    }
  };
  const auto walk = [&] {
    for (const std::string& m : mails) sink += smtp::mime::walk(m).parts.size();
  };
  std::vector<smtp::mime::walked_message> walked;
  for (const std::string& m : mails) walked.push_back(smtp::mime::walk(m));
  std::vector<filters::message_texts> texts;
  const auto gather = [&] {
    texts.clear();
    for (const auto& w : walked) texts.push_back(filters::gather_texts(w, {}));
  };
  std::size_t text_octets = 0;
  const auto views = [&] {
    for (const auto& t : texts) {
      for (const auto& one : t.texts) sink += filters::text_views::of(one.seen).text(3).size();
    }
  };
  const auto search = [&] {
    bool complete = true;
    for (const auto& t : texts) {
      for (const auto& one : t.texts) sink += database.search(one.seen, one.where, complete).size();
    }
  };
  const auto links = [&] {
    for (const auto& t : texts) sink += filters::check_links(t, database.lists()).size();
  };
  whole();  // tables made at first use, caches warm
  gather();
  for (const auto& t : texts) {
    for (const auto& one : t.texts) text_octets += one.seen.size();
  }
  json::array runs;
  for (int i = 0; i < o.repeats; ++i) {
    runs.push_back(json::object{{"whole_s", measured(whole)},
                                {"walk_s", measured(walk)},
                                {"gather_s", measured(gather)},
                                {"views_s", measured(views)},
                                {"search_s", measured(search)},
                                {"links_s", measured(links)}});
  }
  return json::object{{"messages", mails.size()},
                      {"octets", octets},
                      {"text_octets", text_octets},
                      {"patterns", database.patterns().size()},
                      {"compile_s", compile_s},
                      {"database_kib", memory_database},
                      {"cached_s", cached_s},
                      {"findings_seen", sink},
                      {"runs", runs}};
}

}  // namespace
}  // namespace consentry::bench

int main(int argc, char** argv) {
  CLI::App app{"Measures reading and scanning of messages on one core"};
  consentry::bench::options o;
  app.add_option("--patterns", o.patterns, "folder of pattern files")->required();
  app.add_option("--messages", o.messages, "folder of message files")->required();
  app.add_option("--repeats", o.repeats, "how often each is measured");
  app.add_option("--extra", o.extra, "so many invented patterns more");
  CLI11_PARSE(app, argc, argv);
  try {
    std::cout << consentry::bench::json::serialize(consentry::bench::run(o)) << "\n";
  } catch (const std::exception& e) {
    std::cerr << "scan_bench: " << e.what() << "\n";
    return 3;
  }
  return 0;
}
