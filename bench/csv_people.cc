// Writes consents as CSV, as many as asked for: people with addresses as they are in Hungary, each
// given at a moment of the last five months. The same numbers give the same rows on the same day.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdio>

#include "base/civil_date.h"

using namespace consentry;

namespace {

constexpr std::array<std::string_view, 16> family{
    "nagy", "kovacs", "toth",   "szabo",  "horvath", "varga",  "kiss",    "molnar",
    "papp", "nemeth", "farkas", "balogh", "takacs",  "juhasz", "lakatos", "meszaros"};
constexpr std::array<std::string_view, 16> given{
    "anna",   "maria",  "erzsebet", "ilona",  "katalin", "eva",   "judit", "zsofia",
    "laszlo", "istvan", "jozsef",   "zoltan", "gabor",   "peter", "tamas", "bence"};
constexpr std::array<std::string_view, 8> host{"gmail.com",   "freemail.hu", "citromail.hu",
                                               "outlook.com", "t-online.hu", "indamail.hu",
                                               "yahoo.com",   "upcmail.hu"};

std::uint64_t mixed(std::uint64_t n) noexcept {  // splitmix64
  n += 0x9E3779B97F4A7C15U;
  n = (n ^ n >> 30) * 0xBF58476D1CE4E5B9U;
  n = (n ^ n >> 27) * 0x94D049BB133111EBU;
  return n ^ n >> 31;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t rows = 1000, first = 0;
  CLI::App app{"CSV rows of consents"};
  app.add_option("--rows", rows, "how many");
  app.add_option("--first", first, "number of the first person");
  CLI11_PARSE(app, argc, argv);

  const auto now = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  std::string out = "email,topic,given_at,method,provenance,notice_hash\n";
  for (auto i = first; i < first + rows; ++i) {
    const auto n = mixed(i);
    const instant at =
        now - std::chrono::seconds{static_cast<std::int64_t>(n >> 20) % (150 * 86'400)};
    fmt::format_to(
        std::back_inserter(out), "{}.{}{}@{},hirek,{},web_form,own_form,sha256:9f86d081884c7d65\n",
        family[n % 16], given[n / 16 % 16], i, host[n / 256 % 8], to_string_budapest(at));
    if (out.size() > (1u << 20) || i + 1 == first + rows) {
      if (std::fwrite(out.data(), 1, out.size(), stdout) != out.size()) return 1;
      out.clear();
    }
  }
  return std::fflush(stdout) == 0 ? 0 : 1;
}
