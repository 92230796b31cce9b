#include "app/cli/printing.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstdio>

#include "base/text.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

std::string cell(const json::value& v) {
  if (v.is_string()) return printable(v.as_string(), 400);
  if (v.is_null()) return "";
  if (v.is_bool()) return v.as_bool() ? "yes" : "no";
  return json::serialize(v);
}

void pretty(std::string& out, const json::value& v, int indent) {
  const std::string pad(static_cast<std::size_t>(indent) + 2, ' ');
  const std::string end(static_cast<std::size_t>(indent), ' ');
  if (v.is_object() && !v.as_object().empty()) {
    out += "{\n";
    bool first = true;
    for (const auto& m : v.as_object()) {
      if (!first) out += ",\n";
      first = false;
      out += pad + json::serialize(m.key()) + ": ";
      pretty(out, m.value(), indent + 2);
    }
    out += "\n" + end + "}";
  } else if (v.is_array() && !v.as_array().empty()) {
    out += "[\n";
    bool first = true;
    for (const auto& e : v.as_array()) {
      if (!first) out += ",\n";
      first = false;
      out += pad;
      pretty(out, e, indent + 2);
    }
    out += "\n" + end + "]";
  } else {
    out += json::serialize(v);
  }
}

}  // namespace

void print_json(const json::value& v) {
  std::string out;
  pretty(out, v, 0);
  fmt::print("{}\n", out);
}

void print_fields(const json::object& o, int indent) {
  std::size_t width = 0;
  for (const auto& m : o) width = std::max(width, m.key().size());
  const std::string pad(static_cast<std::size_t>(indent), ' ');
  for (const auto& m : o) {
    const std::string name{m.key()};
    if (m.value().is_object()) {
      if (m.value().as_object().empty()) continue;
      fmt::print("{}{}\n", pad, name);
      print_fields(m.value().as_object(), indent + 2);
    } else if (m.value().is_array()) {
      if (m.value().as_array().empty()) continue;
      fmt::print("{}{}\n", pad, name);
      for (const auto& e : m.value().as_array()) {
        if (e.is_object()) {
          print_fields(e.as_object(), indent + 2);
          fmt::print("\n");
        } else {
          fmt::print("{}  {}\n", pad, cell(e));
        }
      }
    } else if (const auto text = cell(m.value()); !text.empty()) {
      fmt::print("{}{:<{}}  {}\n", pad, name, width, text);
    }
  }
}

void print_table(const json::array& rows, const std::vector<std::string>& columns) {
  std::vector<std::size_t> widths;
  for (const auto& c : columns) {
    std::size_t w = c.size();
    for (const auto& r : rows)
      if (const auto* v = r.as_object().if_contains(c)) w = std::max(w, cell(*v).size());
    widths.push_back(w);
  }
  const auto line = [&](auto text_of) {
    std::string out;
    for (std::size_t i = 0; i < columns.size(); ++i)
      out += fmt::format("{:<{}}  ", text_of(columns[i]), widths[i]);
    fmt::print("{}\n", trim(out).empty() ? "" : out.substr(0, out.find_last_not_of(' ') + 1));
  };
  line([](const std::string& c) { return c; });
  for (const auto& r : rows)
    line([&](const std::string& c) {
      const auto* v = r.as_object().if_contains(c);
      return v != nullptr ? cell(*v) : std::string{};
    });
}

void print_event(const json::object& e) {
  const auto text = [&](const char* name) {
    const auto* v = e.if_contains(name);
    return v != nullptr ? cell(*v) : std::string{};
  };
  std::string line = fmt::format("{:>6} {} {:<16}", text("seq"), text("at"), text("kind"));
  for (const char* name :
       {"tenant", "message", "recipient", "stream", "campaign", "topic", "reason", "rule", "actor"})
    if (const auto v = text(name); !v.empty()) line += fmt::format(" {}={}", name, v);
  if (const auto* facts = e.if_contains("facts"); facts != nullptr && facts->is_object())
    for (const auto& m : facts->as_object())
      line +=
          fmt::format(" {}={}", std::string_view{m.key().data(), m.key().size()}, cell(m.value()));
  fmt::print("{}\n", line);
}

}  // namespace consentry::app::cli
