#include "app/cli/dkim_commands.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <thread>

#include "app/cli/daemon_client.h"
#include "app/cli/printing.h"
#include "base/civil_date.h"
#include "base/text.h"
#include "smtp/auth/dkim_signer.h"
#include "smtp/auth/dkim_verifier.h"
#include "smtp/auth/key_text.h"
#include "smtp/dns/resolver.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;
namespace auth = smtp::auth;

constexpr std::size_t message_bytes_max = 256u << 20;
constexpr std::size_t key_bytes_max = 64u << 10;

struct dkim_options {
  std::string file, domain, selector, key, headers, keys, dns, time;
  bool header_only = false;
};

// "1528637909" or a timestamp; now if empty.
std::optional<instant> time_of(const std::string& text) {
  if (text.empty()) return std::nullopt;
  if (text.size() < 13 && text.find_first_not_of("0123456789") == std::string::npos)
    return from_ms(std::stoll(text) * 1000);
  const auto t = parse_timestamp(text);
  if (!t) throw configuration_error("--time must be seconds since 1970 or a timestamp");
  return t;
}

// Mail files on disk often have LF line ends; one that has CRLF anywhere is taken as it is.
std::string as_mail(std::string data) {
  return data.find("\r\n") == std::string::npos ? auth::to_crlf(data) : std::move(data);
}

// PEM, or what stands between its armour lines, or the 32-byte seed of an Ed25519 key in base 64.
secret_text as_pem(const std::string& given) {
  if (given.find("-----BEGIN") != std::string::npos) return secret_text{given};
  std::string bare;
  for (const char c : given)
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') bare += c;
  auto der = parse_base64(bare);
  if (!der) throw configuration_error("the key is neither PEM nor base 64");
  // RFC 8410 section 7: PKCS#8 of an Ed25519 seed.
  if (der->size() == 32) der = *parse_hex("302e020100300506032b657004220420") + *der;
  // PKCS#8 has an AlgorithmIdentifier behind its version; PKCS#1 has the modulus there.
  const bool pkcs8 = der->size() > 8 && der->find("\x02\x01\x00\x30", 0, 4) != std::string::npos &&
                     der->find("\x02\x01\x00\x30", 0, 4) < 8;
  const std::string label = pkcs8 ? "PRIVATE KEY" : "RSA PRIVATE KEY";
  const auto text = base64(*der);
  std::string pem = "-----BEGIN " + label + "-----\n";
  for (std::size_t i = 0; i < text.size(); i += 64) pem += text.substr(i, 64) + "\n";
  return secret_text{pem + "-----END " + label + "-----\n"};
}

auth::dkim_options signing_options(const std::string& headers) {
  auto options = auth::dkim_options::standard();
  if (headers.empty()) return options;
  options.signed_headers.clear();
  options.oversigned.clear();
  for (const auto h : split(headers, ':')) options.signed_headers.emplace_back(trim(h));
  return options;
}

int run_sign(const dkim_options& o) {
  const auto data = as_mail(read_input(o.file, message_bytes_max));
  const auto key =
      auth::dkim_key::from_pem(o.domain, o.selector, as_pem(read_input(o.key, key_bytes_max)));
  if (!key) throw configuration_error(o.key + ": " + key.error().public_text);
  auto end = data.find("\r\n\r\n");
  const auto header =
      end == std::string::npos ? std::string_view{data} : std::string_view{data}.substr(0, end + 2);
  const auto body =
      end == std::string::npos ? std::string_view{} : std::string_view{data}.substr(end + 4);
  const auto now = time_of(o.time).value_or(system_wall_clock{}.now());
  const auto field = auth::dkim_signature_field(**key, header, auth::relaxed_body_hash(body), now,
                                                signing_options(o.headers));
  fmt::print("{}{}", field, o.header_only ? "" : data);
  return exit_done;
}

