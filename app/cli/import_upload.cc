#include "app/cli/import_upload.h"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "app/cli/daemon_answers.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;
using std::chrono::steady_clock;

constexpr std::size_t part_bytes = 8u << 20;
// First looks come soon, so that a small file is done at once.
constexpr std::array looks{std::chrono::milliseconds{5}, std::chrono::milliseconds{20},
                           std::chrono::milliseconds{60}, std::chrono::milliseconds{200}};

volatile std::sig_atomic_t is_interrupted = 0;

// While it lives, Ctrl-C is taken note of instead of ending the program.
class interrupt_watch {
 public:
  interrupt_watch() {
    is_interrupted = 0;
    struct sigaction wanted{};
    wanted.sa_handler = [](int) { is_interrupted = 1; };
    wanted.sa_flags = SA_RESTART;
    sigaction(SIGINT, &wanted, &before_int_);
    sigaction(SIGTERM, &wanted, &before_term_);
  }
  ~interrupt_watch() {
    sigaction(SIGINT, &before_int_, nullptr);
    sigaction(SIGTERM, &before_term_, nullptr);
  }

 private:
  struct sigaction before_int_{};
  struct sigaction before_term_{};
};

std::uint64_t number(const json::object& o, const char* name) {
  const auto* v = o.if_contains(name);
  return v == nullptr ? 0 : v->to_number<std::uint64_t>();
}
std::string word(const json::object& o, const char* name) {
  const auto* v = o.if_contains(name);
  return v == nullptr ? std::string{} : std::string{v->as_string()};
}

// One line on stderr, written over: what is done, how fast, how long still.
class progress_line {
 public:
  explicit progress_line(bool is_on) : is_on_{is_on} {}
  ~progress_line() {
    if (is_drawn_) fmt::print(stderr, "\n");
  }
  // unit: "MiB" or "rows"; all 0: unknown.
  void show(std::string_view phase, std::string_view unit, double done, double all) {
    if (!is_on_) return;
    if (phase != phase_) {
      phase_ = phase;
      began_ = steady_clock::now();
      began_at_ = done;
    }
    const std::chrono::duration<double> took = steady_clock::now() - began_;
    const double rate = took.count() > 0 ? (done - began_at_) / took.count() : 0;
    std::string line = fmt::format("{:9} ", phase);
    if (all > 0) {
      const auto share = std::min(1.0, done / all);
      const auto full = static_cast<std::size_t>(share * 30);
      line += fmt::format("[{}{}] {:3.0f} %  ", std::string(full, '#'), std::string(30 - full, '.'),
                          share * 100);
    }
    line += fmt::format("{:.0f} {}, {:.0f} {}/s", done, unit, rate, unit);
    if (all > done && rate > 0) {
      const auto left = static_cast<long>((all - done) / rate);
      line += fmt::format(", {}:{:02} left", left / 60, left % 60);
    }
    fmt::print(stderr, "\r{:<100}", line);
    std::fflush(stderr);
    is_drawn_ = true;
  }

 private:
  bool is_on_, is_drawn_ = false;
  std::string phase_;
  steady_clock::time_point began_;
  double began_at_ = 0;
};

class import_upload {
 public:
  import_upload(const daemon_client& daemon, const import_wish& wish)
      : daemon_{daemon}, wish_{wish}, line_{wish.shows_progress} {}
  import_end run();

 private:
  bool take(const result<answer>& a);  // false: end_ says why not
  bool open();
  bool create();
  bool send();
  bool watch();
  void show_state();
  std::string path(std::string_view part = {}) const {
    return tenant_path(wish_.tenant, "imports/" + path_segment(end_.import) +
                                         (part.empty() ? "" : "/" + std::string{part}));
  }
  std::string state() const { return word(end_.job, "state"); }

  const daemon_client& daemon_;
  const import_wish& wish_;
  progress_line line_;
  std::ifstream file_;
  std::istream* in_ = nullptr;
  std::optional<std::uint64_t> bytes_;
  import_end end_;
};

bool import_upload::take(const result<answer>& a) {
  if (!a) {
    end_.text = a.error().public_text;
    return false;
  }
  if (!a->is_ok()) {
    end_.text = a->detail();
    end_.exit_code = a->exit_code();
    return false;
  }
  end_.job = a->body.as_object();
  end_.import = word(end_.job, "import");
  return true;
}

