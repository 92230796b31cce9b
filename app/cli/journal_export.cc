// consentry journal export: the chain into a file off the host, verified as it comes.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "app/cli/daemon_answers.h"
#include "app/journal_file.h"
#include "base/text.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct export_options {
  std::string file;
  std::uint64_t from = 1;
  bool follow = false;
};

digest256 digest_in(const json::value& v) {
  const auto bytes = parse_hex(std::string{v.as_string()});
  digest256 out{};
  if (!bytes || bytes->size() != out.size()) throw std::runtime_error("the answer has a bad hash");
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return out;
}

// Appends whole lines and makes them durable: what was written once is never asked for again.
class export_file {
 public:
  explicit export_file(const std::string& name) : name_{name} {
    fd_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd_ < 0) fail("opening");
    end_ = static_cast<std::uint64_t>(::lseek(fd_, 0, SEEK_END));
  }
  ~export_file() { ::close(fd_); }
  export_file(const export_file&) = delete;
  export_file& operator=(const export_file&) = delete;

  bool is_empty() const noexcept { return end_ == 0; }
  void cut(std::uint64_t end) {
    if (end < end_ && ::ftruncate(fd_, static_cast<off_t>(end)) != 0) fail("cutting");
    end_ = end;
  }
  void append(std::string_view text) {
    while (!text.empty()) {
      const auto n = ::pwrite(fd_, text.data(), text.size(), static_cast<off_t>(end_));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) fail("writing");
      text.remove_prefix(static_cast<std::size_t>(n));
      end_ += static_cast<std::uint64_t>(n);
    }
  }
  void sync() {
    if (::fdatasync(fd_) != 0) fail("syncing");
  }

 private:
  [[noreturn]] void fail(const char* doing) const {
    throw std::runtime_error(name_ + ": " + doing + ": " + std::strerror(errno));
  }
  std::string name_;
  int fd_ = -1;
  std::uint64_t end_ = 0;
};

class exporting {
 public:
  exporting(const context& c, const export_options& o)
      : daemon_{c.socket}, o_{o}, file_{o.file}, next_{o.from} {}
  int run();

 private:
  bool resume();
  int take_page(std::size_t& count);

  daemon_client daemon_;
  const export_options& o_;
  export_file file_;
  std::uint64_t next_;
  digest256 head_{};
  bool has_head_ = false;
  std::uint64_t written_ = 0;
};

// Goes on behind what a file holds already. False: it is damaged.
bool exporting::resume() {
  if (file_.is_empty()) return true;
  auto reader = journal_file_reader::open(o_.file);
  if (!reader) return complain(reader.error().public_text, 0) != 0;
  for (;;) {
    const auto line = reader->next();
    if (!line) return complain(line.error().public_text, 0) != 0;
    if (!*line) break;
  }
  file_.cut(reader->bytes_read());
  next_ = reader->last().value + 1;
  head_ = reader->head();
  has_head_ = true;
  return true;
}

int exporting::take_page(std::size_t& count) {
  const auto a = daemon_.get(target("/v1/journal/export", {{"from", std::to_string(next_)}}));
  if (!a) return complain(a.error().public_text, exit_could_not);
  if (!a->is_ok()) return complain(a->detail(), a->exit_code());
  const auto previous = digest_in(a->body.at("previous"));
  if (!has_head_) {
    file_.append(head_line({next_}, previous));
    head_ = previous;
    has_head_ = true;
  }
  // Also where the store was restored from an older copy meanwhile, and goes another way since.
  if (previous != head_)
    return complain(fmt::format("{}: entry {} of the store is not the one in the file: begin a new "
                                "file",
                                o_.file, next_ - 1),
                    exit_no);
  const auto& entries = a->body.at("entries").as_array();
  for (const auto& e : entries) {
    journal_line line{.seq = {e.at("seq").to_number<std::uint64_t>()},
                      .hash = digest_in(e.at("hash")),
                      .event = parse_base64(std::string{e.at("event").as_string()}).value()};
    if (line.seq.value != next_ || journal::chain_hash(head_, line.seq, line.event) != line.hash)
      return complain(fmt::format("the chain is broken at entry {}", next_), exit_no);
    file_.append(to_line(line));
    head_ = line.hash;
    ++next_;
  }
  count = entries.size();
  written_ += count;
  if (count != 0) file_.sync();
  return exit_done;
}

int exporting::run() {
  if (!resume()) return exit_no;
  for (;;) {
    std::size_t count = 0;
    if (const int code = take_page(count); code != exit_done) return code;
    if (count != 0) continue;
    if (!o_.follow) break;
    std::this_thread::sleep_for(std::chrono::milliseconds{300});
  }
  file_.sync();
  fmt::print("{} entries written, the last is {}, head {}\n", written_, next_ - 1,
             hex(as_bytes(head_)));
  return exit_done;
}

}  // namespace

void add_journal_export(CLI::App& journal, context& c) {
  auto o = kept<export_options>();
  auto* sub = journal.add_subcommand(
      "export", "the entries into a file for another host; goes on where the file ends");
  sub->add_option("-o,--output", o->file, "")->required();
  sub->add_option("--from", o->from, "the first entry of a new file")->capture_default_str();
  sub->add_flag("-f,--follow", o->follow, "go on as entries come");
  sub->callback([&c, o] { c.chosen = [&c, o] { return exporting{c, *o}.run(); }; });
}

}  // namespace consentry::app::cli
