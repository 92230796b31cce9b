#include "policy/consent/import_run.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace consentry::policy::consent {

namespace {

constexpr std::string_view magic = "consentry run 1\n";
constexpr std::size_t row_bytes_max = 1u << 20;

// What a row has besides address and evidence.
enum row_flag : unsigned {
  withdrawal_only = 1 << 0,
  has_given = 1 << 1,
  has_confirmed = 1 << 2,
  has_purchase = 1 << 3,
  has_declared = 1 << 4,
  has_withdrawn = 1 << 5,
  has_unticked = 1 << 6,
  has_evidence = 1 << 7,
  has_ip = 1 << 8,
  has_user_agent = 1 << 9,
  has_name = 1 << 10,
  has_purchase_id = 1 << 11,
  has_birth_day = 1 << 12,
  has_expiry = 1 << 13,
  has_doi_sent = 1 << 14,
  has_confirmed_ip = 1 << 15,
  has_confirmed_agent = 1 << 16,
};

// One byte: the tick, and above it what the box was like before: 0 unknown, 1 empty, 2 ticked.
char tick_byte(const shared_fields& f) {
  const int box = !f.box_came_ticked ? 0 : *f.box_came_ticked ? 2 : 1;
  return static_cast<char>(static_cast<int>(f.tick) | box << 4);
}
void read_tick_byte(char byte, shared_fields& f) {
  f.tick = static_cast<tick_state>(byte & 0xf);
  const int box = byte >> 4 & 0xf;
  f.box_came_ticked = box == 0 ? std::nullopt : std::optional{box == 2};
}

[[noreturn]] void fail(const std::filesystem::path& file) {
  throw std::system_error{errno, std::generic_category(), file.string()};
}

void put_varint(std::string& out, std::uint64_t n) {
  for (; n >= 0x80; n >>= 7) out += static_cast<char>(n | 0x80);
  out += static_cast<char>(n);
}
void put_zigzag(std::string& out, std::int64_t n) {
  put_varint(out, static_cast<std::uint64_t>(n) << 1 ^ static_cast<std::uint64_t>(n >> 63));
}
void put_text(std::string& out, std::string_view s) {
  put_varint(out, s.size());
  out += s;
}
std::int64_t day_number(civil_date d) {
  return std::chrono::sys_days{d}.time_since_epoch().count();
}
civil_date day_of(std::int64_t n) {
  return civil_date{std::chrono::sys_days{std::chrono::days{static_cast<std::int32_t>(n)}}};
}

std::uint64_t prefix_of(const char* key) {
  std::uint64_t n = 0;
  std::memcpy(&n, key, sizeof n);
  return __builtin_bswap64(n);
}

unsigned flags_of(const planned_row& r) {
  unsigned f = 0;
  const auto set = [&](bool is, row_flag flag) { f |= is ? flag : 0u; };
  set(r.is_withdrawal_only, withdrawal_only);
  set(r.given_at.has_value(), has_given);
  set(r.confirmed_at.has_value(), has_confirmed);
  set(r.purchase_day.has_value(), has_purchase);
  set(r.declared_day.has_value(), has_declared);
  set(r.withdrawn_at.has_value(), has_withdrawn);
  set(r.unticked_at.has_value(), has_unticked);
  set(!r.evidence.empty(), has_evidence);
  set(!r.ip.empty(), has_ip);
  set(!r.user_agent.empty(), has_user_agent);
  set(!r.name.empty(), has_name);
  set(!r.purchase_id.empty(), has_purchase_id);
  set(r.birth_day.has_value(), has_birth_day);
  set(r.expires_on.has_value(), has_expiry);
  set(r.doi_sent_at.has_value(), has_doi_sent);
  set(!r.confirmed_ip.empty(), has_confirmed_ip);
  set(!r.confirmed_user_agent.empty(), has_confirmed_agent);
  return f;
}

// A whole file at once, synced: all of it is there, or the name is not used.
class synced_file {
 public:
  synced_file(const std::filesystem::path& file, const std::function<void()>& give_way)
      : file_{file},
        give_way_{give_way},
        fd_{::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)} {
    if (fd_ < 0) fail(file_);
    buffer_.reserve(buffer_bytes + row_bytes_max);
  }
  ~synced_file() { ::close(fd_); }
  synced_file(const synced_file&) = delete;
  synced_file& operator=(const synced_file&) = delete;

