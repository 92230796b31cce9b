#include "smtp/auth/dkim_verifier.h"

// The header speaks C99; strict C++ has no _Bool.
#define _Bool bool
#include <opendkim/dkim.h>
#undef _Bool

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <exception>
#include <map>
#include <set>

#include "base/check.h"
#include "base/secret.h"
#include "base/text.h"
#include "smtp/auth/canonical_form.h"

namespace consentry::smtp::auth {
namespace {

constexpr unsigned rsa_bits_min = 1024;  // RFC 8301 section 3.2
// 47 years; it subtracts this from the time of day, unsigned.
constexpr std::uint64_t drift_without_end_s = 1'500'000'000;

// The tags of a signature or key record (RFC 6376 section 3.2), without white space.
std::map<std::string, std::string> parse_tags(std::string_view text) {
  std::map<std::string, std::string> out;
  for (const auto tag : split(text, ';')) {
    const auto equals = tag.find('=');
    if (equals == std::string_view::npos) continue;
    std::string value;
    for (const char c : tag.substr(equals + 1))
      if (c != ' ' && c != '\t' && c != '\r' && c != '\n') value.push_back(c);
    out.try_emplace(std::string{trim(tag.substr(0, equals))}, std::move(value));
  }
  return out;
}

// RFC 6376 section 3.2: a tag given twice makes the whole list invalid. libopendkim goes by the
// last.
bool has_tag_twice(std::string_view field) {
  std::set<std::string_view> seen;
  for (const auto tag : split(field.substr(field.find(':') + 1), ';')) {
    const auto equals = tag.find('=');
    if (equals != std::string_view::npos && !seen.insert(trim(tag.substr(0, equals))).second)
      return true;
  }
  return false;
}

void take_signed_headers(dkim_result& out, std::string_view list) {
  out.signed_headers.clear();
  if (list.empty()) return;
  for (const auto name : split(list, ':')) out.signed_headers.push_back(ascii_lower(trim(name)));
}

dkim_result described(std::string_view field) {
  dkim_result out;
  auto tags = parse_tags(field.substr(field.find(':') + 1));
  out.domain = ascii_lower(tags["d"]);
  out.selector = tags["s"];
  out.algorithm = ascii_lower(tags["a"]);
  out.has_length_limit = tags.contains("l");
  take_signed_headers(out, tags["h"]);
  return out;
}

// Of several records the one for this kind of key: a name may carry an RSA and an Ed25519 one.
const std::string* choose_record(const std::vector<std::string>& records,
                                 std::string_view algorithm) {
  const std::string_view wanted = algorithm.starts_with("ed25519") ? "ed25519" : "rsa";
  for (const auto& record : records) {
    auto tags = parse_tags(record);
    const std::string kind = tags["k"].empty() ? "rsa" : tags["k"];
    if (tags.contains("p") && kind == wanted) return &record;
  }
  return records.empty() ? nullptr : &records.front();
}

// RFC 6376 section 3.6.1 speaks of RSAPublicKey, practice and libopendkim of SubjectPublicKeyInfo
// (errata 3017). A record with the former is rewritten to the latter; others stay as they are.
std::string with_subject_public_key(const std::string& record) {
  auto tags = parse_tags(record);
  const auto der = parse_base64(tags["p"]);
  if (!der || (!tags["k"].empty() && tags["k"] != "rsa")) return record;
  const auto* in = reinterpret_cast<const unsigned char*>(der->data());
  const auto length = static_cast<long>(der->size());
  using evp_key = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;
  const auto* at = in;
  if (const evp_key usual{d2i_PUBKEY(nullptr, &at, length), EVP_PKEY_free}) return record;
  at = in;
  const evp_key bare{d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, length), EVP_PKEY_free};
  if (!bare) return record;
  unsigned char* info = nullptr;
  const int info_length = i2d_PUBKEY(bare.get(), &info);
  if (info_length <= 0) return record;
  tags["p"] = base64({reinterpret_cast<const char*>(info), static_cast<std::size_t>(info_length)});
  OPENSSL_free(info);
  std::string out = "v=DKIM1";  // must stand first
  for (const auto& [name, value] : tags)
    if (name != "v" && !value.empty()) out += "; " + name + "=" + value;
  return out;
}

// What the C callbacks need, reached through the handle's user context.
struct verification {
  const key_lookup& keys;
  std::map<const DKIM_SIGINFO*, failure> lookup_failures;
};

std::string text_of(const unsigned char* s) {
  return s ? reinterpret_cast<const char*>(s) : std::string{};
}

}  // namespace

