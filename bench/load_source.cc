// load_source: many SMTP clients in one small program. Sends distinct, personalised messages over a
// number of connections and counts what is answered 250. Prints one JSON object.
//
// Numbers run from --first. Each is tried once: what was refused or lost in between is not sent
// again under its number, so that a number never reaches the gateway twice. The ack file gets one
// line at the moment an answer is known, in one write:
//   + 17          250
//   - 17 451 ...  refused, with the reply
//   ? 17          the connection broke after the end of data and before the reply: taken or not,
//   nobody knows
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/system/system_error.hpp>
#include <chrono>
#include <cstdio>

#include "base/tls_context.h"
#include "bench/letter.h"
#include "bench/line_stream.h"

namespace consentry::bench {
namespace {

namespace asio = boost::asio;
using clock_type = std::chrono::steady_clock;
using namespace std::chrono_literals;

struct load_options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  int connections = 20;
  std::uint64_t count = 1000;
  std::uint64_t first = 0;
  int recipients = 1;
  int domains = 50;
  int first_domain = 1;
  std::uint64_t pool = 0;
  std::uint64_t per_connection = 0;
  std::string user;
  std::string password;
  std::string tls = "none";
  bool no_pipelining = false;
  bool reconnect = false;
  std::string ack_file;
  double stall_s = 60;
  double pause_ms = 0;
  letter::options form;
};

struct tally {
  std::uint64_t next = 0;
  std::uint64_t started =
      0;  // of count: refused and acked ones are done, unknown ones are replaced
  std::uint64_t acked = 0, deferred = 0, refused = 0, recipients_refused = 0, unknown = 0,
                connections = 0, losses = 0;
  std::uint64_t bytes = 0;
  std::vector<float> latency_ms;  // from the end of data to its 250
  std::string last_error;
  clock_type::time_point begin, last_ack, progress;
};

std::string base64(std::string_view in) {
  static constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < in.size(); i += 3) {
    const auto byte = [&](std::size_t k) {
      return k < in.size() ? static_cast<unsigned char>(in[k]) : 0U;
    };
    const unsigned v = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    out += digits[v >> 18];
    out += digits[v >> 12 & 63];
    out += i + 1 < in.size() ? digits[v >> 6 & 63] : '=';
    out += i + 2 < in.size() ? digits[v & 63] : '=';
  }
  return out;
}

