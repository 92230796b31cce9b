// From an address to a session that takes mail: connect, greeting, EHLO, STARTTLS, EHLO again.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/check.h"
#include "base/text.h"
#include "smtp/client/connection.h"
#include "smtp/client/connection_impl.h"

namespace consentry::smtp::client {

namespace asio = boost::asio;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

outcome problem_at(const target& to, outcome_scope scope, std::string cause) {
  outcome o;
  o.kind = outcome_kind::deferred;
  o.scope = scope;
  o.remote_host = to.host_name;
  o.remote_ip = to.address.to_string();
  o.cause = std::move(cause);
  return o;
}

outcome refused(const target& to, reply r, std::string cause) {
  auto o = problem_at(to, outcome_scope::session, std::move(cause));
  // RFC 7504: 521 and 556 say that this host will never take mail. Other hosts of the domain may.
  if (r.code == 521 || r.code == 556) o.kind = outcome_kind::bounced;
  o.last_reply = std::move(r);
  return o;
}

// The name that a host gives itself in its answer to EHLO (RFC 5321 section 4.1.1.1), folded.
std::string name_in(const reply& hello) {
  const std::string_view text = hello.text;
  return ascii_lower(text.substr(0, text.find_first_of(" \r\n")));
}

}  // namespace

asio::awaitable<result<void>> connection::impl::connect() {
  const auto held = line;
  const auto& source = to.address.is_v4() ? settings.source_ipv4 : settings.source_ipv6;
  boost::system::error_code e;
  held->socket.open(to.address.is_v4() ? tcp::v4() : tcp::v6(), e);
  if (!e) held->socket.set_option(tcp::no_delay{true}, e);
  if (!e && source) held->socket.bind({*source, 0}, e);
  if (e) co_return ended(e, "before connecting");

  if (co_await is_cancelled()) co_return ended(asio::error::operation_aborted, "before connecting");
  start_clock(held, settings.wait.connect);
  const tcp::endpoint peer{to.address, to.port};
  auto [error] = co_await held->socket.async_connect(peer, as_result);
  stop_clock(*held);
  if (error || held->timed_out) co_return ended(error, "while connecting");
  co_return result<void>{};
}

// Everything on which it depends whether a session's first handshake would do for this one.
std::string connection::impl::session_key() const {
  return to.host_name + '|' + to.address.to_string() + '|' + std::to_string(to.port) + '|' +
         settings.origin + '|' + settings.check.fingerprint();
}

void connection::impl::tell_protection(SSL* ssl) {
  tls = std::string{SSL_get_version(ssl)} + ' ' + SSL_get_cipher_name(ssl);
  if (verdict.is_resumed) tls += " resumed";
  const bool is_good =
      settings.check.how != peer_check::by::nothing && verdict.fault == tls_fault::none;
  tls += is_good ? ' ' + settings.check.label : std::string{" unverified"};
}

asio::awaitable<result<void>> connection::impl::handshake() {
  const auto held = line;
  secure.emplace(held->socket, *settings.tls_context);
  SSL* ssl = secure->native_handle();
  const auto& name = settings.check.names.empty() ? to.host_name : settings.check.names.front();
  if (!name.empty() && name.front() != '[') SSL_set_tlsext_host_name(ssl, name.c_str());
  if (!demand(ssl, settings.check)) {
    verdict.fault = tls_fault::handshake;
    close();
    co_return failure{failure_kind::tls, false, failure_scope::session, "TLS failed",
                      "the host cannot be verified as its domain demands"};
  }
  const auto key = settings.sessions ? session_key() : std::string{};
  if (settings.sessions) settings.sessions->prepare(ssl, key);

  if (co_await is_cancelled())
    co_return ended(asio::error::operation_aborted, "before the TLS handshake");
  start_clock(held, settings.wait.tls_handshake);
  auto [error] = co_await secure->async_handshake(asio::ssl::stream_base::client, as_result);
  stop_clock(*held);
  verdict = judge(ssl, settings.check);
  if (error || held->timed_out) {
    if (settings.sessions) settings.sessions->forget(key);
    auto f = ended(error, "in the TLS handshake");
    if (!verdict.cause.empty()) f.private_cause = "certificate: " + verdict.cause;
    co_return f;
  }
  tell_protection(ssl);
  if (settings.tap) settings.tap->noted(tls);
  co_return result<void>{};
}

