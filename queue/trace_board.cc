#include "queue/trace_board.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "queue/working_set.h"

namespace consentry::queue {

bool trace_filter::has(const queued_message& m, const queued_recipient& r,
                       std::string_view path) const {
  return (!tenant || m.tenant == tenant) && (!campaign || m.campaign == *campaign) &&
         (!message || m.id == message) && (address.empty() || ascii_iequals(r.address, address)) &&
         (domain.empty() || r.domain == domain) && (site.empty() || site_of_path(path) == site);
}

// One attempt, shown to all who look at it.
class trace_board::tap_of_one final : public smtp::client::dialog_tap {
 public:
  tap_of_one(const wall_clock& clock, std::vector<std::weak_ptr<watched>> to, trace_line like)
      : clock_{clock}, to_{std::move(to)}, like_{std::move(like)} {}

  void sent(std::string_view bytes) override {
    while (!bytes.empty()) {
      if (is_content_) {  // DATA: until the next reply
        content_bytes_ += bytes.size();
        return;
      }
      if (chunk_left_ != 0) {  // BDAT: so many octets
        const auto part = std::min<std::uint64_t>(chunk_left_, bytes.size());
        chunk_left_ -= part;
        bytes.remove_prefix(part);
        continue;
      }
      const auto end = bytes.find("\r\n");
      const auto line = bytes.substr(0, end);
      bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 2);
      if (ascii_istarts_with(line, "BDAT ")) {
        std::from_chars(line.data() + 5, line.data() + line.size(), chunk_left_);
        say(trace_line::by::us, line);
      } else if (ascii_istarts_with(line, "AUTH ") || hides_next_) {
        hides_next_ = true;
        say(trace_line::by::us, "AUTH (not shown)");
      } else {
        say(trace_line::by::us, line);
      }
    }
  }

  void received(const smtp::reply& r) override {
    if (is_content_)
      say(trace_line::by::note, "message of " + std::to_string(content_bytes_) + " octets");
    is_content_ = r.code == 354;
    content_bytes_ = 0;
    hides_next_ = hides_next_ && r.code == 334;
    say(trace_line::by::them, hides_next_ ? "334 (not shown)" : smtp::to_string(r));
  }

  void noted(std::string_view what) override { say(trace_line::by::note, what); }

 private:
  void say(trace_line::by who, std::string_view text) {
    for (const auto& one : to_)
      if (const auto w = one.lock()) {
        auto line = like_;
        line.at = clock_.now();
        line.who = who;
        line.text = printable(text, text_bytes_max);
        add(*w, std::move(line));
      }
  }

  const wall_clock& clock_;
  std::vector<std::weak_ptr<watched>> to_;
  const trace_line like_;
  bool is_content_ = false;
  bool hides_next_ = false;
  std::uint64_t content_bytes_ = 0;
  std::uint64_t chunk_left_ = 0;
};

void trace_board::add(watched& w, trace_line line) {
  line.number = ++w.last_line;
  if (w.lines.size() >= lines_max) {
    ++w.dropped;
    return;
  }
  w.lines.push_back(std::move(line));
}

void trace_board::forget_the_silent() {
  const auto oldest = clock_.now() - forgotten_after;
  std::erase_if(watches_, [&](const auto& w) { return w->fetched_at < oldest; });
}

std::uint64_t trace_board::watch(trace_filter f) {
  forget_the_silent();
  if (watches_.size() >= watches_max) return 0;
  auto w = std::make_shared<watched>();
  w->number = ++last_watch_;
  w->filter = std::move(f);
  w->fetched_at = clock_.now();
  watches_.push_back(w);
  return w->number;
}

void trace_board::end(std::uint64_t watch) {
  std::erase_if(watches_, [&](const auto& w) { return w->number == watch; });
}

auto trace_board::fetch(std::uint64_t watch, std::size_t limit) -> std::optional<page> {
  for (const auto& w : watches_) {
    if (w->number != watch) continue;
    w->fetched_at = clock_.now();
    page out;
    out.dropped = std::exchange(w->dropped, 0);
    while (!w->lines.empty() && out.lines.size() < limit) {
      out.lines.push_back(std::move(w->lines.front()));
      w->lines.pop_front();
    }
    return out;
  }
  return std::nullopt;
}

std::shared_ptr<smtp::client::dialog_tap> trace_board::tap(const queued_message& m,
                                                           const queued_recipient& r,
                                                           std::string_view path) {
  if (watches_.empty()) return nullptr;
  forget_the_silent();
  std::vector<std::weak_ptr<watched>> to;
  for (const auto& w : watches_)
    if (w->filter.has(m, r, path)) to.push_back(w);
  if (to.empty()) return nullptr;
  trace_line like;
  like.delivery = ++last_delivery_;
  like.message = m.id;
  like.recipient = r.id;
  like.path = path;
  return std::make_shared<tap_of_one>(clock_, std::move(to), std::move(like));
}

}  // namespace consentry::queue
