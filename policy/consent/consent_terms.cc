#include "policy/consent/consent_terms.h"

#include "base/bytes.h"
#include "base/secret.h"

// terms = u8 version(1), sender topic method provenance, notice*4, form_id importer, u8 tick,
//         u8 box (0 unknown, 1 came empty, 2 came ticked)

namespace consentry::policy::consent {

consent_terms terms_of(const consent_record& r) {
  return {.sender = r.sender,
          .topic = r.topic,
          .method = r.method,
          .provenance = r.provenance,
          .notice = r.notice,
          .form_id = r.form_id,
          .importer = r.importer,
          .tick = r.tick,
          .box_came_ticked = r.box_came_ticked};
}

bool has_terms(const consent_record& r, const consent_terms& t) noexcept {
  return r.topic == t.topic && r.sender == t.sender && r.method == t.method &&
         r.provenance == t.provenance && r.notice == t.notice && r.form_id == t.form_id &&
         r.importer == t.importer && r.tick == t.tick && r.box_came_ticked == t.box_came_ticked;
}

void set_terms(consent_record& r, const consent_terms& t) {
  r.sender = t.sender;
  r.topic = t.topic;
  r.method = t.method;
  r.provenance = t.provenance;
  r.notice = t.notice;
  r.form_id = t.form_id;
  r.importer = t.importer;
  r.tick = t.tick;
  r.box_came_ticked = t.box_came_ticked;
}

std::string encode(const consent_terms& t) {
  byte_writer w;
  w.u8(1).text(t.sender).text(t.topic).text(t.method).text(t.provenance);
  w.text(t.notice.version).text(t.notice.hash).text(t.notice.language).text(t.notice.url);
  w.text(t.form_id).text(t.importer).u8(static_cast<std::uint8_t>(t.tick));
  w.u8(!t.box_came_ticked ? 0 : *t.box_came_ticked ? 2 : 1);
  return w.take();
}

consent_terms decode_terms(std::string_view bytes) {
  byte_reader r{bytes};
  if (r.u8() != 1) throw decode_error{"consent terms of another version"};
  consent_terms t;
  t.sender = r.text();
  t.topic = r.text();
  t.method = r.text();
  t.provenance = r.text();
  t.notice.version = r.text();
  t.notice.hash = r.text();
  t.notice.language = r.text();
  t.notice.url = r.text();
  t.form_id = r.text();
  t.importer = r.text();
  const auto tick = r.u8();
  const auto box = r.u8();
  if (tick > static_cast<std::uint8_t>(tick_state::unticked) || box > 2 || !r.at_end())
    throw decode_error{"consent terms"};
  t.tick = static_cast<tick_state>(tick);
  if (box != 0) t.box_came_ticked = box == 2;
  return t;
}

terms_id id_of_terms(std::string_view encoded) {
  const auto digest = sha256(encoded);
  terms_id id = 0;
  for (std::size_t i = 0; i < terms_id_bytes; ++i) id = id << 8 | digest[i];
  return id != 0 ? id : 1;
}

}  // namespace consentry::policy::consent
