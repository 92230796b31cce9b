#include "queue/spool.h"

#include <catch2/catch.hpp>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <thread>

#include <sys/resource.h>

#include "tests/support/temp_folder.h"

using namespace consentry;
using namespace consentry::queue;
namespace fs = std::filesystem;

namespace {

struct faulty_disk {
  int write_error = 0;  // of the next writes
  int sync_error = 0;
  long short_write = 0;  // > 0: at most so many bytes a call
  int syncs = 0;

  disk_calls calls() {
    const auto real = disk_calls::real();
    return {
        .pwrite = [this, real](int fd, const void* bytes, std::size_t n, std::int64_t at) -> long {
          if (write_error != 0) {
            // As real disks do: a part goes in, then no more.
            if (n > 100 && write_error == ENOSPC) return real.pwrite(fd, bytes, 100, at);
            errno = write_error;
            return -1;
          }
          if (short_write > 0) n = std::min<std::size_t>(n, static_cast<std::size_t>(short_write));
          return real.pwrite(fd, bytes, n, at);
        },
        .fdatasync =
            [this, real](int fd) {
              ++syncs;
              if (sync_error == 0) return real.fdatasync(fd);
              errno = sync_error;
              return -1;
            }};
  }
};

void damage(const fs::path& file, std::uint64_t offset) {
  std::fstream f{file, std::ios::in | std::ios::out | std::ios::binary};
  f.seekg(static_cast<std::streamoff>(offset));
  const char c = static_cast<char>(f.get() ^ 1);
  f.seekp(static_cast<std::streamoff>(offset));
  f.put(c);
}

}  // namespace