class load {
 public:
  load(asio::io_context& io, load_options o) : io_{io}, o_{std::move(o)}, form_{o_.form} {
    counts_.next = o_.first;
    counts_.latency_ms.reserve(o_.count);
    if (o_.tls != "none") tls_ = make_client_tls();
    if (!o_.ack_file.empty()) {
      ack_fd_ = ::open(o_.ack_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
      if (ack_fd_ < 0) throw std::runtime_error(o_.ack_file + ": cannot be opened");
    }
  }

  void run() {
    counts_.begin = counts_.progress = clock_type::now();
    for (int i = 0; i < o_.connections; ++i) {
      ++open_;
      asio::co_spawn(io_, client(), asio::detached);
    }
    asio::co_spawn(io_, watch(), asio::detached);
    io_.run();
  }

  bool complete() const { return counts_.acked + counts_.refused >= o_.count; }
  void print() const;

 private:
  asio::awaitable<void> client();
  asio::awaitable<void> session(line_stream& s);
  asio::awaitable<void> greet(line_stream& s);
  asio::awaitable<void> send(line_stream& s, std::uint64_t id);
  asio::awaitable<bool> envelope(line_stream& s, std::uint64_t id);
  asio::awaitable<void> watch();
  void rejected(std::uint64_t id, std::string_view reply);
  void note(std::string line);
  std::string recipient(std::uint64_t id, int which) const;

  asio::io_context& io_;
  load_options o_;
  letter form_;
  std::shared_ptr<asio::ssl::context> tls_;
  tally counts_;
  bool pipelining_ = false;
  bool stalled_ = false;
  int open_ = 0;
  int ack_fd_ = -1;
};

void load::note(std::string line) {
  if (ack_fd_ < 0) return;
  line += '\n';
  if (::write(ack_fd_, line.data(), line.size()) < 0)
    throw std::runtime_error("the ack file cannot be written");
}

std::string load::recipient(std::uint64_t id, int which) const {
  const std::uint64_t person = o_.pool > 0 ? id % o_.pool : id;
  const auto domains = static_cast<std::uint64_t>(o_.domains);
  const auto from = static_cast<std::uint64_t>(o_.first_domain);
  if (o_.recipients == 1)
    return fmt::format("u{:010}@d{:02}.test", person, person % domains + from);
  return fmt::format("u{:010}.{}@d{:02}.test", person, which,
                     static_cast<std::uint64_t>(which) % domains + from);
}

asio::awaitable<void> load::watch() {
  asio::steady_timer timer{io_};
  while (open_ > 0) {
    timer.expires_after(100ms);
    co_await timer.async_wait(asio::use_awaitable);
    if (clock_type::now() - counts_.progress > std::chrono::duration<double>(o_.stall_s)) {
      stalled_ = true;
      io_.stop();
    }
  }
}

// One place in the pool of connections: connects again as long as there is work.
asio::awaitable<void> load::client() {
  asio::steady_timer timer{io_};
  while (counts_.started < o_.count) {
    try {
      line_stream s{asio::ip::tcp::socket{io_}};
      const asio::ip::tcp::endpoint to{asio::ip::make_address(o_.host), o_.port};
      co_await s.socket().async_connect(to, asio::use_awaitable);
      s.socket().set_option(asio::ip::tcp::no_delay{true});
      ++counts_.connections;
      co_await session(s);
      continue;
    } catch (const boost::system::system_error& e) {
      counts_.last_error = e.what();
      ++counts_.losses;
    }
    if (!o_.reconnect) break;
    timer.expires_after(100ms);
    co_await timer.async_wait(asio::use_awaitable);
  }
  --open_;
}

asio::awaitable<void> load::greet(line_stream& s) {
  const auto client = asio::ssl::stream_base::client;
  if (o_.tls == "implicit") co_await s.start_tls(*tls_, client);
  co_await s.read_reply();
  co_await s.write("EHLO load.test\r\n");
  std::string features = co_await s.read_whole_reply();
  if (o_.tls == "starttls") {
    co_await s.write("STARTTLS\r\n");
    co_await s.read_reply();
    co_await s.start_tls(*tls_, client);
    co_await s.write("EHLO load.test\r\n");
    features = co_await s.read_whole_reply();
  }
  pipelining_ = !o_.no_pipelining && features.find("PIPELINING") != std::string::npos;
  if (o_.user.empty()) co_return;
  std::string plain = '\0' + o_.user + '\0' + o_.password;
  plain = "AUTH PLAIN " + base64(plain) + "\r\n";
  co_await s.write(plain);
  const std::string reply{co_await s.read_reply()};
  if (!reply.starts_with("235"))
    throw boost::system::system_error(asio::error::no_permission, reply);
}

asio::awaitable<void> load::session(line_stream& s) {
  co_await greet(s);
  for (std::uint64_t sent = 0; o_.per_connection == 0 || sent < o_.per_connection; ++sent) {
    if (counts_.started >= o_.count) break;
    ++counts_.started;
    const std::uint64_t id = counts_.next++;
    const std::uint64_t answered = counts_.acked + counts_.refused;
    try {
      co_await send(s, id);
    } catch (const boost::system::system_error&) {
      if (counts_.acked + counts_.refused == answered)
        --counts_.started;  // another number takes its place
      throw;
    }
    if (o_.pause_ms > 0) {
      asio::steady_timer timer{
          io_, std::chrono::microseconds(static_cast<std::int64_t>(o_.pause_ms * 1000))};
      co_await timer.async_wait(asio::use_awaitable);
    }
  }
  co_await s.write("QUIT\r\n");
  co_await s.read_reply();
}

void load::rejected(std::uint64_t id, std::string_view reply) {
  counts_.last_error = reply;
  if (reply.starts_with('4')) {
    ++counts_.deferred;
    --counts_.started;
  } else {
    ++counts_.refused;
  }
  note(fmt::format("- {} {}", id, reply));
}

// The envelope up to 354; false: it was refused, and the session is back at its start.
asio::awaitable<bool> load::envelope(line_stream& s, std::uint64_t id) {
  std::vector<std::string> commands;
  commands.push_back(fmt::format("MAIL FROM:<news@{}>\r\n", o_.form.sender_domain));
  for (int i = 0; i < o_.recipients; ++i)
    commands.push_back(fmt::format("RCPT TO:<{}>\r\n", recipient(id, i)));
  commands.emplace_back("DATA\r\n");
  if (pipelining_) {
    std::string all;
    for (const std::string& c : commands) all += c;
    co_await s.write(all);
  }
  std::string refusal, reply;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (!pipelining_) co_await s.write(commands[i]);
    reply = co_await s.read_reply();
    const bool last = i + 1 == commands.size();
    if (reply.starts_with(last ? '3' : '2')) continue;
    if (refusal.empty()) refusal = reply;
    if (i > 0 && !last) ++counts_.recipients_refused;
    if (!pipelining_ && (i == 0 || o_.recipients == 1)) break;
  }
  if (reply.starts_with("354")) co_return true;
  rejected(id, refusal);
  if (reply.starts_with("421"))
    throw boost::system::system_error(asio::error::connection_aborted, reply);
  asio::steady_timer timer{io_, refusal.starts_with('4') ? 50ms : 0ms};
  co_await timer.async_wait(asio::use_awaitable);
  co_await s.write("RSET\r\n");
  co_await s.read_reply();
  co_return false;
}

