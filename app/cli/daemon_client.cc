#include "app/cli/daemon_client.h"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include "base/text.h"

namespace consentry::app::cli {

namespace asio = boost::asio;
namespace http = boost::beast::http;

int answer::exit_code() const noexcept {
  if (is_ok()) return exit_done;
  return status == 403 || status == 404 || status == 409 || status == 422 ? exit_no
                                                                          : exit_could_not;
}

std::string answer::detail() const {
  if (body.is_object())
    if (const auto* d = body.as_object().if_contains("detail"); d != nullptr && d->is_string())
      return std::string{d->as_string()};
  return "the daemon answered " + std::to_string(status);
}

std::string answer::code() const {
  if (body.is_object() && !is_ok())
    if (const auto* c = body.as_object().if_contains("code"); c != nullptr && c->is_string())
      return std::string{c->as_string()};
  return {};
}

result<answer> daemon_client::get(const std::string& t) const {
  return ask("GET", t, {}, {});
}

result<answer> daemon_client::post(const std::string& t, const boost::json::value& body) const {
  return ask("POST", t, boost::json::serialize(body), "application/json");
}

result<answer> daemon_client::post_file(const std::string& t, std::string body,
                                        std::string_view content_type) const {
  return ask("POST", t, std::move(body), content_type);
}

result<answer> daemon_client::patch(const std::string& t, const boost::json::value& body) const {
  return ask("PATCH", t, boost::json::serialize(body), "application/json");
}

result<answer> daemon_client::remove(const std::string& t, const std::string& reason) const {
  return ask("DELETE", t, {}, {}, reason);
}

result<std::string> daemon_client::get_bytes(const std::string& t) const {
  auto got = get_text(t, 0);
  if (!got) return got.error();
  if (got->status == 200) return std::move(got->body);
  return failure{.kind = failure_kind::invalid,
                 .public_text = "the daemon answered " + std::to_string(got->status)};
}

result<answer> daemon_client::ask(std::string_view method, const std::string& t, std::string body,
                                  std::string_view content_type, std::string reason) const {
  if (reason.empty()) reason = at_.reason;
  auto out = ask_once(method, t, body, content_type, reason);
  if (!out || out->code() != "reason_required" || !at_.ask_reason) return out;
  reason = at_.ask_reason();
  if (reason.empty()) return out;
  return ask_once(method, t, std::move(body), content_type, reason);
}

struct daemon_client::exchange {
  http::request<http::string_body> request;
  http::response_parser<http::string_body> parser;
};

result<answer> daemon_client::put(const std::string& t, std::string body,
                                  std::string_view content_type) const {
  return ask("PUT", t, std::move(body), content_type);
}

result<void> daemon_client::talk(exchange& x) const {
  const auto failed = [&](const std::string& what) {
    return failure{.kind = failure_kind::unavailable, .public_text = at_.path + ": " + what};
  };
  asio::io_context io;
  asio::local::stream_protocol::socket socket{io};
  boost::system::error_code error;
  if (at_.path.size() > 107) return failed("a socket path has at most 107 bytes");
  socket.connect(asio::local::stream_protocol::endpoint{at_.path}, error);
  if (error) return failed("no daemon there (" + error.message() + ")");
  x.request.set(http::field::host, "consentry");
  x.request.prepare_payload();
  http::write(socket, x.request, error);
  if (error) return failed(error.message());
  boost::beast::flat_buffer buffer;
  x.parser.body_limit(256u << 20);
  http::read(socket, buffer, x.parser, error);
  if (error) return failed(error.message());
  return {};
}

result<answer> daemon_client::ask_once(std::string_view method, const std::string& t,
                                       std::string body, std::string_view content_type,
                                       const std::string& reason) const {
  exchange x{.request = {http::string_to_verb({method.data(), method.size()}), t, 11}};
  if (!content_type.empty())
    x.request.set(http::field::content_type, {content_type.data(), content_type.size()});
  if (!reason.empty()) x.request.set("X-Reason", printable(reason, 500));
  x.request.body() = std::move(body);
  if (auto talked = talk(x); !talked) return talked.error();
  answer out;
  out.status = static_cast<int>(x.parser.get().result_int());
  boost::system::error_code error;
  out.body = boost::json::parse(x.parser.get().body(), error);
  if (error)
    return failure{.kind = failure_kind::unavailable,
                   .public_text = at_.path + ": the answer is not JSON"};
  return out;
}

result<daemon_client::text_answer> daemon_client::get_text(const std::string& t,
                                                           std::uint64_t from) const {
  exchange x{.request = {http::verb::get, t, 11}};
  if (from != 0) x.request.set(http::field::range, "bytes=" + std::to_string(from) + "-");
  if (!at_.reason.empty()) x.request.set("X-Reason", printable(at_.reason, 500));
  if (auto talked = talk(x); !talked) return talked.error();
  auto& got = x.parser.get();
  text_answer out{.status = static_cast<int>(got.result_int()), .body = std::move(got.body())};
  out.whole_bytes = from + out.body.size();
  const auto range = got[http::field::content_range];
  if (const auto slash = range.rfind('/'); slash != range.npos)
    out.whole_bytes = std::strtoull(std::string{range.substr(slash + 1)}.c_str(), nullptr, 10);
  return out;
}

std::string path_segment(std::string_view text) {
  return boost::urls::encode({text.data(), text.size()}, boost::urls::unreserved_chars);
}

std::string target(std::string_view path, const std::map<std::string, std::string>& query) {
  std::string out{path};
  char separator = '?';
  for (const auto& [name, value] : query) {
    if (value.empty()) continue;
    out += separator + name + "=" + path_segment(value);
    separator = '&';
  }
  return out;
}

}  // namespace consentry::app::cli
