#include "queue/suspensions.h"

#include "base/bytes.h"

namespace consentry::queue {
namespace {

std::string key_of(suspended what, std::string_view name) {
  constexpr std::size_t name_bytes_max = 400;  // LMDB's keys end at 511
  return byte_writer{}
      .u8(static_cast<std::uint8_t>(what))
      .raw(name.substr(0, name_bytes_max))
      .take();
}

std::string encode(const suspension& s) {
  return byte_writer{}
      .u8(1)
      .text(s.name)
      .text(s.reason)
      .text(s.actor)
      .zigzag(to_ms(s.at))
      .text(s.asked)
      .take();
}

suspension decode(std::string_view key, std::string_view value) {
  byte_reader in{value};
  if (in.u8() != 1) throw decode_error("suspension of unknown version");
  suspension s;
  s.what = static_cast<suspended>(byte_reader{key}.u8());
  s.name = in.text();
  s.reason = in.text();
  s.actor = in.text();
  s.at = from_ms(in.zigzag());
  s.asked = in.text();
  return s;
}

}  // namespace

std::string_view to_string(suspended what) noexcept {
  switch (what) {
    case suspended::intake:
      return "intake";
    case suspended::deliveries:
      return "deliveries";
    case suspended::site:
      return "site";
    case suspended::source:
      return "source";
  }
  return "unknown";
}

suspensions::suspensions(store_env& env)
    : rows_{env.open_table("queue_suspensions")},
      all_{std::make_shared<const std::vector<suspension>>()} {
  reload(env.begin_read());
}

void suspensions::put(write_txn& txn, const suspension& s) const {
  txn.put(rows_, key_of(s.what, s.name), encode(s));
}

bool suspensions::erase(write_txn& txn, suspended what, std::string_view name) const {
  return txn.erase(rows_, key_of(what, name));
}

void suspensions::reload(const read_txn& txn) {
  auto all = std::make_shared<std::vector<suspension>>();
  auto at = txn.scan(rows_);
  for (bool ok = at.first(); ok && all->size() < count_max; ok = at.next())
    all->push_back(decode(at.key(), at.value()));
  const bool is_any = !all->empty();
  all_.set(std::move(all));
  is_any_ = is_any;
}

bool suspensions::has(suspended what, std::string_view name) const {
  for (const auto& s : *all_.get())
    if (s.what == what && s.name == name) return true;
  return false;
}

bool suspensions::stops(std::string_view site, std::string_view source) const {
  if (!is_any_) return false;
  for (const auto& s : *all_.get()) {
    if (s.what == suspended::deliveries) return true;
    if (s.what == suspended::site && s.name == site) return true;
    if (s.what == suspended::source && s.name == source) return true;
  }
  return false;
}

}  // namespace consentry::queue
