#include "app/plain_text_check.h"

#include <boost/json.hpp>

#include "app/scan_report.h"
#include "base/text.h"

namespace consentry::app {
namespace {

namespace json = boost::json;

// A sender that is nobody's (RFC 2606), so that the header itself gives no finding.
constexpr std::string_view header =
    "From: text@check.invalid\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\n\r\n";

failure refused(std::string why) {
  return {.kind = failure_kind::invalid, .permanent = true, .public_text = std::move(why)};
}

}  // namespace

result<message_reading> read_text(std::string_view text,
                                  const filters::pattern_database& patterns) {
  if (text.empty()) return refused("text: it is empty");
  if (text.size() > checked_text_bytes_max)
    return refused("text: larger than " + human_bytes(checked_text_bytes_max));
  if (to_valid_utf8(text) != text) return refused("text: it is not UTF-8");
  return read_message(std::string{header}.append(text), patterns, {});
}

json::object text_report(const message_reading& reading, const policy::verdict& v) {
  auto whole = scan_report(reading, v, false);
  json::object out;
  for (const char* name :
       {"verdict", "reason", "rule", "text", "findings", "scores", "policy_version"})
    out[name] = std::move(whole.at(name));
  return out;
}

}  // namespace consentry::app