// C linkage is not needed for these, but exceptions must not cross the library.
static DKIM_CBSTAT look_up_key(DKIM* dkim, DKIM_SIGINFO* signature, unsigned char* out,
                               std::size_t out_size) {
  auto& context = *static_cast<verification*>(
      const_cast<void*>(static_cast<const void*>(dkim_get_user_context(dkim))));
  try {
    const std::string name = text_of(dkim_sig_getselector(signature)) + "._domainkey." +
                             text_of(dkim_sig_getdomain(signature));
    const auto records = context.keys(name);
    if (!records && records.error().kind == failure_kind::not_found) return DKIM_CBSTAT_NOTFOUND;
    if (!records) {
      context.lookup_failures.emplace(signature, records.error());
      return records.error().permanent ? DKIM_CBSTAT_ERROR : DKIM_CBSTAT_TRYAGAIN;
    }
    const std::string* chosen =
        choose_record(*records, ascii_lower(text_of(dkim_sig_getalgorithm(signature))));
    if (!chosen) return DKIM_CBSTAT_NOTFOUND;
    const std::string record = with_subject_public_key(*chosen);
    if (record.size() >= out_size) {
      context.lookup_failures.emplace(
          signature,
          failure{failure_kind::limit, true, failure_scope::none, "key record too long", {}});
      return DKIM_CBSTAT_ERROR;
    }
    std::memcpy(out, record.c_str(), record.size() + 1);
    return DKIM_CBSTAT_CONTINUE;
  } catch (const std::exception& e) {
    context.lookup_failures.emplace(signature,
                                    failure{failure_kind::unavailable, false, failure_scope::none,
                                            "key lookup failed", e.what()});
    return DKIM_CBSTAT_TRYAGAIN;
  }
}

static DKIM_CBSTAT limit_signatures(DKIM*, DKIM_SIGINFO** signatures, int count) {
  for (int i = static_cast<int>(dkim_verifier::signatures_max); i < count; ++i)
    dkim_sig_ignore(signatures[i]);
  return DKIM_CBSTAT_CONTINUE;
}

// libopendkim stops at the first good signature or failed lookup: have it look at each.
static DKIM_CBSTAT process_all(DKIM* dkim, DKIM_SIGINFO** signatures, int count) {
  for (int i = 0; i < count; ++i)
    if ((dkim_sig_getflags(signatures[i]) & DKIM_SIGFLAG_IGNORE) == 0)
      (void)dkim_sig_process(dkim, signatures[i]);
  return DKIM_CBSTAT_CONTINUE;
}

struct dkim_verifier::library {
  DKIM_LIB* lib = nullptr;
  std::optional<instant> fixed_time;
  ~library() {
    if (lib) dkim_close(lib);
  }

  instant now() const { return fixed_time ? *fixed_time : system_wall_clock{}.now(); }

  template <class Value>
  void set(dkim_opts_t option, Value value) {
    CONSENTRY_CHECK(dkim_options(lib, DKIM_OP_SETOPT, option, &value, sizeof value) ==
                    DKIM_STAT_OK);
  }
};

