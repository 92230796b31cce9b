#include "base/metrics.h"

#include <fmt/format.h>

namespace consentry {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

}  // namespace

void latency_histogram::observe(std::chrono::steady_clock::duration took) noexcept {
  const auto n = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  const auto us = n < 0 ? 0 : static_cast<std::uint64_t>(n);
  std::size_t at = 0;
  while (at < bounds_us.size() && us > bounds_us[at]) ++at;
  buckets_[at].add();
  sum_us_.add(us);
}

latency_histogram::reading latency_histogram::read() const noexcept {
  reading r;
  for (std::size_t i = 0; i < buckets_.size(); ++i) r.count += r.buckets[i] = buckets_[i].value();
  r.sum_us = sum_us_.value();
  return r;
}

metrics_text& metrics_text::family(std::string_view name, std::string_view kind,
                                   std::string_view help) {
  name_ = name;
  out_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, kind);
  return *this;
}

void metrics_text::series(std::string_view suffix, const labels& l, std::string_view value) {
  out_ += name_;
  out_ += suffix;
  for (std::size_t i = 0; i < l.size(); ++i)
    out_ += fmt::format("{}{}=\"{}\"", i == 0 ? '{' : ',', l[i].first, escaped(l[i].second));
  out_ += fmt::format("{} {}\n", l.empty() ? "" : "}", value);
}

metrics_text& metrics_text::value(double v, const labels& l) {
  series("", l, fmt::format("{}", v));
  return *this;
}

metrics_text& metrics_text::value(std::uint64_t v, const labels& l) {
  series("", l, fmt::format("{}", v));
  return *this;
}

metrics_text& metrics_text::value(const latency_histogram& h) {
  const auto r = h.read();
  std::uint64_t so_far = 0;
  for (std::size_t i = 0; i < latency_histogram::bounds_us.size(); ++i) {
    so_far += r.buckets[i];
    const auto le = fmt::format("{}", static_cast<double>(latency_histogram::bounds_us[i]) / 1e6);
    series("_bucket", {{"le", le}}, fmt::format("{}", so_far));
  }
  series("_bucket", {{"le", "+Inf"}}, fmt::format("{}", r.count));
  series("_sum", {}, fmt::format("{}", static_cast<double>(r.sum_us) / 1e6));
  series("_count", {}, fmt::format("{}", r.count));
  return *this;
}

}  // namespace consentry
