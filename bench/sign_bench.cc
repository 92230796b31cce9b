// What a recipient's copy costs: header, canonical form, signatures. In CPU time of the one thread,
// so that a busy machine does not count.
//   sign_bench [--seconds 1]: a table; one row a size of body and a set of keys
#include <fmt/format.h>
#include <openssl/evp.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <functional>
#include <vector>

#include "bench/letter.h"
#include "queue/message_copy.h"

using namespace consentry;

namespace {

constexpr instant now = from_ms(1'790'000'000'000);

double cpu_us() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
}

// The median of nine slices: what disturbed one of them does not count.
double us_each(double seconds, const std::function<void()>& f) {
  std::vector<double> slices;
  for (int n = 0; n < 9; ++n) {
    std::size_t count = 0;
    const double begun = cpu_us();
    double spent = 0;
    do {
      f();
      ++count;
      spent = cpu_us() - begun;
    } while (spent < seconds * 1e6 / 9);
    slices.push_back(spent / static_cast<double>(count));
  }
  std::nth_element(slices.begin(), slices.begin() + 4, slices.end());
  return slices[4];
}

// The operation alone, as `openssl speed rsa2048` has it: one context, one digest.
double bare_rsa_us(double seconds) {
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048});
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key, nullptr);
  EVP_PKEY_sign_init(context);
  EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING);
  EVP_PKEY_CTX_set_signature_md(context, EVP_sha256());
  const unsigned char digest[32] = {1};
  unsigned char out[256];
  const double us = us_each(seconds, [&] {
    std::size_t length = sizeof out;
    EVP_PKEY_sign(context, out, &length, digest, sizeof digest);
  });
  EVP_PKEY_CTX_free(context);
  EVP_PKEY_free(key);
  return us;
}

struct fixture {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / fmt::format("sign_bench.{}", ::getpid());
  smtp::token_ring tokens{{{.number = 1, .secret = std::string(32, 'k')}}};
  queue::copy_settings settings{.bounce_domain = "bounce.gw.test",
                                .gateway_domain = "gw.test",
                                .unsubscribe_url = "https://u.gw.test/u/"};
  queue::queued_message message;
  smtp::auth::key_ring none;
  std::shared_ptr<const smtp::auth::key_ring> one, all;

  fixture() {
    namespace auth = smtp::auth;
    message.tenant = tenant_id{7};
    message.campaign = "autumn";
    message.topic = "news";
    message.sender_domain = "sender.test";
    message.accepted_at = now;
    auth::create_keys(folder, "sender.test", "s1").value();
    std::filesystem::rename(folder / "sender.test/s1e.pem", folder / "ed.pem");
    one = auth::key_ring::load(folder);
    std::filesystem::rename(folder / "ed.pem", folder / "sender.test/s1e.pem");
    auth::create_keys(folder, "gw.test", "g1").value();
    all = auth::key_ring::load(folder);
  }
  ~fixture() { std::filesystem::remove_all(folder); }
};

void row(const fixture& f, double seconds, std::size_t bytes) {
  std::string data;
  bench::letter{{.bytes = bytes}}.write(1, "person@example.test", data);
  const auto content = queue::make_shared_content(f.message, data, f.settings.rewrite);
  const auto header = [&](const smtp::auth::key_ring& keys) {
    return us_each(seconds, [&] {
      queue::copy_header(f.settings, f.tokens, keys, f.message, recipient_id{42}, *content, now);
    });
  };
  const double shared =
      us_each(seconds, [&] { queue::make_shared_content(f.message, data, f.settings.rewrite); });
  const double hash = us_each(seconds, [&] { smtp::auth::relaxed_body_hash(content->body); });
  fmt::print("{:>7} {:>12.1f} {:>12.1f} {:>12.1f} {:>12.1f} {:>12.1f}\n", bytes, shared, hash,
             header(f.none), header(*f.one), header(*f.all));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli{"What a recipient's copy costs, in microseconds of CPU"};
  double seconds = 1;
  cli.add_option("--seconds", seconds, "of each figure")->capture_default_str();
  CLI11_PARSE(cli, argc, argv);
  const fixture f;
  fmt::print("RSA-2048 alone: {:.1f} us\n", bare_rsa_us(seconds));
  fmt::print("{:>7} {:>12} {:>12} {:>12} {:>12} {:>12}\n", "octets", "shared part", "of it hash",
             "no key", "one RSA", "2 RSA 2 Ed");
  for (const std::size_t bytes : {10240, 51200}) row(f, seconds, bytes);
  return 0;
}