bool import_upload::open() {
  if (wish_.file == "-") {
    in_ = &std::cin;
    return true;
  }
  std::error_code error;
  const auto size = std::filesystem::file_size(wish_.file, error);
  file_.open(wish_.file, std::ios::binary);
  if (error || !file_) {
    end_.text = wish_.file + ": cannot be read";
    return false;
  }
  bytes_ = size;
  in_ = &file_;
  return true;
}

bool import_upload::create() {
  const auto& f = wish_.file;
  const bool is_ndjson = wish_.format.empty() ? f.ends_with(".ndjson") || f.ends_with(".jsonl")
                                              : wish_.format == "ndjson";
  std::string mapping;
  for (const auto& m : wish_.mapping) mapping += m + "\n";
  json::object body{{"format", is_ndjson ? "ndjson" : "csv"},
                    {"source", std::filesystem::path{f}.filename().string()},
                    {"mapping", mapping},
                    {"delimiter", wish_.delimiter},
                    {"dry_run", wish_.is_dry_run},
                    {"all_or_nothing", wish_.is_all_or_nothing}};
  if (bytes_) body["bytes"] = *bytes_;
  return take(daemon_.post(tenant_path(wish_.tenant, "imports"), body));
}

bool import_upload::send() {
  auto at = number(end_.job, "uploaded");
  if (end_.job.contains("bytes") && bytes_ && number(end_.job, "bytes") != *bytes_) {
    end_.text = fmt::format("{}: has {} bytes, the import was begun with a file of {}", wish_.file,
                            *bytes_, number(end_.job, "bytes"));
    end_.exit_code = exit_no;
    return false;
  }
  if (at != 0) in_->seekg(static_cast<std::streamoff>(at));
  std::string part;
  for (;;) {
    if (is_interrupted) return true;
    part.resize(part_bytes);
    in_->read(part.data(), static_cast<std::streamsize>(part.size()));
    part.resize(static_cast<std::size_t>(in_->gcount()));
    if (part.empty()) break;
    const auto size = part.size();
    if (!take(daemon_.put(path("data") + "?offset=" + std::to_string(at), std::move(part),
                          word(end_.job, "format") == "csv" ? "text/csv" : "application/x-ndjson")))
      return false;
    part = {};
    at += size;
    line_.show("uploading", "MiB", static_cast<double>(at) / (1u << 20),
               static_cast<double>(bytes_.value_or(0)) / (1u << 20));
  }
  return take(daemon_.post(path("start"), json::object{}));
}

void import_upload::show_state() {
  const auto now = state();
  if (now == "planning" && end_.job.contains("planned")) {
    const auto& p = end_.job.at("planned").as_object();
    const auto rows = static_cast<double>(number(p, "rows"));
    const auto read = static_cast<double>(number(p, "bytes"));
    const auto all = static_cast<double>(number(end_.job, "uploaded"));
    line_.show("reading", "rows", rows, read > 0 ? rows * all / read : 0);
  } else if (now == "applying") {
    line_.show("storing", "rows", static_cast<double>(number(end_.job, "applied")),
               static_cast<double>(number(end_.job, "taken")));
  }
}

bool import_upload::watch() {
  for (std::size_t n = 0;; ++n) {
    if (!take(daemon_.get(path()))) return false;
    const auto now = state();
    if (now != "waiting" && now != "planning" && now != "applying") return true;
    show_state();
    if (is_interrupted) return true;
    std::this_thread::sleep_for(looks[std::min(n / 8, looks.size() - 1)]);
  }
}

import_end import_upload::run() {
  const interrupt_watch watching;
  bool ok = true;
  if (!wish_.resume.empty()) {
    end_.import = wish_.resume;
    ok = take(daemon_.get(path()));
    if (ok && state() == "uploading") ok = open() && send();
  } else {
    ok = open() && create() && send();
  }
  if (ok && !is_interrupted) ok = watch();
  if (!ok) return end_;
  const auto now = state();
  const bool is_over = now == "done" || now == "refused" || now == "failed" || now == "cancelled";
  end_.how = is_over ? import_end::kind::ended : import_end::kind::stopped;
  return end_;
}

}  // namespace

import_end upload_and_watch(const daemon_client& daemon, const import_wish& wish) {
  return import_upload{daemon, wish}.run();
}

}  // namespace consentry::app::cli
