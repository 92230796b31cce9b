#include "tests/support/scripted_gatekeeper.h"

#include <charconv>

#include "base/text.h"
#include "smtp/server/sasl.h"

namespace consentry::tests {

using boost::asio::awaitable;
namespace server = smtp::server;

void scripted_gatekeeper::add_user(const std::string& name, const std::string& password,
                                   smtp::stream stream) {
  users[name] = user{server::make_scram_keys(password, 4096).value(), stream};
}

awaitable<result<std::optional<server::scram_keys>>> scripted_gatekeeper::find_keys(
    std::string name) {
  if (is_down)
    co_return failure{failure_kind::unavailable, false, failure_scope::session, "", "scripted"};
  const auto found = users.find(name);
  std::optional<server::scram_keys> keys;
  if (found != users.end()) keys = found->second.keys;
  co_return keys;
}

awaitable<result<server::principal>> scripted_gatekeeper::sign_in(const server::session_info&,
                                                                  std::string name) {
  if (name == "disabled")
    co_return failure{failure_kind::refused, true, failure_scope::session, "", "switched off"};
  co_return server::principal{tenant_id{1}, name, users.at(name).stream, "", ""};
}

awaitable<smtp::reply> scripted_gatekeeper::mail(const server::session_info&,
                                                 const smtp::envelope& so_far) {
  const auto found = mail_refusals.find(so_far.reverse_path.text());
  if (found != mail_refusals.end()) co_return found->second;
  co_return smtp::reply{250, {2, 1, 0}, "sender ok"};
}

awaitable<smtp::reply> scripted_gatekeeper::recipient(const server::session_info&,
                                                      const smtp::envelope&,
                                                      const smtp::envelope_recipient& next) {
  const auto found = rcpt_refusals.find(next.address.text());
  if (found != rcpt_refusals.end()) co_return found->second;
  co_return smtp::reply{250, {2, 1, 5}, "recipient ok"};
}

awaitable<smtp::reply> scripted_gatekeeper::message(const server::session_info& session,
                                                    smtp::envelope complete, std::string data) {
  for (const auto& [text, refusal] : message_refusals)
    if (data.find(text) != std::string::npos) co_return refusal;
  accepted.push_back({session, std::move(complete), std::move(data)});
  co_return smtp::reply{250, {2, 0, 0}, "queued"};
}

std::string describe_envelope(const smtp::envelope& e) {
  std::string s = "from=<" + e.reverse_path.text() + ">";
  for (const auto& r : e.recipients) {
    s += " to=<" + r.address.text() + ">";
    const auto& n = r.notify;
    std::string notify;
    const std::pair<bool, const char*> words[] = {
        {n.never, ",NEVER"}, {n.success, ",SUCCESS"}, {n.failure, ",FAILURE"}, {n.delay, ",DELAY"}};
    for (const auto& [given, word] : words)
      if (given) notify += word;
    if (!notify.empty()) s += " notify=" + notify.substr(1);
    if (!r.orcpt.empty()) s += " orcpt=" + r.orcpt;
  }
  if (e.body == smtp::body_type::eight_bit) s += " body=8BITMIME";
  if (e.smtputf8) s += " smtputf8";
  if (e.declared_size) s += " size=" + std::to_string(*e.declared_size);
  if (e.ret == smtp::dsn_return::full) s += " ret=FULL";
  if (e.ret == smtp::dsn_return::headers) s += " ret=HDRS";
  if (!e.envid.empty()) s += " envid=" + e.envid;
  return s;
}

std::string scripted_world::directive(std::string_view name, std::string_view rest) {
  if (name == "user") {
    const auto words = split(rest, ' ');
    const auto stream = words.size() == 3 ? smtp::parse_stream(words[2]) : std::nullopt;
    if (!stream) return "@user NAME PASSWORD STREAM";
    gate_.add_user(std::string{words[0]}, std::string{words[1]}, *stream);
    return {};
  }
  if (name == "down") {
    gate_.is_down = true;
    return {};
  }
  if (name == "refuse") return refuse(rest);
  if (name == "expect") return expect(rest);
  return "unknown directive";
}

// "rcpt gone@example.hu 550 5.7.1 consent.missing"; for message: one word that it contains.
std::string scripted_world::refuse(std::string_view rest) {
  const auto words = split(rest, ' ');
  const std::string usage = "@refuse mail|rcpt|message WHAT CODE ENHANCED TEXT";
  if (words.size() < 5) return usage;
  smtp::reply r;
  std::from_chars(words[2].data(), words[2].data() + words[2].size(), r.code);
  r.enhanced = smtp::parse_enhanced_code(words[3]).value_or(smtp::enhanced_code{});
  r.text = std::string{words[4].data(), rest.data() + rest.size()};
  r.close = r.code == 421;
  auto* table = words[0] == "mail"      ? &gate_.mail_refusals
                : words[0] == "rcpt"    ? &gate_.rcpt_refusals
                : words[0] == "message" ? &gate_.message_refusals
                                        : nullptr;
  if (table == nullptr) return usage;
  table->insert_or_assign(std::string{words[1]}, r);
  return {};
}

std::string scripted_world::expect(std::string_view rest) const {
  const auto space = rest.find(' ');
  const auto what = rest.substr(0, space);
  auto value = space == std::string_view::npos ? std::string_view{} : rest.substr(space + 1);
  const auto& all = gate_.accepted;
  if (what == "accepted") {
    const auto count = std::to_string(all.size());
    return count == value ? "" : "accepted " + count;
  }
  if (all.empty()) return "nothing was accepted";
  if (what == "envelope") {
    const auto got = describe_envelope(all.back().envelope);
    return got == value ? "" : "the envelope is " + got;
  }
  if (what == "session") {  // "ESMTPSA crm transactional"
    const auto& s = all.back().session;
    std::string got = s.ehlo_name;
    if (!s.tls.empty()) got += " tls";
    if (s.who) got += " " + s.who->credential + " " + std::string{to_string(s.who->stream)};
    return got == value ? "" : "the session is " + got;
  }
  if (what != "message") return "unknown @expect";
  const auto& data = all.back().data;
  if (value.starts_with("contains "))
    return data.find(unescape(value.substr(9))) != std::string::npos ? "" : "message: " + data;
  if (value.starts_with("equals "))
    return data == unescape(value.substr(7)) ? "" : "message: " + printable(data, 2000);
  return "@expect message contains|equals TEXT";
}

}  // namespace consentry::tests
