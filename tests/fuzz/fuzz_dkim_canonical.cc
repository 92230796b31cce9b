// Fields, then behind the first NUL a body: our relaxed canonical forms hash to what libopendkim's
// do, whatever the white space. Asked by signing and having it verified: a pass says that both
// hashes agree. Ed25519, which is quick.
#include <array>
#include <cstdint>
#include <cstdio>

#include "base/check.h"
#include "base/text.h"
#include "smtp/auth/dkim_signer.h"
#include "smtp/auth/dkim_verifier.h"
#include "smtp/auth/key_text.h"

using namespace consentry;
using namespace consentry::smtp::auth;

namespace {

constexpr instant now = from_ms(1'667'843'664'000);

// No tab before the colon, no form feed or vertical tab: there RFC 6376 section 3.4.2 says one
// thing and libopendkim does another, so no copy holds them (docs/decisions/dkim-signing.md). Every
// line that is no continuation begins a field; only CRLF ends lines, and nothing holds NUL: what
// SMTP brings.
std::string header_of(std::string_view input) {
  constexpr std::array<std::string_view, 6> names{
      "To:", "Subject :", "LIST-odd:", "cc  :", "Date:", "Received:"};
  std::string out = "From: a@b.hu\r\n";
  auto text = to_crlf(input);
  std::erase_if(text, [](char c) { return c == '\v' || c == '\f'; });
  unsigned fields = 0;  // libopendkim reads no signature field of more than some 4 KB
  for (std::size_t at = 0; at < text.size() && fields < 60;) {
    const auto end = text.find("\r\n", at) + 2;
    const auto line = std::string_view{text}.substr(at, end - at);
    if (at == 0 || (line[0] != ' ' && line[0] != '\t')) {
      ++fields;
      out += names[static_cast<unsigned char>(line[0]) % names.size()];
    }
    out += line;
    at = end;
  }
  return out;
}

std::string body_of(std::string_view input) {
  std::string out;
  for (const char c : input)
    if (c != '\0') out += c;
  return to_crlf(out);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const dkim_verifier verifier{now};
  static const auto key = [] {
    secret_text pem;
    return dkim_key::generate("b.hu", "s", dkim_algorithm::ed25519_sha256, pem);
  }();
  const std::string_view input{reinterpret_cast<const char*>(data), size};
  const auto gap = input.find('\0');
  const auto header = header_of(input.substr(0, gap));
  const auto body = body_of(gap == std::string_view::npos ? "" : input.substr(gap + 1));
  const auto field =
      dkim_signature_field(*key, header, relaxed_body_hash(body), now, dkim_options::standard());
  const auto results = verifier.verify(field + header + "\r\n" + body, [](const std::string&) {
    return result<std::vector<std::string>>{std::vector<std::string>{key->dns_value()}};
  });
  for (const auto& r : results)
    if (r.status != dkim_status::pass)
      std::fprintf(stderr, "%s\n%s\n", r.reason.c_str(), printable(field + header, 4000).c_str());
  CONSENTRY_CHECK(results.size() == 1 && results[0].status == dkim_status::pass);
  return 0;
}
