#include "app/admin/http_conversation.h"

#include <fmt/format.h>

#include <boost/url/parse.hpp>

#include "base/log.h"
#include "base/result.h"
#include "base/text.h"

namespace consentry::app::admin {

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

std::string_view view_of(boost::beast::string_view s) {
  return {s.data(), s.size()};
}

std::string without_parameters(std::string_view content_type) {
  return ascii_lower(trim(content_type.substr(0, content_type.find(';'))));
}

// False when the target is not a path of ours.
bool read_target(std::string_view target, request& out) {
  const auto url = boost::urls::parse_origin_form(target);
  if (!url) return false;
  for (const auto segment : url->segments()) out.path.push_back(segment);
  for (const auto p : url->params()) out.query[p.key] = p.value;
  return true;
}

std::string bearer_of(std::string_view authorization) {
  constexpr std::string_view scheme = "Bearer ";
  if (!ascii_istarts_with(authorization, scheme)) return {};
  return std::string{trim(authorization.substr(scheme.size()))};
}

std::string one_line(const std::string& value) {
  std::string out;
  for (const char c : value)
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) out += c;
  return out;
}

}  // namespace

std::optional<request> read_head(const http_head& head, const http_peer& peer) {
  request r;
  r.remote_ip = peer.remote_ip;
  r.kernel_login = peer.kernel_login;
  r.method = std::string{view_of(head.method_string())};
  for (const auto& field : head) {
    // No secret goes further than here.
    if (field.name() == http::field::authorization || field.name() == http::field::cookie) continue;
    r.headers[ascii_lower(view_of(field.name_string()))] = std::string{view_of(field.value())};
  }
  r.bearer = bearer_of(view_of(head[http::field::authorization]));
  r.session = session_in(view_of(head[http::field::cookie]));
  r.content_type = without_parameters(view_of(head[http::field::content_type]));
  if (!read_target(view_of(head.target()), r)) return std::nullopt;
  return r;
}

// RFC 6265 section 4.2.1. "__Host-": set by this host alone, for the whole of it, over TLS.
std::string session_in(std::string_view cookie_header) {
  constexpr std::string_view name = "__Host-consentry=";
  for (const auto pair : split(cookie_header, ';'))
    if (const auto p = trim(pair); p.starts_with(name)) return std::string{p.substr(name.size())};
  return {};
}

asio::awaitable<response> answer_of(const http_services& services, request r) {
  response out;
  try {
    out = co_await services.handle(std::move(r));
  } catch (const configuration_error& e) {
    out = problem(422, e.what());
  } catch (const boost::system::system_error& e) {
    if (e.code() == asio::error::operation_aborted) throw;  // the server stops
    log::error("app/admin", "request_failed", {{"what", e.what()}});
    out = problem(500, "the request failed");
  } catch (const std::exception& e) {
    // One request that surprises us must not end the gateway.
    log::error("app/admin", "request_failed", {{"what", e.what()}});
    out = problem(500, "the request failed");
  }
  co_return out;
}

http_reply make_reply(response out, unsigned version, bool keep_alive, bool is_head) {
  http_reply reply{static_cast<http::status>(out.status), version};
  reply.set(http::field::content_type, out.content_type);
  reply.set(http::field::cache_control, "no-store");
  reply.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : out.headers) reply.set(name, one_line(value));
  reply.keep_alive(keep_alive);
  reply.body() = std::move(out.body);
  reply.prepare_payload();
  // RFC 9110 section 9.3.2: the length, but not the content.
  if (is_head) reply.body().clear();
  return reply;
}

http::response<http::empty_body> make_piecewise_head(const response& out) {
  http::response<http::empty_body> head{static_cast<http::status>(out.status), 11};
  head.set(http::field::content_type, out.content_type);
  head.set(http::field::cache_control, "no-store");
  head.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : out.headers) head.set(name, one_line(value));
  head.keep_alive(false);
  head.chunked(true);
  return head;
}

std::optional<response> answer_to_error(const boost::system::error_code& error,
                                        const http_limits& limits) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return problem(431, fmt::format("the head of a request has at most {}",
                                    human_bytes(limits.header_bytes_max)));
  // Silence, or half a request and then silence: nobody waits for an answer.
  if (error == http::error::end_of_stream || error == http::error::partial_message)
    return std::nullopt;
  static const auto& of_http = make_error_code(http::error::bad_method).category();
  if (error.category() == of_http) return problem(400, "this is no HTTP request");
  return std::nullopt;
}

response too_large(std::size_t body_bytes_max) {
  return problem(
      413, fmt::format("the body of this request has at most {}", human_bytes(body_bytes_max)));
}

response no_room() {
  auto out = problem(503, "too many large bodies at once; come again");
  out.headers.emplace_back("Retry-After", "5");
  return out;
}

}  // namespace consentry::app::admin
