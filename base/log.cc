#include "base/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <boost/json.hpp>
#include <memory>

#include "base/civil_date.h"
#include "base/clock.h"
#include "base/text.h"

namespace consentry::log {
namespace {

std::atomic<level> least{level::info};
std::atomic<format> lines{format::text};

spdlog::logger& sink() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto l = std::make_shared<spdlog::logger>("consentry",
                                              std::make_shared<spdlog::sinks::stderr_sink_mt>());
    l->set_pattern("%v");
    l->set_level(spdlog::level::trace);
    l->flush_on(spdlog::level::trace);
    return l;
  }();
  return *logger;
}

std::string_view name(level l) noexcept {
  switch (l) {
    case level::debug:
      return "debug";
    case level::info:
      return "info";
    case level::warn:
      return "warn";
    case level::error:
      return "error";
  }
  return "error";
}

std::string as_json(level l, std::string_view room, std::string_view event,
                    std::initializer_list<field> fields) {
  boost::json::object o;
  o["at"] = to_string_utc(system_wall_clock{}.now());
  o["level"] = name(l);
  o["room"] = room;
  o["event"] = event;
  for (const auto& f : fields)
    std::visit(
        [&](const auto& v) {
          if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::string>)
            o[f.key] = to_valid_utf8(v);
          else
            o[f.key] = v;
        },
        f.value);
  return boost::json::serialize(o);
}

// Quotes what would break the "key=value" reading of a line.
std::string shown(const std::string& v) {
  const auto clean = printable(v, 1000);
  return clean.empty() || clean.find_first_of(" =\"") != std::string::npos ? "\"" + clean + "\""
                                                                           : clean;
}

std::string as_text(level l, std::string_view room, std::string_view event,
                    std::initializer_list<field> fields) {
  std::string line =
      fmt::format("{} {:5} {} {}", to_string_utc(system_wall_clock{}.now()), name(l), room, event);
  for (const auto& f : fields) {
    line += fmt::format(" {}=", f.key);
    std::visit(
        [&](const auto& v) {
          if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::string>)
            line += shown(v);
          else
            line += fmt::format("{}", v);
        },
        f.value);
  }
  return line;
}

}  // namespace

void configure(settings s) {
  least = s.least;
  lines = s.lines;
}

bool is_on(level l) noexcept {
  return l >= least.load(std::memory_order_relaxed);
}

void write(level l, std::string_view room, std::string_view event,
           std::initializer_list<field> fields) {
  if (!is_on(l)) return;
  const auto line =
      lines == format::json ? as_json(l, room, event, fields) : as_text(l, room, event, fields);
  sink().info(spdlog::string_view_t{line.data(), line.size()});
}

}  // namespace consentry::log
