#include "queue/spool_segment.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "queue/crc32c.h"
#include "queue/spool.h"

namespace consentry::queue {
namespace {

// spool/000001.seg
//
//   segment = header record*
//   header  = "CNSPOOL1" be32 number be32 crc32c("CNSPOOL1" number)          16 bytes
//   record  = "CREC" be32 length be32 crc32c(body) be32 crc32c(the 12 bytes before) body
//
// Records follow one another without gaps, but for holes left by failed writes. Nothing in the file
// says which records live: the store names them by number, offset, length and checksum.
constexpr std::string_view segment_magic = "CNSPOOL1";
constexpr std::string_view record_magic = "CREC";
constexpr std::size_t header_bytes = 16;
constexpr std::size_t record_header_bytes = 16;

std::string segment_header(std::uint32_t number) {
  byte_writer out;
  out.raw(segment_magic).be32(number);
  const auto crc = crc32c(out.bytes());
  return out.be32(crc).take();
}

std::string record_header(std::uint32_t length, std::uint32_t body_crc) {
  byte_writer out;
  out.raw(record_magic).be32(length).be32(body_crc);
  const auto crc = crc32c(out.bytes());
  return out.be32(crc).take();
}

failure broken(std::string cause) {
  return {.kind = failure_kind::storage_broken,
          .public_text = "storage failed",
          .private_cause = std::move(cause)};
}

result<void> write_all(int fd, std::string_view bytes, std::uint64_t offset,
                       const disk_calls& calls) {
  while (!bytes.empty()) {
    const long n = calls.pwrite(fd, bytes.data(), bytes.size(), static_cast<std::int64_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return disk_failure("writing a spool segment", errno);
    if (n == 0) return disk_failure("writing a spool segment", ENOSPC);
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

bool read_all(int fd, char* to, std::size_t count, std::uint64_t offset) {
  while (count > 0) {
    const auto n = ::pread(fd, to, count, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    to += n;
    count -= static_cast<std::size_t>(n);
    offset += static_cast<std::uint64_t>(n);
  }
  return true;
}

}  // namespace

failure disk_failure(const char* doing, int error) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return {.kind = full ? failure_kind::storage_full : failure_kind::storage_broken,
          .public_text = full ? "insufficient system storage" : "storage failed",
          .private_cause = fmt::format("{}: {}", doing, std::strerror(error))};
}

result<void> sync_folder(const std::filesystem::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return disk_failure("opening the spool folder", errno);
  const int code = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  if (code != 0) return disk_failure("syncing the spool folder", error);
  return {};
}

std::filesystem::path spool_segment::file_of(const std::filesystem::path& folder,
                                             std::uint32_t number) {
  return folder / fmt::format("{:06}.seg", number);
}
std::uint64_t spool_segment::record_bytes(std::size_t body_bytes) noexcept {
  return record_header_bytes + body_bytes;
}
std::uint64_t spool_segment::first_record() noexcept {
  return header_bytes;
}

result<std::shared_ptr<spool_segment>> spool_segment::create(const std::filesystem::path& folder,
                                                             std::uint32_t number,
                                                             const disk_calls& calls) {
  const auto file = file_of(folder, number);
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return disk_failure("creating a spool segment", errno);
  std::shared_ptr<spool_segment> made{new spool_segment{number, fd}};
  auto r = write_all(fd, segment_header(number), 0, calls);
  if (r) r = made->sync(calls);
  if (r) r = sync_folder(folder);
  if (!r) {
    ::unlink(file.c_str());
    return r.error();
  }
  return made;
}

result<std::shared_ptr<spool_segment>> spool_segment::open(const std::filesystem::path& folder,
                                                           std::uint32_t number) {
  const auto file = file_of(folder, number);
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return broken(fmt::format("{}: {}", file.string(), std::strerror(errno)));
  std::shared_ptr<spool_segment> s{new spool_segment{number, fd}};
  std::string header(header_bytes, '\0');
  if (!read_all(fd, header.data(), header.size(), 0) || header != segment_header(number))
    return broken(file.string() + ": not a spool segment of this number");
  return s;
}

spool_segment::~spool_segment() {
  ::close(fd_);
}

result<spool_location> spool_segment::write(std::uint64_t offset, std::string_view body,
                                            const disk_calls& calls) {
  const auto length = static_cast<std::uint32_t>(body.size());
  const auto crc = crc32c(body);
  // Small bodies in one call; large ones are not copied for it.
  std::string head = record_header(length, crc);
  constexpr std::size_t joined_max = 256 << 10;
  if (body.size() <= joined_max) {
    head += body;
    if (auto r = write_all(fd_, head, offset, calls); !r) return r.error();
  } else {
    if (auto r = write_all(fd_, head, offset, calls); !r) return r.error();
    if (auto r = write_all(fd_, body, offset + record_header_bytes, calls); !r) return r.error();
  }
  return spool_location{.segment = number_, .offset = offset, .length = length, .crc = crc};
}

result<void> spool_segment::sync(const disk_calls& calls) {
  if (calls.fdatasync(fd_) == 0) return {};
  auto f = disk_failure("syncing a spool segment", errno);
  // Even where the cause is a full disk: the kernel may have dropped pages of bodies that came in
  // well, and says so only once.
  f.kind = failure_kind::storage_broken;
  f.public_text = "storage failed";
  return f;
}

result<void> spool_segment::blank(
    const std::filesystem::path& folder, std::uint32_t number,
    const std::vector<std::pair<std::uint64_t, std::uint64_t>>& ranges, const disk_calls& calls) {
  const auto file = file_of(folder, number);
  const int fd = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return {};
  if (fd < 0) return disk_failure("opening a spool segment", errno);
  spool_segment s{number, fd};
  const std::string nothing(1 << 20, '\0');
  for (auto [at, end] : ranges) {
    while (at < end) {
      const auto n = std::min<std::uint64_t>(nothing.size(), end - at);
      if (auto r = write_all(fd, std::string_view{nothing}.substr(0, n), at, calls); !r) return r;
      at += n;
    }
  }
  return s.sync(calls);
}

void spool_segment::cut(std::uint64_t end) noexcept {
  // Best effort: what stays is a hole that costs space until the segment goes.
  (void)!::ftruncate(fd_, static_cast<off_t>(end));
}

result<std::string> spool_segment::read(const spool_location& at) const {
  const auto where = fmt::format("spool segment {} offset {}", number_, at.offset);
  std::string head(record_header_bytes, '\0');
  if (!read_all(fd_, head.data(), head.size(), at.offset))
    return broken(where + ": file too short");
  if (head != record_header(at.length, at.crc)) return broken(where + ": record header damaged");
  std::string body(at.length, '\0');
  if (!read_all(fd_, body.data(), body.size(), at.offset + record_header_bytes))
    return broken(where + ": file too short");
  if (crc32c(body) != at.crc) return broken(where + ": body damaged");
  return body;
}

}  // namespace consentry::queue
