#include "app/event_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>

#include "base/log.h"
#include "base/strict_toml.h"
#include "base/text.h"
#include "journal/event_codec.h"
#include "journal/event_json.h"

namespace consentry::app {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
namespace asio = boost::asio;

constexpr std::string_view room = "app/event_log";
constexpr std::size_t entries_per_page = 1000;
constexpr std::chrono::milliseconds between_looks{250};
constexpr std::chrono::seconds after_failure{5};
constexpr std::size_t line_bytes_max = 2 * journal::event_bytes_max;

[[noreturn]] void failed(const std::string& what) {
  throw std::system_error(errno != 0 ? errno : EIO, std::generic_category(), what);
}

// The seq of the last whole line; whole_bytes: up to its end. nullopt: there is none.
std::optional<journal_seq> last_seq(const fs::path& file, std::uint64_t& whole_bytes) {
  std::ifstream in{file, std::ios::binary};
  const auto size = fs::file_size(file);
  const auto from = size > line_bytes_max ? size - line_bytes_max : 0;
  in.seekg(static_cast<std::streamoff>(from));
  std::string tail(size - from, '\0');
  in.read(tail.data(), static_cast<std::streamsize>(tail.size()));
  const auto end = tail.rfind('\n');
  whole_bytes = end == std::string::npos ? from : from + end + 1;
  if (end == std::string::npos) return std::nullopt;
  const auto before = end == 0 ? std::string::npos : tail.rfind('\n', end - 1);
  const auto line = tail.substr(before == std::string::npos ? 0 : before + 1,
                                end - (before == std::string::npos ? 0 : before + 1));
  boost::system::error_code error;
  const auto v = json::parse(line, error);
  if (error || !v.is_object() || !v.as_object().contains("seq"))
    throw configuration_error(file.string() + ": its last line is no event; move it away");
  return journal_seq{v.at("seq").to_number<std::uint64_t>()};
}

std::optional<journal_seq> first_seq(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::string line;
  std::getline(in, line);
  boost::system::error_code error;
  const auto v = json::parse(line, error);
  if (error || !v.is_object() || !v.as_object().contains("seq")) return std::nullopt;
  return journal_seq{v.at("seq").to_number<std::uint64_t>()};
}

std::string seq_text(journal_seq seq) {
  return fmt::format("{:012}", seq.value);  // so that names are in order
}

// One page of the journal as lines, on a worker.
struct lines_page {
  std::string lines;
  journal_seq through;
  bool is_more = false;
};

result<lines_page> read_page(const store_rooms& rooms, const event_log_settings& s,
                             journal_seq after) {
  return rooms.env.read([&](read_txn& txn) {
    journal::event_filter filter;
    filter.kinds.assign(s.kinds.begin(), s.kinds.end());
    const auto directory = rooms.directory.get();
    const auto page = rooms.journal.scan(txn, {after.value + 1}, entries_per_page, filter);
    lines_page out;
    out.is_more = bool{page.next};
    out.through = out.is_more ? journal_seq{page.next.value - 1} : rooms.journal.last(txn);
    for (const auto& e : page.entries) {
      auto o = journal::to_json(e);
      o.erase("hash");
      if (const auto* t = directory->find(e.what.tenant)) o["tenant"] = t->name;
      if (s.addresses && !e.what.person.empty())
        if (const auto p = rooms.consents.find_person(txn, e.what.tenant, e.what.person))
          o["address"] = to_valid_utf8(p->address);
      out.lines += json::serialize(o);
      out.lines += '\n';
    }
    return out;
  });
}

}  // namespace

