// Structured log: one event a line, as text or as JSON. No secrets, no message bodies; addresses of
// recipients appear only as their keyed pseudonym. Any thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace consentry::log {

enum class level { debug, info, warn, error };
enum class format { text, json };

struct settings {
  level least = level::info;
  format lines = format::text;
};

// Before it is called, events go to standard error as text from level info on.
void configure(settings s);

struct field {
  std::string_view key;
  std::variant<std::string, std::int64_t, double, bool> value;

  field(std::string_view k, std::string v) : key{k}, value{std::move(v)} {}
  field(std::string_view k, std::string_view v) : key{k}, value{std::string{v}} {}
  field(std::string_view k, const char* v) : key{k}, value{std::string{v}} {}
  field(std::string_view k, bool v) : key{k}, value{v} {}
  field(std::string_view k, double v) : key{k}, value{v} {}
  template <std::integral Number>
  field(std::string_view k, Number v) : key{k}, value{static_cast<std::int64_t>(v)} {}
};

// room is where it happened ("smtp/server"), event a stable short name ("session_closed").
void write(level l, std::string_view room, std::string_view event,
           std::initializer_list<field> fields = {});
bool is_on(level l) noexcept;

inline void debug(std::string_view room, std::string_view event,
                  std::initializer_list<field> f = {}) {
  if (is_on(level::debug)) write(level::debug, room, event, f);
}
inline void info(std::string_view room, std::string_view event,
                 std::initializer_list<field> f = {}) {
  if (is_on(level::info)) write(level::info, room, event, f);
}
inline void warn(std::string_view room, std::string_view event,
                 std::initializer_list<field> f = {}) {
  write(level::warn, room, event, f);
}
inline void error(std::string_view room, std::string_view event,
                  std::initializer_list<field> f = {}) {
  write(level::error, room, event, f);
}

}  // namespace consentry::log
