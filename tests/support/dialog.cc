#include "tests/support/dialog.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <charconv>
#include <fstream>
#include <map>
#include <regex>

#include "base/text.h"
#include "smtp/server/session.h"
#include "tests/support/memory_stream.h"

namespace consentry::tests {
namespace {

namespace asio = boost::asio;
namespace server = smtp::server;
using namespace std::chrono_literals;

struct broken : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class dialog {
 public:
  dialog(const world_factory& make_world, std::size_t read_max)
      : world_{make_world(io_)}, read_max_{read_max} {
    settings_.host_name = "mx.test";
    guard_options_.answer_delay = 0ms;
  }
  ~dialog() { end_session(); }

  void line(std::string_view text);
  void finish();
  std::string transcript;

 private:
  struct running {
    explicit running(asio::io_context& io) : peer{io.get_executor()} {}
    memory_peer peer;
    std::unique_ptr<server::session> talk;
    bool ended = false;
    std::exception_ptr error;
  };

  void directive(std::string_view name, std::string_view rest);
  bool session_directive(std::string_view name, std::string_view rest);
  void knob(std::string_view rest);
  void begin_session();
  void end_session();
  template <class Done>
  void pump(Done done);
  void settle();
  void send_pending();
  std::string next_reply_line();
  void expect_line(const std::string& expected);
  void expect_match(const std::string& pattern);
  void expect_reply(std::string_view code);
  void queue(std::string bytes) { pending_ += bytes; }

  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  std::unique_ptr<dialog_world> world_;
  server::session_settings settings_;
  server::auth_guard::options guard_options_;
  std::unique_ptr<server::auth_guard> guard_;
  server::memory_budget memory_{64 << 20};
  std::unique_ptr<server::session_services> services_;
  std::string remote_ip_ = "192.0.2.1";
  bool offers_tls_ = true;
  const std::size_t read_max_;
  std::unique_ptr<running> session_;
  std::string pending_;  // said by the client, not sent yet
};

std::uint64_t number(std::string_view text) {
  std::uint64_t n = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (ec != std::errc{} || end != text.data() + text.size())
    throw broken("not a number: " + std::string{text});
  return n;
}

void dialog::line(std::string_view text) {
  if (text.empty() || text.front() == '#') return;
  const auto rest = text.size() > 3 ? text.substr(3) : std::string_view{};
  if (text.starts_with("C:")) return queue(std::string{rest} + "\r\n");
  if (text.starts_with("S:")) return expect_line(std::string{rest});
  if (text.starts_with("S~")) return expect_match(std::string{rest});
  if (text.starts_with("S*")) return expect_reply(rest);
  if (text.front() != '@') throw broken("not a line of a dialog");
  const auto space = text.find(' ');
  directive(text.substr(1, space == std::string_view::npos ? space : space - 1),
            space == std::string_view::npos ? std::string_view{} : text.substr(space + 1));
}

void dialog::directive(std::string_view name, std::string_view rest) {
  if (name == "raw") return queue(unescape(rest));
  if (name == "repeat") {  // @repeat 1000 "text"
    const auto space = rest.find(' ');
    const auto text = unescape(rest.substr(space + 1));
    for (auto n = number(rest.substr(0, space)); n > 0; --n) queue(text);
    return;
  }
  if (session_directive(name, rest)) return;
  if (!session_ && name == "role") {
    settings_.role =
        rest == "inbound" ? server::listener_role::inbound : server::listener_role::submission;
  } else if (!session_ && name == "tls") {
    settings_.implicit_tls = rest == "on";
    offers_tls_ = rest != "none";
  } else if (!session_ && name == "remote") {
    remote_ip_ = std::string{rest};
  } else if (!session_ && name == "knob") {
    knob(rest);
  } else {
    if (session_) settle();
    const auto wrong = world_->directive(name, rest);
    if (!wrong.empty()) throw broken(wrong);
  }
}

// What touches the connection. false: another directive.
bool dialog::session_directive(std::string_view name, std::string_view rest) {
  const bool about_end = name == "expect" && (rest == "closed" || rest == "open");
  if (name != "timeout" && name != "disconnect" && name != "reconnect" && name != "drain" &&
      !about_end)
    return false;
  begin_session();
  settle();
  if (about_end && (rest == "closed") != session_->ended)
    throw broken(session_->ended ? "the session has ended" : "the session is still open");
  if (name == "timeout") session_->peer.time_out();
  if (name == "disconnect") session_->peer.close();
  if (name == "drain") session_->talk->drain();
  if (name == "reconnect") end_session();
  return true;
}

void dialog::knob(std::string_view rest) {
  const auto space = rest.find(' ');
  const auto name = rest.substr(0, space);
  const auto n = number(rest.substr(space + 1));
  auto& l = settings_.limits;
  const auto small = static_cast<unsigned>(n);
  const std::map<std::string_view, std::function<void()>> knobs{
      {"message_bytes", [&] { l.message_bytes = n; }},
      {"recipients", [&] { l.recipients = n; }},
      {"text_line_bytes", [&] { l.text_line_bytes = n; }},
      {"bad_commands", [&] { l.bad_commands = small; }},
      {"idle_commands", [&] { l.idle_commands = small; }},
      {"bare_newlines", [&] { l.bare_newlines = small; }},
      {"auth_failures", [&] { l.auth_failures = small; }},
      {"messages", [&] { l.messages = small; }},
      {"auth_without_tls", [&] { settings_.auth_without_tls = n != 0; }},
      {"free_failures", [&] { guard_options_.free_failures = small; }},
      {"memory_bytes", [&] { memory_.take(static_cast<std::uint64_t>(memory_.left()) - n); }},
  };
  const auto found = knobs.find(name);
  if (found == knobs.end()) throw broken("no such knob");
  found->second();
}

void dialog::begin_session() {
  if (session_) return;
  if (!guard_) {
    guard_ = std::make_unique<server::auth_guard>(guard_options_);
    services_ = std::make_unique<server::session_services>(server::session_services{
        world_->gate(), *guard_, memory_, nullptr, "a secret of the dialogs"});
  }
  session_ = std::make_unique<running>(io_);
  auto& s = *session_;
  s.peer.set_read_max(read_max_);
  s.talk = std::make_unique<server::session>(
      s.peer.make_stream(offers_tls_), remote_ip_, std::uint16_t{40000},
      std::make_shared<const server::session_settings>(settings_), *services_);
  auto done = [&s](std::exception_ptr error) {
    s.ended = true;
    s.error = error;
  };
  asio::co_spawn(io_, s.talk->run(), std::move(done));
}

// The peer goes; whatever the session still says is lost on it.
void dialog::end_session() {
  if (!session_) return;
  session_->peer.close();
  pump([this] { return session_->ended; });
  session_.reset();
}

// Runs the session until done, or until it waits for us. The time limit is for gatekeepers with
// threads of their own.
template <class Done>
void dialog::pump(Done done) {
  for (;;) {
    if (done() || session_->ended) break;
    if (session_->peer.is_session_waiting()) break;
    if (io_.run_one_for(30s) == 0) throw broken("the session hangs");
  }
  if (session_->error) std::rethrow_exception(session_->error);
}

void dialog::send_pending() {
  const bool is_first = !session_;
  begin_session();
  if (pending_.empty()) return;
  auto& unread = session_->peer.received();
  if (!is_first) pump([] { return false; });  // else the client speaks before the greeting
  if (!unread.empty()) throw broken("not expected: " + printable(unread));
  transcript += "> " + printable(pending_, 2000) + "\n";
  session_->peer.send(pending_);
  pending_.clear();
}

// Everything sent is answered, and the session waits or has ended.
void dialog::settle() {
  send_pending();
  pump([] { return false; });
}

std::string dialog::next_reply_line() {
  send_pending();
  auto& in = session_->peer.received();
  pump([&in] { return in.find("\r\n") != std::string::npos; });
  const auto end = in.find("\r\n");
  if (end == std::string::npos)
    throw broken(session_->ended ? "no reply: the session has ended" : "no reply");
  auto text = in.substr(0, end);
  in.erase(0, end + 2);
  transcript += "< " + text + "\n";
  return text;
}

void dialog::expect_line(const std::string& expected) {
  const auto got = next_reply_line();
  if (got != expected) throw broken("expected \"" + expected + "\", got \"" + got + "\"");
}

void dialog::expect_match(const std::string& pattern) {
  const auto got = next_reply_line();
  if (!std::regex_match(got, std::regex{pattern}))
    throw broken("expected /" + pattern + "/, got \"" + got + "\"");
}

// A whole reply of that code, one line or more.
void dialog::expect_reply(std::string_view code) {
  for (;;) {
    const auto got = next_reply_line();
    if (!got.starts_with(code) || got.size() < 4)
      throw broken("expected a reply " + std::string{code} + ", got \"" + got + "\"");
    if (got[3] == ' ') return;
  }
}

void dialog::finish() {
  begin_session();
  settle();
  const auto& unread = session_->peer.received();
  if (!unread.empty()) throw broken("not expected: " + printable(unread));
}

}  // namespace

std::string unescape(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
    text = text.substr(1, text.size() - 2);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    if (c == 'x') {
      out += parse_hex(text.substr(i + 1, 2)).value_or("?");
      i += 2;
    } else {
      out += c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c == '0' ? '\0' : c;
    }
  }
  return out;
}

dialog_result run_dialog(const std::filesystem::path& file, const world_factory& make_world,
                         std::size_t read_max) {
  dialog_result out;
  std::ifstream in{file, std::ios::binary};
  if (!in) {
    out.failure = file.filename().string() + ": cannot be read";
    return out;
  }
  dialog d{make_world, read_max};
  int at = 0;
  try {
    for (std::string text; std::getline(in, text);) {
      ++at;
      d.line(text);
    }
    d.finish();
    out.passed = true;
  } catch (const std::exception& e) {
    out.failure = file.filename().string() + ":" + std::to_string(at) + ": " + e.what();
  }
  out.transcript = d.transcript;
  return out;
}

}  // namespace consentry::tests
