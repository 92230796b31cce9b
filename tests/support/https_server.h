// A web server over TLS on a loopback port that answers every request with the same bytes and keeps
// what it was asked.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/tls_context.h"
#include "tests/support/temp_folder.h"

namespace consentry::tests {

class https_server {
 public:
  https_server(const std::string& host_name, std::string answer) : answer_{std::move(answer)} {
    make_self_signed({certificate(), folder_.path() / "key.pem"}, host_name);
    context_ = make_server_tls({certificate(), folder_.path() / "key.pem"});
    thread_ = std::thread{[this] { serve(); }};
  }
  ~https_server() {
    is_ended_ = true;
    boost::system::error_code ignored;
    // Wakes the accept.
    boost::asio::ip::tcp::socket{io_}.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
  }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  std::filesystem::path certificate() const { return folder_.path() / "cert.pem"; }
  std::vector<std::string> asked() const {
    std::lock_guard lock{mutex_};
    return asked_;
  }

 private:
  void serve() {
    while (!is_ended_) {
      try {
        boost::asio::ip::tcp::socket socket{io_};
        acceptor_.accept(socket);
        boost::asio::ssl::stream<boost::asio::ip::tcp::socket> s{std::move(socket), *context_};
        if (is_ended_) return;
        s.handshake(boost::asio::ssl::stream_base::server);
        std::string request;
        const auto head =
            boost::asio::read_until(s, boost::asio::dynamic_buffer(request), "\r\n\r\n");
        const auto at = request.find("Content-Length: ");
        const auto length = at < head ? std::stoul(request.substr(at + 16)) : 0;
        if (request.size() < head + length)
          boost::asio::read(s, boost::asio::dynamic_buffer(request),
                            boost::asio::transfer_exactly(head + length - request.size()));
        {
          std::lock_guard lock{mutex_};
          asked_.push_back(std::move(request));
        }
        boost::asio::write(s, boost::asio::buffer(answer_));
        s.shutdown();
      } catch (const boost::system::system_error&) {
        // The client has gone: the next one.
      }
    }
  }

  temp_folder folder_;
  std::string answer_;
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_{io_, {boost::asio::ip::address_v4::loopback(), 0}};
  std::shared_ptr<boost::asio::ssl::context> context_;
  std::atomic<bool> is_ended_{false};
  mutable std::mutex mutex_;
  std::vector<std::string> asked_;
  std::thread thread_;
};

}  // namespace consentry::tests
