#include "app/sign_up_mail.h"

#include <fmt/format.h>

#include "base/civil_date.h"
#include "base/text.h"

namespace consentry::app {
namespace {

// A quotation: each line moved in.
std::string indented(std::string_view text) {
  std::string out;
  for (const auto line : split(text, '\n')) {
    if (!trim(line).empty()) out += fmt::format("    {}", trim(line));
    out += '\n';
  }
  return out;
}

constexpr std::string_view text_hu =
    "Jó napot kívánunk!\n\n"
    "Ezt az e-mail-címet {time}-kor megadták ezen a feliratkozási űrlapon:\n\n"
    "    {title}\n"
    "    {legal_name}\n\n"
    "Ha Ön volt az, és kéri ezeket a leveleket, erősítse meg ezen a lapon:\n\n"
    "    {link}\n\n"
    "A link 24 óráig él.\n\n"
    "Amihez a megerősítéssel hozzájárul:\n\n"
    "{notice}\n"
    "Ha nem Ön volt, nincs teendője: megerősítés nélkül nem küldünk többet, és a címet\n"
    "két napon belül töröljük.\n\n"
    "-- \n{legal_name}\n{postal_address}";

constexpr std::string_view text_en =
    "Hello,\n\n"
    "this e-mail address was given on {time} on this sign-up form:\n\n"
    "    {title}\n"
    "    {legal_name}\n\n"
    "If that was you, and you want these mails, please confirm on this page:\n\n"
    "    {link}\n\n"
    "The link works for 24 hours.\n\n"
    "What you agree to by confirming:\n\n"
    "{notice}\n"
    "If it was not you, there is nothing to do: without a confirmation we send nothing more,\n"
    "and the address is deleted within two days.\n\n"
    "-- \n{legal_name}\n{postal_address}";

}  // namespace

own_mail confirmation_mail(const policy::consent::sign_up_form& form,
                           const policy::tenants::tenant& tenant, const smtp::mailbox& to,
                           const std::string& person, const std::string& link, instant now) {
  const bool is_hungarian = form.language == "hu";
  own_mail m;
  m.tenant = tenant.id;
  m.stream = smtp::stream::doi;
  m.about = "doi";
  m.from = smtp::mailbox::parse(form.from).value();
  m.from_name = form.from_name.empty() ? tenant.legal_name : form.from_name;
  m.to = to;
  m.person = person;
  m.topic = form.topic;
  m.subject = (is_hungarian ? "Erősítse meg a feliratkozását: " : "Please confirm your sign-up: ") +
              form.title;
  const auto time = to_string_budapest(now);
  const auto date = time.substr(0, 10), hour = time.substr(11, 5);
  auto notice = indented(form.notice.text);
  if (!form.notice.url.empty()) notice += fmt::format("    {}\n", form.notice.url);
  m.text =
      fmt::format(fmt::runtime(is_hungarian ? text_hu : text_en),
                  fmt::arg("time", date + " " + hour), fmt::arg("title", form.title),
                  fmt::arg("legal_name", tenant.legal_name), fmt::arg("link", link),
                  fmt::arg("notice", notice), fmt::arg("postal_address", tenant.postal_address));
  while (m.text.ends_with('\n')) m.text.pop_back();
  m.text += '\n';
  return m;
}

}  // namespace consentry::app
