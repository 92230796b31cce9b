#include "app/public/page_text.h"

namespace consentry::app::public_pages {
namespace {

constexpr phrases hungarian{
    .bad_link_title = "Ez a link nem él",
    .bad_link =
        "A link hibás, vagy már nem érvényes. Ha egy levélből nyitotta meg, másolja ki a teljes "
        "címet.",
    .later_title = "Kérjük, próbálja később",
    .later =
        "Most nem tudtuk elmenteni a kérését. Semmi sem változott; próbálja meg pár perc múlva.",
    .bad_request_title = "Ezt a kérést nem értjük",
    .bad_request = "A kérés hiányos vagy hibás. Nyissa meg újra az oldalt, és próbálja meg ismét.",
    .only_get_and_post = "Ez az oldal csak megnyitható vagy elküldhető.",
    .too_often_title = "Túl sok próbálkozás",
    .too_often =
        "Erről a hálózatról rövid idő alatt sok feliratkozás érkezett. Próbálja meg egy óra "
        "múlva.",
    .optional = "(nem kötelező)",
    .from_whom = "A leveleket küldi: {}",
    .address_label = "E-mail-cím",
    .address_hint = "Erre a címre küldünk egy levelet, amelyben megerősítheti a feliratkozást.",
    .name_label = "Név",
    .agreement_heading = "Amihez hozzájárul",
    .agree_label = "Elolvastam a fenti szöveget, és hozzájárulok.",
    .privacy_link = "Adatkezelési tájékoztató (új lapon nyílik)",
    .sign_up_button = "Feliratkozom",
    .trap_label = "Ezt a mezőt hagyja üresen",
    .errors_heading = "Kérjük, javítsa ki:",
    .address_error = "Írjon be egy érvényes címet, például nev@pelda.hu.",
    .agree_error = "Jelölje be, hogy hozzájárul; enélkül nem írhatjuk fel.",
    .name_error = "A név legfeljebb 100 karakter lehet.",
    .changed_error = "A szöveg közben megváltozott. Kérjük, olvassa el újra.",
    .quick_error = "Gyorsabb volt, mint amire számítottunk. Kérjük, nyomja meg újra a gombot.",
    .look_again =
        "Kérjük, olvassa el a szöveget, jelölje be, ha hozzájárul, és nyomja meg a gombot.",
    .sent_title = "Nézze meg a leveleit",
    .sent =
        "Ha a cím helyes, hamarosan levelet kap tőlünk. Nyissa meg a benne lévő linket 24 órán "
        "belül: a feliratkozás csak így lép életbe.\n\nHa nem jön meg, nézze meg a levélszemét "
        "mappát is.",
    .closed_title = "Ez az űrlap zárva van",
    .closed = "Itt most nem lehet feliratkozni.",
    .return_link = "Vissza a weboldalra",
    .confirm_title = "Feliratkozás megerősítése",
    .confirm_lead =
        "Egy lépés van hátra. A gombbal hozzájárul, hogy {} ezeket a leveleket küldje Önnek.",
    .confirm_button = "Igen, feliratkozom",
    .confirmed_title = "Köszönjük, feliratkozott",
    .confirmed = "A hozzájárulását rögzítettük. Bármikor leiratkozhat: minden levélben ott a link.",
    .already_confirmed = "Ezt a feliratkozást már megerősítette, nincs több teendője.",
    .expired_title = "Ez a link lejárt",
    .expired =
        "A megerősítő link 24 óráig él. Ha még kéri a leveleket, iratkozzon fel újra. Ha már "
        "korábban megerősítette, nincs teendője.",
    .contact_title = "A kapcsolattartó címe",
    .contact_lead = "{} ezt a címet adta meg kapcsolattartónak. Megerősíti?",
    .contact_button = "Megerősítem",
    .contact_confirmed =
        "A címet megerősítette. A fiók akkor használható, ha a feladó tartomány DNS-rekordja is a "
        "helyén van.",
    .contact_open = "A címet megerősítette. A fiók használható.",
    .contact_link_over = "A link hibás, vagy lejárt az ideje. Kérjen újat az üzemeltetőtől.",
    .leave_title = "Leiratkozás",
    .leave_lead = "Ha nem kér több ilyen levelet a feladótól ({}), nyomja meg a gombot.",
    .leave_button = "Leiratkozom",
    .left_title = "Leiratkozott",
    .left = "{} nem küld Önnek több ilyen levelet. Ez azonnal érvényes.",
    .choose_link = "Megnézem, milyen leveleket kapok",
    .preferences_title = "Milyen leveleket kér?",
    .preferences_lead = "Ezeket küldheti Önnek {}, mert hozzájárult.",
    .preferences_legend = "Ezeket a leveleket kérem",
    .none_left = "Ennél a feladónál nincs feliratkozása.",
    .save_button = "Mentés",
    .leave_all_lead = "Vagy egyetlen gombbal mindenről:",
    .leave_all_button = "Leiratkozom mindenről",
    .again_note =
        "Ha újra bejelöl egy témát, hozzájárul, hogy {} ebben a témában hírlevelet küldjön "
        "Önnek. A hozzájárulást bármikor visszavonhatja.",
    .saved_title = "Elmentettük",
    .saved = "A változás azonnal érvényes.",
    .saved_none = "Mindenről leiratkozott. Ez azonnal érvényes."};

constexpr phrases english{
    .bad_link_title = "This link does not work",
    .bad_link =
        "The link is wrong or no longer valid. If you opened it from a mail, copy the whole "
        "address.",
    .later_title = "Please try again later",
    .later =
        "We could not save your request just now. Nothing has changed; try again in a few "
        "minutes.",
    .bad_request_title = "We do not understand this request",
    .bad_request = "The request is incomplete or broken. Open the page again and retry.",
    .only_get_and_post = "This page can only be opened or submitted.",
    .too_often_title = "Too many attempts",
    .too_often =
        "Many sign-ups came from this network in a short time. Please try again in an hour.",
    .optional = "(optional)",
    .from_whom = "The mails are sent by {}",
    .address_label = "E-mail address",
    .address_hint = "We send a mail to this address, in which you can confirm the sign-up.",
    .name_label = "Name",
    .agreement_heading = "What you agree to",
    .agree_label = "I have read the text above, and I agree.",
    .privacy_link = "Privacy notice (opens in a new tab)",
    .sign_up_button = "Sign up",
    .trap_label = "Leave this field empty",
    .errors_heading = "Please correct:",
    .address_error = "Enter a valid e-mail address, like name@example.com.",
    .agree_error = "Tick that you agree; without it we may not sign you up.",
    .name_error = "A name has at most 100 characters.",
    .changed_error = "The text has changed meanwhile. Please read it again.",
    .quick_error = "You were quicker than we expected. Please press the button again.",
    .look_again = "Please read the text, tick that you agree, and press the button.",
    .sent_title = "Check your mail",
    .sent =
        "If the address is right, a mail from us is on its way. Open the link in it within 24 "
        "hours: only then does the sign-up take effect.\n\nIf it does not come, look into the "
        "spam folder too.",
    .closed_title = "This form is closed",
    .closed = "Nobody can sign up here at the moment.",
    .return_link = "Back to the website",
    .confirm_title = "Confirm your sign-up",
    .confirm_lead = "One step is left. With the button you agree that {} sends you these mails.",
    .confirm_button = "Yes, sign me up",
    .confirmed_title = "Thank you, you are signed up",
    .confirmed = "Your consent is recorded. You can leave at any time: every mail has the link.",
    .already_confirmed = "You have confirmed this sign-up already; there is nothing more to do.",
    .expired_title = "This link has expired",
    .expired =
        "A confirmation link works for 24 hours. If you still want the mails, please sign up "
        "again. If you confirmed earlier, there is nothing to do.",
    .contact_title = "The contact address",
    .contact_lead = "{} named this address as its contact. Do you confirm it?",
    .contact_button = "Confirm",
    .contact_confirmed =
        "The address is confirmed. The account can be used once the DNS record of its sender "
        "domain is in place too.",
    .contact_open = "The address is confirmed. The account can be used.",
    .contact_link_over = "The link is wrong, or its time is over. Ask the operator for a new one.",
    .leave_title = "Unsubscribe",
    .leave_lead = "If you want no more mails like this from {}, press the button.",
    .leave_button = "Unsubscribe",
    .left_title = "You are unsubscribed",
    .left = "{} sends you no more mails like this. This holds at once.",
    .choose_link = "See which mails I get",
    .preferences_title = "Which mails do you want?",
    .preferences_lead = "This is what {} may send you, because you agreed.",
    .preferences_legend = "I want these mails",
    .none_left = "You have no subscription with this sender.",
    .save_button = "Save",
    .leave_all_lead = "Or everything at once:",
    .leave_all_button = "Unsubscribe from everything",
    .again_note =
        "If you tick a topic again, you agree that {} sends you newsletters on it. You can "
        "withdraw this consent at any time.",
    .saved_title = "Saved",
    .saved = "The change holds at once.",
    .saved_none = "You are unsubscribed from everything. This holds at once."};

}  // namespace

const phrases& words(language l) noexcept {
  return l == language::english ? english : hungarian;
}

}  // namespace consentry::app::public_pages
