#include "filters/confined_reader.h"

#include <chrono>
#include <utility>

#include "base/log.h"
#include "filters/reader/reader_protocol.h"

namespace consentry::filters {
namespace {

// The reader keeps the time itself; what it does not notice ends here.
constexpr std::chrono::milliseconds grace{1'000};
constexpr std::chrono::milliseconds death_time{200};  // from its socket's end to its own
constexpr std::uint32_t start_time_ms = 20'000;
constexpr std::size_t file_octets_max = reader::request_octets_max - (64u << 10);

reader::reading unreadable(std::string why) {
  return {.items = {}, .unreadable = {{"", why}}};
}

}  // namespace

confined_reader::confined_reader(reader_options options) : options_{std::move(options)} {
  auto first = borrow();
  if (!first) throw configuration_error{"[reader] program: " + first.error().private_cause};
  const reader::read_request request{.bytes = "x", .limits = {.time_ms = start_time_ms}};
  if (!ask(*first, encode(request), request.limits)) {
    throw configuration_error{"[reader] program: " + options_.program.string() +
                              " does not answer: it " + first->running.end(death_time)};
  }
  give_back(std::move(*first));
}

result<confined_reader::process> confined_reader::borrow() const {
  {
    const std::lock_guard lock{lock_};
    if (!idle_.empty()) {
      auto p = std::move(idle_.back());
      idle_.pop_back();
      return p;
    }
  }
  auto started = confined_process::start(
      options_.program, {std::to_string(options_.memory_mib), std::to_string(options_.cpu_s)});
  if (!started) return started.error();
  return process{std::move(*started)};
}

void confined_reader::give_back(process p) const {
  if (++p.files >= options_.files_max) return;
  const std::lock_guard lock{lock_};
  idle_.push_back(std::move(p));
}

std::string confined_reader::reason_of(process& p, const failure& why) const {
  ++deaths_;
  const auto how =
      p.running.end(why.kind == failure_kind::io ? death_time : std::chrono::milliseconds{});
  log::warn("filters/confined_reader", "reader_failed",
            {{"why", to_string(why.kind)}, {"how", how}, {"files", p.files}});
  if (why.kind == failure_kind::timeout) return "takes too long to read";
  if (why.kind == failure_kind::protocol) return "cannot be read: the reader's answer is broken";
  return "cannot be read: the reader " + how;
}

result<reader::reading> confined_reader::ask(process& p, const std::string& frame,
                                             const reader::read_limits& limits) {
  const auto until =
      std::chrono::steady_clock::now() + std::chrono::milliseconds{limits.time_ms} + grace;
  const auto most = reader::answer_octets_max(limits);
  const auto length = [most](std::string_view head) { return reader::answer_length(head, most); };
  const auto body = p.running.exchange(frame, reader::frame_head_octets, length, until);
  if (!body) return body.error();
  auto answer = reader::decode_answer(*body, limits);
  if (!answer) return failure{.kind = failure_kind::protocol};
  return std::move(*answer);
}

reader::reading confined_reader::read(const reader::read_request& request) const {
  if (request.bytes.size() > file_octets_max) return unreadable("is too large to read");
  const auto frame = encode(request);
  for (;;) {
    auto p = borrow();
    if (!p) {
      log::error("filters/confined_reader", "no_reader", {{"cause", p.error().private_cause}});
      return unreadable("cannot be read: the reader cannot be started");
    }
    auto answer = ask(*p, frame, request.limits);
    if (answer) {
      // Who broke in would want to read on: what met a file it could not read reads no other.
      if (answer->unreadable.empty()) give_back(std::move(*p));
      return std::move(*answer);
    }
    const auto reason = reason_of(*p, answer.error());
    // It may have died long ago, or of an earlier file: a new one is asked before this one is
    // blamed.
    const bool is_blamed = p->files == 0 || answer.error().kind != failure_kind::io;
    if (is_blamed) return unreadable(reason);
  }
}

}  // namespace consentry::filters
