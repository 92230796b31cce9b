#include "smtp/auth/dkim_signer.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <mutex>

#include "base/check.h"
#include "base/text.h"
#include "smtp/auth/canonical_form.h"
#include "smtp/auth/key_pem.h"

namespace consentry::smtp::auth {
namespace {

struct openssl_deleter {
  void operator()(EVP_PKEY* p) const noexcept { EVP_PKEY_free(p); }
  void operator()(EVP_PKEY_CTX* p) const noexcept { EVP_PKEY_CTX_free(p); }
  void operator()(EVP_MD_CTX* p) const noexcept { EVP_MD_CTX_free(p); }
  void operator()(BIO* p) const noexcept { BIO_free_all(p); }
};
using evp_key = std::unique_ptr<EVP_PKEY, openssl_deleter>;
using evp_key_context = std::unique_ptr<EVP_PKEY_CTX, openssl_deleter>;
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

// Appends tags and folds before one that would pass column 76 (STYLE of RFC 5322 section 2.1.1).
class field_writer {
 public:
  explicit field_writer(std::string_view start) : text_{start}, column_{start.size()} {
    text_.reserve(1400);  // with an RSA-2048 signature
  }

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
  const std::string& text() const noexcept { return text_; }
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

// A header field that may be signed, and whether it was taken already.
struct open_field {
  std::string_view whole;
  std::string_view name;
  bool is_taken = false;
};

std::vector<open_field> fields_of(std::string_view header_block) {
  std::vector<open_field> out;
  for (const auto field : split_fields(header_block))
    out.push_back({.whole = field, .name = field_name(field)});
  return out;
}

// The list of names, and the canonical form of the fields they stand for.
struct signed_part {
  std::string names;
  std::string fields;