// Keys out of a text, or out of the DNS.
class key_source {
 public:
  explicit key_source(const dkim_options& o) {
    if (!o.keys.empty()) {
      auto parsed = auth::key_text::parse(read_input(o.keys, 16u << 20));
      if (!parsed) throw configuration_error(o.keys + ": " + parsed.error().public_text);
      text_ = std::move(*parsed);
      return;
    }
    smtp::dns::resolver_settings settings;
    if (o.dns.empty())
      settings.resolv_conf = "/etc/resolv.conf";
    else
      settings.forwarders = {o.dns};
    guard_.emplace(io_.get_executor());
    dns_.emplace(io_.get_executor(), settings);
    thread_ = std::thread{[this] { io_.run(); }};
  }
  ~key_source() {
    if (!thread_.joinable()) return;
    io_.stop();
    thread_.join();
    dns_.reset();
  }
  key_source(const key_source&) = delete;
  key_source& operator=(const key_source&) = delete;

  result<std::vector<std::string>> operator()(const std::string& name) {
    return text_ ? (*text_)(name) : dns_->txt_blocking(name, std::chrono::seconds{15});
  }

 private:
  std::optional<auth::key_text> text_;
  boost::asio::io_context io_{1};
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> guard_;
  std::optional<smtp::dns::resolver> dns_;
  std::thread thread_;
};

int run_verify(const context& c, const dkim_options& o) {
  const auto data = as_mail(read_input(o.file, message_bytes_max));
  key_source keys{o};
  const auth::dkim_verifier verifier{time_of(o.time)};
  const auto results = verifier.verify(data, std::ref(keys));
  json::array shown;
  bool passed = false;
  for (const auto& r : results) {
    passed = passed || r.status == auth::dkim_status::pass;
    json::object row{{"domain", to_valid_utf8(r.domain)},
                     {"selector", to_valid_utf8(r.selector)},
                     {"algorithm", to_valid_utf8(r.algorithm)},
                     {"status", auth::to_string(r.status)},
                     {"reason", to_valid_utf8(r.reason)},
                     {"length_limit", r.has_length_limit},
                     {"testing", r.is_testing}};
    row["headers"] = json::value_from(r.signed_headers);
    shown.push_back(std::move(row));
  }
  if (c.json)
    print_json(json::object{{"pass", passed}, {"signatures", std::move(shown)}});
  else if (shown.empty())
    fmt::print("no signature\n");
  else
    print_table(shown, {"status", "domain", "selector", "algorithm", "reason"});
  return passed ? exit_done : exit_no;
}

}  // namespace

void add_dkim_commands(CLI::App& app, context& c) {
  auto o = std::make_shared<dkim_options>();
  auto* dkim = app.add_subcommand("dkim", "DKIM: the keys that sign, signatures of files")
                   ->require_subcommand(1);
  add_dkim_key_commands(*dkim, c);
  auto* sign = dkim->add_subcommand("sign", "print the message with a signature on top");
  sign->add_option("file", o->file, "message, - for standard input")->required();
  sign->add_option("--domain", o->domain, "d=")->required();
  sign->add_option("--selector", o->selector, "s=")->required();
  sign->add_option("--key", o->key, "private key: PEM or bare base 64; RSA or Ed25519")->required();
  sign->add_option("--headers", o->headers, "h=, separated by colons; else the standard list");
  sign->add_option("--time", o->time, "t=: seconds since 1970 or a timestamp; else now");
  sign->add_flag("--header-only", o->header_only, "print only the field");
  sign->callback([&c, o] { c.chosen = [o] { return run_sign(*o); }; });

  auto* verify = dkim->add_subcommand("verify", "exit 0 if a signature passes, 1 if none does");
  verify->add_option("file", o->file, "message, - for standard input")->required();
  verify->add_option("--keys", o->keys, "file of TXT records instead of the DNS");
  verify->add_option("--dns", o->dns, "ask this server: 127.0.0.1@5353");
  verify->add_option("--time", o->time, "judge expiry as of then");
  verify->callback([&c, o] { c.chosen = [&c, o] { return run_verify(c, *o); }; });
}

}  // namespace consentry::app::cli
