#include "tests/unit/smtp_client/fake_server.h"

#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <thread>

#include "base/text.h"
#include "base/tls_context.h"

namespace consentry::smtp::client {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

// One certificate for all tests of this program.
std::shared_ptr<asio::ssl::context> server_tls() {
  static const auto made = [] {
    std::string folder = (std::filesystem::temp_directory_path() / "consentry-tls-XXXXXX").string();
    if (!mkdtemp(folder.data())) throw std::runtime_error("mkdtemp");
    const tls_identity id{std::filesystem::path{folder} / "chain.pem",
                          std::filesystem::path{folder} / "key.pem"};
    make_self_signed(id, "mx.example.test");
    auto context = make_server_tls(id);
    std::filesystem::remove_all(folder);
    return context;
  }();
  return made;
}

class tcp_peer final : public peer {
 public:
  tcp_peer(tcp::socket s, std::vector<std::string>& heard) : socket_{std::move(s)}, heard_{heard} {
    socket_.set_option(tcp::no_delay{true});
    const timeval ten_seconds{10, 0};
    setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &ten_seconds, sizeof ten_seconds);
    setsockopt(socket_.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &ten_seconds, sizeof ten_seconds);
  }

  void say(const std::string& text) override { raw(text + "\r\n"); }
  void raw(const std::string& bytes) override {
    if (tls_) {
      asio::write(*tls_, asio::buffer(bytes));
    } else {
      asio::write(socket_, asio::buffer(bytes));
    }
  }
  std::string hear() override {
    auto line = until("\r\n");
    line.resize(line.size() - 2);
    heard_.push_back(line);
    return line;
  }
  std::string hear_data() override {
    std::string data;
    do data += until("\r\n");
    while (data != ".\r\n" && !data.ends_with("\r\n.\r\n"));
    heard_.push_back(data);
    return data;
  }
  std::string hear_bytes(std::size_t n) override {
    while (input_.size() < n) {
      char more[4096];
      const auto got =
          tls_ ? tls_->read_some(asio::buffer(more)) : socket_.read_some(asio::buffer(more));
      input_.append(more, got);
    }
    std::string out = input_.substr(0, n);
    input_.erase(0, n);
    heard_.push_back(out);
    return out;
  }
  void start_tls() override {
    tls_.emplace(socket_, *server_tls());
    tls_->handshake(asio::ssl::stream_base::server);
  }
  void reset() override {
    socket_.set_option(asio::socket_base::linger{true, 0});
    socket_.close();
  }
  void wait_for_end() override {
    boost::system::error_code e;
    std::array<char, 1024> bytes;
    while (!e) socket_.read_some(asio::buffer(bytes), e);
  }

 private:
  std::string until(std::string_view end) {
    const auto n = tls_ ? asio::read_until(*tls_, asio::dynamic_buffer(input_), end)
                        : asio::read_until(socket_, asio::dynamic_buffer(input_), end);
    std::string out = input_.substr(0, n);
    input_.erase(0, n);
    return out;
  }

  tcp::socket socket_;
  std::optional<asio::ssl::stream<tcp::socket&>> tls_;
  std::string input_;
  std::vector<std::string>& heard_;
};

}  // namespace

void peer::answer(const std::string& start, const std::string& text) {
  const auto line = hear();
  if (!ascii_istarts_with(line, start))
    throw std::runtime_error("expected " + start + ", heard " + line);
  say(text);
}

std::string peer::hear_chunk() {
  const auto line = hear();
  if (!line.starts_with("BDAT ") || !line.ends_with(" LAST"))
    throw std::runtime_error("expected BDAT, heard " + line);
  return hear_bytes(std::stoul(line.substr(5)));
}

void peer::greet(const std::string& extensions) {
  say("220 mx.example.test ESMTP");
  const auto line = hear();
  if (!line.starts_with("EHLO ")) throw std::runtime_error("expected EHLO, heard " + line);
  std::string reply = "mx.example.test";
  for (auto e : split(extensions, ' '))
    if (!e.empty()) {
      say("250-" + reply);
      reply = e;
    }
  say("250 " + reply);
}

void peer::take_message() {
  answer("MAIL FROM:", "250 2.1.0 ok");
  answer("RCPT TO:", "250 2.1.5 ok");
  answer("DATA", "354 go on");
  hear_data();
  say("250 2.0.0 queued");
}

struct fake_server::impl {
  asio::io_context io;
  tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
  tcp::endpoint endpoint = acceptor.local_endpoint();
  std::vector<script> scripts;
  std::vector<std::string> heard;
  std::thread thread;

  void serve() {
    for (const auto& s : scripts) {
      try {
        tcp::socket socket{io};
        acceptor.accept(socket);
        tcp_peer p{std::move(socket), heard};
        s(p);
      } catch (const std::exception& e) {
        heard.push_back(std::string{"server: "} + e.what());
      }
    }
    boost::system::error_code ignored;
    acceptor.close(ignored);
  }
};

fake_server::fake_server(std::vector<script> scripts) : impl_{std::make_unique<impl>()} {
  impl_->scripts = std::move(scripts);
  const timeval ten_seconds{10, 0};
  setsockopt(impl_->acceptor.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &ten_seconds,
             sizeof ten_seconds);
  if (impl_->scripts.empty()) {
    impl_->acceptor.close();
  } else {
    impl_->thread = std::thread{[i = impl_.get()] { i->serve(); }};
  }
}

fake_server::~fake_server() {
  if (impl_->thread.joinable()) impl_->thread.join();
}

target fake_server::where() const {
  return {"mx.example.test", impl_->endpoint.address(), impl_->endpoint.port()};
}

const std::vector<std::string>& fake_server::heard() {
  if (impl_->thread.joinable()) impl_->thread.join();
  return impl_->heard;
}

bool fake_server::has_heard(const std::string& start) {
  for (const auto& line : heard())
    if (line.starts_with(start)) return true;
  return false;
}

connection_settings plain_settings() {
  connection_settings s;
  s.ehlo_name = "gateway.example.test";
  s.tls = tls_mode::off;
  return s;
}

connection_settings tls_settings(tls_mode mode) {
  auto s = plain_settings();
  s.tls = mode;
  s.tls_context = make_client_tls();
  return s;
}

outgoing message_to(std::vector<std::string> recipients, std::string_view content) {
  outgoing m;
  m.envelope.reverse_path = mailbox::parse("from@example.hu").value();
  for (const auto& r : recipients)
    m.envelope.recipients.push_back({mailbox::parse(r).value(), {}, {}});
  m.content = {content};
  return m;
}

asio::awaitable<delivery> deliver(target to, connection_settings settings,
                                  std::vector<outgoing> messages) {
  delivery d;
  d.opened = co_await connection::open(std::move(to), std::move(settings));
  if (!d.opened.made) co_return d;
  std::function<bool()> always;
  for (auto& m : messages) {
    auto r = co_await send(*d.opened.made, std::move(m), always);
    d.results.push_back(std::move(r));
    if (!d.opened.made->is_open()) break;
  }
  d.was_open_at_end = d.opened.made->is_open();
  co_await d.opened.made->quit();
  d.opened.made.reset();
  co_return d;
}

}  // namespace consentry::smtp::client
