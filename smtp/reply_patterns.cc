#include "smtp/reply_patterns.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>

#include "base/check.h"

namespace consentry::smtp {
namespace {

constexpr std::int64_t memory_max = 8 << 20;
constexpr std::size_t text_bytes_max = 4096;

RE2::Options options() {
  RE2::Options o;
  o.set_case_sensitive(false);
  o.set_encoding(RE2::Options::EncodingLatin1);  // replies hold any octets
  o.set_log_errors(false);
  o.set_max_mem(memory_max);
  return o;
}

}  // namespace

struct reply_patterns::impl {
  RE2::Set set{options(), RE2::UNANCHORED};
  int count = 0;
  bool compiled = false;
};

reply_patterns::reply_patterns() : impl_{std::make_unique<impl>()} {}
reply_patterns::~reply_patterns() = default;
reply_patterns::reply_patterns(reply_patterns&&) noexcept = default;
reply_patterns& reply_patterns::operator=(reply_patterns&&) noexcept = default;

result<int> reply_patterns::add(const std::string& expression) {
  CONSENTRY_CHECK(!impl_->compiled);
  std::string error;
  const int number = impl_->set.Add(expression, &error);
  if (number < 0)
    return failure{.kind = failure_kind::invalid, .permanent = true, .public_text = error};
  ++impl_->count;
  return number;
}

bool reply_patterns::compile() {
  impl_->compiled = impl_->set.Compile();
  return impl_->compiled;
}

std::vector<int> reply_patterns::matches(std::string_view text) const {
  std::vector<int> out;
  if (empty()) return out;
  CONSENTRY_CHECK(impl_->compiled);
  text = text.substr(0, text_bytes_max);
  impl_->set.Match({text.data(), text.size()}, &out);
  std::sort(out.begin(), out.end());
  return out;
}

bool reply_patterns::empty() const noexcept {
  return impl_->count == 0;
}

std::string text_for_patterns(const reply& r) {
  auto text = to_string(r);
  std::replace(text.begin(), text.end(), '\n', ' ');
  std::erase(text, '\r');
  return text;
}

}  // namespace consentry::smtp
