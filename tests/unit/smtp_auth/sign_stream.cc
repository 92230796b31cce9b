// sign_stream FOLDER FILE...: signs each message (CRLF) with two new keys, writes
// FOLDER/0.eml, 1.eml, ... and FOLDER/keys.txt ("name value" lines), for compare_with_dkimpy.py and
// scripts/dkim-corpus, and what libopendkim says of each to FOLDER/libopendkim.txt: "rsa ed25519",
// each "pass" or why not.
#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>

#include "smtp/auth/dkim_signer.h"
#include "smtp/auth/dkim_verifier.h"

using namespace consentry;
using namespace consentry::smtp::auth;

int main(int argc, char** argv) {
  const std::string folder = argv[1];
  secret_text pem;
  const auto rsa = dkim_key::generate("sender.example", "r", dkim_algorithm::rsa_sha256, pem);
  const auto ed = dkim_key::generate("sender.example", "e", dkim_algorithm::ed25519_sha256, pem);
  std::ofstream keys{folder + "/keys.txt"};
  for (const auto& key : {rsa, ed}) keys << key->dns_name() << ' ' << key->dns_value() << '\n';
  const key_lookup look_up = [&](const std::string& name) -> result<std::vector<std::string>> {
    for (const auto& key : {rsa, ed})
      if (name == key->dns_name()) return std::vector<std::string>{key->dns_value()};
    return failure{.kind = failure_kind::not_found, .permanent = true, .public_text = "no key"};
  };
  std::ofstream said{folder + "/libopendkim.txt"};
  const dkim_verifier verifier;
  const instant now = system_wall_clock{}.now();
  for (int i = 2; i < argc; ++i) {
    std::ifstream in{argv[i], std::ios::binary};
    const std::string message{std::istreambuf_iterator<char>{in}, {}};
    const auto end = message.find("\r\n\r\n");
    if (end == std::string::npos) {
      std::cerr << argv[i] << ": no empty line\n";
      return 1;
    }
    const std::string_view head = std::string_view{message}.substr(0, end + 2);
    const digest256 hash = relaxed_body_hash(std::string_view{message}.substr(end + 4));
    std::string signed_mail;
    for (const auto& key : {rsa, ed})
      signed_mail += dkim_signature_field(*key, head, hash, now, dkim_options::standard());
    signed_mail += message;
    std::ofstream{folder + "/" + std::to_string(i - 2) + ".eml", std::ios::binary} << signed_mail;
    const auto results = verifier.verify(signed_mail, look_up);
    for (std::size_t n = 0; n < 2; ++n) {
      auto why = n < results.size() ? results[n].reason : "not looked at";
      std::replace(why.begin(), why.end(), ' ', '_');
      said << (why.empty() ? "pass" : why) << (n == 0 ? ' ' : '\n');
    }
  }
}