  std::string& buffer() noexcept { return buffer_; }
  void flush_if_full() {
    if (buffer_.size() >= buffer_bytes) flush();
  }
  void finish() {
    flush();
    if (::fdatasync(fd_) != 0) fail(file_);
  }

 private:
  // A disk that is given much at once lets everybody's next sync wait: little by little.
  static constexpr std::size_t buffer_bytes = 256u << 10;
  void flush() {
    for (std::string_view left{buffer_}; !left.empty();) {
      const auto n = ::write(fd_, left.data(), left.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail(file_);
      left.remove_prefix(static_cast<std::size_t>(n));
    }
    write_back(fd_, written_, buffer_.size());
    written_ += buffer_.size();
    buffer_.clear();
    if (give_way_) give_way_();
  }
  std::filesystem::path file_;
  const std::function<void()>& give_way_;
  int fd_;
  std::uint64_t written_ = 0;
  std::string buffer_;
};

std::optional<instant> time_if(byte_reader& r, bool is) {
  return is ? std::optional{from_ms(r.zigzag())} : std::nullopt;
}
std::optional<civil_date> day_if(byte_reader& r, bool is) {
  return is ? std::optional{day_of(r.zigzag())} : std::nullopt;
}
std::string_view text_if(byte_reader& r, bool is) {
  return is ? r.text() : std::string_view{};
}

}  // namespace

std::uint32_t run_writer::add_shared(const shared_fields& f) {
  shared_.push_back(f);
  for (const auto* s : {&f.sender, &f.topic, &f.method, &f.provenance, &f.notice.version,
                        &f.notice.hash, &f.notice.language, &f.notice.url, &f.form_id})
    shared_bytes_ += s->size() + sizeof *s;
  return static_cast<std::uint32_t>(shared_.size() - 1);
}

void run_writer::add(const planned_row& r) {
  order_.push_back({prefix_of(r.key.data()), static_cast<std::uint32_t>(arena_.size())});
  // The size is filled in behind: four bytes here, a varint in the file.
  const auto start = arena_.size();
  arena_.append(4, '\0');
  arena_.append(r.key.data(), r.key.size());
  put_varint(arena_, r.line);
  const auto flags = flags_of(r);
  put_varint(arena_, flags);
  put_varint(arena_, r.shared);
  put_text(arena_, r.address);
  if (!r.is_withdrawal_only) arena_.append(r.salt.data(), r.salt.size());
  if (r.given_at) put_zigzag(arena_, to_ms(*r.given_at));
  if (!r.is_withdrawal_only) put_text(arena_, r.given_at_text);
  if (r.confirmed_at) put_zigzag(arena_, to_ms(*r.confirmed_at));
  if (r.purchase_day) put_zigzag(arena_, day_number(*r.purchase_day));
  if (r.declared_day) put_zigzag(arena_, day_number(*r.declared_day));
  if (r.withdrawn_at) {
    put_zigzag(arena_, to_ms(*r.withdrawn_at));
    put_text(arena_, r.withdrawn_method);
  }
  if (r.unticked_at) put_zigzag(arena_, to_ms(*r.unticked_at));
  for (const auto text : {r.evidence, r.ip, r.user_agent, r.name, r.purchase_id})
    if (!text.empty()) put_text(arena_, text);
  if (r.birth_day) put_zigzag(arena_, day_number(*r.birth_day));
  if (r.expires_on) put_zigzag(arena_, day_number(*r.expires_on));
  if (r.doi_sent_at) put_zigzag(arena_, to_ms(*r.doi_sent_at));
  for (const auto text : {r.confirmed_ip, r.confirmed_user_agent})
    if (!text.empty()) put_text(arena_, text);
  const auto size = static_cast<std::uint32_t>(arena_.size() - start - 4);
  std::memcpy(arena_.data() + start, &size, 4);
}

void run_writer::write(const std::filesystem::path& file, const std::function<void()>& give_way) {
  const auto row_at = [&](std::uint32_t offset) {
    std::uint32_t size = 0;
    std::memcpy(&size, arena_.data() + offset, 4);
    return std::string_view{arena_}.substr(offset + 4, size);
  };
  // Of one thread the arena is in the order of lines, so the offset breaks ties.
  std::ranges::sort(order_, [&](const place& a, const place& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    const auto by_key =
        std::memcmp(arena_.data() + a.offset + 4, arena_.data() + b.offset + 4, sizeof(run_key));
    return by_key != 0 ? by_key < 0 : a.offset < b.offset;
  });
  synced_file out{file, give_way};
  auto& b = out.buffer();
  b += magic;
  put_varint(b, shared_.size());
  for (const auto& f : shared_) {
    for (const auto* s : {&f.sender, &f.topic, &f.method, &f.provenance, &f.notice.version,
                          &f.notice.hash, &f.notice.language, &f.notice.url, &f.form_id})
      put_text(b, *s);
    b += tick_byte(f);
    out.flush_if_full();
  }
  put_varint(b, order_.size());
  for (const auto& p : order_) {
    put_text(b, row_at(p.offset));
    out.flush_if_full();
  }
  out.finish();
  arena_.clear();
  order_.clear();
  shared_.clear();
  shared_bytes_ = 0;
}