asio::awaitable<std::optional<outcome>> connection::impl::greet() {
  auto r = co_await read_reply(settings.wait.greeting);
  if (!r) co_return problem_at(to, outcome_scope::session, r.error().private_cause + " (greeting)");
  if (r->code != 220) co_return refused(to, std::move(*r), "greeting refused");
  // Answers to what was not asked yet would be taken for those to what is asked later.
  if (replies.has_rest())
    co_return problem_at(to, outcome_scope::session, "words beyond the greeting");
  co_return std::nullopt;
}

// RFC 5321 section 6.3: what is sent to ourselves comes back. Other hosts of the domain may do.
outcome connection::impl::loop() const {
  auto o = problem_at(to, outcome_scope::session,
                      "mail loops back: the host has this gateway's own name");
  o.kind = outcome_kind::bounced;
  o.last_reply.enhanced = {5, 4, 6};
  return o;
}

// A server that knows no EHLO is asked with HELO, on the same connection if it still stands (RFC
// 5321 section 3.2).
asio::awaitable<std::optional<outcome>> connection::impl::hello() {
  auto r = co_await command("EHLO " + settings.ehlo_name, settings.wait.hello);
  if (r && r->code == 250) {
    if (!settings.own_name.empty() && name_in(*r) == ascii_lower(settings.own_name))
      co_return loop();
    offers = parse_capabilities(*r);
    co_return std::nullopt;
  }
  offers = {};
  if (!r) co_return problem_at(to, outcome_scope::session, r.error().private_cause + " (EHLO)");
  if (!r->is_permanent()) co_return refused(to, std::move(*r), "EHLO refused");
  auto h = co_await command("HELO " + settings.ehlo_name, settings.wait.hello);
  if (!h) co_return problem_at(to, outcome_scope::session, h.error().private_cause + " (HELO)");
  if (h->code != 250) co_return refused(to, std::move(*h), "HELO refused");
  co_return std::nullopt;
}

asio::awaitable<std::optional<outcome>> connection::impl::start_tls(open_result& told) {
  const bool is_required = settings.tls == tls_mode::required;
  told.fault = tls_fault::not_offered;
  if (!offers.starttls) {
    if (!is_required) co_return std::nullopt;
    told.tls_failed = true;
    co_return problem_at(to, outcome_scope::session, "STARTTLS is required but not offered");
  }
  auto r = co_await command("STARTTLS", settings.wait.hello);
  if (r && r->code != 220 && !is_required && line->socket.is_open()) co_return std::nullopt;
  told.tls_failed = true;
  if (!r) co_return problem_at(to, outcome_scope::session, r.error().private_cause + " (STARTTLS)");
  if (r->code != 220) co_return refused(to, std::move(*r), "STARTTLS refused");
  told.fault = tls_fault::handshake;
  // RFC 3207 section 6: bytes from before the handshake may be an attacker's, and would be read as
  // the server's after it.
  if (replies.has_rest())
    co_return problem_at(to, outcome_scope::session, "bytes between STARTTLS and the handshake");
  auto h = co_await handshake();
  if (!h || verdict.fault != tls_fault::none) told.fault_cause = verdict.cause;
  if (!h) {
    if (verdict.fault != tls_fault::none) told.fault = verdict.fault;
    co_return problem_at(to, outcome_scope::session, h.error().private_cause);
  }
  told.fault = verdict.fault;
  auto again = co_await hello();
  // Only a failed handshake speaks against TLS.
  told.tls_failed = false;
  co_return again;
}

asio::awaitable<std::optional<outcome>> connection::impl::open_steps(open_result& told) {
  auto connected = co_await connect();
  if (!connected) co_return problem_at(to, outcome_scope::site, connected.error().private_cause);
  auto p = co_await greet();
  if (!p) p = co_await hello();
  if (!p && settings.tls != tls_mode::off) p = co_await start_tls(told);
  co_return p;
}

asio::awaitable<open_result> connection::open(target to, connection_settings settings) {
  CONSENTRY_CHECK(settings.tls == tls_mode::off || settings.tls_context);
  const auto executor = co_await asio::this_coro::executor;
  // A cancelled open ends like a failed one, with an outcome.
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  auto made = std::make_unique<impl>(executor, std::move(to), std::move(settings));
  open_result out;
  auto p = co_await made->open_steps(out);
  if (p) {
    out.problem = std::move(*p);
    out.problem.tls = made->tls;
    made->close();
  } else {
    out.made.reset(new connection{std::move(made)});
  }
  co_await asio::this_coro::throw_if_cancelled(throws);
  co_return out;
}

}  // namespace consentry::smtp::client
