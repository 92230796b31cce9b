#include "queue/named_person.h"

#include <algorithm>

#include "base/text.h"
#include "smtp/address.h"

namespace consentry::queue {
namespace {

constexpr std::string_view nobody = "erased@erased.invalid";
constexpr std::size_t name_bytes_min = 4;

void replace_all(std::string& text, std::string_view lower_word, std::string_view instead) {
  auto lower = ascii_lower(text);
  for (auto at = lower.find(lower_word); at != std::string::npos;
       at = lower.find(lower_word, at + instead.size())) {
    text.replace(at, lower_word.size(), instead);
    lower.replace(at, lower_word.size(), instead);
  }
}

bool holds(std::string_view lower_text, const std::vector<std::string>& words) {
  return std::ranges::any_of(
      words, [&](const auto& w) { return lower_text.find(w) != std::string_view::npos; });
}

}  // namespace

named_person::named_person(std::string_view address, std::string_view name)
    : address_{ascii_lower(address)} {
  if (const auto folded = ascii_lower(trim(name)); folded.size() >= name_bytes_min) name_ = folded;
  const auto at = address_.rfind('@');
  if (at == std::string::npos) return;
  const auto local = address_.substr(0, at);
  std::vector<std::string> domains{address_.substr(at + 1)};
  // A domain beyond ASCII may stand as it is read or as it is looked up.
  if (const auto mailbox = smtp::mailbox::parse(address_); mailbox && !mailbox->is_null())
    if (const auto other = mailbox->ascii_domain(); other != domains.front())
      domains.push_back(other);
  for (const auto& domain : domains)
    for (const char* sign : {"@", "=", "%40", "=40"}) forms_.push_back(local + sign + domain);
}

bool named_person::is_in(std::string_view text) const {
  return holds(ascii_lower(text), forms_);
}

bool named_person::is_named_in(std::string_view text) const {
  const auto lower = ascii_lower(text);
  return holds(lower, forms_) || (!name_.empty() && lower.find(name_) != std::string::npos);
}

std::vector<std::pair<std::size_t, std::size_t>> named_person::places_in(
    std::string_view text) const {
  constexpr std::size_t row_bytes = 2048;
  std::vector<std::pair<std::size_t, std::size_t>> out;
  const auto lower = ascii_lower(text);
  for (const auto& form : forms_)
    for (auto at = lower.find(form); at != std::string::npos; at = lower.find(form, at + 1))
      out.emplace_back(at, form.size());
  if (name_.empty()) return out;
  const auto addresses = out.size();
  for (auto at = lower.find(name_); at != std::string::npos; at = lower.find(name_, at + 1))
    for (std::size_t i = 0; i < addresses; ++i)
      if (at + row_bytes > out[i].first && at < out[i].first + row_bytes) {
        out.emplace_back(at, name_.size());
        break;
      }
  return out;
}

std::string named_person::without(std::string_view text) const {
  std::string out{text};
  for (const auto& form : forms_) replace_all(out, form, "(erased)");
  if (!name_.empty()) replace_all(out, name_, "(erased)");
  return out;
}

std::string named_person::redacted(std::string_view message) const {
  std::string out;
  auto rest = message;
  bool in_header = true;
  while (in_header && !rest.empty()) {
    // A field with its continuation lines.
    auto end = rest.find("\r\n");
    while (end != std::string_view::npos && end + 2 < rest.size() &&
           (rest[end + 2] == ' ' || rest[end + 2] == '\t'))
      end = rest.find("\r\n", end + 2);
    std::string field{rest.substr(0, end == std::string_view::npos ? end : end + 2)};
    rest.remove_prefix(field.size());
    in_header = field != "\r\n";
    if (!name_.empty() && is_in(field)) replace_all(field, name_, "erased");
    out += field;
  }
  out += rest;
  for (const auto& form : forms_) replace_all(out, form, nobody);
  return out;
}

}  // namespace consentry::queue