  void add_name(std::string_view name) {
    if (!names.empty()) names += ':';
    names += name;
  }
  // All of that name, the last first (RFC 6376 section 5.4.2).
  void add_all(std::vector<open_field>& from, std::string_view name) {
    for (auto f = from.rbegin(); f != from.rend(); ++f) {
      if (f->is_taken || !ascii_iequals(f->name, name)) continue;
      add_name(name);
      append_relaxed_field(fields, f->whole);
      f->is_taken = true;
    }
  }
  // All whose names begin so, name by name.
  void add_beginning(std::vector<open_field>& from, std::string_view prefix) {
    for (const auto& f : from)
      if (!f.is_taken && ascii_istarts_with(f.name, prefix) && is_signable_name(f.name) &&
          names.size() < names_octets_max)
        add_all(from, f.name);
  }
  // Some verifiers read no signature field of more than 4 KB (libopendkim): whoever sends hundreds
  // of such fields has the first of them signed.
  static constexpr std::size_t names_octets_max = 1500;
  // What a client may call a field, but would end the list of names or the whole tag.
  static bool is_signable_name(std::string_view name) noexcept {
    return std::all_of(name.begin(), name.end(),
                       [](char c) { return c > ' ' && c < '\x7f' && c != ';'; });
  }
};

signed_part part_to_sign(std::string_view header_block, const dkim_options& options) {
  auto fields = fields_of(header_block);
  signed_part out;
  out.names.reserve(512);
  out.fields.reserve(header_block.size());
  const auto has = [](const std::vector<std::string>& list, std::string_view name) {
    return std::any_of(list.begin(), list.end(),
                       [name](const std::string& o) { return ascii_iequals(o, name); });
  };
  for (const std::string_view name : options.signed_headers) {
    if (name.ends_with('*'))
      out.add_beginning(fields, name.substr(0, name.size() - 1));
    else
      out.add_all(fields, name);
    if (has(options.oversigned, name)) out.add_name(name);
  }
  for (const auto& name : options.oversigned)
    if (!has(options.signed_headers, name)) {
      out.add_all(fields, name);
      out.add_name(name);
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

  // Of the SHA-256 of what is signed; Ed25519 signs the digest as if it were the text (RFC 8463
  // section 3).
  std::string sign(const digest256& digest) const {
    return algorithm == dkim_algorithm::rsa_sha256 ? sign_rsa(digest) : sign_ed25519(digest);
  }

 private:
  std::string sign_rsa(const digest256& digest) const;
  std::string sign_ed25519(const digest256& digest) const;
  evp_key_context take_context() const;

  // Set up for signing and free to use: making one costs more than all else around a signature. As
  // many as threads ever signed at once.
  mutable std::mutex mutex_;
  mutable std::vector<evp_key_context> contexts_;
};

evp_key_context dkim_key::state::take_context() const {
  {
    const std::lock_guard lock{mutex_};
    if (!contexts_.empty()) {
      auto out = std::move(contexts_.back());
      contexts_.pop_back();
      return out;
    }
  }
  evp_key_context out{EVP_PKEY_CTX_new(key.get(), nullptr)};
  CONSENTRY_CHECK(out && EVP_PKEY_sign_init(out.get()) == 1 &&
                  EVP_PKEY_CTX_set_rsa_padding(out.get(), RSA_PKCS1_PADDING) == 1 &&
                  EVP_PKEY_CTX_set_signature_md(out.get(), EVP_sha256()) == 1);
  return out;
}

std::string dkim_key::state::sign_rsa(const digest256& digest) const {
  auto context = take_context();
  std::string out(static_cast<std::size_t>(EVP_PKEY_get_size(key.get())), '\0');
  std::size_t length = out.size();
  CONSENTRY_CHECK(EVP_PKEY_sign(context.get(), reinterpret_cast<unsigned char*>(out.data()),
                                &length, digest.data(), digest.size()) == 1);
  out.resize(length);
  const std::lock_guard lock{mutex_};
  contexts_.push_back(std::move(context));
  return out;
}

std::string dkim_key::state::sign_ed25519(const digest256& digest) const {
  const evp_context context{EVP_MD_CTX_new()};
  std::string out(64, '\0');
  std::size_t length = out.size();
  CONSENTRY_CHECK(context &&
                  EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
                  EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()),
                                 &length, digest.data(), digest.size()) == 1);
  return out;
}

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
                                                           const secret_text& pem,
                                                           const secret_text* passphrase) {
  const std::string& text = pem.reveal();
  const bool is_encrypted = is_encrypted_pem(pem);
  if (is_encrypted && passphrase == nullptr)
    return unusable("the key is encrypted, and there is no passphrase");
  const bio in{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
  // Without one it would be asked for on the terminal: then an empty one is given.
  const char* words = is_encrypted ? passphrase->reveal().c_str() : "";
  evp_key key{PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, const_cast<char*>(words))};
  if (!key)
    return unusable(is_encrypted ? "the passphrase does not open this key"
                                 : "not a private key in PEM form");
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
  running_sha256 hash;
  relaxed_body(body, [&hash](std::string_view piece) { hash.add(piece); });
  return hash.result();
}

dkim_options dkim_options::standard() {
  dkim_options out;
  out.oversigned = {"From", "To", "Cc", "Subject", "Date", "Reply-To", "Content-Type"};
  out.signed_headers = {"From",       "To",           "Cc",           "Subject",
                        "Date",       "Reply-To",     "Content-Type", "Sender",
                        "Message-ID", "MIME-Version", "In-Reply-To",  "Content-Transfer-Encoding",
                        "References", "List-*",       "Feedback-ID",  "CFBL-*"};
  return out;
}

dkim_header::dkim_header(std::string_view header_block, const digest256& body_hash, instant now,
                         const dkim_options& options)
    : body_hash_{"bh=" + base64(as_bytes(body_hash)) + ";"} {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
  times_ = "t=" + std::to_string(seconds.count()) + ";";
  if (options.valid_for)
    times_ += " x=" + std::to_string((seconds + *options.valid_for).count()) + ";";
  auto part = part_to_sign(header_block, options);
  names_ = std::move(part.names) + ";";
  fields_.add(part.fields);
}

std::string dkim_header::signature_field(const dkim_key& key) const {
  const bool is_ed = key.algorithm() == dkim_algorithm::ed25519_sha256;
  field_writer out{"DKIM-Signature: v=1;"};
  out.tag(is_ed ? "a=ed25519-sha256;" : "a=rsa-sha256;");
  out.tag("c=relaxed/relaxed;");
  out.tag("d=" + key.domain() + ";");
  out.tag("s=" + key.selector() + ";");
  for (const auto time : split(times_, ' ')) out.tag(time);
  out.tag("h=");
  out.add_foldable(names_, ':');
  out.tag(body_hash_);
  out.tag("b=");
  auto hash = fields_;
  hash.add(relaxed_field(out.text()));
  out.add_foldable(base64(key.internals().sign(hash.result())), '\0');
  return out.take() + "\r\n";
}

std::string dkim_signature_field(const dkim_key& key, std::string_view header_block,
                                 const digest256& body_hash, instant now,
                                 const dkim_options& options) {
  return dkim_header{header_block, body_hash, now, options}.signature_field(key);
}

std::string dkim_signature_bytes(const dkim_key& key, std::string_view header_block,
                                 const std::vector<std::string>& names,
                                 std::string_view unsigned_field) {
  auto fields = fields_of(header_block);
  running_sha256 hash;
  for (const auto& name : names) {
    const auto last = std::find_if(fields.rbegin(), fields.rend(), [&name](const open_field& f) {
      return !f.is_taken && ascii_iequals(f.name, name);
    });
    if (last == fields.rend()) continue;
    last->is_taken = true;
    hash.add(relaxed_field(last->whole));
  }
  hash.add(relaxed_field(unsigned_field));
  return key.internals().sign(hash.result());
}

}  // namespace consentry::smtp::auth
