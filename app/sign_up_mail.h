// The one mail that asks for the confirmation of a sign-up (double opt-in): who asks, what is
// agreed to, the link, and what happens without it. Nothing that a stranger typed stands in it, and
// no advertising.
#pragma once

#include <string>

#include "app/own_mail.h"
#include "policy/consent/sign_up.h"
#include "policy/tenants/tenant.h"

namespace consentry::app {

// link: of the confirmation page. The mail goes on the doi stream, from the form's mailbox.
own_mail confirmation_mail(const policy::consent::sign_up_form& form,
                           const policy::tenants::tenant& tenant, const smtp::mailbox& to,
                           const std::string& person, const std::string& link, instant now);

}  // namespace consentry::app
