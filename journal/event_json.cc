#include "journal/event_json.h"

#include <boost/json/object.hpp>

#include "base/civil_date.h"
#include "base/text.h"

namespace consentry::journal {
namespace {

void put_text(boost::json::object& out, std::string_view name, std::string_view text) {
  if (!text.empty()) out[name] = to_valid_utf8(text);
}

void put_event(boost::json::object& out, const event& what) {
  const auto name = to_string(what.kind);
  out["kind"] = name == "unknown" ? "unknown_" + std::to_string(static_cast<int>(what.kind))
                                  : std::string{name};
  out["at"] = to_string_utc(what.at);
  if (what.tenant) out["tenant"] = what.tenant.value;
  if (what.message) out["message"] = to_string(what.message);
  if (what.recipient) out["recipient"] = to_string(what.recipient);
  if (what.stream != smtp::stream{}) out["stream"] = to_string(what.stream);
  put_text(out, "person", hex(what.person));
  put_text(out, "campaign", what.campaign);
  put_text(out, "topic", what.topic);
  put_text(out, "reason", what.reason);
  put_text(out, "rule", what.rule);
  put_text(out, "policy_version", what.policy_version);
  put_text(out, "actor", what.actor);
  put_text(out, "commitment", hex(what.commitment));
  if (what.facts.empty()) return;
  auto& facts = out["facts"].emplace_object();
  for (const auto& [key, value] : what.facts) facts[to_valid_utf8(key)] = to_valid_utf8(value);
}

}  // namespace

boost::json::object to_json(const event& what) {
  boost::json::object out;
  put_event(out, what);
  return out;
}

boost::json::object to_json(const entry& e) {
  boost::json::object out;
  out["seq"] = e.seq.value;
  put_event(out, e.what);
  out["hash"] = hex(as_bytes(e.hash));
  return out;
}

}  // namespace consentry::journal