namespace {

// A tag as libopendkim went by it; nullopt: it saw none.
std::optional<std::string> tag_of(DKIM_SIGINFO* signature, const char* name) {
  std::string tag{name};
  const auto* value =
      dkim_sig_gettagvalue(signature, false, reinterpret_cast<unsigned char*>(tag.data()));
  if (value == nullptr) return std::nullopt;
  return text_of(value);
}

// RFC 6376 section 3.5, x=. A t= in the future proves nothing either way and is let pass.
bool is_expired(DKIM_SIGINFO* signature, instant now) {
  const auto x = tag_of(signature, "x");
  if (!x) return false;
  std::int64_t seconds = 0;
  const char* const end = x->data() + x->size();
  const auto parsed = std::from_chars(x->data(), end, seconds);
  return parsed.ec != std::errc{} || parsed.ptr != end || seconds < to_ms(now) / 1000;
}

// It holds for what libopendkim went by, however the field may read to others.
void accept(dkim_result& out, DKIM_SIGINFO* signature, instant now) {
  out.status = dkim_status::pass;
  out.reason.clear();
  out.domain = ascii_lower(text_of(dkim_sig_getdomain(signature)));
  out.selector = text_of(dkim_sig_getselector(signature));
  out.has_length_limit = tag_of(signature, "l").has_value();
  take_signed_headers(out, tag_of(signature, "h").value_or(""));
  if (!is_expired(signature, now)) return;
  out.status = dkim_status::fail;
  out.reason = "signature expired";
}

void judge(dkim_result& out, DKIM_SIGINFO* signature, const verification& context, instant now) {
  const unsigned flags = dkim_sig_getflags(signature);
  out.is_testing = (flags & DKIM_SIGFLAG_TESTKEY) != 0;
  const int error = dkim_sig_geterror(signature);
  const auto looked_up = context.lookup_failures.find(signature);
  if (looked_up != context.lookup_failures.end()) {
    out.status = looked_up->second.permanent ? dkim_status::permerror : dkim_status::temperror;
    out.reason = looked_up->second.public_text;
  } else if (out.algorithm == "rsa-sha1") {
    out.status = dkim_status::fail;
    out.reason = "rsa-sha1 is no longer accepted (RFC 8301)";
  } else if ((flags & DKIM_SIGFLAG_PASSED) != 0 && dkim_sig_getbh(signature) == DKIM_SIGBH_MATCH) {
    accept(out, signature, now);
  } else {
    const bool is_wrong = error == DKIM_SIGERROR_BADSIG || error == DKIM_SIGERROR_OK ||
                          error == DKIM_SIGERROR_EXPIRED || error == DKIM_SIGERROR_FUTURE ||
                          error == DKIM_SIGERROR_KEYTOOSMALL || error == DKIM_SIGERROR_UNKNOWN;
    out.status = is_wrong ? dkim_status::fail : dkim_status::permerror;
    const char* text = dkim_sig_geterrorstr(error);
    out.reason = dkim_sig_getbh(signature) == DKIM_SIGBH_MISMATCH ? "body hash mismatch"
                 : text != nullptr                                ? text
                                                                  : "does not verify";
  }
}

// Each call may fail on a stranger's input; the signatures' own states tell then.
void feed(DKIM* dkim, const std::vector<std::string_view>& fields, std::string_view body) {
  const auto bytes = [](std::string_view s) {
    return reinterpret_cast<unsigned char*>(const_cast<char*>(s.data()));
  };
  for (auto field : fields) {
    if (field_name(field).empty()) continue;
    if (field.ends_with("\r\n")) field.remove_suffix(2);
    (void)dkim_header(dkim, bytes(field), field.size());
  }
  // A signature that names every field and more has it write one pointer behind its list of fields:
  // one that nobody can name keeps the list long enough.
  const std::string spare = "X-" + base32(random_bytes(15)) + ":";
  (void)dkim_header(dkim, bytes(spare), spare.size());
  (void)dkim_eoh(dkim);
  // It asserts that there is a buffer.
  if (!body.empty()) (void)dkim_body(dkim, bytes(body), body.size());
  // RFC 6376 section 3.4.3: a missing CRLF at the end is added. libopendkim leaves that to us.
  const std::string_view missing = !body.empty() && !body.ends_with("\r\n") ? "\r\n" : "";
  if (!missing.empty()) (void)dkim_body(dkim, bytes(missing), missing.size());
  bool testing = false;
  (void)dkim_eom(dkim, &testing);
}

}  // namespace

