// mail_sink: takes mail from anybody and counts it. One address, or many (127.0.1.1 ..) behind one
// port, as the hosts of many domains. Prints "listening PORT" when it is ready, and one JSON object
// when it ends (SIGTERM, SIGINT, --expect, --idle-s).
//
// The log gets one line for each message, in one write before its 250: what was taken is known even
// after a crash of either side.
//   <time in ns> <X-Load-Id or -> <local address> <sender> <recipients, comma> <bytes> <DKIM
//   signatures> <tls or ->
//
// --mail-log gets one line for each transaction that is begun, at its first recipient:
//   <time in ns when MAIL FROM was read> <local address> <sender> <recipient>
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/system/system_error.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <unordered_set>

#include "base/tls_context.h"
#include "bench/line_stream.h"
#include "bench/reply_script.h"

namespace consentry::bench {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using clock_type = std::chrono::steady_clock;

struct sink_options {
  std::string host = "127.0.0.1";
  int addresses = 0;
  std::uint16_t port = 0;
  std::string tls = "none";
  std::string certificate, key;
  std::string log_file, mail_log_file, save_folder, script_file;
  std::vector<std::string> without;
  int delay_ms = 0;
  int reply_delay_ms = 0;
  std::uint64_t expect = 0;
  double idle_s = 0;
};

struct letter_box {
  std::int64_t begun_ns = 0;  // when MAIL was read
  std::string sender;
  std::vector<std::string> recipients;
  std::string chunks;  // those before the last one
};

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string upper(std::string_view s) {
  std::string out{s};
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

// The text between < and > of a MAIL or RCPT command.
std::string path_of(std::string_view command) {
  const std::size_t open = command.find('<'), close = command.find('>', open);
  return open == std::string_view::npos ? std::string{}
                                        : std::string{command.substr(open + 1, close - open - 1)};
}

struct seen_headers {
  std::string id = "-";
  int signatures = 0;
};

seen_headers look_at(std::string_view message) {
  seen_headers seen;
  const std::string_view head = message.substr(0, message.find("\r\n\r\n"));
  for (std::size_t at = 0; at < head.size();) {
    std::size_t end = head.find("\r\n", at);
    if (end == std::string_view::npos) end = head.size();
    const std::string_view line = head.substr(at, end - at);
    if (line.starts_with("X-Load-Id: ")) seen.id = line.substr(11);
    if (line.starts_with("DKIM-Signature:")) ++seen.signatures;
    at = end + 2;
  }
  return seen;
}

// As a mailbox would hold it, with the last line's end.
std::string unstuffed(std::string_view message) {
  std::string plain;
  plain.reserve(message.size() + 2);
  for (std::size_t at = 0; at < message.size();) {
    std::size_t end = message.find("\r\n", at);
    end = end == std::string_view::npos ? message.size() : end + 2;
    const std::string_view line = message.substr(at, end - at);
    plain.append(line.starts_with('.') ? line.substr(1) : line);
    at = end;
  }
  return plain += "\r\n";
}

class sink {
 public:
  sink(asio::io_context& io, sink_options o) : io_{io}, o_{std::move(o)} {
    if (!o_.script_file.empty()) script_ = reply_script{o_.script_file};
    if (o_.tls != "none") tls_ = make_server_tls({o_.certificate, o_.key});
    if (!o_.log_file.empty()) {
      log_fd_ = ::open(o_.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
      if (log_fd_ < 0) throw std::runtime_error(o_.log_file + ": cannot be opened");
    }
    if (!o_.mail_log_file.empty()) {
      mail_log_fd_ =
          ::open(o_.mail_log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
      if (mail_log_fd_ < 0) throw std::runtime_error(o_.mail_log_file + ": cannot be opened");
    }
    if (o_.addresses == 0) listen(asio::ip::make_address(o_.host));
    for (int i = 1; i <= o_.addresses; ++i)
      listen(asio::ip::make_address(fmt::format("127.0.1.{}", i)));
  }

  void run();
  void print() const;

 private:
  void listen(const asio::ip::address& address);
  asio::awaitable<void> accept(tcp::acceptor& on);
  asio::awaitable<void> talk(tcp::socket socket);
  asio::awaitable<void> session(line_stream& s);
  asio::awaitable<void> pause(int ms);
  // False: hang up.
  asio::awaitable<bool> command(line_stream& s, letter_box& box, std::string_view line);
  asio::awaitable<bool> data(line_stream& s, letter_box& box);
  asio::awaitable<bool> chunk(line_stream& s, letter_box& box, std::string_view line);
  asio::awaitable<bool> end(line_stream& s, letter_box& box, std::string_view message);
  static bool reply(line_stream& s, std::string_view text);
  asio::awaitable<void> watch();
  std::optional<std::string> scripted(std::string_view stage, const letter_box& box);
  std::string features(bool under_tls) const;
  void take(line_stream& s, const letter_box& box, std::string_view message);
  void note_begun(line_stream& s, const letter_box& box, std::string_view to);

  asio::io_context& io_;
  sink_options o_;
  reply_script script_;
  std::shared_ptr<asio::ssl::context> tls_;
  std::vector<std::unique_ptr<tcp::acceptor>> acceptors_;
  int log_fd_ = -1, mail_log_fd_ = -1;
  std::uint64_t messages_ = 0, bytes_ = 0, signed_ = 0, connections_ = 0, recipients_ = 0;
  std::unordered_set<std::string> ids_;
  clock_type::time_point first_{}, last_ = clock_type::now();
};

void sink::listen(const asio::ip::address& address) {
  const tcp::endpoint at{address, o_.port};
  acceptors_.push_back(std::make_unique<tcp::acceptor>(io_, at));
  o_.port = acceptors_.back()->local_endpoint().port();  // the others take the same
}

void sink::run() {
  asio::signal_set signals{io_, SIGTERM, SIGINT};
  signals.async_wait([this](auto, auto) { io_.stop(); });
  for (const auto& a : acceptors_) asio::co_spawn(io_, accept(*a), asio::detached);
  asio::co_spawn(io_, watch(), asio::detached);
  std::printf("listening %u\n", o_.port);
  std::fflush(stdout);
  io_.run();
}

asio::awaitable<void> sink::watch() {
  asio::steady_timer timer{io_};
  for (;;) {
    timer.expires_after(std::chrono::milliseconds(20));
    co_await timer.async_wait(asio::use_awaitable);
    const double idle = std::chrono::duration<double>(clock_type::now() - last_).count();
    if ((o_.expect > 0 && ids_.size() >= o_.expect) || (o_.idle_s > 0 && idle > o_.idle_s))
      io_.stop();
  }
}

asio::awaitable<void> sink::accept(tcp::acceptor& on) {
  for (;;) {
    tcp::socket socket = co_await on.async_accept(asio::use_awaitable);
    socket.set_option(tcp::no_delay{true});
    ++connections_;
    asio::co_spawn(io_, talk(std::move(socket)), asio::detached);
  }
}

asio::awaitable<void> sink::talk(tcp::socket socket) {
  line_stream s{std::move(socket)};
  try {
    co_await session(s);
  } catch (const boost::system::system_error&) {
    // The client is gone; what it had not finished counts for nothing.
  }
}

std::string sink::features(bool under_tls) const {
  std::string out = "250-sink.test";
  for (const char* f :
       {"PIPELINING", "CHUNKING", "SIZE 104857600", "8BITMIME", "SMTPUTF8", "DSN", "STARTTLS"}) {
    const std::string_view name{f};
    if (name == "STARTTLS" && (under_tls || o_.tls != "starttls")) continue;
    const auto word = name.substr(0, name.find(' '));
    if (std::find(o_.without.begin(), o_.without.end(), word) != o_.without.end()) continue;
    out.append("\r\n250-").append(name);
  }
  return out + "\r\n250 ENHANCEDSTATUSCODES";
}

std::optional<std::string> sink::scripted(std::string_view stage, const letter_box& box) {
  if (box.recipients.empty()) return script_.answer(stage, "");
  for (const std::string& r : box.recipients)
    if (auto answer = script_.answer(stage, r)) return answer;
  return std::nullopt;
}

// Queued, so that a pipelining client gets its answers together.
bool sink::reply(line_stream& s, std::string_view text) {
  if (text == "close") return false;
  s.queue(text);
  s.queue("\r\n");
  return true;
}

asio::awaitable<void> sink::session(line_stream& s) {
  if (o_.tls == "implicit") co_await s.start_tls(*tls_, asio::ssl::stream_base::server);
  letter_box box;
  const std::string greeting = scripted("connect", box).value_or("220 sink.test ESMTP");
  bool go_on = reply(s, greeting);
  while (go_on) {
    const std::string line{co_await s.read_line()};
    co_await pause(o_.reply_delay_ms);
    go_on = co_await command(s, box, line);
  }
  co_await s.flush();
}

asio::awaitable<void> sink::pause(int ms) {
  if (ms <= 0) co_return;
  asio::steady_timer timer{io_, std::chrono::milliseconds(ms)};
  co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<bool> sink::command(line_stream& s, letter_box& box, std::string_view line) {
  const std::string verb = upper(line.substr(0, 4));
  std::string answer = "250 2.0.0 ok";
  if (verb == "EHLO" || verb == "HELO") {
    box = {};
    answer = verb == "EHLO" ? features(s.is_tls()) : "250 sink.test";
  } else if (verb == "STAR" && o_.tls == "starttls" && !s.is_tls()) {
    reply(s, "220 2.0.0 ready");
    co_await s.start_tls(*tls_, asio::ssl::stream_base::server);
    co_return true;
  } else if (verb == "MAIL") {
    box = {};
    box.sender = path_of(line);
    box.begun_ns = now_ns();
    answer = scripted("mail", box).value_or(answer);
  } else if (verb == "RCPT") {
    const std::string to = path_of(line);
    if (box.recipients.empty()) note_begun(s, box, to);
    if (auto scripted_answer = script_.answer("rcpt", to))
      answer = *scripted_answer;
    else
      box.recipients.push_back(to);
  } else if (verb == "DATA") {
    co_return co_await data(s, box);
  } else if (verb == "BDAT") {
    co_return co_await chunk(s, box, line);
  } else if (verb == "RSET") {
    box = {};
  } else if (verb == "QUIT") {
    reply(s, "221 2.0.0 bye");
    co_return false;
  } else if (verb != "NOOP") {
    answer = "502 5.5.1 not here";
  }
  co_return reply(s, answer);
}

asio::awaitable<bool> sink::data(line_stream& s, letter_box& box) {
  if (box.recipients.empty()) co_return reply(s, "554 5.5.1 no recipients");
  if (auto refusal = scripted("data", box)) co_return reply(s, *refusal);
  reply(s, "354 go on");
  const std::string stuffed{co_await s.read_until("\r\n.\r\n")};
  co_return co_await end(s, box, unstuffed(stuffed));
}

// BDAT <octets> [LAST] (RFC 3030 section 2).
asio::awaitable<bool> sink::chunk(line_stream& s, letter_box& box, std::string_view line) {
  const bool is_last = upper(line).ends_with(" LAST");
  const auto size = std::strtoul(std::string{line.substr(5)}.c_str(), nullptr, 10);
  box.chunks.append(co_await s.read_exactly(size));
  if (box.recipients.empty()) co_return reply(s, "554 5.5.1 no recipients");
  if (!is_last) co_return reply(s, "250 2.0.0 more");
  if (auto refusal = scripted("data", box)) co_return reply(s, *refusal);
  const std::string message = std::move(box.chunks);
  co_return co_await end(s, box, message);
}

asio::awaitable<bool> sink::end(line_stream& s, letter_box& box, std::string_view message) {
  co_await pause(o_.delay_ms);
  std::string answer = "250 2.0.0 taken";
  if (auto refusal = scripted("end", box))
    answer = *refusal;
  else
    take(s, box, message);
  box = {};
  co_return reply(s, answer);
}

void write_line(int fd, const std::string& line) {
  if (::write(fd, line.data(), line.size()) < 0)
    throw std::runtime_error("the log cannot be written");
}

void sink::note_begun(line_stream& s, const letter_box& box, std::string_view to) {
  if (mail_log_fd_ < 0) return;
  write_line(mail_log_fd_,
             fmt::format("{} {} <{}> {}\n", box.begun_ns,
                         s.socket().local_endpoint().address().to_string(), box.sender, to));
}

void sink::take(line_stream& s, const letter_box& box, std::string_view message) {
  const seen_headers seen = look_at(message);
  ++messages_;
  bytes_ += message.size();
  recipients_ += box.recipients.size();
  if (seen.signatures > 0) ++signed_;
  last_ = clock_type::now();
  if (messages_ == 1) first_ = last_;
  if (o_.expect > 0 || seen.id != "-")
    ids_.insert(fmt::format("{} {}", seen.id, box.recipients.front()));
  if (!o_.save_folder.empty()) {
    std::ofstream{std::filesystem::path{o_.save_folder} / fmt::format("{:06}.eml", messages_),
                  std::ios::binary}
        << message;
  }
  if (log_fd_ < 0) return;
  std::string to;
  for (const std::string& r : box.recipients) to.append(to.empty() ? "" : ",").append(r);
  write_line(log_fd_, fmt::format("{} {} {} <{}> {} {} {} {}\n", now_ns(), seen.id,
                                  s.socket().local_endpoint().address().to_string(), box.sender, to,
                                  message.size(), seen.signatures, s.is_tls() ? "tls" : "-"));
}

void sink::print() const {
  const double seconds = messages_ > 1 ? std::chrono::duration<double>(last_ - first_).count() : 0;
  const boost::json::value out = {
      {"messages", messages_},
      {"distinct", ids_.size()},
      {"recipients", recipients_},
      {"bytes", bytes_},
      {"signed", signed_},
      {"connections", connections_},
      {"seconds", seconds},
      {"per_second", seconds > 0 ? static_cast<double>(messages_) / seconds : 0.0}};
  std::puts(boost::json::serialize(out).c_str());
}

}  // namespace

int sink_main(int argc, char** argv) {
  sink_options o;
  CLI::App app{"mail_sink: an SMTP server that takes and counts; prints JSON at its end"};
  app.add_option("--host", o.host, "listen here");
  app.add_option("--addresses", o.addresses, "or on 127.0.1.1 .. 127.0.1.N")
      ->check(CLI::Range(1, 254));
  app.add_option("--port", o.port, "0: a free one");
  app.add_option("--tls", o.tls)->check(CLI::IsMember({"none", "starttls", "implicit"}));
  app.add_option("--certificate", o.certificate, "PEM");
  app.add_option("--key", o.key, "PEM");
  app.add_option("--log", o.log_file, "one line for each message, appended");
  app.add_option("--mail-log", o.mail_log_file, "one line for each transaction begun, appended");
  app.add_option("--save", o.save_folder, "each message as a file")->check(CLI::ExistingDirectory);
  app.add_option("--script", o.script_file, "other answers than yes (reply_script.h)")
      ->check(CLI::ExistingFile);
  app.add_option("--without", o.without, "do not offer these extensions")->delimiter(',');
  app.add_option("--delay-ms", o.delay_ms, "before the answer to the end of data");
  app.add_option("--reply-delay-ms", o.reply_delay_ms, "before the answer to each command");
  app.add_option("--expect", o.expect, "end when so many different messages came");
  app.add_option("--idle-s", o.idle_s, "end when nothing came for so long");
  CLI11_PARSE(app, argc, argv);
  asio::io_context io{1};
  sink s{io, std::move(o)};
  s.run();
  s.print();
  return 0;
}

}  // namespace consentry::bench

int main(int argc, char** argv) {
  try {
    return consentry::bench::sink_main(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "mail_sink: %s\n", e.what());
    return 3;
  }
}