buffered_file::buffered_file(const std::filesystem::path& file, std::size_t buffer_bytes)
    : file_{std::fopen(file.c_str(), "rbe")}, buffer_(buffer_bytes, '\0') {
  if (file_ == nullptr) fail(file);
  std::setvbuf(file_.get(), nullptr, _IONBF, 0);
}

bool buffered_file::fill(std::size_t count) {
  if (end_ - begin_ >= count) return true;
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  if (count > buffer_.size()) buffer_.resize(count);
  while (end_ < count) {
    const auto n = std::fread(buffer_.data() + end_, 1, buffer_.size() - end_, file_.get());
    if (n == 0) return false;
    end_ += n;
  }
  return true;
}

bool buffered_file::at_end() {
  return !fill(1);
}

std::string_view buffered_file::take(std::size_t count) {
  if (count > row_bytes_max || !fill(count)) throw decode_error("an import's run ends early");
  const auto piece = std::string_view{buffer_}.substr(begin_, count);
  begin_ += count;
  return piece;
}

std::uint64_t buffered_file::varint() {
  std::uint64_t n = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto b = static_cast<unsigned char>(take(1)[0]);
    n |= static_cast<std::uint64_t>(b & 0x7f) << shift;
    if (b < 0x80) return n;
  }
  throw decode_error("a number in an import's run");
}

run_reader::run_reader(const std::filesystem::path& file) : file_{file} {
  if (file_.take(magic.size()) != magic) throw decode_error(file.string() + " is no run");
  shared_.resize(file_.varint());
  for (auto& f : shared_) {
    for (auto* s : {&f.sender, &f.topic, &f.method, &f.provenance, &f.notice.version,
                    &f.notice.hash, &f.notice.language, &f.notice.url, &f.form_id})
      *s = file_.take(file_.varint());
    read_tick_byte(file_.take(1)[0], f);
  }
  rows_left_ = file_.varint();
}

bool run_reader::next() {
  if (rows_left_ == 0) return false;
  --rows_left_;
  row_ = file_.take(file_.varint());
  byte_reader r{row_};
  r.raw(sizeof(run_key));
  line_ = r.varint();
  rest_ = r.rest();
  return true;
}

void to_import_row(const planned_row& row, const shared_fields& shared,
                   const import_request& request, import_row& out) {
  auto& c = out.record;
  const std::string_view person{row.key.data(), 16}, matter{row.key.data() + 16, 8};
  out.line = row.line;
  out.stored_key = stored_key(request.tenant, person, matter);
  out.key.tenant = request.tenant;
  out.key.person = person;
  out.key.sender = c.sender = shared.sender;
  out.key.topic = c.topic = shared.topic;
  out.person.address = row.address;
  out.person.name = row.name;
  c.given_at = row.given_at;
  c.given_at_text = row.given_at_text;
  c.confirmed_at = row.confirmed_at;
  c.confirmed_ip = row.confirmed_ip;
  c.confirmed_user_agent = row.confirmed_user_agent;
  c.doi_sent_at = row.doi_sent_at;
  c.purchase_day = row.purchase_day;
  c.purchase_id = row.purchase_id;
  c.birth_day = row.birth_day;
  c.expires_on = row.expires_on;
  c.declared_delivery_day = row.declared_day;
  c.withdrawn_at = row.withdrawn_at;
  c.withdrawn_method = row.withdrawn_method;
  c.unticked_at = row.unticked_at;
  c.evidence_reference = row.evidence;
  c.ip = row.ip;
  c.user_agent = row.user_agent;
  // RULES D4: of somebody who withdrew nothing is kept but that.
  const bool whole = !row.is_withdrawal_only;
  c.salt.assign(row.salt.data(), whole ? row.salt.size() : 0);
  c.method = whole ? std::string_view{shared.method} : std::string_view{};
  c.provenance = whole ? std::string_view{shared.provenance} : std::string_view{};
  c.form_id = whole ? std::string_view{shared.form_id} : std::string_view{};
  if (whole)
    c.notice = shared.notice;
  else
    c.notice = {};
  c.tick = whole ? shared.tick : tick_state::none;
  c.box_came_ticked = whole ? shared.box_came_ticked : std::nullopt;
  c.importer = request.importer;
  c.recorded_at = request.now;
}

