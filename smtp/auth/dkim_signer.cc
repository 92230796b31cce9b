#include "smtp/auth/dkim_signer.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <map>

#include "base/check.h"
#include "base/text.h"
#include "smtp/auth/canonical_form.h"

namespace consentry::smtp::auth {
namespace {

struct openssl_deleter {
  void operator()(EVP_PKEY* p) const noexcept { EVP_PKEY_free(p); }
  void operator()(EVP_MD_CTX* p) const noexcept { EVP_MD_CTX_free(p); }
  void operator()(BIO* p) const noexcept { BIO_free_all(p); }
};
using evp_key = std::unique_ptr<EVP_PKEY, openssl_deleter>;
using evp_context = std::unique_ptr<EVP_MD_CTX, openssl_deleter>;
using bio = std::unique_ptr<BIO, openssl_deleter>;

constexpr int rsa_bits_min = 1024;  // RFC 8301 section 3.2
constexpr int rsa_bits_new = 2048;

failure unusable(std::string why) {
  return {failure_kind::invalid, true, failure_scope::none, std::move(why), {}};
}

// The p= tag: for RSA the whole SubjectPublicKeyInfo (RFC 6376 section 3.6.1), for Ed25519 the bare
// 32 bytes (RFC 8463 section 4).
std::string public_half(EVP_PKEY* key, dkim_algorithm algorithm) {
  if (algorithm == dkim_algorithm::ed25519_sha256) {
    std::string raw(32, '\0');
    std::size_t length = raw.size();
    CONSENTRY_CHECK(EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(raw.data()),
                                                &length) == 1);
    return base64(raw);
  }
  unsigned char* der = nullptr;
  const int length = i2d_PUBKEY(key, &der);
  CONSENTRY_CHECK(length > 0);
  std::string out = base64({reinterpret_cast<const char*>(der), static_cast<std::size_t>(length)});
  OPENSSL_free(der);
  return out;
}

std::string pem_of(EVP_PKEY* key) {
  const bio out{BIO_new(BIO_s_secmem())};
  CONSENTRY_CHECK(
      out && PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  char* data = nullptr;
  const long length = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<std::size_t>(length)};
}

// Ed25519 signs the SHA-256 of the canonical form, not the form itself (RFC 8463 section 3).
std::string sign(const EVP_PKEY* key, dkim_algorithm algorithm, std::string_view bytes) {
  const evp_context context{EVP_MD_CTX_new()};
  const digest256 digest = sha256(bytes);
  const bool is_ed = algorithm == dkim_algorithm::ed25519_sha256;
  const std::string_view input = is_ed ? as_bytes(digest) : bytes;
  CONSENTRY_CHECK(context &&
                  EVP_DigestSignInit(context.get(), nullptr, is_ed ? nullptr : EVP_sha256(),
                                     nullptr, const_cast<EVP_PKEY*>(key)) == 1);
  const auto* data = reinterpret_cast<const unsigned char*>(input.data());
  std::size_t length = 0;
  CONSENTRY_CHECK(EVP_DigestSign(context.get(), nullptr, &length, data, input.size()) == 1);
  std::string out(length, '\0');
  CONSENTRY_CHECK(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()),
                                 &length, data, input.size()) == 1);
  out.resize(length);
  return out;
}

// Appends tags and folds before one that would pass column 76 (STYLE of RFC 5322 section 2.1.1).
class field_writer {
 public:
  explicit field_writer(std::string start) : text_{std::move(start)}, column_{text_.size()} {}

  void tag(std::string_view tag) {
    if (column_ + 1 + tag.size() > column_max)
      fold();
    else
      add(" ");
    add(tag);
  }
  // Pieces that may be parted anywhere (base 64) or after a colon (h=).
  void add_foldable(std::string_view text, char after) {
    while (!text.empty()) {
      std::size_t take =
          after == '\0' ? column_max - std::min(column_, column_max - 1) : text.find(after);
      take = std::min(take == std::string_view::npos ? text.size() : take + (after != '\0'),
                      text.size());
      if (column_ + take > column_max && column_ > 1) {
        fold();
        continue;
      }
      add(text.substr(0, take));
      text.remove_prefix(take);
    }
  }
  std::string take() { return std::move(text_); }

 private:
  static constexpr std::size_t column_max = 76;

  void add(std::string_view s) {
    text_ += s;
    column_ += s.size();
  }
  void fold() {
    text_ += "\r\n\t";
    column_ = 1;
  }

  std::string text_;
  std::size_t column_;
};

std::vector<std::string> names_to_sign(std::string_view header_block, const dkim_options& options) {
  std::map<std::string, std::size_t> present;
  for (const auto field : split_fields(header_block)) ++present[ascii_lower(field_name(field))];
  std::vector<std::string> out;
  const auto is_oversigned = [&options](std::string_view name) {
    return std::any_of(options.oversigned.begin(), options.oversigned.end(),
                       [name](const std::string& o) { return ascii_iequals(o, name); });
  };
  std::vector<std::string> names = options.signed_headers;
  for (const auto& name : options.oversigned)
    if (std::none_of(names.begin(), names.end(),
                     [&name](const std::string& n) { return ascii_iequals(n, name); }))
      names.push_back(name);
  for (const auto& name : names) {
    const auto found = present.find(ascii_lower(name));
    const std::size_t count = (found == present.end() ? 0 : found->second) + is_oversigned(name);
    out.insert(out.end(), count, name);
  }
  return out;
}

}  // namespace

struct dkim_key::state {
  std::string domain;
  std::string selector;
  dkim_algorithm algorithm = dkim_algorithm::rsa_sha256;
  evp_key key;
  std::string public_base64;
};