event_files::event_files(event_log_settings s, journal_seq newest, instant now)
    : settings_{std::move(s)}, cursor_{newest} {
  fs::create_directories(settings_.folder);
  begun_ = now;
  std::optional<journal_seq> found;
  if (fs::exists(current())) {
    std::uint64_t whole = 0;
    found = last_seq(current(), whole);
    fs::resize_file(current(), whole);
  }
  if (const auto full = full_files(); !found && !full.empty()) {
    std::uint64_t whole = 0;
    found = last_seq(full.back(), whole);
  }
  open();
  if (found) {
    cursor_ = std::min(*found, newest);  // a restored store has a shorter journal
  } else {
    // So that a crash before the first event does not make the log begin anew.
    append(fmt::format(R"({{"seq":{},"kind":"log_begun","at":"{}"}})"
                       "\n",
                       newest.value, to_string_utc(now)),
           newest, now);
  }
  first_seq_ = seq_text(first_seq(current()).value_or(journal_seq{cursor_.value + 1}));
}

void event_files::open() {
  errno = 0;
  out_.close();
  out_.clear();
  out_.open(current(), std::ios::binary | std::ios::app);
  if (!out_) failed(current().string());
  fs::permissions(current(),
                  fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read);
  bytes_ = fs::file_size(current());
}

void event_files::append(const std::string& lines, journal_seq through, instant now) {
  if (!lines.empty()) {
    errno = 0;
    out_.write(lines.data(), static_cast<std::streamsize>(lines.size()));
    out_.flush();
    if (!out_) {
      const auto why = errno;
      // What was written of them is no whole page: the next attempt writes all of it.
      std::error_code ignored;
      fs::resize_file(current(), bytes_, ignored);
      open();
      errno = why;
      failed(current().string());
    }
    bytes_ += lines.size();
  }
  cursor_ = through;
  const bool is_old = settings_.addresses && now - begun_ >= settings_.erase_max / 4;
  if (bytes_ >= settings_.rotate_bytes || (is_old && bytes_ != 0)) rotate(now);
}

void event_files::rotate(instant now) {
  out_.close();
  fs::rename(current(), settings_.folder / ("events-" + first_seq_ + ".ndjson"));
  first_seq_ = seq_text({cursor_.value + 1});
  begun_ = now;
  open();
  tidy(now);
}

std::vector<fs::path> event_files::full_files() const {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator{settings_.folder}) {
    const auto name = entry.path().filename().string();
    if (name.starts_with("events-") && name.ends_with(".ndjson")) out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

void event_files::tidy(instant now) {
  auto full = full_files();
  const auto too_old = [&](const fs::path& file) {
    if (!settings_.addresses) return false;
    const auto written = std::chrono::file_clock::to_sys(fs::last_write_time(file));
    return now - std::chrono::floor<std::chrono::milliseconds>(written) >= settings_.erase_max / 2;
  };
  for (std::size_t i = 0; i < full.size(); ++i)
    if (full.size() - i > settings_.keep || too_old(full[i])) fs::remove(full[i]);
}

asio::awaitable<void> write_event_log(store_rooms& rooms, worker_pool& workers,
                                      const wall_clock& clock, event_log_settings s) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  std::unique_ptr<event_files> files;
  // True: there is more at once.
  std::function<std::optional<bool>()> work = [&]() -> std::optional<bool> {
    try {
      if (!files) {
        const auto newest = rooms.env.read([&](read_txn& txn) { return rooms.journal.last(txn); });
        if (!newest) return std::nullopt;
        files = std::make_unique<event_files>(s, *newest, clock.now());
      }
      const auto page = read_page(rooms, s, files->cursor());
      if (!page) return std::nullopt;
      files->append(page->lines, page->through, clock.now());
      if (s.addresses) files->tidy(clock.now());
      return page->is_more;
    } catch (const std::exception& e) {
      log::error(room, "cannot_write", {{"why", e.what()}});
      files.reset();
      return std::nullopt;
    }
  };
  for (;;) {
    auto job = work;
    const auto more = co_await workers.run(std::move(job));
    if (more && *more) continue;
    if (more)
      timer.expires_after(between_looks);
    else
      timer.expires_after(after_failure);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

}  // namespace consentry::app