void run_reader::decode(const import_request& request, import_row& out) const {
  byte_reader r{rest_};
  const auto flags = r.varint();
  const auto has = [&](row_flag f) { return (flags & f) != 0; };
  planned_row row;
  row.line = line_;
  std::ranges::copy(key(), row.key.begin());
  const auto which = r.varint();
  if (which >= shared_.size()) throw decode_error("shared fields of an import's run");
  row.is_withdrawal_only = has(withdrawal_only);
  row.address = r.text();
  if (!row.is_withdrawal_only) std::ranges::copy(r.raw(row.salt.size()), row.salt.begin());
  row.given_at = time_if(r, has(has_given));
  row.given_at_text = text_if(r, !row.is_withdrawal_only);
  row.confirmed_at = time_if(r, has(has_confirmed));
  row.purchase_day = day_if(r, has(has_purchase));
  row.declared_day = day_if(r, has(has_declared));
  row.withdrawn_at = time_if(r, has(has_withdrawn));
  row.withdrawn_method = text_if(r, has(has_withdrawn));
  row.unticked_at = time_if(r, has(has_unticked));
  row.evidence = text_if(r, has(has_evidence));
  row.ip = text_if(r, has(has_ip));
  row.user_agent = text_if(r, has(has_user_agent));
  row.name = text_if(r, has(has_name));
  row.purchase_id = text_if(r, has(has_purchase_id));
  row.birth_day = day_if(r, has(has_birth_day));
  row.expires_on = day_if(r, has(has_expiry));
  row.doi_sent_at = time_if(r, has(has_doi_sent));
  row.confirmed_ip = text_if(r, has(has_confirmed_ip));
  row.confirmed_user_agent = text_if(r, has(has_confirmed_agent));
  to_import_row(row, shared_[which], request, out);
}

bool run_merge::is_behind(const std::unique_ptr<run_reader>& a,
                          const std::unique_ptr<run_reader>& b) {
  const auto by_key = a->key().compare(b->key());
  return by_key != 0 ? by_key > 0 : a->line() > b->line();
}

run_merge::run_merge(const std::vector<std::filesystem::path>& runs) {
  for (const auto& file : runs) {
    auto run = std::make_unique<run_reader>(file);
    if (run->next()) heap_.push_back(std::move(run));
  }
  std::ranges::make_heap(heap_, is_behind);
}

// Puts the first, which has moved on, where it belongs.
void run_merge::sink() {
  std::size_t i = 0;
  for (;;) {
    auto least = i;
    for (const auto child : {2 * i + 1, 2 * i + 2})
      if (child < heap_.size() && is_behind(heap_[least], heap_[child])) least = child;
    if (least == i) return;
    std::swap(heap_[i], heap_[least]);
    i = least;
  }
}

bool run_merge::next() {
  if (heap_.empty()) return false;
  if (std::exchange(is_first_, false)) return true;
  if (!heap_.front()->next()) {
    std::swap(heap_.front(), heap_.back());
    heap_.pop_back();
    if (heap_.empty()) return false;
  }
  sink();
  return true;
}

void write_numbers(const std::filesystem::path& file, std::vector<std::uint64_t>& numbers,
                   const std::function<void()>& give_way) {
  std::ranges::sort(numbers);
  synced_file out{file, give_way};
  for (const auto n : numbers) {
    out.buffer().append(reinterpret_cast<const char*>(&n), sizeof n);
    out.flush_if_full();
  }
  out.finish();
  numbers.clear();
}

void write_back(int fd, std::uint64_t offset, std::size_t bytes) noexcept {
  // Best effort: the sync behind it is what counts.
  ::sync_file_range(
      fd, static_cast<off_t>(offset), static_cast<off_t>(bytes),
      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
}

void sync_file(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(file);
  const bool done = ::fsync(fd) == 0;
  ::close(fd);
  if (!done) fail(file);
}

void sync_folder(const std::filesystem::path& folder) {
  sync_file(folder);
}

}  // namespace consentry::policy::consent