TEST_CASE("bodies come back, also after a restart and from several segments") {
  consentry::tests::temp_folder folder;
  const auto where = folder.path() / "spool";
  std::vector<spool_location> at;
  const auto body = [](int i) { return "body " + std::to_string(i) + std::string(3000, 'x'); };
  {
    spool s{{.folder = where, .segment_bytes_max = 10'000}, 1};
    for (int i = 0; i < 10; ++i) at.push_back(s.append(body(i)).value().location);
    REQUIRE(s.presync().has_value());
    CHECK(s.segments() == 4);
    CHECK(s.read(at[9]).value() == body(9));
  }
  spool s{{.folder = where, .segment_bytes_max = 10'000, .open_files_max = 2}, 1};
  for (int i = 0; i < 10; ++i) CHECK(s.read(at[static_cast<std::size_t>(i)]).value() == body(i));
  // Never into a file of the life before: its tail may be torn.
  CHECK(s.append("new").value().location.segment == 5);
}

TEST_CASE("a body larger than a segment has one of its own") {
  consentry::tests::temp_folder folder;
  spool s{{.folder = folder.path() / "spool", .segment_bytes_max = 1000}, 1};
  const std::string large(1 << 20, 'y');
  const auto a = s.append("small").value().location;
  const auto b = s.append(large).value().location;
  CHECK(b.segment == a.segment + 1);
  CHECK(s.read(b).value() == large);
}

TEST_CASE("writes that come in pieces are put together") {
  consentry::tests::temp_folder folder;
  faulty_disk disk{.short_write = 7};
  spool s{{.folder = folder.path() / "spool"}, 1, disk.calls()};
  const auto a = s.append("a body that needs several calls").value().location;
  CHECK(s.read(a).value() == "a body that needs several calls");
}

TEST_CASE("what a crash left behind the last named record harms nobody") {
  consentry::tests::temp_folder folder;
  const auto where = folder.path() / "spool";
  spool_location at;
  {
    spool s{{.folder = where}, 1};
    at = s.append("named").value().location;
  }
  std::ofstream{where / "000001.seg", std::ios::app | std::ios::binary} << "CREC half a reco";
  std::ofstream{where / "stray.tmp"} << "not ours";
  spool s{{.folder = where}, 1};
  CHECK(s.read(at).value() == "named");
  CHECK(s.append("next").value().location.segment == 2);
}

TEST_CASE("damage is found, wherever it is") {
  consentry::tests::temp_folder folder;
  const auto where = folder.path() / "spool";
  spool_location at;
  {
    spool s{{.folder = where}, 1};
    at = s.append(std::string(1000, 'b')).value().location;
  }
  const auto offset = GENERATE(0, 4, 8, 12, 16, 500, 1015);
  damage(where / "000001.seg", at.offset + static_cast<std::uint64_t>(offset));
  spool s{{.folder = where}, 1};
  const auto r = s.read(at);
  REQUIRE(r.has_error());
  CHECK(r.error().kind == failure_kind::storage_broken);
}

TEST_CASE("a missing or foreign segment is a broken store, not a crash") {
  consentry::tests::temp_folder folder;
  const auto where = folder.path() / "spool";
  fs::create_directories(where);
  std::ofstream{where / "000007.seg"} << "something else entirely";
  spool s{{.folder = where}, 1};
  for (const std::uint32_t segment : {6u, 7u}) {
    const auto r = s.read({.segment = segment, .offset = 16, .length = 5, .crc = 1});
    REQUIRE(r.has_error());
    CHECK(r.error().kind == failure_kind::storage_broken);
  }
}

TEST_CASE("a full disk refuses the one body and takes the next when there is room") {
  consentry::tests::temp_folder folder;
  faulty_disk disk;
  spool s{{.folder = folder.path() / "spool"}, 1, disk.calls()};
  const auto before = s.append("before").value().location;
  const auto size = s.bytes();
  disk.write_error = ENOSPC;
  const auto refused = s.append(std::string(5000, 'z'));
  REQUIRE(refused.has_error());
  CHECK(refused.error().kind == failure_kind::storage_full);
  CHECK(s.bytes() == size);
  CHECK(fs::file_size(folder.path() / "spool" / "000001.seg") == size);
  disk.write_error = 0;
  const auto after = s.append("after").value().location;
  CHECK(s.presync().has_value());
  CHECK(s.read(before).value() == "before");
  CHECK(s.read(after).value() == "after");
}

TEST_CASE("a disk too full for a new segment refuses, and recovers") {
  consentry::tests::temp_folder folder;
  faulty_disk disk{.write_error = ENOSPC};
  spool s{{.folder = folder.path() / "spool"}, 1, disk.calls()};
  CHECK(s.append("x").error().kind == failure_kind::storage_full);
  disk.write_error = 0;
  const auto at = s.append("x").value().location;
  CHECK(s.read(at).value() == "x");
}

TEST_CASE("the limit of the operating system on a file's size is a full disk too") {
  consentry::tests::temp_folder folder;
  spool s{{.folder = folder.path() / "spool"}, 1};
  REQUIRE(s.append("fits").has_value());
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit low{4096, old.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &low) == 0);
  const auto r = s.append(std::string(10'000, 'q'));
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  REQUIRE(r.has_error());
  CHECK(r.error().kind == failure_kind::storage_full);
  CHECK(s.append("fits again").has_value());
}

TEST_CASE("other write errors and every failed sync are a broken store") {
  consentry::tests::temp_folder folder;
  faulty_disk disk;
  spool s{{.folder = folder.path() / "spool"}, 1, disk.calls()};
  REQUIRE(s.append("x").has_value());
  const int error = GENERATE(EIO, ENOSPC);
  disk.sync_error = error;
  const auto r = s.presync();
  REQUIRE(r.has_error());
  CHECK(r.error().kind == failure_kind::storage_broken);
  disk.write_error = EIO;
  CHECK(s.append("y").error().kind == failure_kind::storage_broken);
}

TEST_CASE("only what was written is synced, each segment once a group") {
  consentry::tests::temp_folder folder;
  faulty_disk disk;
  spool s{{.folder = folder.path() / "spool"}, 1, disk.calls()};
  for (int i = 0; i < 100; ++i) REQUIRE(s.append("body").has_value());
  disk.syncs = 0;
  REQUIRE(s.presync().has_value());
  CHECK(disk.syncs == 1);
  REQUIRE(s.presync().has_value());
  CHECK(disk.syncs == 1);
}

TEST_CASE("a segment with a lease, and the one being written, are not removable") {
  consentry::tests::temp_folder folder;
  const auto where = folder.path() / "spool";
  spool s{{.folder = where, .segment_bytes_max = 100}, 1};
  auto first = s.append(std::string(90, 'a')).value();
  const auto second = s.append(std::string(90, 'b')).value();
  CHECK(s.removable().empty());
  first.lease.reset();
  CHECK(s.removable() == std::vector<std::uint32_t>{1});
  s.remove(1);
  CHECK_FALSE(fs::exists(where / "000001.seg"));
  CHECK(s.segments() == 1);
  CHECK(s.read(second.location).value() == std::string(90, 'b'));
  s.remove(2);  // being written
  CHECK(fs::exists(where / "000002.seg"));
}

TEST_CASE("more than may wait for a sync is refused") {
  consentry::tests::temp_folder folder;
  spool s{{.folder = folder.path() / "spool", .unsynced_bytes_max = 1000}, 1};
  REQUIRE(s.append(std::string(900, 'a')).has_value());
  CHECK(s.append(std::string(900, 'a')).error().kind == failure_kind::limit);
  REQUIRE(s.presync().has_value());
  CHECK(s.append(std::string(900, 'a')).has_value());
}

TEST_CASE("many threads append at once") {
  consentry::tests::temp_folder folder;
  spool s{{.folder = folder.path() / "spool", .segment_bytes_max = 20'000}, 1};
  std::array<std::vector<std::pair<spool_location, std::string>>, 4> done;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < done.size(); ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        auto body = std::to_string(t) + ":" + std::string(static_cast<std::size_t>(i), 'k');
        const auto at = s.append(body).value().location;
        if (i % 50 == 0) (void)s.presync();
        done[t].emplace_back(at, std::move(body));
      }
    });
  for (auto& t : threads) t.join();
  for (const auto& list : done)
    for (const auto& [at, body] : list) CHECK(s.read(at).value() == body);
}
