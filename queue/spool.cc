#include "queue/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <list>
#include <map>
#include <mutex>
#include <set>

#include "base/log.h"
#include "queue/spool_segment.h"

namespace consentry::queue {
namespace {

constexpr std::string_view room = "queue/spool";

std::optional<std::uint32_t> segment_number(const std::filesystem::path& file) {
  if (file.extension() != ".seg") return std::nullopt;
  const auto stem = file.stem().string();
  std::uint32_t n = 0;
  const auto [end, error] = std::from_chars(stem.data(), stem.data() + stem.size(), n);
  if (error != std::errc{} || end != stem.data() + stem.size() || n == 0) return std::nullopt;
  return n;
}

failure too_much(std::string text) {
  return {.kind = failure_kind::limit, .public_text = std::move(text)};
}

}  // namespace

disk_calls disk_calls::real() {
  return {.pwrite = [](int fd, const void* bytes, std::size_t count, std::int64_t offset) -> long {
            return ::pwrite(fd, bytes, count, offset);
          },
          .fdatasync = [](int fd) { return ::fdatasync(fd); }};
}

struct spool::state {
  spool_settings settings;
  disk_calls calls;

  mutable std::mutex mutex;
  std::shared_ptr<spool_segment> current;  // null: the next append makes one
  std::uint64_t end = 0;                   // of what is reserved in it
  std::uint32_t next_number = 1;
  std::uint64_t writing_bytes = 0;  // reserved, not yet written
  std::uint64_t dirty_bytes = 0;    // written, not yet synced
  std::map<std::uint32_t, std::shared_ptr<spool_segment>> dirty;
  std::set<std::uint32_t> files;  // all segments, the current one too
  // Leases by segment. weak: expired means that nobody is between append and commit there.
  std::map<std::uint32_t, std::weak_ptr<const void>> leases;
  mutable std::list<std::shared_ptr<spool_segment>> open_files;  // most recently read first
  std::uint64_t bytes_on_disk = 0;
  std::map<std::uint32_t, std::uint64_t> sizes;
  std::map<std::pair<std::uint32_t, std::uint64_t>, spool_location> moves;
  std::weak_ptr<const void> held;

