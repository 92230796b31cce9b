#include "base/https_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

#include "base/text.h"

namespace consentry {
namespace {

struct easy_deleter {
  void operator()(CURL* c) const noexcept { curl_easy_cleanup(c); }
};
struct list_deleter {
  void operator()(curl_slist* l) const noexcept { curl_slist_free_all(l); }
};
using list_ptr = std::unique_ptr<curl_slist, list_deleter>;

list_ptr one_line(const std::string& text) {
  return list_ptr{curl_slist_append(nullptr, text.c_str())};
}

bool begin_library() {
  static const bool is_begun = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return is_begun;
}

struct reading {
  std::string* body;
  std::size_t bytes_max;
  bool is_too_large = false;
};

std::size_t take(char* bytes, std::size_t, std::size_t count, void* to) {
  auto& r = *static_cast<reading*>(to);
  r.is_too_large = r.is_too_large || r.body->size() + count > r.bytes_max;
  if (r.is_too_large) return 0;
  r.body->append(bytes, count);
  return count;
}

int look_up(void* request, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& r = *static_cast<const https_request*>(request);
  return r.is_given_up && r.is_given_up() ? 1 : 0;
}

failure_kind kind_of(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return failure_kind::timeout;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
      return failure_kind::tls;
    case CURLE_ABORTED_BY_CALLBACK:
      return failure_kind::cancelled;
    default:
      return failure_kind::io;
  }
}

// "host:443:192.0.2.1,[2001:db8::1]"
std::string resolved(const https_request& r, const std::string& host, unsigned port) {
  std::string s = host + ":" + std::to_string(port) + ":";
  for (const auto& a : r.addresses) {
    if (s.back() != ':' || &a != &r.addresses.front()) s += ',';
    s += a.is_v6() ? "[" + a.to_string() + "]" : a.to_string();
  }
  return s;
}

// The port that the URL names, or 0.
unsigned named_port(std::string_view url, std::string_view host) {
  auto rest = url.substr(std::string_view{"https://"}.size() + host.size());
  unsigned port = 0;
  if (!rest.starts_with(':')) return 0;
  for (rest.remove_prefix(1); !rest.empty() && rest[0] >= '0' && rest[0] <= '9' && port < 65536;
       rest.remove_prefix(1))
    port = port * 10 + static_cast<unsigned>(rest[0] - '0');
  return port;
}

}  // namespace

std::string https_host(std::string_view url) {
  constexpr std::string_view scheme = "https://";
  if (!ascii_istarts_with(url, scheme)) return {};
  for (const char c : url)
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f) return {};
  const auto rest = url.substr(scheme.size());
  const auto authority = rest.substr(0, rest.find_first_of("/?#"));
  const auto host = authority.substr(0, authority.find(':'));
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  auto out = ascii_lower(host);
  if (authority.find('@') != std::string_view::npos || out.empty() ||
      !std::all_of(out.begin(), out.end(), is_letter))
    return {};
  return out;
}

result<https_answer> ask_https(const https_request& r) {
  const auto host = https_host(r.url);
  const auto named = host.empty() ? 0 : named_port(r.url, host);
  if (host.empty() || named > 65535 || r.addresses.empty())
    return failure{failure_kind::invalid, true, failure_scope::none, "not a usable https URL",
                   printable(r.url)};
  const std::unique_ptr<CURL, easy_deleter> c{begin_library() ? curl_easy_init() : nullptr};
  if (!c) return failure{failure_kind::unavailable, false, failure_scope::none, "no HTTPS", "curl"};
  https_answer out;
  reading in{&out.body, r.answer_bytes_max};
  const auto set = [&c](CURLoption what, auto value) {
    return curl_easy_setopt(c.get(), what, value) == CURLE_OK;
  };
  const unsigned port = named != 0 ? named : r.port != 0 ? r.port : 443;
  const auto where = one_line(resolved(r, host, port));
  auto headers = one_line(r.body.empty() ? "Accept: */*" : "Content-Type: " + r.content_type);
  for (const auto& [name, value] : r.headers)
    curl_slist_append(headers.get(), (name + ": " + value).c_str());
  char why[CURL_ERROR_SIZE] = {};
  bool ok = set(CURLOPT_URL, r.url.c_str()) && set(CURLOPT_PROTOCOLS_STR, "https") &&
            set(CURLOPT_PORT, static_cast<long>(port)) && set(CURLOPT_RESOLVE, where.get()) &&
            set(CURLOPT_PROXY, "") && set(CURLOPT_FOLLOWLOCATION, 0L) &&
            set(CURLOPT_NOSIGNAL, 1L) && set(CURLOPT_SSL_VERIFYPEER, 1L) &&
            set(CURLOPT_SSL_VERIFYHOST, 2L) &&
            set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2)) &&
            set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(r.connect_timeout.count())) &&
            set(CURLOPT_TIMEOUT_MS, static_cast<long>(r.timeout.count())) &&
            set(CURLOPT_USERAGENT, "consentry") && set(CURLOPT_ERRORBUFFER, why) &&
            set(CURLOPT_WRITEFUNCTION, &take) && set(CURLOPT_WRITEDATA, &in) &&
            set(CURLOPT_NOPROGRESS, 0L) && set(CURLOPT_XFERINFOFUNCTION, &look_up) &&
            set(CURLOPT_XFERINFODATA, const_cast<https_request*>(&r));
  if (!r.authorities.empty())
    ok = ok && set(CURLOPT_CAINFO, r.authorities.c_str()) && set(CURLOPT_CAPATH, nullptr);
  ok = ok && set(CURLOPT_HTTPHEADER, headers.get());
  if (!r.body.empty())
    ok = ok && set(CURLOPT_POSTFIELDS, r.body.data()) &&
         set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(r.body.size()));
  if (!ok)
    return failure{failure_kind::unavailable, false, failure_scope::none, "no HTTPS",
                   "curl takes no such option"};
  const auto code = curl_easy_perform(c.get());
  if (in.is_too_large)
    return failure{failure_kind::limit, false, failure_scope::none, "the answer is too large",
                   printable(r.url)};
  if (code != CURLE_OK)
    return failure{kind_of(code), false, failure_scope::none, "no answer over HTTPS",
                   printable(why[0] != 0 ? why : curl_easy_strerror(code))};
  long status = 0;
  const char* content_type = nullptr;
  curl_easy_getinfo(c.get(), CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(c.get(), CURLINFO_CONTENT_TYPE, &content_type);
  out.status = static_cast<unsigned>(status);
  if (content_type != nullptr) out.content_type = content_type;
  return out;
}

}  // namespace consentry