asio::awaitable<void> load::send(line_stream& s, std::uint64_t id) {
  const bool taken = co_await envelope(s, id);
  if (!taken) co_return;
  std::string data;
  form_.write(id, recipient(id, 0), data);
  data += ".\r\n";
  const auto sent = clock_type::now();
  std::string reply;
  try {
    co_await s.write(data);
    reply = co_await s.read_reply();
  } catch (const boost::system::system_error&) {
    ++counts_.unknown;
    note(fmt::format("? {}", id));
    throw;
  }
  counts_.progress = clock_type::now();
  if (!reply.starts_with("250")) {
    rejected(id, reply);
    co_return;
  }
  ++counts_.acked;
  note(fmt::format("+ {}", id));
  counts_.bytes += data.size();
  counts_.last_ack = counts_.progress;
  counts_.latency_ms.push_back(
      std::chrono::duration<float, std::milli>(counts_.last_ack - sent).count());
}

void load::print() const {
  auto sorted = counts_.latency_ms;
  std::sort(sorted.begin(), sorted.end());
  const auto quantile = [&](double q) {
    return sorted.empty()
               ? 0.0
               : static_cast<double>(
                     sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))]);
  };
  const double seconds = std::chrono::duration<double>(counts_.last_ack - counts_.begin).count();
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto cpu = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  const boost::json::value out = {
      {"acked", counts_.acked},
      {"deferred", counts_.deferred},
      {"refused", counts_.refused},
      {"recipients_refused", counts_.recipients_refused},
      {"unknown", counts_.unknown},
      {"next", counts_.next},
      {"connections", counts_.connections},
      {"losses", counts_.losses},
      {"bytes", counts_.bytes},
      {"seconds", seconds},
      {"per_second", counts_.acked > 0 ? static_cast<double>(counts_.acked) / seconds : 0.0},
      {"latency_ms",
       {{"p50", quantile(.5)},
        {"p90", quantile(.9)},
        {"p99", quantile(.99)},
        {"max", quantile(1)}}},
      {"cpu_s", cpu(used.ru_utime) + cpu(used.ru_stime)},
      {"stalled", stalled_},
      {"last_error", counts_.last_error}};
  std::puts(boost::json::serialize(out).c_str());
}

}  // namespace

int source_main(int argc, char** argv) {
  load_options o;
  CLI::App app{"load_source: SMTP load, distinct messages over many connections; prints JSON"};
  app.add_option("--host", o.host, "address of the gateway");
  app.add_option("--port", o.port)->required();
  app.add_option("--connections", o.connections)->check(CLI::Range(1, 10000));
  app.add_option("--count", o.count, "messages to be answered with 250 or 5xx");
  app.add_option("--first", o.first, "the first number");
  app.add_option("--recipients", o.recipients, "of each message")->check(CLI::Range(1, 1000));
  app.add_option("--first-domain", o.first_domain, "the number of the first one");
  app.add_option("--domains", o.domains, "recipients stand in d01.test .. dNN.test")
      ->check(CLI::Range(1, 99));
  app.add_option("--pool", o.pool, "so many different recipients; 0: each message has its own");
  app.add_option("--per-connection", o.per_connection, "messages before QUIT; 0: all");
  app.add_option("--user", o.user, "AUTH PLAIN");
  app.add_option("--password", o.password);
  app.add_option("--tls", o.tls)->check(CLI::IsMember({"none", "starttls", "implicit"}));
  app.add_flag("--no-pipelining", o.no_pipelining);
  app.add_flag("--reconnect", o.reconnect,
               "a lost connection is opened again, a deferred message replaced");
  app.add_option("--ack-file", o.ack_file, "one line for each answer, appended");
  app.add_option("--stall-s", o.stall_s, "give up when nothing was answered for so long");
  app.add_option("--pause-ms", o.pause_ms, "between the messages of a connection");
  app.add_option("--bytes", o.form.bytes, "about, of each message")
      ->check(CLI::Range(600, 50'000'000));
  app.add_option("--sender-domain", o.form.sender_domain);
  app.add_option("--tag", o.form.tag, "X-Load-Id: <tag>-<number>");
  CLI11_PARSE(app, argc, argv);
  asio::io_context io{1};
  load l{io, std::move(o)};
  l.run();
  l.print();
  return l.complete() ? 0 : 1;
}

}  // namespace consentry::bench

int main(int argc, char** argv) {
  try {
    return consentry::bench::source_main(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "load_source: %s\n", e.what());
    return 3;
  }
}