  struct reservation {
    std::shared_ptr<spool_segment> segment;
    std::shared_ptr<const void> lease;
    std::uint64_t offset = 0;
  };
  result<reservation> reserve(std::uint64_t bytes);
  void give_back(const reservation& r, std::uint64_t bytes);
  result<void> begin_segment();
  std::shared_ptr<spool_segment> find_open(std::uint32_t number) const;
};

spool::spool(spool_settings s, std::uint32_t first_segment_min, disk_calls calls)
    : state_{std::make_unique<state>()} {
  namespace fs = std::filesystem;
  state_->settings = std::move(s);
  state_->calls = std::move(calls);
  state_->next_number = std::max<std::uint32_t>(1, first_segment_min);
  std::error_code error;
  const auto& folder = state_->settings.folder;
  if (!fs::exists(folder, error)) {
    fs::create_directories(folder, error);
    if (!error) fs::permissions(folder, fs::perms::owner_all, error);
    if (auto r = sync_folder(folder.has_parent_path() ? folder.parent_path() : "."); !r)
      throw configuration_error(folder.string() + ": " + r.error().private_cause);
  }
  fs::directory_iterator entries{folder, error};
  if (error) throw configuration_error(folder.string() + ": " + error.message());
  for (const auto& entry : entries) {
    const auto number = segment_number(entry.path());
    if (!number) continue;
    state_->files.insert(*number);
    state_->sizes[*number] = entry.file_size(error);
    state_->bytes_on_disk += state_->sizes[*number];
    state_->next_number = std::max(state_->next_number, *number + 1);
  }
}

spool::~spool() = default;

// Called with the lock held; costs two syncs, once in segment_bytes_max.
result<void> spool::state::begin_segment() {
  current.reset();
  const auto number = next_number++;  // not used again, whatever comes of it
  auto made = spool_segment::create(settings.folder, number, calls);
  if (!made) return made.error();
  current = std::move(*made);
  end = spool_segment::first_record();
  sizes[number] = end;
  bytes_on_disk += end;
  files.insert(number);
  return {};
}

auto spool::state::reserve(std::uint64_t bytes) -> result<reservation> {
  std::lock_guard lock{mutex};
  if (writing_bytes + dirty_bytes + bytes > settings.unsynced_bytes_max)
    return too_much("too much mail is waiting for the disk");
  const bool fits = current && (end == spool_segment::first_record() ||
                                end + bytes <= settings.segment_bytes_max);
  if (!fits)
    if (auto r = begin_segment(); !r) return r.error();
  const auto number = current->number();
  auto& known = leases[number];
  auto lease = known.lock();
  if (!lease) {
    lease = std::make_shared<int>(0);
    known = lease;
  }
  reservation r{.segment = current, .lease = std::move(lease), .offset = end};
  end += bytes;
  sizes[number] = end;
  bytes_on_disk += bytes;
  writing_bytes += bytes;
  return r;
}

void spool::state::give_back(const reservation& r, std::uint64_t bytes) {
  std::lock_guard lock{mutex};
  writing_bytes -= bytes;
  // The last of the current segment: its space is free again. Otherwise it stays a hole.
  if (r.segment == current && end == r.offset + bytes) {
    end = r.offset;
    sizes[r.segment->number()] = end;
    bytes_on_disk -= bytes;
    r.segment->cut(end);
  }
}

result<spooled_body> spool::append(std::string_view body) {
  if (body.empty() || body.size() > state_->settings.body_bytes_max)
    return too_much("message too large to be queued");
  const auto bytes = spool_segment::record_bytes(body.size());
  auto place = state_->reserve(bytes);
  if (!place) return place.error();
  auto location = place->segment->write(place->offset, body, state_->calls);
  if (!location) {
    state_->give_back(*place, bytes);
    log::error(room, "append_failed", {{"cause", location.error().private_cause}});
    return location.error();
  }
  std::lock_guard lock{state_->mutex};
  state_->writing_bytes -= bytes;
  state_->dirty_bytes += bytes;
  state_->dirty[location->segment] = place->segment;
  return spooled_body{.location = *location, .lease = std::move(place->lease)};
}

result<void> spool::presync() {
  std::map<std::uint32_t, std::shared_ptr<spool_segment>> todo;
  {
    std::lock_guard lock{state_->mutex};
    todo.swap(state_->dirty);
    state_->dirty_bytes = 0;
  }
  for (const auto& [number, segment] : todo)
    if (auto r = segment->sync(state_->calls); !r) return r;
  return {};
}

// The current segment, or one that was read lately. The caller holds the lock.
std::shared_ptr<spool_segment> spool::state::find_open(std::uint32_t number) const {
  if (current && current->number() == number) return current;
  const auto found = std::find_if(open_files.begin(), open_files.end(),
                                  [&](const auto& s) { return s->number() == number; });
  if (found == open_files.end()) return nullptr;
  open_files.splice(open_files.begin(), open_files, found);
  return open_files.front();
}

result<std::string> spool::read(const spool_location& wanted) const {
  std::shared_ptr<spool_segment> segment;
  auto at = wanted;
  {
    std::lock_guard lock{state_->mutex};
    // Moved again before this read: follow it to where it lies now.
    for (auto next = state_->moves.find({at.segment, at.offset}); next != state_->moves.end();
         next = state_->moves.find({at.segment, at.offset}))
      at = next->second;
    segment = state_->find_open(at.segment);
  }
  if (!segment) {
    auto opened = spool_segment::open(state_->settings.folder, at.segment);
    if (!opened) return opened.error();
    segment = *opened;
    std::lock_guard lock{state_->mutex};
    if (!state_->find_open(at.segment)) state_->open_files.push_front(segment);
    while (state_->open_files.size() > state_->settings.open_files_max)
      state_->open_files.pop_back();
  }
  return segment->read(at);
}

std::vector<std::uint32_t> spool::removable() const {
  std::vector<std::uint32_t> out;
  std::lock_guard lock{state_->mutex};
  if (!state_->held.expired()) return out;
  for (const auto number : state_->files) {
    if (state_->current && state_->current->number() == number) continue;
    const auto lease = state_->leases.find(number);
    if (lease == state_->leases.end() || lease->second.expired()) out.push_back(number);
  }
  return out;
}

void spool::remove(std::uint32_t segment) {
  {
    std::lock_guard lock{state_->mutex};
    if (state_->current && state_->current->number() == segment) return;
    if (!state_->files.contains(segment)) return;
    state_->open_files.remove_if([&](const auto& s) { return s->number() == segment; });
    state_->leases.erase(segment);
    state_->dirty.erase(segment);
    state_->files.erase(segment);
    state_->bytes_on_disk -= std::exchange(state_->sizes[segment], 0);
    state_->sizes.erase(segment);
  }
  const auto file = spool_segment::file_of(state_->settings.folder, segment);
  if (::unlink(file.c_str()) != 0)
    log::warn(room, "unlink_failed", {{"file", file.filename().string()}, {"errno", errno}});
}

std::uint32_t spool::rotate() {
  std::lock_guard lock{state_->mutex};
  state_->current.reset();
  return state_->next_number - 1;
}

std::vector<spool::segment_size> spool::sizes() const {
  std::lock_guard lock{state_->mutex};
  std::vector<segment_size> out;
  for (const auto number : state_->files) out.push_back({number, state_->sizes[number]});
  return out;
}

result<void> spool::keep_only(std::uint32_t segment, std::vector<spool_location> kept) {
  std::sort(kept.begin(), kept.end(),
            [](const auto& a, const auto& b) { return a.offset < b.offset; });
  std::uint64_t end = 0;
  {
    std::lock_guard lock{state_->mutex};
    if (!state_->files.contains(segment)) return {};
    end = state_->sizes[segment];
  }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  auto from = empty_segment_bytes();
  for (const auto& k : kept) {
    if (k.offset > from) ranges.emplace_back(from, k.offset);
    from = std::max(from, k.offset + record_bytes(k.length));
  }
  if (from < end) ranges.emplace_back(from, end);
  return spool_segment::blank(state_->settings.folder, segment, ranges, state_->calls);
}

std::uint64_t spool::record_bytes(std::uint32_t body_bytes) noexcept {
  return spool_segment::record_bytes(body_bytes);
}
std::uint64_t spool::empty_segment_bytes() noexcept {
  return spool_segment::first_record();
}

void spool::moved(const spool_location& from, const spool_location& to) {
  std::lock_guard lock{state_->mutex};
  state_->moves.insert_or_assign({from.segment, from.offset}, to);
}

void spool::forget_moves() {
  std::lock_guard lock{state_->mutex};
  state_->moves.clear();
}

std::shared_ptr<const void> spool::hold_all() {
  std::lock_guard lock{state_->mutex};
  auto held = state_->held.lock();
  if (!held) {
    held = std::make_shared<int>(0);
    state_->held = held;
  }
  return held;
}

const std::filesystem::path& spool::folder() const noexcept {
  return state_->settings.folder;
}

std::uint64_t spool::segments() const {
  std::lock_guard lock{state_->mutex};
  return state_->files.size();
}
std::uint64_t spool::bytes() const {
  std::lock_guard lock{state_->mutex};
  return state_->bytes_on_disk;
}

}  // namespace consentry::queue