dkim_key::dkim_key(std::unique_ptr<state> s) : state_{std::move(s)} {}
dkim_key::~dkim_key() = default;

const std::string& dkim_key::domain() const noexcept {
  return state_->domain;
}
const std::string& dkim_key::selector() const noexcept {
  return state_->selector;
}
dkim_algorithm dkim_key::algorithm() const noexcept {
  return state_->algorithm;
}
std::string dkim_key::dns_name() const {
  return state_->selector + "._domainkey." + state_->domain;
}
std::string dkim_key::dns_value() const {
  const bool is_ed = state_->algorithm == dkim_algorithm::ed25519_sha256;
  return std::string{"v=DKIM1; k="} + (is_ed ? "ed25519" : "rsa") + "; p=" + state_->public_base64;
}

result<std::shared_ptr<const dkim_key>> dkim_key::from_pem(std::string domain, std::string selector,
                                                           const secret_text& pem) {
  const std::string& text = pem.reveal();
  const bio in{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
  // A passphrase would be asked for on the terminal: give an empty one.
  evp_key key{PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, const_cast<char*>(""))};
  if (!key) return unusable("not a private key in PEM form");
  auto s = std::make_unique<state>();
  switch (EVP_PKEY_get_base_id(key.get())) {
    case EVP_PKEY_RSA:
      if (EVP_PKEY_get_bits(key.get()) < rsa_bits_min)
        return unusable("RSA key shorter than 1024 bits (RFC 8301)");
      s->algorithm = dkim_algorithm::rsa_sha256;
      break;
    case EVP_PKEY_ED25519:
      s->algorithm = dkim_algorithm::ed25519_sha256;
      break;
    default:
      return unusable("neither an RSA nor an Ed25519 key");
  }
  s->domain = std::move(domain);
  s->selector = std::move(selector);
  s->public_base64 = public_half(key.get(), s->algorithm);
  s->key = std::move(key);
  return std::make_shared<const dkim_key>(std::move(s));
}

std::shared_ptr<const dkim_key> dkim_key::generate(std::string domain, std::string selector,
                                                   dkim_algorithm algorithm, secret_text& pem) {
  const evp_key key{
      algorithm == dkim_algorithm::ed25519_sha256
          ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
          : EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(rsa_bits_new))};
  CONSENTRY_CHECK(key != nullptr);
  pem = secret_text{pem_of(key.get())};
  return from_pem(std::move(domain), std::move(selector), pem).value();
}

digest256 relaxed_body_hash(std::string_view body) {
  return sha256(relaxed_body(body));
}

dkim_options dkim_options::standard() {
  dkim_options out;
  out.oversigned = {"From", "To", "Cc", "Subject", "Date", "Reply-To", "Content-Type"};
  out.signed_headers = {"From",
                        "To",
                        "Cc",
                        "Subject",
                        "Date",
                        "Reply-To",
                        "Content-Type",
                        "Sender",
                        "Message-ID",
                        "MIME-Version",
                        "Content-Transfer-Encoding",
                        "In-Reply-To",
                        "References",
                        "List-Id",
                        "List-Unsubscribe",
                        "List-Unsubscribe-Post",
                        "List-Help",
                        "List-Owner",
                        "List-Post",
                        "List-Subscribe",
                        "List-Archive",
                        "Feedback-ID",
                        "CFBL-Address",
                        "CFBL-Feedback-ID"};
  return out;
}

std::string dkim_signature_bytes(const dkim_key& key, std::string_view header_block,
                                 const std::vector<std::string>& names,
                                 std::string_view unsigned_field) {
  // The last field of a name first, then the one above it (RFC 6376 section 5.4.2).
  std::map<std::string, std::vector<std::string_view>> fields;
  for (const auto field : split_fields(header_block))
    fields[ascii_lower(field_name(field))].push_back(field);
  std::string input;
  for (const auto& name : names) {
    auto& left = fields[ascii_lower(name)];
    if (left.empty()) continue;
    input += relaxed_field(left.back());
    left.pop_back();
  }
  input += relaxed_field(unsigned_field);
  const auto& s = key.internals();
  return sign(s.key.get(), s.algorithm, input);
}

std::string dkim_signature_field(const dkim_key& key, std::string_view header_block,
                                 const digest256& body_hash, instant now,
                                 const dkim_options& options) {
  const bool is_ed = key.algorithm() == dkim_algorithm::ed25519_sha256;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
  const std::vector<std::string> names = names_to_sign(header_block, options);
  std::string list;
  for (const auto& name : names) list += (list.empty() ? "" : ":") + name;

  field_writer out{"DKIM-Signature: v=1;"};
  out.tag(std::string{"a="} + (is_ed ? "ed25519-sha256;" : "rsa-sha256;"));
  out.tag("c=relaxed/relaxed;");
  out.tag("d=" + key.domain() + ";");
  out.tag("s=" + key.selector() + ";");
  out.tag("t=" + std::to_string(seconds.count()) + ";");
  if (options.valid_for)
    out.tag("x=" + std::to_string((seconds + *options.valid_for).count()) + ";");
  out.tag("h=");
  out.add_foldable(list + ";", ':');
  out.tag("bh=" + base64(as_bytes(body_hash)) + ";");
  out.tag("b=");
  field_writer whole = out;
  const std::string signature = dkim_signature_bytes(key, header_block, names, out.take());
  whole.add_foldable(base64(signature), '\0');
  return whole.take() + "\r\n";
}

}  // namespace consentry::smtp::auth