std::string_view to_string(dkim_status status) noexcept {
  switch (status) {
    case dkim_status::pass:
      return "pass";
    case dkim_status::fail:
      return "fail";
    case dkim_status::permerror:
      return "permerror";
    case dkim_status::temperror:
      return "temperror";
    case dkim_status::none:
      break;
  }
  return "none";
}

dkim_verifier::dkim_verifier(std::optional<instant> fixed_time)
    : library_{std::make_unique<library>()} {
  library_->lib = dkim_init(nullptr, nullptr);
  CONSENTRY_CHECK(library_->lib != nullptr);
  library_->set<unsigned>(DKIM_OPTS_FLAGS, DKIM_LIBFLAGS_BADSIGHANDLES);
  library_->set<unsigned>(DKIM_OPTS_MINKEYBITS, rsa_bits_min);
  // libopendkim judges expiry by the system's clock alone: it is told to overlook any drift, and
  // time is judged here.
  library_->set<std::uint64_t>(DKIM_OPTS_CLOCKDRIFT, drift_without_end_s);
  library_->fixed_time = fixed_time;
  dkim_set_key_lookup(library_->lib, look_up_key);
  dkim_set_prescreen(library_->lib, limit_signatures);
  dkim_set_final(library_->lib, process_all);
}

dkim_verifier::~dkim_verifier() = default;

std::vector<dkim_result> dkim_verifier::verify(std::string_view message,
                                               const key_lookup& keys) const {
  const auto end = message.starts_with("\r\n") ? 0 : message.find("\r\n\r\n");
  const std::string_view head = message.substr(0, end == std::string_view::npos ? end : end + 2);
  const std::string_view body =
      end == std::string_view::npos ? std::string_view{} : message.substr(end + (end ? 4 : 2));
  const std::vector<std::string_view> fields = split_fields(head);
  std::vector<std::string_view> signature_fields;
  for (const auto field : fields)
    if (ascii_iequals(field_name(field), "DKIM-Signature")) signature_fields.push_back(field);
  if (signature_fields.empty()) return {};
  std::vector<dkim_result> out;
  for (const auto field : signature_fields) out.push_back(described(field));

  DKIM_STAT status = DKIM_STAT_OK;
  const auto id = reinterpret_cast<const unsigned char*>("consentry");
  const std::unique_ptr<DKIM, void (*)(DKIM*)> dkim{
      dkim_verify(library_->lib, id, nullptr, &status), [](DKIM* d) { dkim_free(d); }};
  verification context{keys, {}};
  for (auto& r : out) {
    r.status = dkim_status::permerror;
    r.reason = "unreadable signature or message";
  }
  if (!dkim || dkim_set_user_context(dkim.get(), &context) != DKIM_STAT_OK) {
    for (auto& r : out) r.status = dkim_status::temperror;
    return out;
  }
  feed(dkim.get(), fields, body);

  DKIM_SIGINFO** signatures = nullptr;
  int count = 0;
  if (dkim_getsiglist(dkim.get(), &signatures, &count) != DKIM_STAT_OK) count = 0;
  const bool is_one_to_one = static_cast<std::size_t>(count) == out.size();
  for (std::size_t i = 0; is_one_to_one && i < out.size(); ++i) {
    if (i < signatures_max) {
      judge(out[i], signatures[i], context, library_->now());
      if (has_tag_twice(signature_fields[i])) {
        out[i].status = dkim_status::permerror;
        out[i].reason = "a tag is given twice";
      }
      continue;
    }
    out[i].status = dkim_status::none;
    out[i].reason = "not checked: more than " + std::to_string(signatures_max) + " signatures";
  }
  return out;
}

}  // namespace consentry::smtp::auth
