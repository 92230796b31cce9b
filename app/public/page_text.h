// Every word on the public pages, in Hungarian and in English. Members are named after where they
// stand; {} is filled in.
#pragma once

#include <string_view>

#include "app/public/page.h"

namespace consentry::app::public_pages {

struct phrases {
  // Everywhere
  std::string_view bad_link_title, bad_link;
  std::string_view later_title, later;
  std::string_view bad_request_title, bad_request;
  std::string_view only_get_and_post;
  std::string_view too_often_title, too_often;
  std::string_view optional;

  // Sign-up
  std::string_view from_whom;  // {}: legal name
  std::string_view address_label, address_hint, name_label;
  std::string_view agreement_heading, agree_label, privacy_link, sign_up_button, trap_label;
  std::string_view errors_heading, address_error, agree_error, name_error;
  std::string_view changed_error, quick_error, look_again;
  std::string_view sent_title, sent;
  std::string_view closed_title, closed;
  std::string_view return_link;

  // Confirmation
  std::string_view confirm_title, confirm_lead, confirm_button;  // lead {}: legal name
  std::string_view confirmed_title, confirmed;
  std::string_view already_confirmed;
  std::string_view expired_title, expired;

  // A tenant's contact
  std::string_view contact_title, contact_lead, contact_button;  // lead {}: legal name
  std::string_view contact_confirmed, contact_open;  // open: the account can be used now
  std::string_view contact_link_over;

  // One click
  std::string_view leave_title, leave_lead, leave_button;  // lead {}: legal name
  std::string_view left_title, left;                       // left {}: legal name
  std::string_view choose_link;

  // Preferences
  std::string_view preferences_title, preferences_lead, preferences_legend;  // lead {}: legal name
  std::string_view none_left, save_button, leave_all_lead, leave_all_button;
  std::string_view again_note;  // {} legal name: shown where a box may be ticked again; the notice
  std::string_view saved_title, saved, saved_none;
};

const phrases& words(language l) noexcept;

}  // namespace consentry::app::public_pages
