#include "app/cli/daemon_client.h"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

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

result<std::string> daemon_client::get_bytes(const std::string& t) const {
  auto got = send("GET", t, {}, {});
  if (!got) return got.error();
  if (got->status == 200) return std::move(got->body);
  return failure{.kind = failure_kind::invalid,
                 .public_text = "the daemon answered " + std::to_string(got->status)};
}

result<answer> daemon_client::ask(std::string_view method, const std::string& t, std::string body,
                                  std::string_view content_type) const {
  const auto got = send(method, t, std::move(body), content_type);
  if (!got) return got.error();
  boost::system::error_code error;
  answer out{.status = got->status, .body = boost::json::parse(got->body, error)};
  if (error)
    return failure{.kind = failure_kind::unavailable,
                   .public_text = socket_.string() + ": the answer is not JSON"};
  return out;
}

result<daemon_client::raw_answer> daemon_client::send(std::string_view method, const std::string& t,
                                                      std::string body,
                                                      std::string_view content_type) const {
  const auto failed = [&](const std::string& what) {
    return failure{.kind = failure_kind::unavailable,
                   .public_text = socket_.string() + ": " + what};
  };
  asio::io_context io;
  asio::local::stream_protocol::socket socket{io};
  boost::system::error_code error;
  if (socket_.string().size() > 107) return failed("a socket path has at most 107 bytes");
  socket.connect(asio::local::stream_protocol::endpoint{socket_.string()}, error);
  if (error) return failed("no daemon there (" + error.message() + ")");
  http::request<http::string_body> request{http::string_to_verb({method.data(), method.size()}), t,
                                           11};
  request.set(http::field::host, "consentry");
  if (!content_type.empty())
    request.set(http::field::content_type, {content_type.data(), content_type.size()});
  request.body() = std::move(body);
  request.prepare_payload();
  http::write(socket, request, error);
  if (error) return failed(error.message());
  boost::beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(256u << 20);
  http::read(socket, buffer, parser, error);
  if (error) return failed(error.message());
  return raw_answer{.status = static_cast<int>(parser.get().result_int()),
                    .body = std::move(parser.get().body())};
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
