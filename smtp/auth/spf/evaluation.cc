#include "smtp/auth/spf/evaluation.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "base/text.h"

extern "C" {
#include <spf2/spf.h>
#include <spf2/spf_dns.h>
}

namespace consentry::smtp::auth::spf {
namespace {

constexpr int voids_max = 2;  // RFC 7208 section 4.6.4

constexpr int terms_max = 10;

// One evaluation. The library counts fewer terms than RFC 7208 section 4.6.4 does, and void lookups
// not at all: they are told from the questions here.
struct conversation {
  const dns_asker& ask;
  std::string domain;
  bool has_record = false;              // the domain's own, whose lookup is no term
  std::vector<std::string> hosts = {};  // of the last MX or PTR: their addresses belong to its term
  int terms = 0;
  int voids = 0;
  bool has_failed = false;

  bool is_over() const noexcept { return terms > terms_max || voids > voids_max; }

  // Whether the question is one of a term, and so may be void.
  bool take(const dns_question& q) {
    const bool is_own = q.type == question_type::txt && ascii_iequals(q.name, domain);
    if (is_own && !std::exchange(has_record, true)) return false;
    const bool is_address = q.type == question_type::a || q.type == question_type::aaaa;
    const auto host =
        std::ranges::find_if(hosts, [&](const std::string& h) { return ascii_iequals(h, q.name); });
    if (is_address && host != hosts.end()) {
      hosts.erase(host);
      return true;
    }
    hosts.clear();
    ++terms;
    return true;
  }
};

struct request_releaser {
  void operator()(SPF_request_t* r) const noexcept { SPF_request_free(r); }
};
struct server_releaser {
  void operator()(SPF_server_t* s) const noexcept { SPF_server_free(s); }
};
struct response_releaser {
  void operator()(SPF_response_t* r) const noexcept { SPF_response_free(r); }
};

std::optional<question_type> type_of(ns_type t) {
  switch (t) {
    case ns_t_a:
      return question_type::a;
    case ns_t_aaaa:
      return question_type::aaaa;
    case ns_t_mx:
      return question_type::mx;
    case ns_t_ptr:
      return question_type::ptr;
    case ns_t_txt:
      return question_type::txt;
    default:
      return std::nullopt;
  }
}

// Texts end with a zero: one inside would hide what follows from the library.
std::optional<std::size_t> stored_octets(question_type type, const std::string& record) {
  if (type == question_type::a)
    return record.size() == sizeof(in_addr) ? std::optional{record.size()} : std::nullopt;
  if (type == question_type::aaaa)
    return record.size() == sizeof(in6_addr) ? std::optional{record.size()} : std::nullopt;
  if (record.find('\0') != std::string::npos) return std::nullopt;
  return record.size() + 1;
}

bool put(SPF_dns_rr_t& rr, question_type type, const std::string& record) {
  const auto octets = stored_octets(type, record);
  if (!octets) return true;
  const int at = rr.num_rr;
  if (SPF_dns_rr_buf_realloc(&rr, at, std::max(*octets, sizeof(SPF_dns_rr_data_t))) !=
      SPF_E_SUCCESS)
    return false;
  std::memset(rr.rr[at], 0, std::max(*octets, sizeof(SPF_dns_rr_data_t)));
  std::memcpy(rr.rr[at], record.data(), record.size());
  ++rr.num_rr;
  return true;
}

SPF_dns_rr_t* empty_reply(SPF_dns_server_t* server, const char* name, ns_type type, int error) {
  return SPF_dns_rr_new_init(server, name, type, 0, error);
}

SPF_dns_rr_t* on_lookup(SPF_dns_server_t* server, const char* name, ns_type type, int) {
  auto& c = *static_cast<conversation*>(server->hook);
  const auto asked = type_of(type);
  if (!asked || name == nullptr || c.is_over()) return empty_reply(server, name, type, NO_DATA);
  std::string_view bare{name};
  if (bare.ends_with('.')) bare.remove_suffix(1);
  const dns_question q{.name = std::string{bare.substr(0, name_octets_max)}, .type = *asked};
  const bool is_of_term = c.take(q);
  if (c.is_over()) return empty_reply(server, name, type, NO_DATA);
  const auto reply = c.ask(q);
  const bool is_void = reply.found == dns_finding::nothing || reply.found == dns_finding::no_name;
  if (is_of_term && is_void) ++c.voids;
  if (q.type == question_type::mx || q.type == question_type::ptr) c.hosts = reply.records;
  switch (reply.found) {
    case dns_finding::failed:
      c.has_failed = true;
      return empty_reply(server, name, type, TRY_AGAIN);
    case dns_finding::no_name:
      return empty_reply(server, name, type, HOST_NOT_FOUND);
    case dns_finding::nothing:
      return empty_reply(server, name, type, NO_DATA);
    case dns_finding::found:
      break;
  }
  auto* rr = empty_reply(server, name, type, NETDB_SUCCESS);
  if (rr == nullptr) return nullptr;
  for (const auto& record : reply.records)
    if (!put(*rr, *asked, record)) {
      rr->num_rr = 0;
      rr->herrno = TRY_AGAIN;
      return rr;
    }
  if (rr->num_rr == 0) rr->herrno = NO_DATA;
  return rr;
}

// Nobody reads explanations: they are not looked up.
SPF_errcode_t no_explanation(SPF_server_t*, const char*, char**, size_t*) {
  return SPF_E_DNS_ERROR;
}

// Errors come out as result 0, "(invalid)": only a failed lookup is worth another try.
spf_result result_of(SPF_response_t* r) {
  switch (SPF_response_result(r)) {
    case SPF_RESULT_NEUTRAL:
      return spf_result::neutral;
    case SPF_RESULT_PASS:
      return spf_result::pass;
    case SPF_RESULT_FAIL:
      return spf_result::fail;
    case SPF_RESULT_SOFTFAIL:
      return spf_result::softfail;
    case SPF_RESULT_NONE:
      return spf_result::none;
    case SPF_RESULT_TEMPERROR:
      return spf_result::temperror;
    case SPF_RESULT_PERMERROR:
      return spf_result::permerror;
    case SPF_RESULT_INVALID:
      break;
  }
  return SPF_response_errcode(r) == SPF_E_DNS_ERROR ? spf_result::temperror : spf_result::permerror;
}

std::string why_of(SPF_response_t* r) {
  for (int i = 0; i < SPF_response_messages(r); ++i) {
    auto* m = SPF_response_message(r, i);
    if (m != nullptr && SPF_error_errorp(m) && SPF_error_message(m) != nullptr)
      return printable(SPF_error_message(m), why_octets_max);
  }
  return {};
}

check_verdict ask_library(SPF_server_t& server, const check_request& request) {
  const std::unique_ptr<SPF_request_t, request_releaser> r{SPF_request_new(&server)};
  if (r == nullptr) return {spf_result::temperror, "out of memory"};
  const bool is_v6 = request.address.find(':') != std::string::npos;
  const auto set = is_v6 ? SPF_request_set_ipv6_str(r.get(), request.address.c_str())
                         : SPF_request_set_ipv4_str(r.get(), request.address.c_str());
  if (set != SPF_E_SUCCESS) return {spf_result::permerror, "not an address"};
  SPF_request_set_helo_dom(r.get(), request.domain.c_str());
  SPF_request_set_env_from(r.get(), (request.local_part + '@' + request.domain).c_str());
  SPF_response_t* raw = nullptr;
  SPF_request_query_mailfrom(r.get(), &raw);
  const std::unique_ptr<SPF_response_t, response_releaser> response{raw};
  if (response == nullptr) return {spf_result::temperror, "no answer of the library"};
  return {result_of(response.get()), why_of(response.get())};
}

}  // namespace

struct spf_library::state {
  SPF_dns_server_t dns{};
  std::string name = "daemon";
  std::unique_ptr<SPF_server_t, server_releaser> server;
};

spf_library::spf_library() : state_{std::make_unique<state>()} {
  auto& s = *state_;
  s.dns.lookup = on_lookup;
  s.dns.get_exp = no_explanation;
  s.dns.name = s.name.c_str();
  s.server.reset(SPF_server_new_dns(&s.dns, 0));
  if (s.server == nullptr) throw std::bad_alloc{};
  s.server->destroy_resolver = 0;
  SPF_server_set_rec_dom(s.server.get(), "gateway.invalid");
}

spf_library::~spf_library() = default;

check_verdict spf_library::evaluate(const check_request& request, const dns_asker& ask) {
  conversation c{.ask = ask, .domain = request.domain};
  state_->dns.hook = &c;
  auto v = ask_library(*state_->server, request);
  state_->dns.hook = nullptr;
  if (c.terms > terms_max) return {spf_result::permerror, "more than ten terms ask the DNS"};
  if (c.is_over()) return {spf_result::permerror, "more than two lookups found nothing"};
  if (v.result == spf_result::permerror && c.has_failed) v.result = spf_result::temperror;
  return v;
}

}  // namespace consentry::smtp::auth::spf
