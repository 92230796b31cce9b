// How long a compaction takes, and how long it keeps the writer waiting at most, while a writer
// goes on committing: consents of ten million persons in a store of its own.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <random>
#include <thread>

#include "base/bytes.h"
#include "base/commit_loop.h"
#include "base/lmdb_env_compaction.h"

namespace {

using namespace consentry;
using std::chrono::steady_clock;

double ms(steady_clock::duration d) {
  return std::chrono::duration<double, std::milli>(d).count();
}

// Sorted keys of 28 bytes, as the ledger has them, with values of a plain record's size.
std::string key_of(std::uint64_t n) {
  return byte_writer{}.be32(1).be64(n * 1'000'003).be64(n).be64(7).take();
}

void fill(store_env& env, table t, std::uint64_t records, std::size_t bytes) {
  const std::string value(bytes, 'v');
  constexpr std::uint64_t slice = 200'000;
  for (std::uint64_t n = 0; n < records;) {
    auto txn = env.begin_write();
    for (const auto end = std::min(records, n + slice); n < end; ++n)
      txn.append(t, key_of(n), value);
    txn.commit();
  }
}

// Commits of a few keys one after the other, as intake makes them; random ones, which cost most.
struct busy_writer {
  commit_loop& loop;
  table t;
  std::uint64_t records;
  unsigned keys;
  std::atomic<bool> is_over{false};
  std::vector<double> took_ms;

  void run() {
    std::mt19937_64 random{1};
    const std::string value(100, 'w');
    while (!is_over) {
      const auto begun = steady_clock::now();
      const auto seed = random();
      const auto done = loop.run([&](write_txn& txn) {
        std::mt19937_64 r{seed};
        for (unsigned i = 0; i < keys; ++i) txn.put(t, key_of(r() % records), value);
      });
      if (!done) break;
      took_ms.push_back(ms(steady_clock::now() - begun));
    }
    std::ranges::sort(took_ms);
  }
  double at(double share) const {
    if (took_ms.empty()) return 0;
    return took_ms[static_cast<std::size_t>(share * static_cast<double>(took_ms.size() - 1))];
  }
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli{"compaction of a large store under a busy writer"};
  std::uint64_t records = 10'000'000;
  std::size_t bytes = 100;
  unsigned keys = 16;
  double share = 0.5;
  std::filesystem::path folder = "build/compact-bench";
  cli.add_option("--records", records, "")->capture_default_str();
  cli.add_option("--bytes", bytes, "of each value")->capture_default_str();
  cli.add_option("--keys", keys, "random ones in each commit of the writer")->capture_default_str();
  cli.add_option("--share", share, "of a core for the compaction")->capture_default_str();
  cli.add_option("--folder", folder, "made and removed")->capture_default_str();
  CLI11_PARSE(cli, argc, argv);
  std::filesystem::remove_all(folder);
  {
    store_env env{{.folder = folder}};
    const auto t = env.open_table("consents");
    const auto begun = steady_clock::now();
    fill(env, t, records, bytes);
    fmt::print(stderr, "filled: {} records, {} MiB in {:.0f} s\n", records, env.file_bytes() >> 20,
               ms(steady_clock::now() - begun) / 1000);
    commit_loop loop{env, {}, [](const failure&) {}};
    busy_writer writer{.loop = loop, .t = t, .records = records, .keys = keys};
    std::thread thread{[&] { writer.run(); }};
    const auto done = compact_store(env, {.share = share});
    writer.is_over = true;
    thread.join();
    if (!done) {
      fmt::print(stderr, "{}\n", describe(done.error()));
      return 3;
    }
    const auto& r = *done;
    fmt::print(
        "{{\"records\":{},\"bytes_before\":{},\"bytes_after\":{},\"took_s\":{:.1f},"
        "\"longest_writer_pause_ms\":{:.1f},\"rounds\":{},\"changes_meanwhile\":{},"
        "\"commits_meanwhile\":{},\"commit_ms\":{{\"p50\":{:.2f},\"p99\":{:.2f},"
        "\"max\":{:.1f}}}}}\n",
        records, r.bytes_before, r.bytes_after, static_cast<double>(r.took.count()) / 1000,
        static_cast<double>(r.longest_pause.count()) / 1000, r.rounds, r.changes,
        writer.took_ms.size(), writer.at(0.5), writer.at(0.99), writer.at(1));
  }
  std::filesystem::remove_all(folder);
  return 0;
}
